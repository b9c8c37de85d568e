"""Whole numbers: shifts, division, bits."""

from __future__ import annotations

import numpy as np

from ..program import Array
from .operation import OpenError, Run


def unsigned(x: Array) -> Array:
    return x.view(np.dtype(f"u{x.dtype.itemsize}"))


def _signed(x: Array) -> Array:
    return x.view(np.dtype(f"i{x.dtype.itemsize}"))


def _width(x: Array) -> int:
    return 8 * x.dtype.itemsize


def shift_left(x: Array, by: Array) -> Array:
    by = unsigned(by)
    inside = (by & (_width(x) - 1)).astype(x.dtype)
    shifted: Array = np.where(by < _width(x), x << inside, x.dtype.type(0))
    return shifted


def shift_right_logical(x: Array, by: Array) -> Array:
    by, bits = unsigned(by), unsigned(x)
    inside = (by & (_width(x) - 1)).astype(bits.dtype)
    shifted: Array = np.where(by < _width(x), bits >> inside, bits.dtype.type(0)).view(x.dtype)
    return shifted


def shift_right_arithmetic(x: Array, by: Array) -> Array:
    """Of an unsigned number, too, the first bit is its sign."""
    bits = _signed(x)
    by = np.minimum(unsigned(by), _width(x) - 1).astype(bits.dtype)
    shifted: Array = (bits >> by).view(x.dtype)
    return shifted


def constant_shift(opcode: str, by: int) -> Run | None:
    """The same by an amount known beforehand, which is most of them and much faster."""

    def left(x: Array, _: Array) -> Array:
        shifted: Array = x << x.dtype.type(by)
        return shifted

    def right(x: Array, _: Array) -> Array:
        bits = unsigned(x)
        shifted: Array = (bits >> bits.dtype.type(by)).view(x.dtype)
        return shifted

    return {"shift-left": left, "shift-right-logical": right}.get(opcode)


def divide(x: Array, y: Array) -> Array:
    """Towards zero; by zero, and of the smallest number by -1, HLO says nothing."""
    _check_division(x, y)
    if x.dtype.kind == "u":
        return x // y
    quotient = x // y
    # NumPy's quotient is rounded down: one more where it is negative and not exact. One between -1 and 0
    # is -1 rounded down, so none is missed.
    result: Array = quotient + ((quotient < 0) & (quotient * y != x)).astype(x.dtype)
    return result


def remainder(x: Array, y: Array) -> Array:
    """With the sign of ``x``; where `divide` says nothing, neither does it."""
    _check_division(x, y)
    result: Array = np.fmod(x, y)
    return result


def _check_division(x: Array, y: Array) -> None:
    if np.any(y == 0):
        raise OpenError("only the device knows what a division by 0 gives")
    if x.dtype.kind == "i" and np.any((x == np.iinfo(x.dtype).min) & (y == -1)):
        raise OpenError("only the device knows what the smallest number divided by -1 gives")


def count_leading_zeros(x: Array) -> Array:
    _, length = np.frexp(unsigned(x).astype(np.float64))
    return (_width(x) - length).astype(x.dtype)


def population_count(x: Array) -> Array:
    return np.bitwise_count(unsigned(x)).astype(x.dtype)


def integer_sign(x: Array) -> Array:
    result: Array = (x > 0).astype(x.dtype) - (x < 0).astype(x.dtype)
    return result
