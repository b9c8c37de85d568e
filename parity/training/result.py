"""What came of a pair of twins."""

from __future__ import annotations

import dataclasses
import shlex
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from .case import TrainingCase


RELATIVE = 1e-10
"""How far apart losses, gradients and weights may be. Both sum in an order of their own."""


class Quantity(NamedTuple):
    """One of the quantities that are compared at every update."""

    name: str
    unit: str
    """``"ULP"`` of float32, of which none is allowed; or ``"relative"``, for at most `RELATIVE`."""

    furthest: float
    """The greatest distance at any update; infinite where a value is not finite."""

    at: int
    """The update with it."""

    parts: int | None
    """The first update at which it is too far."""


class Curves(NamedTuple):
    """What there is to draw; float64, one row for each update."""

    lr: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]
    """Flax's, then PyTorch's; of the first group."""

    loss: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]
    weights: npt.NDArray[np.float64]
    """Their distance."""


@dataclasses.dataclass(frozen=True)
class TrainingResult:
    """What came of one pair of twins."""

    case: TrainingCase
    quantities: tuple[Quantity, ...]
    """In the order in which they come about within an update."""

    lr_float64: float
    """The greatest relative distance of the learning rates before they are rounded to float32."""

    reductions: tuple[tuple[int, ...], tuple[int, ...]]
    """Updates before which the plateau reduced the learning rate: Flax's, and PyTorch's."""

    curves: Curves
    seconds: float
    torch_seconds: float

    @property
    def again(self) -> str:
        """The command that does this case once more."""
        return f"parity train -k {shlex.quote(self.case.name)}"

    @property
    def first(self) -> Quantity | None:
        """What parts first; within an update, what comes about first."""
        parted = [quantity for quantity in self.quantities if quantity.parts is not None]
        return min(parted, key=lambda quantity: quantity.parts or 0, default=None)

    @property
    def problem(self) -> str | None:
        """Where and by what the twins part, in one sentence; None when they do not."""
        first = self.first
        if first is None:
            return None
        others = [q for q in self.quantities if q.parts is not None and q is not first]
        then = "; then " + ", ".join(f"{q.name} at {q.parts}" for q in others) if others else ""
        size = f"{first.furthest:.3g} {'ULP' if first.unit == 'ULP' else '(relative)'}"
        return f"the twins part at update {first.parts}, by the {first.name}, up to {size} apart{then}"

    @property
    def passed(self) -> bool:
        return self.problem is None

    def __getitem__(self, name: str) -> Quantity:
        """The quantity of a name."""
        return next(quantity for quantity in self.quantities if quantity.name == name)
