"""PolynomialLR."""

from ..arithmetic import Arithmetic
from ..curves import share
from ..known import Formula, Multiplying
from ..turns import Kind, Turns, once


class PolynomialLR(Multiplying):
    theirs = "torch.optim.lr_scheduler.PolynomialLR"

    def formula(self, a: Arithmetic, quantity: str) -> Formula:
        s, base = self.scheduler, self.base_lr
        return lambda k: base * a.power(1 - share(a, k, s.total_iters), s.power)

    def turns(self) -> Turns:
        return once(Kind.END_OF_TOTAL_ITERS, self.scheduler.total_iters)
