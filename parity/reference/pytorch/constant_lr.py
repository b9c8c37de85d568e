"""ConstantLR."""

from ..arithmetic import Arithmetic
from ..known import Formula, Multiplying
from ..turns import Kind, Turns, once


class ConstantLR(Multiplying):
    theirs = "torch.optim.lr_scheduler.ConstantLR"

    def formula(self, a: Arithmetic, quantity: str) -> Formula:
        s, base = self.scheduler, self.base_lr
        return lambda k: base * a.where(k < s.total_iters, s.factor, 1.0)

    def turns(self) -> Turns:
        return once(Kind.END_OF_TOTAL_ITERS, self.scheduler.total_iters)
