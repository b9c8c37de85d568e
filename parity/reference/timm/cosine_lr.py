"""CosineLRScheduler."""

from typing import Any

from ..arithmetic import Arithmetic
from .warmed import Cycles


class CosineLRScheduler(Cycles):
    theirs = "timm.scheduler.cosine_lr.CosineLRScheduler"

    def share(self, a: Arithmetic, gone: Any) -> Any:
        return (1 + a.cospi(a.power(gone, a.number(self.scheduler.k_decay)))) / 2
