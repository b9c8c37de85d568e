"""CyclicLR, its learning rate and its momentum."""

from typing import Any

import numpy as np

from ..arithmetic import Arithmetic, Counts
from ..curves import line
from ..known import Formula, Known
from ..turns import Kind, Turns, every


class CyclicLR(Known):
    theirs = "torch.optim.lr_scheduler.CyclicLR"
    quantities = ("lr", "momentum")

    def formula(self, a: Arithmetic, quantity: str) -> Formula:
        s, group = self.scheduler, self.group
        low, high = self.base_lr, s.max_lrs[group]
        if quantity == "momentum":
            low, high = s.max_momentums[group], s.base_momentums[group]
        up, total = self._period()

        def values(k: Counts) -> Any:
            cycle, position = k // total, k % total
            rising = position <= up
            way = a.number(np.where(rising, position, total - position))
            way = way / a.number(np.where(rising, up, total - up))
            if s._scale_fn_custom is not None:  # the user's, which takes one count at a time
                way = way * float(s.scale_fn(cycle + 1 if s.scale_mode == "cycle" else k))
            elif s.mode == "triangular2":
                way = way * a.number(np.ldexp(1.0, np.asarray(-cycle, np.int32)))
            elif s.mode == "exp_range":
                way = way * a.power(s.gamma, k)
            return line(a, low, high, way)

        return lambda k: values(k if isinstance(k, np.ndarray) else int(k))

    def closed_form(self, a: Arithmetic, quantity: str) -> Formula | None:
        """For the three modes; a ``scale_fn`` of the user's is none of them."""
        return self.formula(a, quantity) if self.scheduler._scale_fn_custom is None else None

    def turns(self) -> Turns:
        up, total = self._period()
        return [*every(Kind.PEAK, total, up), *every(Kind.BOTTOM, total)]

    def _period(self) -> tuple[int, int]:
        """Counts up, and counts up and down."""
        s = self.scheduler
        return round(s.step_ratio * s.total_size), round(s.total_size)
