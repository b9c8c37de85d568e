"""SWALR."""

from typing import Any

import numpy as np

from ..arithmetic import Arithmetic, Counts, Number
from ..curves import cosine, line, share
from ..known import Formula, Known, Step
from ..turns import Kind, Turns, once


class SWALR(Known):
    theirs = "torch.optim.swa_utils.SWALR"

    def formula(self, a: Arithmetic, quantity: str) -> Formula:
        anneal = line if self.scheduler._anneal_strategy == "linear" else cosine
        start, goal = self.options["initial_lr"], self.options["swa_lr"]
        return lambda k: anneal(a, start, goal, self._share(a, k))

    def step(self, a: Arithmetic) -> Step:
        """It knows where it would have started from, had it started at the one in force, and goes on."""
        goal, epochs = a.number(self.options["swa_lr"]), self.scheduler.anneal_epochs
        linear = self.scheduler._anneal_strategy == "linear"

        def way(k: int) -> Any:
            gone = self._share(a, k)
            return gone if linear else (1 - a.cospi(gone)) / 2

        def step(k: int, lr: Any) -> Any:
            if k == 0:
                return goal if epochs == 0 else lr
            if way(k - 1) == 1:
                return goal
            start = (lr - goal * way(k - 1)) / (1 - way(k - 1))
            return goal * way(k) + start * (1 - way(k))

        return step

    def handed(self, a: Arithmetic, start: Number, lr: Number) -> Number:
        """It goes on from the one in force."""
        return lr

    def _share(self, a: Arithmetic, k: Counts) -> Number:
        """How much of the way is gone; all of it from the start, where it takes no epochs."""
        epochs = self.scheduler.anneal_epochs
        return share(a, k, epochs) if epochs else a.number(np.ones(np.shape(k)))

    def turns(self) -> Turns:
        return once(Kind.END_OF_ANNEAL_EPOCHS, self.scheduler.anneal_epochs)
