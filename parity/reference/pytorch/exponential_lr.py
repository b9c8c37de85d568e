"""ExponentialLR."""

from ..arithmetic import Arithmetic
from ..known import Formula, Multiplying
from ..turns import Turns


class ExponentialLR(Multiplying):
    theirs = "torch.optim.lr_scheduler.ExponentialLR"

    def formula(self, a: Arithmetic, quantity: str) -> Formula:
        gamma, base = self.scheduler.gamma, self.base_lr
        return lambda k: base * a.power(gamma, k)

    def turns(self) -> Turns:
        return []
