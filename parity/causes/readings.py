"""What a difference can be read as, where more than one reading fits: in words that several causes share."""

from __future__ import annotations

import numpy as np

from .parting import Parting, named

FEW = 5
"""Up to so many times, another length is likelier than another unit of time."""


def times_as_slowly(p: Parting, n: int, length: str | None = None) -> str:
    """Both readings, the likelier first, and what to do about the one."""
    length = length or other_length(p, n)
    if p.in_epochs:
        return length
    updates = f"counts updates where PyTorch counts epochs of {n}"
    advice = f"case give --steps-per-epoch {n}"
    if n > FEW:
        return f"moves {n} times as slowly: {updates}, or {length}; in the first {advice}"
    return f"{length}, or {updates}; in the second {advice}"


def times_as_fast(p: Parting, n: int, length: str | None = None) -> str:
    """Both readings, the likelier first."""
    length = length or other_length(p, 1 / n)
    if p.in_epochs:
        return length
    updates = f"counts updates where PyTorch counts epochs of {n}"
    return f"moves {n} times as fast: {updates}, or {length}" if n > FEW else f"{length}, or {updates}"


def other_length(p: Parting, longer: float, begin: int = 0) -> str:
    """The same course in another time: in counts, where there is an event that it leads to."""
    for event in p.events:
        counts = (event.count - begin) * longer
        if event.count > begin and abs(counts - round(counts)) <= 1e-2 and round(counts) > 0:
            return f"{round(counts)} instead of {event.count - begin} counts up to the {named(event)}"
    return f"the same course, but {longer:.4g} times as long: another number of counts"


def other_values(p: Parting) -> str | None:
    """The same course between other values; None where it is not, or where two levels become two others."""
    if p.moves(np.unique(p.torch)) < 2 or p.moves(np.unique(p.ours)) < 2:
        return None
    scale, offset = np.polyfit(p.torch, p.ours, 1)
    if scale <= 0 or not p.equals(scale * p.torch + offset):
        return None
    mine, theirs = (f"{x.min():.6g} to {x.max():.6g}" for x in (p.ours, p.torch))
    return f"the same course between other values: {mine}, where PyTorch's are {theirs}"


def also(length: str, values: str | None) -> str:
    """A piece of a line, or of a parabola, may be stretched either way."""
    return length if values is None else f"{length}, or {values}"
