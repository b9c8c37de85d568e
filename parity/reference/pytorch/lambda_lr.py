"""LambdaLR, with a function of anybody's or one of transformers'."""

from .. import transformers
from ..arithmetic import Arithmetic
from ..known import Formula, Known
from ..turns import Turns


class LambdaLR(Known):
    theirs = "torch.optim.lr_scheduler.LambdaLR"

    def formula(self, a: Arithmetic, quantity: str) -> Formula:
        base, function = self.base_lr, self.scheduler.lr_lambdas[self.group]
        return self.closed_form(a, quantity) or (lambda k: base * a.number(float(function(k))))

    def closed_form(self, a: Arithmetic, quantity: str) -> Formula | None:
        """For the functions of transformers; one of a user's takes one count at a time."""
        base, factor = self.base_lr, transformers.factor(a, self.scheduler.lr_lambdas[self.group])
        return None if factor is None else lambda k: base * factor(k)

    def turns(self) -> Turns:
        return transformers.turns(self.scheduler.lr_lambdas[self.group])
