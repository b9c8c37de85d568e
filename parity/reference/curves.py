"""Three shapes that many schedulers share, over any arithmetic."""

from __future__ import annotations

import numpy as np

from .arithmetic import Arithmetic, Counts, Float64, Number


def share(a: Arithmetic, k: Counts, length: int) -> Number:
    """How much of the way is gone after ``k`` of ``length`` steps; all of it past the end."""
    return a.number(np.minimum(k, length)) / a.number(length)


def line(a: Arithmetic, start: Number | Float64, end: Number | Float64, way: Number) -> Number:
    """From ``start`` to ``end``, straight; ``way`` is 0 at the start and 1 at the end."""
    return a.number(start) + (a.number(end) - start) * way


def cosine(a: Arithmetic, start: Number | Float64, end: Number | Float64, way: Number) -> Number:
    """From ``start`` to ``end``, as half a cosine; it rises again past the end."""
    return a.number(end) + (a.number(start) - end) * (1 + a.cospi(way)) / 2
