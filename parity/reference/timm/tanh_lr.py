"""TanhLRScheduler."""

from typing import Any

from ..arithmetic import Arithmetic
from .warmed import Cycles


class TanhLRScheduler(Cycles):
    theirs = "timm.scheduler.tanh_lr.TanhLRScheduler"

    def share(self, a: Arithmetic, gone: Any) -> Any:
        s = self.scheduler
        return 1 / (1 + a.exp(2 * (s.lb * (1 - gone) + s.ub * gone)))  # (1 - tanh) / 2

    def goal(self, a: Arithmetic) -> Any:
        s = self.scheduler
        return super().goal(a) if s.warmup_prefix else self.after(a, s.warmup_t)
