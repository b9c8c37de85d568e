"""Fractions, and ways from one number to another: straight, or along half a cosine."""

from __future__ import annotations

import abc
import decimal
import functools
import math
from collections.abc import Sequence
from typing import ClassVar, NamedTuple

import numpy as np

from .arrays import (
    Array,
    Number,
    Whole,
    in_kind,
    is_number,
    maximum,
    minimum,
    most_of,
    namespace,
    select,
    to_float,
    where,
)
from .counts import divmod_count, wide
from .rounding import DIGITS, Length, minus, per_platform, polynomial, product, quotient, rounded

# Fractions ------------------------------------------------------------------------------


def reciprocal(n: Length) -> tuple[Number, Number]:
    """``1/n`` as ``high + low``, to 2**-73, for ``n > 0``; of anything else it is 1.

    ``high`` has at most 21 bits, so that its product with any count below 2**32 is exact.
    A Python ``n`` may be an `exact_difference`, and is not rounded.
    """
    if is_number(n) or isinstance(n, decimal.Decimal):
        return _reciprocal_of_number(n)
    n = to_float(n)
    n = where(n > 0, n, 1.0)
    r = quotient(1.0, n)
    c = product(r, 2.0**32 + 1)  # Veltkamp's splitting
    high = c - rounded(c - r)
    return high, product(minus(1.0, product(n, high)), r)


@functools.lru_cache
def _reciprocal_of_number(n: float | decimal.Decimal) -> tuple[float, float]:
    with decimal.localcontext(prec=DIGITS):
        return in_two(1 / decimal.Decimal(n) if n > 0 else decimal.Decimal(1))


def in_two(exact: decimal.Decimal) -> tuple[float, float]:
    """``exact`` as ``high + low``; ``high`` has 21 bits, so its multiples are exact."""
    mantissa, exponent = math.frexp(float(exact))
    high = math.ldexp(math.trunc(math.ldexp(mantissa, 21)), exponent - 21)
    return high, float(exact - decimal.Decimal(high))


@in_kind
def fraction(m: Number, n: Number) -> Number:
    """``m / n`` for ``m >= 0``, ``n > 0``.

    1u for a whole ``m < 2**32``, where the first product is exact; otherwise 3u. Exactly
    0 at ``m = 0`` and exactly 1 at ``m = n`` for whole numbers below 2**32.
    """
    if is_number(m) and is_number(n):
        return m / n
    m, (high, low) = to_float(m), reciprocal(n)
    return product(m, high) + product(m, low)  # without the last rounding, to 2**-72


# Shapes ---------------------------------------------------------------------------------


class Shape(abc.ABC):
    """How a way is gone: the share of it, at a share ``x`` of its length in [0, 1/2]."""

    order: ClassVar[int]
    """Next to 0, the share is at least ``x**order``."""

    @abc.abstractmethod
    def __call__(self, x: Array, x_low: Number = 0.0) -> Array:
        """The share at ``x + x_low``."""

    @abc.abstractmethod
    def folded(self, change: decimal.Decimal, length: decimal.Decimal) -> tuple[float, ...]:
        """All that does not depend on the count, for `along`."""

    @abc.abstractmethod
    def along(self, folded: Sequence[Number], m: Array) -> Array:
        """``change`` times the share at ``m / length``."""


class _Linear(Shape):
    order = 1

    def __call__(self, x: Array, x_low: Number = 0.0) -> Array:
        return x + x_low

    def folded(self, change: decimal.Decimal, length: decimal.Decimal) -> tuple[float, ...]:
        return (float(change / length),)

    def along(self, folded: Sequence[Number], m: Array) -> Array:
        return product(m, folded[0])


# sin(pi*x/2)**2 / x**2 in powers of x**2 on [0, 1/4]:
#   mpmath.chebyfit(lambda s: sin(pi*sqrt(s)/2)**2 / s, [0, 1/4], 8)
# rounded to float64; relative error 6.4e-17 (0.6u) over the interval.
_HALF_COSINE = (
    2.4674011002723395,
    -2.029356063208368,
    0.6676313844259402,
    -0.11766531513607885,
    0.012903445012937696,
    -0.000964781326239933,
    5.2291431841632926e-05,
    -2.0831997313634743e-06,
)
_LEADING = 5
"""The others make at most 2**-21 of the sum."""


class _HalfCosine(Shape):
    order = 2

    # Written as sin(pi*x/2)**2, with the factor that vanishes pulled out, so that it keeps all its digits
    # near 0. The square would double the rounding error of an x in one piece.
    def __call__(self, x: Array, x_low: Number = 0.0) -> Array:
        s = rounded(product(x, x) + product(x_low, 2.0 * x + x_low))
        return product(s, polynomial(_HALF_COSINE, s, _LEADING))

    def folded(self, change: decimal.Decimal, length: decimal.Decimal) -> tuple[float, ...]:
        # Instead of m / length there is m over a power of 2, which is exact and leaves no range; what is
        # missing goes into the coefficients.
        exponent = math.frexp(float(length))[1]
        square = (decimal.Decimal(2) ** exponent / length) ** 2
        coefficients = (change * decimal.Decimal(c) * square ** (i + 1) for i, c in enumerate(_HALF_COSINE))
        return 2.0**-exponent, *map(float, coefficients)

    def along(self, folded: Sequence[Number], m: Array) -> Array:
        x = m * folded[0]
        s = x * x
        return product(s, polynomial(folded[1:], s, _LEADING))


linear: Shape = _Linear()
"""The linear ramp; 1u."""

half_cosine: Shape = _HalfCosine()
"""The half cosine ``(1 - cos(pi*x))/2``; 4u."""


# Interpolation --------------------------------------------------------------------------


class Way(NamedTuple):
    """How `interpolate` gets from one number to another: what does not depend on the count."""

    parts: tuple[Number, ...]
    folded: bool
    """Whether the parts are a shape's own, of Python numbers; else the change, and 1/length in two."""


def ways(shape: Shape, *spans: tuple[Number, Number, Length]) -> list[Way]:
    """Ways of one kind, so that a schedule can choose among them by the count.

    Args:
      shape: of all of them.
      *spans: of each, the start, the end, and the length, which may be an `exact_difference`.
    """
    known = all(is_number(x) or isinstance(x, decimal.Decimal) for span in spans for x in span)
    if known:
        return [Way(_folded(shape, *span), True) for span in spans]
    return [Way((minus(end, start), *reciprocal(length)), False) for start, end, length in spans]


@functools.lru_cache
def _folded(shape: Shape, start: float, end: float, length: float | decimal.Decimal) -> tuple[float, ...]:
    with decimal.localcontext(prec=DIGITS):
        change = decimal.Decimal(end) - decimal.Decimal(start)
        return shape.folded(change, decimal.Decimal(length) if length > 0 else decimal.Decimal(1))


def interpolate(
    start: Number, end: Number, elapsed: Array, remaining: Array, way: Way | Length, shape: Shape
) -> Array:
    """From ``start`` (``elapsed = 0``) to ``end`` (``remaining = 0``).

    ``elapsed`` and ``remaining`` are both given, because both are differences of counts,
    exact before any division; ``way`` is one of `ways`, or the length, which is their sum.

    Walks from the nearer end: ``near + (far - near) * shape(x)``, ``x <= 1/2``. For
    ``start, end >= 0`` nothing cancels, both ends are met exactly, and the result is
    within 4u (`linear`) or 7u (`half_cosine`) of exact. Where both ``elapsed`` and
    ``remaining`` are 0 the end is reached.
    """
    if not isinstance(way, Way):
        (way,) = ways(shape, (start, end, way))
    first_half = elapsed < remaining
    m = to_float(where(first_half, elapsed, remaining))
    if way.folded:
        gone = shape.along(way.parts, m)
    else:
        change, *per = way.parts
        gone = product(change, shape(product(m, per[0]), product(m, per[1])))
    return where(first_half, start, end) + where(first_half, gone, -gone)


def least_between(start: Number, end: Number, length: Whole, shape: Shape) -> float:
    """No value of `interpolate` at whole counts lies between 0 and this; 0 where that is not known."""
    if not (is_number(start) and is_number(end) and is_number(length)):
        return 0.0
    low, high = sorted((start, end))
    if low > 0:
        return float(low)
    return float(high) * 0.5 / max(float(length), 1.0) ** shape.order


def cosine_wave(start: Number, end: Number, k: Array, length: Whole, cycles: Number, ahead: int = 0) -> Array:
    """``end + (start - end) * (1 + cos(2*pi*cycles*(k + ahead)/length))/2`` for whole ``k``, ``length >= 1``.

    Within 7u for any real ``cycles >= 0``, also where it comes next to 0: the phase ``cycles*k``
    is had exactly, and so is what whole periods leave of it. Counts above
    ``2**52 / cycles`` may be taken as that one; one count more no longer has a phase.
    """
    if is_number(cycles) and is_number(length):
        # Twice the cycles are p/q, so that k is p*k of half waves that are length*q long.
        p, q = float(2 * cycles).as_integer_ratio()
        half = length * q
        if max(p, 1) * 2 * half <= np.iinfo(np.int64).max:
            _, k = divmod_count(k, 2 * half)
            if max(p, 1) * (2 * half + ahead) > most_of(k.dtype):
                k = wide(k)
            _, elapsed = divmod_count(p * (k + ahead), 2 * half)
            elapsed = minimum(elapsed, 2 * half - elapsed)
            return interpolate(start, end, elapsed, half - elapsed, half, half_cosine)
    change = minus(end, start)
    if is_number(cycles) and is_number(length) and k.dtype in (np.int32, np.uint32):
        first_half, gone = per_platform(
            tpu=lambda: _fixed_wave(k, ahead, length, cycles, change),
            default=lambda: _wave(k, ahead, length, cycles, change),
        )
    else:
        first_half, gone = _wave(k, ahead, length, cycles, change)
    return where(first_half, start, end) + where(first_half, gone, -gone)


def _wave(k: Array, ahead: int, length: Whole, cycles: Number, change: Number) -> tuple[Array, Array]:
    """Whether the nearer end is the start, and the way gone from there."""
    first_half, x, x_low = _phase(k, ahead, length, cycles)
    return first_half, product(change, half_cosine(x, x_low))


def _phase(k: Array, ahead: int, length: Number, cycles: Number) -> tuple[Array, Array, Array]:
    """Whether the nearer end is the start, and how far off it is, in half waves, as a sum of two."""
    k, last = to_float(k) + float(ahead), 2.0**52 / maximum(cycles, 1.0)
    k = where(k > last, last, k)
    phase, low = two_product(k, namespace(k, cycles).asarray(cycles, np.float64))
    length = to_float(length)
    _, elapsed = divmod_count(phase, length)
    wraps = 2.0 * elapsed > length
    elapsed, low = where(wraps, minus(length, elapsed), elapsed), where(wraps, -low, low)
    elapsed, low = 2.0 * elapsed, 2.0 * low
    remaining = minus(length, elapsed)  # exact where it is the smaller one, by Sterbenz
    first_half = elapsed < remaining
    m, m_low = where(first_half, elapsed, remaining), where(first_half, low, -low)
    high, rest = reciprocal(length)
    x, x_low = two_product(m, m * 0.0 + high)
    return first_half, x, x_low + (product(m, rest) + product(m_low, high + rest))


def _fixed_wave(k: Array, ahead: int, length: float, cycles: float, change: Number) -> tuple[Array, Array]:
    """`_wave` of a count of 32 bits, for a TPU, whose float64 has not the bits for `_phase`.

    The phase is a whole number of 128 bits, of which one wave has 2**128: its error is 2**-96 of one.
    """
    with decimal.localcontext(prec=2 * DIGITS):
        waves = int(decimal.Decimal(cycles) / decimal.Decimal(length) % 1 * 2**128)
    word: Array | np.uint64
    count, word, mask = k.astype(np.uint64) + np.uint64(ahead), np.uint64(0), np.uint64(0xFFFFFFFF)
    words = []
    for shift in (0, 32, 64, 96):  # multiplied as on paper, with 32 bits for a digit
        word = count * np.uint64(waves >> shift & 0xFFFFFFFF) + (word >> 32)
        words.append(word & mask)
    low, high = words[1] << 32 | words[0], words[3] << 32 | words[2]
    borrow = (low != 0).astype(np.uint64)
    wraps = high >> 63 == 1
    high, low = select(wraps, -high - borrow, high), select(wraps, -low, low)
    first_half = high < np.uint64(2**62)
    high, low = (
        select(first_half, high, np.uint64(2**63) - high - borrow),
        select(first_half, low, -low),
    )
    x = to_float(high >> 32) * 2.0**-31 + to_float(high & mask) * 2.0**-63 + to_float(low >> 32) * 2.0**-95
    # Next to 0 it is a parabola, whose numbers get too small for two float32 to hold; see `lifted_power`.
    near_end = x < 2.0**-27
    lifted = select(near_end, x, 0.0) * 2.0**32
    parabola = product(change, lifted * lifted * _HALF_COSINE[0]) * 2.0**-64
    return first_half, select(near_end, parabola, product(change, half_cosine(x)))


def two_product(a: Array, b: Array) -> tuple[Array, Array]:
    """``a * b`` exactly, as rounded product + error (Dekker 1971)."""

    def split(x: Array) -> tuple[Array, Array]:
        c = product(x, 134217729.0)
        high = c - rounded(c - x)
        return high, x - high

    p = product(a, b)
    (a1, a2), (b1, b2) = split(a), split(b)
    # These products are exact (26 bits by 26), so contraction cannot change them.
    return p, ((a1 * b1 - p) + a1 * b2 + a2 * b1) + a2 * b2
