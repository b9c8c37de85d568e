"""LinearLR."""

from ..arithmetic import Arithmetic
from ..curves import line, share
from ..known import Formula, Multiplying
from ..turns import Kind, Turns, once


class LinearLR(Multiplying):
    theirs = "torch.optim.lr_scheduler.LinearLR"

    def formula(self, a: Arithmetic, quantity: str) -> Formula:
        s, base = self.scheduler, self.base_lr
        return lambda k: base * line(a, s.start_factor, s.end_factor, share(a, k, s.total_iters))

    def turns(self) -> Turns:
        return once(Kind.END_OF_TOTAL_ITERS, self.scheduler.total_iters)
