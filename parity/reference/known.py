"""What can be known exactly of one of PyTorch's schedulers: its formula, its step, its events."""

from __future__ import annotations

import abc
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Final, TypeAlias

from .arithmetic import Arithmetic, Counts, Number
from .live import Live
from .turns import Turns

Formula: TypeAlias = Callable[[Counts], Any]
"""From a count, or an array of them where the arithmetic has arrays, to a `Number` of the arithmetic."""

Step: TypeAlias = Callable[[int, Any], Any]
"""From a count and the learning rate in force before it to the one at that count; at count 0, what making
the scheduler does to the optimizer's."""


class Known(abc.ABC):
    """What is exactly known of one live scheduler: a subclass for each class of PyTorch's.

    Written from PyTorch's documentation and source, straight from the definition and with no thought of
    rounding. Hyperparameters are the float64 numbers that the live object holds. What PyTorch keeps only
    rounded (the learning rates and the ends of phases of OneCycleLR) is taken as PyTorch keeps it.

    Args:
      scheduler: alive, with its optimizer.
      group: which parameter group of the optimizer.
      members: what is known of its members; empty where it has none.
    """

    theirs: ClassVar[str]
    """PyTorch's class, by its full name."""

    quantities: ClassVar[tuple[str, ...]] = ("lr",)
    """What of the optimizer it sets: ``lr``, and ``momentum`` where it cycles it."""

    def __init__(self, scheduler: Live, group: int, members: Sequence[Known]) -> None:
        self.scheduler: Final = scheduler
        self.group: Final = group
        self.members: Final = tuple(members)

    @property
    def base_lr(self) -> float:
        return float(self.scheduler.base_lrs[self.group])

    @property
    def options(self) -> Any:
        """The parameter group of the optimizer."""
        return self.scheduler.optimizer.param_groups[self.group]

    @abc.abstractmethod
    def turns(self) -> Turns:
        """Where an off-by-one would show; empty where the trajectory has no such place."""

    def formula(self, a: Arithmetic, quantity: str) -> Formula | None:
        """The value at a count by itself; None where it is known only step by step."""
        return None

    def closed_form(self, a: Arithmetic, quantity: str) -> Formula | None:
        """The values at any number of counts at once; None where there is no such formula.

        It may ask more of the scheduler than `formula` does: it says what.
        """
        return self.formula(a, quantity)

    def step(self, a: Arithmetic) -> Step | None:
        """What one step does, whatever the learning rate in force: by default it overwrites it."""
        formula = self.formula(a, "lr")
        return None if formula is None else lambda k, lr: formula(k)

    def handed(self, a: Arithmetic, start: Number, lr: Number) -> Number:
        """The learning rate from which it goes on, where a sequence hands over to it.

        Args:
          a: the arithmetic.
          start: the optimizer's.
          lr: the one in force.
        """
        return start


def listed(path: Sequence[str], package: str) -> dict[str, type[Known]]:
    """The classes of all files in a folder, by the full names of those that they know."""
    found = {}
    for module in pkgutil.iter_modules(path, f"{package}."):
        for value in vars(importlib.import_module(module.name)).values():
            mine = inspect.isclass(value) and issubclass(value, Known) and value.__module__ == module.name
            if mine and hasattr(value, "theirs"):
                found[value.theirs] = value
    return found


class Unknown(Known):
    """Somebody's own, of which nothing is guessed."""

    theirs = ""

    def turns(self) -> Turns:
        return []


class Multiplying(Known):
    """A scheduler that multiplies the learning rate in force, by what its formula does in that step."""

    def step(self, a: Arithmetic) -> Step:
        formula, base = self.formula(a, "lr"), a.number(self.base_lr)
        assert formula is not None

        def step(k: int, lr: Any) -> Any:
            before = formula(k - 1) if k else base
            return lr * (formula(k) / before) if before else lr

        return step
