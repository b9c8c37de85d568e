"""The quantities that twins may tell of an update, in the order in which they come about within one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

BATCH, START, LOSS, GRADIENT, GRADIENT_NORM = "batch", "initial_weights", "loss", "gradient", "gradient_norm"
LR, MOMENTUM, DECAY, UPDATE_NORM, WEIGHTS = "lr", "momentum", "weight_decay", "update_norm", "weights"

WORDS: Mapping[str, str] = {
    BATCH: "batch",
    START: "initial weights",
    LOSS: "loss",
    GRADIENT: "gradient",
    GRADIENT_NORM: "gradient norm",
    LR: "learning rate",
    MOMENTUM: "momentum",
    DECAY: "weight decay",
    UPDATE_NORM: "update norm",
    WEIGHTS: "weights",
}
"""By the name that a twin gives them, in words. What has another name comes after all of these."""

SETTINGS = (LR, MOMENTUM, DECAY)
"""Numbers that nobody sums: they must be the same float32 numbers."""

SUMMED = (START, LOSS, GRADIENT, GRADIENT_NORM, UPDATE_NORM, WEIGHTS)
"""What shows by its digits how it was computed."""

ONE_EACH = (LOSS, GRADIENT_NORM, UPDATE_NORM)
"""Of which there is one number at an update."""


def place(key: str) -> int:
    """Where a quantity stands within an update."""
    order = list(WORDS)
    return order.index(key) if key in order else len(order)


def unit_of(key: str) -> str:
    """``"ULP"`` of float32, ``"relative"``, or ``"the same"`` for what is the same or is not."""
    if key == BATCH:
        return "the same"
    return "ULP" if key in SETTINGS else "relative"


class Quantity(NamedTuple):
    """One of the quantities that are compared at every update."""

    name: str
    """In words."""

    unit: str
    """``"ULP"`` of float32, of which none is allowed; ``"relative"``, of which so much is allowed; or
    ``"the same"``, which is 0 or infinite."""

    furthest: float
    """The greatest distance at any update; infinite where a value is not finite."""

    at: int
    """The update with it."""

    parts: int | None
    """The first update at which it is too far."""

    @property
    def size(self) -> str:
        """How far it is at most, in words."""
        if self.unit == "the same":
            return "the same" if self.furthest == 0 else "another"
        return f"{self.furthest:.3g} {'ULP' if self.unit == 'ULP' else '(relative)'}"
