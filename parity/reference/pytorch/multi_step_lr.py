"""MultiStepLR."""

import numpy as np

from ..arithmetic import Arithmetic
from ..known import Formula, Multiplying
from ..turns import Kind, Turns, once


class MultiStepLR(Multiplying):
    theirs = "torch.optim.lr_scheduler.MultiStepLR"

    def formula(self, a: Arithmetic, quantity: str) -> Formula:
        s, base = self.scheduler, self.base_lr
        milestones = sorted(s.milestones.elements())  # one that is there twice counts twice
        return lambda k: base * a.power(s.gamma, np.searchsorted(milestones, k, side="right"))

    def turns(self) -> Turns:
        return once(Kind.MILESTONE, *self.scheduler.milestones)
