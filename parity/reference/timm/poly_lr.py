"""PolyLRScheduler."""

from typing import Any

from ..arithmetic import Arithmetic
from .warmed import Cycles


class PolyLRScheduler(Cycles):
    theirs = "timm.scheduler.poly_lr.PolyLRScheduler"

    def share(self, a: Arithmetic, gone: Any) -> Any:
        s = self.scheduler
        return a.power(1 - a.power(gone, a.number(s.k_decay)), a.number(s.power))
