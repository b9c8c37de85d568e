"""StepLR."""

from ..arithmetic import Arithmetic
from ..known import Formula, Multiplying
from ..turns import Kind, Turns, every


class StepLR(Multiplying):
    theirs = "torch.optim.lr_scheduler.StepLR"

    def formula(self, a: Arithmetic, quantity: str) -> Formula:
        s, base = self.scheduler, self.base_lr
        return lambda k: base * a.power(s.gamma, k // s.step_size)

    def turns(self) -> Turns:
        return every(Kind.DECAY, self.scheduler.step_size)
