"""In which direction two updates differ: along the weights, the update before, or the update itself."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .distances import by_array, next_to_none
from .door import Numbers
from .follow import Around

Floats = npt.NDArray[np.float64]

ALONG = 0.99
"""The least cosine of two directions that are taken for one."""


UNMOVED = 1e-6
"""An update that is less of PyTorch's than this is none: the weights are frozen."""


class Direction(NamedTuple):
    name: str
    """The culprit: ``decay``, ``momentum`` or ``optimizer``."""

    because: str

    may_be_rounding: bool = False
    """Whether gradients that are 0 but for rounding would explain it."""


def direction(around: Around, at: int, lr: float | None, relative: float) -> Direction:
    """What the difference of the weights after an update says of it.

    Args:
      around: the weights around it.
      at: the update.
      lr: its learning rate, if all groups have one that is known.
      relative: from which distance on an array counts as another one.
    """
    apart = by_array(around.ours, around.theirs)
    parted = [label for label, size in apart.items() if size > relative]
    silent = _silent(around, parted, relative)
    labels = [label for label in parted if label not in silent] or parted
    where = (
        ""
        if len(labels) == len(apart)
        else f", in {len(labels)} of {len(apart)} arrays ({first_few(labels)})"
    )
    if silent and labels == parted:
        return Direction(
            "rounding",
            f"update {at} is another only where the gradient is 0 but for rounding ({first_few(labels)}), "
            "which the optimizer divides by its size; such weights, as a bias before a normalization, do "
            "nothing: leave them out of the model, or of what is told",
        )
    if silent:
        where += f", apart from {first_few(silent)}, whose gradient is 0 but for rounding"
    if not all(np.isfinite(each[label]).all() for each in (around.ours, around.theirs) for label in labels):
        return Direction("optimizer", f"the weights are not finite after update {at}{where}")
    difference = _flat(around.ours, labels) - _flat(around.theirs, labels)
    before = around.before if around.before is not None else around.theirs
    weights = _flat(before, labels)
    if (share := _along(difference, weights)) is not None:
        more = "more" if share < 0 else "less"
        because = f"update {at} shrinks the weights by {abs(share):.3g} of themselves {more} than PyTorch's"
        if lr:
            because += f", a decay of {abs(share) / lr:.3g} at a learning rate of {lr:.6g}"
        return Direction("decay", because + where)
    if around.before is None:
        return Direction("optimizer", f"update {at} is another, though not along the weights{where}")
    update = _flat(around.theirs, labels) - weights
    if around.last is not None:
        last = weights - _flat(around.last, labels)
        if (share := _along(difference, last)) is not None:
            more = "more" if share > 0 else "less"
            because = f"update {at} has {abs(share):.3g} times the update before it {more} than PyTorch's"
            return Direction("momentum", f"{because}, and what came before agrees{where}")
    if (share := _along(difference, update)) is not None:
        if abs(1 + share) < UNMOVED:
            return Direction(
                "optimizer", f"update {at} leaves the weights as they are, unlike PyTorch's{where}"
            )
        return Direction("optimizer", f"update {at} is {1 + share:.4g} times PyTorch's{where}")
    if (moved := _by_sign(difference, weights)) is not None:
        return Direction(
            "decay",
            f"update {at} moves {moved:,} weights by their signs, as a decay does that an optimizer divides "
            f"by its size, where the gradient is 0 but for it{where}",
        )
    memory = (
        "; the updates before it agree, so it is what the optimizer remembers: averages or momenta"
        if at > 0
        else ""
    )
    because = f"update {at} is another, though not along the weights{where}{memory}"
    return Direction("optimizer", because, len(labels) < len(apart))


def first_few(labels: list[str]) -> str:
    return ", ".join(labels[:3]) + (", …" if len(labels) > 3 else "")


def _silent(around: Around, labels: list[str], relative: float) -> list[str]:
    """The arrays whose gradient is nothing but rounding in both twins."""
    if around.gradients is None:
        return []
    found = next_to_none(around.gradients, relative)
    return [label for label in labels if label in found]


def _flat(numbers: Numbers, labels: list[str]) -> Floats:
    return np.concatenate([np.ravel(numbers[label]) for label in labels])


MOVED = 10
"""Of fewer weights signs agree by chance."""


def _by_sign(difference: Floats, weights: Floats) -> int | None:
    """How many of the weights differ most, if they all do against their signs, or all with them."""
    most = np.abs(difference) > np.abs(difference).max() / 2
    agree = float(np.mean(np.sign(difference[most]) == np.sign(weights[most])))
    moved = int(most.sum())
    return moved if moved >= MOVED and max(agree, 1 - agree) >= ALONG else None


def _along(difference: Floats, way: Floats) -> float | None:
    """Which share of ``way`` the difference is, if it goes along it."""
    size, length = float(np.linalg.norm(difference)), float(np.linalg.norm(way))
    if not size or not length:
        return None
    product = float(np.dot(difference, way))
    return product / length**2 if abs(product) >= ALONG * size * length else None
