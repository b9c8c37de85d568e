"""CosineAnnealingLR."""

from typing import Any

from ..arithmetic import Arithmetic
from ..curves import cosine
from ..known import Formula, Known, Step
from ..turns import Kind, Turns, every


class CosineAnnealingLR(Known):
    theirs = "torch.optim.lr_scheduler.CosineAnnealingLR"

    def formula(self, a: Arithmetic, quantity: str) -> Formula:
        s, base = self.scheduler, self.base_lr
        return lambda k: cosine(a, base, s.eta_min, a.number(k) / s.T_max)

    def step(self, a: Arithmetic) -> Step:
        """PyTorch's recursion: it moves the one in force towards ``eta_min`` and back."""
        base, eta_min, T_max = self.base_lr, a.number(self.scheduler.eta_min), self.scheduler.T_max

        def wave(k: int) -> Any:
            return 1 + a.cospi(a.number(k) / T_max)

        def step(k: int, lr: Any) -> Any:
            if k == 0:
                return lr
            if (k - 1 - T_max) % (2 * T_max) == 0:
                return lr + (base - eta_min) * (1 - a.cospi(a.number(1) / T_max)) / 2
            return eta_min + (lr - eta_min) * wave(k) / wave(k - 1)

        return step

    def turns(self) -> Turns:
        return every(Kind.TURN, self.scheduler.T_max)
