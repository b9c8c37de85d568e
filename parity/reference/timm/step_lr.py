"""StepLRScheduler."""

from typing import Any

from ..arithmetic import Arithmetic
from ..turns import Kind
from .warmed import Warmed


class StepLRScheduler(Warmed):
    theirs = "timm.scheduler.step_lr.StepLRScheduler"
    kind = Kind.DECAY

    def after(self, a: Arithmetic, t: int) -> Any:
        s = self.scheduler
        return a.number(self.base_lr) * a.power(a.number(s.decay_rate), t // s.decay_t)

    def own_turns(self) -> list[int]:
        return [int(self.scheduler.decay_t * n) for n in range(1, 20)]
