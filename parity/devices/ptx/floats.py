"""Arithmetic on floating-point numbers, to the last bit."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np

from ..program import Array
from .operation import FLOATS, TYPES, Builder, Floats, Operation


def flushed(x: Array) -> Array:
    """Subnormal numbers as zeros of their sign; ``.ftz``."""
    return np.where(np.abs(x) < np.finfo(np.float32).tiny, np.copysign(np.zeros_like(x), x), x)


def saturated(x: Array) -> Array:
    """ "clamps the result to [0.0, 1.0]. NaN results are flushed to +0.0f" """
    # Not np.clip, which leaves -0.
    clamped: Array = np.where(x > 0, np.minimum(x, x.dtype.type(1)), x.dtype.type(0))
    return clamped


def _float_operation(call: Callable[..., Array], modifiers: Sequence[str], type_: str, n: int) -> Operation:
    if "ftz" in modifiers:
        exact = call

        def call(*xs: Array) -> Array:
            return flushed(exact(*map(flushed, xs)))

    if "sat" in modifiers:
        unclamped = call

        def call(*xs: Array) -> Array:
            return saturated(unclamped(*xs))

    return Operation((type_,) * n, type_, call)


def _rounding(modifiers: Sequence[str], allowed: Sequence[str]) -> bool:
    """Whether the modifiers are a subset of these: the nearest even is the only rounding that is known."""
    return set(modifiers) <= {"ftz", "sat", *allowed}


def arithmetic(
    floats: Callable[..., Array], integers: Callable[..., Array] | None, explicit: bool = False
) -> Builder:
    """add, sub, div, sqrt, rcp: of floats rounded to nearest even, of whole numbers modulo 2**n."""
    n = 1 if floats in (np.sqrt, reciprocal) else 2

    def build(modifiers: list[str], types: list[str]) -> Operation | None:
        type_ = types[-1]
        if type_ in FLOATS:
            if not _rounding(modifiers, ["rn"]) or (explicit and "rn" not in modifiers) or len(types) > 1:
                return None
            return _float_operation(floats, modifiers, type_, n)
        if integers is None or modifiers or len(types) > 1:
            return None
        return Operation((type_,) * n, type_, integers)

    return build


def reciprocal(x: Array) -> Array:
    inverse: Array = np.divide(x.dtype.type(1), x)
    return inverse


def _two_sum(x: Array, y: Array) -> tuple[Array, Array]:
    """The rounded sum and its error, exactly (Knuth); in floats of any one type."""
    total = x + y
    shadow = total - x
    return total, (x - (total - shadow)) + (y - shadow)


def _to_odd(total: Floats, error: Floats) -> Floats:
    """``total + error``, of a `_two_sum`, rounded to odd.

    That is: itself if it is a float64, else that of its two neighbours whose last bit is 1. The rounded
    sum is one of the two, and the other lies on the error's side.
    """
    bits = np.ascontiguousarray(total).view(np.int64)
    outwards = np.where((error > 0) == (total > 0), 1, -1)
    even = (error != 0) & np.isfinite(total) & (bits & 1 == 0)
    return np.where(even, bits + outwards, bits).view(np.float64)


def fma32(a: Array, b: Array, c: Array) -> Array:
    """``a*b + c`` of float32, rounded once.

    The product of two float32 is a float64: 48 bits, above 2**-298. The sum, rounded to odd at 53 bits,
    rounds to 24 or fewer as the exact sum does (Boldo and Melquiond 2008: two bits more are enough).
    """
    product = a.astype(np.float64) * b.astype(np.float64)
    total, error = _two_sum(product, np.broadcast_to(c.astype(np.float64), np.broadcast(product, c).shape))
    return _to_odd(total, error).astype(np.float32)


def fma64(a: Array, b: Array, c: Array) -> Array:
    """``a*b + c`` of float64, rounded once.

    By Boldo and Melquiond, "Emulation of FMA and correctly rounded sums: proved algorithms using rounding
    to odd" (2008), figure 5. With exact ``uh + ul = a*b``, ``th + tl = c + ul``, ``vh + vl = uh + th``,
    the result is ``vh + odd(tl + vl)``. Their theorem asks that nothing overflows and that ``ul`` is a
    float64, which the bounds below see to: Dekker's product is exact where the factors can be split and
    the last bit of the product, some 2**-106 of it, is not below 2**-1074. Outside of these bounds are a
    factor of 0, where the product is exact, infinities and NaN, which need no rounding, and what is left
    to `fractions`.
    """
    a, b, c = (np.ascontiguousarray(x) for x in np.broadcast_arrays(a, b, c))
    product = a * b
    size_a, size_b, size = np.abs(a), np.abs(b), np.abs(product)
    safe = (size_a < 2.0**990) & (size_b < 2.0**990) & (size_a > 2.0**-960) & (size_b > 2.0**-960)
    safe &= (size > 2.0**-900) & (size < 2.0**1000) & (np.abs(c) < 2.0**1000)

    ul = _product_error(a, b, product)
    th, tl = _two_sum(c, ul)
    vh, vl = _two_sum(product, th)
    result = np.where(safe, vh + _to_odd(*_two_sum(tl, vl)), product + c)
    if safe.all():
        return result

    factors_finite = np.isfinite(a) & np.isfinite(b)
    # The product of two finite factors may have overflowed; an infinite or undefined c takes no notice.
    result = np.where(factors_finite & ~np.isfinite(c), c, result)
    by_hand = ~safe & factors_finite & np.isfinite(c) & (a != 0) & (b != 0)
    for at in zip(*np.nonzero(by_hand), strict=True):
        result[at] = _fma_of_numbers(float(a[at]), float(b[at]), float(c[at]))
    return result


def _product_error(a: Array, b: Array, product: Array) -> Array:
    """``a*b - product``, exactly (Dekker)."""

    def split(x: Array) -> tuple[Array, Array]:
        scaled = x * 134217729.0
        high = scaled - (scaled - x)
        return high, x - high

    (a1, a2), (b1, b2) = split(a), split(b)
    error: Array = ((a1 * b1 - product) + a1 * b2 + a2 * b1) + a2 * b2
    return error


def _fma_of_numbers(a: float, b: float, c: float) -> float:
    """For finite numbers; neither factor is 0."""
    exact = Fraction(a) * Fraction(b) + Fraction(c)
    try:
        size = float(abs(exact))  # correctly rounded, to a subnormal number or 0 as well
    except OverflowError:
        size = math.inf
    return -size if exact < 0 else size  # a sum that vanishes is +0: its terms have different signs


def multiply_add(modifiers: list[str], types: list[str]) -> Operation | None:
    """fma"""
    if len(types) > 1 or types[0] not in FLOATS or "rn" not in modifiers or not _rounding(modifiers, ["rn"]):
        return None
    return _float_operation(fma32 if types[0] == "f32" else fma64, modifiers, types[0], 3)


def _bits(x: Array) -> Array:
    return np.ascontiguousarray(x).view(f"u{x.dtype.itemsize}")


def extreme(largest: bool) -> Builder:
    """min, max: a NaN gives way to a number, "+0.0 > -0.0"; with .NaN a NaN prevails.

    With .relu nothing is less than 0.
    """

    def of_floats(x: Array, y: Array) -> Array:
        x, y = np.broadcast_arrays(x, y)
        chosen = np.where((x > y) if largest else (x < y), x, y)
        both = _bits(x) & _bits(y) if largest else _bits(x) | _bits(y)  # equal ones differ in sign at most
        chosen = np.where(x == y, both.view(x.dtype), chosen)
        return np.where(np.isnan(x), y, np.where(np.isnan(y), x, chosen))

    def prevailing(x: Array, y: Array) -> Array:
        return np.where(np.isnan(x) | np.isnan(y), x.dtype.type(np.nan), of_floats(x, y))

    def build(modifiers: list[str], types: list[str]) -> Operation | None:
        (type_,) = types
        if type_ in FLOATS and set(modifiers) <= {"ftz", "NaN"}:
            return _float_operation(prevailing if "NaN" in modifiers else of_floats, modifiers, type_, 2)
        call = np.maximum if largest else np.minimum
        if modifiers == ["relu"] and type_ == "s32":
            return Operation((type_,) * 2, type_, lambda x, y: np.maximum(call(x, y), np.int32(0)))
        if modifiers or type_ in FLOATS:
            return None
        return Operation((type_,) * 2, type_, call)

    return build


def _sign(type_: str) -> Array:
    dtype = TYPES[type_]
    return np.array(1 << (8 * dtype.itemsize - 1), f"u{dtype.itemsize}")


def _of_bits(call: Callable[..., Array], type_: str, n: int, modifiers: Sequence[str] = ()) -> Operation:
    """What happens to a float's bits alone, as neg, abs and copysign do."""

    def of_floats(*xs: Array) -> Array:
        return call(*map(_bits, xs)).view(TYPES[type_])

    return _float_operation(of_floats, modifiers, type_, n)


def negate(modifiers: list[str], types: list[str]) -> Operation | None:
    (type_,) = types
    if not set(modifiers) <= {"ftz"}:
        return None
    if type_ in FLOATS:
        return _of_bits(lambda x: x ^ _sign(type_), type_, 1, modifiers)
    return Operation((type_,), type_, np.negative)


def absolute(modifiers: list[str], types: list[str]) -> Operation | None:
    (type_,) = types
    if not set(modifiers) <= {"ftz"}:
        return None
    if type_ in FLOATS:
        return _of_bits(lambda x: x & ~_sign(type_), type_, 1, modifiers)
    return Operation((type_,), type_, np.abs)


def copysign(modifiers: list[str], types: list[str]) -> Operation | None:
    """ "Copy sign bit of a into value of b" """
    (type_,) = types
    sign = _sign(type_)
    return None if modifiers else _of_bits(lambda a, b: (a & sign) | (b & ~sign), type_, 2)


def test_property(modifiers: list[str], types: list[str]) -> Operation | None:
    """testp"""
    tests: dict[str, Callable[[Array], Array]] = {
        "finite": np.isfinite,
        "infinite": np.isinf,
        "number": lambda x: ~np.isnan(x),
        "notanumber": np.isnan,
    }
    (type_,) = types
    if len(modifiers) != 1 or modifiers[0] not in tests:
        return None
    return Operation((type_,), "pred", tests[modifiers[0]])
