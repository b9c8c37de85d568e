"""float32 as a TPU has it: without subnormal numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..program import Array
from .operation import OpenError, Run

ONLY_ON_DEVICE = frozenset(
    {"divide", "remainder", "sqrt", "rsqrt", "cbrt", "power", "cosine", "sine", "tan", "tanh", "atan2", "log"}
    | {"log-plus-one", "exponential", "exponential-minus-one", "logistic", "erf", "dot", "convolution"}
)
"""Operations on floats whose result HLO bounds but does not define."""

TINY = np.float32(2.0**-126)
_TWICE_TINY = np.uint32(2 * 0x00800000 - 1)
NAN = np.uint32(0x7FC00000).view(np.float32)


def _twice_bits(x: Array) -> Array:
    """Twice the bits without the sign, minus 1: of zero the largest, of a subnormal the smallest."""
    bits = x.view(np.uint32)
    twice = bits + bits
    twice -= np.uint32(1)
    return twice


def has_subnormal(x: Array) -> bool:
    return bool(x.size) and bool(_twice_bits(x).min() < _TWICE_TINY)


def flush(x: Array) -> Array:
    """Subnormals to zeros of their sign."""
    return np.where(np.abs(x) < TINY, np.copysign(np.float32(0), x), x) if has_subnormal(x) else x


def settled(x: Array) -> Array:
    """What NumPy's arithmetic made, as a TPU makes it."""
    if x.size:
        if np.isnan(x.max()):
            x = np.where(np.isnan(x), NAN, x)
        x = flush(x)
    return x


def multiply(x: Array, y: Array) -> Array:
    product = x * y
    # Rounding happens at a subnormal's place only in products: sums of normal numbers are exact there.
    if product.size and _twice_bits(product).min() <= _TWICE_TINY:
        exact = x.astype(np.float64) * y
        if np.any((np.abs(product) == TINY) & (np.abs(exact) < TINY)):
            raise OpenError("only the device knows whether a product that rounds to 2**-126 is flushed")
    return settled(product)


def round_away(x: Array) -> Array:
    """To the nearest whole number, a tie away from zero."""
    whole = np.trunc(x)
    return np.where(np.abs(x - whole) >= 0.5, whole + np.copysign(np.float32(1), x), whole)


def sign(x: Array) -> Array:
    if has_subnormal(x):
        raise OpenError("only the device knows the sign of a subnormal number")
    return np.where(np.isnan(x), NAN, np.where(x == 0, x, np.copysign(np.float32(1), x)))


def to_integer(x: Array, dtype: np.dtype[Any]) -> Array:
    """Truncated; of what the type cannot hold HLO says nothing."""
    limits, whole = np.iinfo(dtype), np.trunc(x.astype(np.float64))
    if not np.all((whole >= limits.min) & (whole <= limits.max)):
        raise OpenError(f"only the device knows what it makes of a number that {dtype} cannot hold")
    return whole.astype(np.int64).astype(dtype)


def extremum(choose: Run, zeros_open: bool, subnormals_open: bool) -> Run:
    def run(x: Array, y: Array) -> Array:
        if subnormals_open and (has_subnormal(x) or has_subnormal(y)):
            raise OpenError("only the device knows whether it flushes a subnormal number")
        x, y = flush(x), flush(y)
        if zeros_open and np.any((x == 0) & (y == 0) & (np.signbit(x) != np.signbit(y))):
            raise OpenError("only the device knows which of the two zeros it takes")
        return settled(choose(x, y))

    return run


def bits_only(change: Run, subnormals_open: bool) -> Run:
    def run(x: Array) -> Array:
        if subnormals_open and has_subnormal(x):
            raise OpenError("only the device knows whether it flushes a subnormal number")
        return change(x)

    return run
