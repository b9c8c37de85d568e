"""From one type to another."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..program import Array
from .floats import flushed, saturated
from .operation import FLOATS, TYPES, Operation

_TO_WHOLE: dict[str, Callable[[Array], Array]] = {
    "rni": np.rint,
    "rzi": np.trunc,
    "rmi": np.floor,
    "rpi": np.ceil,
}


def _to_integer(source: str, result: str, to_whole: Callable[[Array], Array]) -> Callable[[Array], Array]:
    """Clamped to what the type can hold.

    "NaN input results in following value: Zero if source is not .f64 and destination is not .s64, .u64.
    Otherwise 1 << (BitWidth(dst) - 1) corresponding to the value of (MAXINT >> 1) + 1 for unsigned type or
    MININT for signed type."
    """
    dtype, bounds = TYPES[result], np.iinfo(TYPES[result].str)
    width = 8 * dtype.itemsize
    of_nan = 0 if source != "f64" and width != 64 else (bounds.min if dtype.kind == "i" else 1 << (width - 1))

    def call(x: Array) -> Array:
        whole = to_whole(x)
        above, below = whole >= float(bounds.max + 1), whole < float(bounds.min)
        inside = np.where(above | below | np.isnan(whole), whole.dtype.type(0), whole).astype(dtype)
        inside = np.where(above, dtype.type(bounds.max), np.where(below, dtype.type(bounds.min), inside))
        return np.where(np.isnan(whole), dtype.type(of_nan), inside)

    return call


def convert(modifiers: list[str], types: list[str]) -> Operation | None:
    """cvt"""
    if len(types) != 2:
        return None
    result, source = types
    dtype = TYPES[result]
    flush, clamp = "ftz" in modifiers, "sat" in modifiers
    rounding = [modifier for modifier in modifiers if modifier not in ("ftz", "sat")]
    call: Callable[[Array], Array]
    if source in FLOATS and result in FLOATS:
        if source == result and len(rounding) == 1 and rounding[0] in _TO_WHOLE:
            call = _TO_WHOLE[rounding[0]]
        elif rounding == (["rn"] if (result, source) == ("f32", "f64") else []):
            call = lambda x: x.astype(dtype)  # noqa: E731
        else:
            return None
        if flush:
            rounded = call
            call = lambda x: flushed(rounded(flushed(x)))  # noqa: E731
        if clamp:
            unclamped = call
            call = lambda x: saturated(unclamped(x))  # noqa: E731
    elif source in FLOATS:
        if len(rounding) != 1 or rounding[0] not in _TO_WHOLE or dtype.itemsize < 4:
            return None
        to_integer = _to_integer(source, result, _TO_WHOLE[rounding[0]])
        call = (lambda x: to_integer(flushed(x))) if flush else to_integer
    elif result in FLOATS:
        if rounding != ["rn"] or clamp:
            return None
        call = lambda x: x.astype(dtype)  # noqa: E731
    elif rounding or clamp or flush:
        return None
    else:
        call = lambda x: x.astype(dtype)  # noqa: E731
    return Operation((source,), result, call)
