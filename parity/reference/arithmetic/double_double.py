"""Numbers of some 106 bits, millions at once: for every count of a schedule.

A number is the unevaluated sum of two float64 of NumPy (Dekker 1971; Joldes, Muller and Popescu 2017).
Nothing here may come from ``jaxsched``, and a test holds it to that.

Relative errors, for numbers that float32 can hold: at most ``2**-102`` of a sum, product or quotient,
``2**-95`` of `exp`, `log` and `power`. `cospi` is within ``2**-100``, absolute, as it may be 0.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, TypeAlias

import mpmath
import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True, eq=False)
class DoubleDouble:
    """``high + low``, where ``high`` is the float64 nearest to the sum; elementwise."""

    high: Floats
    low: Floats

    __array_ufunc__ = None  # NumPy arrays on the left leave the operation to us

    def __neg__(self) -> DoubleDouble:
        return DoubleDouble(-self.high, -self.low)

    def __add__(self, other: Number) -> DoubleDouble:
        other = number(other)
        high, error = _two_sum(self.high, other.high)
        low, rest = _two_sum(self.low, other.low)
        high, error = _fast_two_sum(high, error + low)
        return DoubleDouble(*_fast_two_sum(high, error + rest))

    def __sub__(self, other: Number) -> DoubleDouble:
        return self + -number(other)

    def __mul__(self, other: Number) -> DoubleDouble:
        other = number(other)
        high, error = _two_product(self.high, other.high)
        error = error + (self.high * other.low + self.low * other.high)
        return DoubleDouble(*_fast_two_sum(high, error))

    def __truediv__(self, other: Number) -> DoubleDouble:
        other = number(other)
        quotient = self.high / other.high
        rest = self - other * quotient
        return DoubleDouble(*_fast_two_sum(quotient, rest.high / other.high))

    __radd__, __rmul__ = __add__, __mul__

    def __rsub__(self, other: Number) -> DoubleDouble:
        return number(other) - self

    def __rtruediv__(self, other: Number) -> DoubleDouble:
        return number(other) / self

    def scaled(self, by: Floats | float) -> DoubleDouble:
        """Times a power of two, which is exact."""
        return DoubleDouble(self.high * by, self.low * by)


Number: TypeAlias = DoubleDouble | npt.NDArray[Any] | float


def number(x: Number) -> DoubleDouble:
    """A double-double from what a float64 holds."""
    return x if isinstance(x, DoubleDouble) else DoubleDouble(np.asarray(x, np.float64), np.zeros(()))


def where(condition: npt.NDArray[np.bool_], x: Number, y: Number) -> DoubleDouble:
    x, y = number(x), number(y)
    return DoubleDouble(np.where(condition, x.high, y.high), np.where(condition, x.low, y.low))


def _two_sum(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """The rounded sum and its error (Knuth)."""
    total = a + b
    of_b = total - a
    return total, (a - (total - of_b)) + (b - of_b)


def _fast_two_sum(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """The same for ``|a| >= |b|`` (Dekker)."""
    total = a + b
    return total, b - (total - a)


def _split(x: Floats) -> tuple[Floats, Floats]:
    """Two halves of 26 bits, whose products are exact (Veltkamp)."""
    c = x * (2.0**27 + 1)
    high = c - (c - x)
    return high, x - high


def _two_product(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """The rounded product and its error (Dekker)."""
    product = a * b
    (a1, a2), (b1, b2) = _split(a), _split(b)
    return product, ((a1 * b1 - product) + a1 * b2 + a2 * b1) + a2 * b2


# Functions ------------------------------------------------------------------------------


def _constant(x: Any) -> DoubleDouble:
    """From a fraction or a number of mpmath."""
    return DoubleDouble(np.asarray(float(x)), np.asarray(float(x - type(x)(float(x)))))


with mpmath.workprec(200):
    PI, LOG2 = _constant(+mpmath.mp.pi), _constant(+mpmath.mp.ln2)

# The series of (exp(x) - 1)/x, and that of (1 - cos(x))/x**2 in powers of x**2, with as many terms as
# matter to 106 bits where they are used.
_EXPM1 = [_constant(Fraction(1, math.factorial(n + 1))) for n in range(11)]
_VERSINE = [_constant(Fraction((-1) ** n, math.factorial(2 * n + 2))) for n in range(8)]


def _series(coefficients: Sequence[DoubleDouble], x: DoubleDouble) -> DoubleDouble:
    return functools.reduce(lambda total, one: total * x + one, reversed(coefficients))


def cospi(x: DoubleDouble) -> DoubleDouble:
    """``cos(pi*x)``; exactly 1 or -1 at whole numbers."""
    whole = np.rint(x.high)
    small = (x - whole) * PI.scaled(2.0**-5)
    square = small * small
    versine = square * _series(_VERSINE, square)
    for _ in range(5):  # 1 - cos(2*a) = 2*v*(2 - v), where v = 1 - cos(a)
        versine = (versine * (2 - versine)).scaled(2.0)
    return (1 - versine).scaled(1.0 - 2.0 * (whole % 2))


def _exponential(x: DoubleDouble) -> tuple[Floats, DoubleDouble]:
    """``s, e`` such that ``exp(x) = s * (1 + e)``, where ``s`` is a power of two."""
    times = np.rint(x.high / LOG2.high)
    small = (x - LOG2 * times).scaled(2.0**-6)
    rest = small * _series(_EXPM1, small)
    for _ in range(6):  # exp(2*a) - 1 = 2*e + e**2, where e = exp(a) - 1
        rest = rest.scaled(2.0) + rest * rest
    return np.ldexp(1.0, times.astype(np.int32)), rest


def exp(x: DoubleDouble) -> DoubleDouble:
    """``exp(x)`` for ``x < 700``; below -700, where every float32 is 0, it is ``exp(-700)``."""
    scale, rest = _exponential(where(x.high < -700, -700.0, x))
    return (1 + rest).scaled(scale)


def log(x: DoubleDouble) -> DoubleDouble:
    """The logarithm of ``x > 0``: NumPy's, and one step of Newton's method with its second term."""
    near = number(np.log(x.high))
    scale, rest = _exponential(near)
    # x/exp(near) - 1, so that nothing is lost where both are close to 1.
    off = ((x - scale) - rest.scaled(scale)) / (1 + rest).scaled(scale)
    return near + (off - (off * off).scaled(0.5))


def power(x: Number, y: Number) -> DoubleDouble:
    """``x**y`` for ``x >= 0``, ``y >= 0``; ``0**0`` is 1."""
    x, y = number(x), number(y)
    zero = x.high == 0
    of_zero = np.where(y.high == 0, 1.0, 0.0)
    return where(zero, of_zero, exp(log(where(zero, 1.0, x)) * y))
