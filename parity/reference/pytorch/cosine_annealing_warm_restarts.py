"""CosineAnnealingWarmRestarts."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..arithmetic import Arithmetic, Counts
from ..curves import cosine
from ..known import Formula, Known
from ..turns import Event, Kind, Turns


class CosineAnnealingWarmRestarts(Known):
    theirs = "torch.optim.lr_scheduler.CosineAnnealingWarmRestarts"

    def formula(self, a: Arithmetic, quantity: str) -> Formula:
        s, base = self.scheduler, self.base_lr

        def values(k: Counts) -> Any:
            since, length = (k % s.T_0, s.T_0) if s.T_mult == 1 else (k, s.T_0)
            while np.any(over := since >= length):
                since, length = (
                    np.where(over, since - length, since),
                    np.where(over, length * s.T_mult, length),
                )
            return cosine(a, base, s.eta_min, a.number(since) / a.number(length))

        return values

    def turns(self) -> Turns:
        s = self.scheduler

        def counts() -> Iterator[Event]:
            start, length = 0, s.T_0
            while True:
                start, length = start + length, length * s.T_mult
                yield Event(start, Kind.RESTART)

        return [counts()]
