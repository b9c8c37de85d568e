"""MultiStepLRScheduler."""

from typing import Any

from ..arithmetic import Arithmetic
from ..turns import Kind
from .warmed import Warmed


class MultiStepLRScheduler(Warmed):
    theirs = "timm.scheduler.multistep_lr.MultiStepLRScheduler"
    kind = Kind.MILESTONE

    def after(self, a: Arithmetic, t: int) -> Any:
        s = self.scheduler
        passed = sum(d <= t + 1 for d in s.decay_t)
        return a.number(self.base_lr) * a.power(a.number(s.decay_rate), passed)

    def own_turns(self) -> list[int]:
        return [max(d - 1, 0) for d in self.scheduler.decay_t]
