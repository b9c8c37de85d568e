"""How far two quantities of an update are apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .. import ulp
from ..handed_in import NotComparable
from .door import Numbers
from .quantities import SETTINGS

FLOOR = 1e-3
"""An array counts as no smaller than this share of all arrays together, and a number as no smaller than this
share of the greatest so far. What is 0 but for rounding, such as the gradient of a bias before a
normalisation, would else be as far apart as can be."""

ALLOWED = {53: 1e-10, 24: 1e-5, 11: 1e-2, 8: 1e-1}
"""How far apart what is summed in another order may be, by the bits of the mantissa: relative, of the worst
array, hundreds of roundings or more. Learning rates, momenta and decays may not be apart at all."""

NAMES = {53: "float64", 24: "float32", 11: "float16", 8: "bfloat16"}


def check_alike(key: str, ours: Numbers, theirs: Numbers, names: Sequence[str], at: int) -> None:
    """Whether the two can be compared at all.

    Raises:
      NotComparable: they are of other names or shapes.
    """
    if ours.keys() != theirs.keys():
        only = [sorted(a.keys() - b.keys()) for a, b in ((theirs, ours), (ours, theirs))]
        told = "; ".join(
            f"only {name} has {', '.join(map(repr, mine[:4]))}{', …' if len(mine) > 4 else ''}"
            for name, mine in zip(names, only, strict=True)
            if mine
        )
        raise NotComparable(f"{key} must have the same names on both sides at update {at}: {told}")
    for label, wanted in theirs.items():
        if ours[label].shape == wanted.shape:
            continue
        what = f"{key}[{label!r}]" if label else key
        turned = ours[label].shape == wanted.shape[::-1]
        raise NotComparable(
            f"{what} must have one shape on both sides, got {wanted.shape} from {names[0]} and "
            f"{ours[label].shape} from {names[1]} at update {at}"
            + ("; transpose one of them" if turned else "")
            + ("; one number for each parameter group" if key in SETTINGS else "")
        )


def by_group(ours: Numbers, theirs: Numbers) -> tuple[Numbers, Numbers]:
    """A setting of both for each group: one of all groups is that of each, where they have the same.

    PyTorch's optimizers need groups for decays, too, where Optax has masks and one learning rate.
    """
    mine, other = ours[""], theirs[""]
    if mine.size == 1 < other.size and (other == other[0]).all():
        return {"": np.repeat(mine, other.size)}, theirs
    if other.size == 1 < mine.size and (mine == mine[0]).all():
        return ours, {"": np.repeat(other, mine.size)}
    return ours, theirs


def norm(numbers: Numbers) -> float:
    """Of all arrays together."""
    with np.errstate(all="ignore"):
        return float(np.sqrt(sum(float(np.vdot(each, each)) for each in numbers.values())))


def next_to_none(both: tuple[Numbers, Numbers], relative: float) -> set[str]:
    """The arrays that on both sides are no more than the rounding of all arrays together."""
    found = set(both[0]) & set(both[1])
    for side in both:
        most = relative * float(np.sqrt(sum(np.sum(np.square(each)) for each in side.values())))
        found &= {label for label, each in side.items() if np.linalg.norm(each) <= most}
    return found


def by_array(ours: Numbers, theirs: Numbers, greatest: float = 0.0) -> dict[str, float]:
    """Of each array the norm of the difference as a share of PyTorch's; infinite where one is not finite."""
    least = FLOOR * max(norm(theirs), greatest)
    found = {}
    for label, wanted in theirs.items():
        with np.errstate(all="ignore"):
            apart = float(np.linalg.norm(np.ravel(ours[label] - wanted)))
            size = max(float(np.linalg.norm(np.ravel(wanted))), least)
            share = 0.0 if apart == 0 else apart / size if size else np.inf
        found[label] = share if np.isfinite(share) else np.inf
    return found


def in_ulp(ours: Numbers, theirs: Numbers) -> float:
    """How far apart settings are once both are rounded to float32; infinite where one is not finite."""
    with np.errstate(over="ignore"):
        apart = float(ulp.rounded_distance(ours[""].astype(np.float32), theirs[""]).max())
    return apart if np.isfinite(apart) else np.inf
