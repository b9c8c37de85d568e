"""What came of a pair of twins, ours or somebody's."""

from __future__ import annotations

import dataclasses
import math
import shlex
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from ..twins import Quantity as Quantity, TrainingComparison
from ..twins.distances import ALLOWED
from ..twins.quantities import LOSS, LR, WEIGHTS

if TYPE_CHECKING:
    from .case import TrainingCase

Pair: TypeAlias = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]
"""Flax's, then PyTorch's; one number for each update."""

RELATIVE = ALLOWED[53]
"""How far apart losses, gradients and weights of ours may be. Both sum in an order of their own."""


@dataclasses.dataclass(frozen=True)
class BroughtTwins:
    """A pair that somebody brought."""

    name: str
    steps: int
    optimizer: str = ""
    scheduler: str = "twins"
    brought: bool = True

    @property
    def schedules(self) -> tuple[str, ...]:
        """What stands for the calls of the schedules, which nobody knows."""
        return (self.name,)


@dataclasses.dataclass(frozen=True)
class TrainingResult:
    """What came of one pair of twins."""

    case: TrainingCase | BroughtTwins
    comparison: TrainingComparison
    reductions: tuple[tuple[int, ...], tuple[int, ...]]
    """Updates before which the plateau reduced the learning rate: Flax's, and PyTorch's."""

    seconds: float
    command: str | None = None
    """What does the case once more, if it is not one of the table."""

    @property
    def again(self) -> str:
        """The command that does this case once more."""
        return self.command or f"parity train -k {shlex.quote(self.case.name)}"

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """In the order in which they come about within an update."""
        return self.comparison.quantities

    @property
    def first(self) -> Quantity | None:
        """What parts first; within an update, what comes about first."""
        return self.comparison.first

    @property
    def problem(self) -> str | None:
        """Where and by what the twins part, in one sentence; None when they do not."""
        return self.comparison.problem

    @property
    def passed(self) -> bool:
        return self.problem is None

    @property
    def torch_seconds(self) -> float:
        """What PyTorch took of it."""
        return self.comparison.seconds[1]

    @property
    def lr_float64(self) -> float:
        """The greatest relative distance of the learning rates before they are rounded to float32."""
        if LR not in self.comparison.values:
            return math.nan
        ours, theirs = self.comparison.values[LR]
        with np.errstate(invalid="ignore", divide="ignore"):
            return float(np.where(ours == theirs, 0.0, np.abs(ours - theirs) / np.abs(theirs)).max())

    @property
    def lr(self) -> Pair | None:
        """Of the first group, for pictures."""
        return self._curve(LR)

    @property
    def loss(self) -> Pair | None:
        """For pictures."""
        return self._curve(LOSS)

    @property
    def weights(self) -> npt.NDArray[np.float64] | None:
        """Their distance, for pictures."""
        return self.comparison.distances.get(WEIGHTS)

    def _curve(self, key: str) -> Pair | None:
        pair = self.comparison.values.get(key)
        return None if pair is None else (pair[0][:, 0], pair[1][:, 0])

    def furthest(self, name: str) -> float:
        """The greatest distance of a quantity; NaN where it was not compared."""
        quantity = self.find(name)
        return math.nan if quantity is None else quantity.furthest

    @property
    def worst(self) -> float:
        """How far apart the two are: by their weights, or else by what is furthest; relative."""
        weights = self.find("weights")
        found = [weights] if weights else [each for each in self.quantities if each.unit == "relative"]
        return max((quantity.furthest for quantity in found), default=0.0)

    def find(self, name: str) -> Quantity | None:
        """The quantity of a name; None where it was not compared."""
        return next((quantity for quantity in self.quantities if quantity.name == name), None)

    def __getitem__(self, name: str) -> Quantity:
        """The quantity of a name."""
        return self.comparison[name]
