"""SequentialLR."""

import bisect
import math
from typing import Any

import numpy as np

from ..arithmetic import Arithmetic, Counts
from ..known import Formula, Known, Step
from ..turns import Kind, Turns, before, once, shifted


class SequentialLR(Known):
    theirs = "torch.optim.lr_scheduler.SequentialLR"

    def closed_form(self, a: Arithmetic, quantity: str) -> Formula | None:
        """For members that start anew at their milestone, as most do."""
        first, *later = [member.closed_form(a, quantity) for member in self.members]
        milestones = self.scheduler._milestones

        def values(k: Counts) -> Any:
            assert first is not None
            value = first(k)
            for milestone, member in zip(milestones, later, strict=True):
                assert member is not None
                value = a.where(k >= milestone, member(np.maximum(k - milestone, 0)), value)
            return value

        return None if None in (first, *later) else values

    def step(self, a: Arithmetic) -> Step | None:
        steps = [member.step(a) for member in self.members]
        start, milestones = a.number(float(self.options["initial_lr"])), self.scheduler._milestones

        def step(k: int, lr: Any) -> Any:
            phase = bisect.bisect_right(milestones, k)
            begin = milestones[phase - 1] if phase else 0
            own = steps[phase]
            assert own is not None
            if k > begin:
                return own(k - begin, lr)
            return own(0, self.members[phase].handed(a, start, lr) if k else start)

        return None if None in steps else step

    def turns(self) -> Turns:
        milestones = self.scheduler._milestones
        turns = once(Kind.HAND_OVER, *milestones)
        for begin, end, member in zip((0, *milestones), (*milestones, math.inf), self.members, strict=True):
            turns += [before(end, source) for source in shifted(member.turns(), begin)]
        return turns
