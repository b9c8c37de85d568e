"""ChainedScheduler."""

from typing import Any

from ..arithmetic import Arithmetic, Counts
from ..known import Formula, Known, Step
from ..turns import Turns


class ChainedScheduler(Known):
    theirs = "torch.optim.lr_scheduler.ChainedScheduler"

    def closed_form(self, a: Arithmetic, quantity: str) -> Formula | None:
        """For members that multiply the learning rate in force."""
        forms = [member.closed_form(a, quantity) for member in self.members]
        base = a.number(float(self.options["initial_lr"]))

        def values(k: Counts) -> Any:
            value: Any = base
            for form in forms:
                assert form is not None
                value = value * (form(k) / base)
            return value

        return None if None in forms else values

    def step(self, a: Arithmetic) -> Step | None:
        """Each in turn, on what the one before it left."""
        steps = [member.step(a) for member in self.members]

        def step(k: int, lr: Any) -> Any:
            for own in steps:
                assert own is not None
                lr = own(k, lr)
            return lr

        return None if None in steps else step

    def turns(self) -> Turns:
        return [source for member in self.members for source in member.turns()]
