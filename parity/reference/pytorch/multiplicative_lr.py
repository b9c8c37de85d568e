"""MultiplicativeLR."""

from ..arithmetic import Arithmetic, Number
from ..known import Formula, Known, Step
from ..turns import Turns


class MultiplicativeLR(Known):
    theirs = "torch.optim.lr_scheduler.MultiplicativeLR"

    def closed_form(self, a: Arithmetic, quantity: str) -> Formula:
        """For a function that does not look at the count; any other has none."""
        base, factor = self.base_lr, self.scheduler.lr_lambdas[self.group](1)
        return lambda k: base * a.power(factor, k)

    def step(self, a: Arithmetic) -> Step:
        return lambda k, lr: lr * self._factor(a, k) if k else lr

    def handed(self, a: Arithmetic, start: Number, lr: Number) -> Number:
        """It goes on from the one in force, and multiplies it at once."""
        return lr * self._factor(a, 0)

    def _factor(self, a: Arithmetic, k: int) -> Number:
        return a.number(float(self.scheduler.lr_lambdas[self.group](k)))

    def turns(self) -> Turns:
        return []
