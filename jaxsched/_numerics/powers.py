"""Powers of constants, by tables; of data, by our own exp2 and log2."""

from __future__ import annotations

import decimal
import functools
import math
import operator
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from .arrays import (
    NUMPY,
    Array,
    Number,
    Values,
    Whole,
    Wholes,
    is_number,
    maximum,
    minimum,
    namespace,
    to_float,
    where,
)
from .counts import lookup
from .curves import two_product
from .rounding import (
    DIGITS,
    capped,
    largest,
    most,
    polynomial,
    product,
    product_of,
    quotient,
    rounded,
    sqrt,
)

Lifted: TypeAlias = tuple[Number, Whole]
"""A factor of a product: ``(number, exponent)``, to be multiplied by ``2**exponent``, a whole number.

So it may be out of the range of numbers. And a number below 2**-102 leaves no room for the smaller one of
the two that a TPU makes it of; with the exponents multiplied last, none comes in between."""

LiftedArray: TypeAlias = tuple[Array, Whole]
"""One that depends on a count."""

# Powers ---------------------------------------------------------------------------------

# (2**f - 1) / f in powers of f on [0, 1]:
#   mpmath.chebyfit(lambda f: expm1(f*log(2)) / f, [0, 1], 11)
# rounded to float64; relative error 8.1e-17 (0.7u).
_EXP2 = (
    0.6931471805599453,
    0.24022650695909673,
    0.05550410866498067,
    0.009618129105151757,
    0.001333355834393728,
    0.00015403521219107733,
    1.5252998899728418e-05,
    1.3210583477765189e-06,
    1.0236023803275179e-07,
    6.634445866251414e-09,
    6.123092916826387e-10,
)

# (2*atanh(s)/log(2) - 2*s/log(2)) / s**3 in powers of s**2, for s**2 up to a little more
# than (sqrt(2)-1)**2/(sqrt(2)+1)**2:
#   mpmath.chebyfit(lambda t: (atanh(sqrt(t))/sqrt(t) - 1)/t * 2/log(2), [0, 0.0298], 8)
# rounded to float64; relative error 5.3e-17 (0.5u).
_LOG2 = (
    0.9617966939259756,
    0.5770780163555992,
    0.41219858310141577,
    0.32059890057837626,
    0.2623078472863641,
    0.2219774230898947,
    0.1914038195578877,
    0.1890507292077238,
)
_TWO_OVER_LN2 = (2.8853900817779268, 4.0710547481862066e-17)  # high + low


def _two_power(n: Array) -> Array:
    """``2.0**n`` for a whole number ``n`` in [-126, 127]; exact.

    By way of float32, whose bits every device lets us write.
    """
    return ((n.astype(np.int32) + 127) << 23).view(np.float32).astype(np.float64)


def _exp2(high: Array, low: Array) -> LiftedArray:
    """``2**(high + low)`` for a small ``low``; 3u, plus what the argument has lost."""
    low = where(abs(high) < _RANGE, low, 0.0)
    high = minimum(maximum(high, -_RANGE), _RANGE)
    whole = namespace(high, low).floor(high)
    part = (high - whole) + low
    borrow = where(part < 0, 1.0, 0.0)
    part, whole = part + borrow, whole - borrow
    return 1.0 + product(part, polynomial(_EXP2, part, 9)), whole


def _exponent(x: Array) -> Array:
    """Of a float64 in float32's normal range; one more where rounding to float32 reaches it."""
    return (x.astype(np.float32).view(np.int32) >> 23).astype(np.float64) - 127.0


def _log2(x: Array, y: Number = 1.0) -> tuple[Array, Array]:
    """``log2(x / y)`` as ``high + low`` for float64 in float32's normal range, ``x`` an array.

    Relative error 2**-57, next to ``x = y`` too. At ``x = 0`` it is -4096, whose power is 0. By
    ``x / y = 2**e * m / y``, that in [sqrt(1/2), sqrt(2)], and ``log2(m / y) = 2*atanh(s)/log(2)``,
    ``s = (m - y)/(m + y)``, whose series has terms of one sign. The difference is exact.
    """
    exponent = _exponent(x) - (0.0 if is_number(y) else _exponent(y))
    m = x * _two_power(-minimum(maximum(exponent, -127.0), 126.0))
    large, small = m > math.sqrt(2) * y, m < math.sqrt(0.5) * y
    m = where(large, 0.5 * m, where(small, 2.0 * m, m))
    exponent = where(large, exponent + 1, where(small, exponent - 1, exponent))

    top, bottom = m - y, rounded(m + y)
    nearly_m = rounded(bottom - y)
    bottom_low = rounded(m - nearly_m) + rounded(y - rounded(bottom - nearly_m))  # Knuth's two-sum
    s = quotient(top, bottom)
    p, p_low = two_product(s, bottom)
    s_low = quotient(((top - p) - p_low) - product(s, bottom_low), bottom)
    square = product(s, s)
    series = _LOG2[0] + product(square, polynomial(_LOG2[1:], square, len(_LOG2)))
    tail = product(product(s, square), series)
    high, high_low = two_product(s, namespace(s).full_like(s, _TWO_OVER_LN2[0]))
    low = high_low + (tail + product(_TWO_OVER_LN2[0], s_low)) + product(s, _TWO_OVER_LN2[1])
    whole = rounded(exponent + high)
    low = (rounded(exponent - whole) + high) + low
    total = rounded(whole + low)
    return where(x == 0, -4096.0, total), where(x == 0, 0.0, rounded(whole - total) + low)


def _exp2_multiple(n: Array, high: Array, low: Array) -> LiftedArray:
    """``2**(n * (high + low))`` for ``n >= 0``, ``high + low`` an unevaluated sum."""
    p, p_low = two_product(n, high)
    return _exp2(p, p_low + product(n, low))


def _power(x: Array, n: Array) -> LiftedArray:
    value, exponent = _exp2_multiple(n, *_log2(x))
    return where(x > 0, value, where(n > 0, 0.0, 1.0)), where(x > 0, exponent, 0.0)


def _fraction_power(m: Array, n: Array, exponent: Array) -> LiftedArray:
    value, two = _exp2_multiple(exponent, *_log2(m, n))
    return where(m > 0, value, where(exponent > 0, 0.0, 1.0)), where(m > 0, two, 0.0)


# The bits of an exponent have no derivative, so powers of data bring their own. Rules may
# run long after the schedule was traced, outside its float64 context: they open their own.
_differentiable_power = jax.custom_jvp(_power)
_differentiable_fraction_power = jax.custom_jvp(_fraction_power)


@_differentiable_power.defjvp
def _power_jvp(
    primals: tuple[Array, Array], tangents: tuple[Array, Array]
) -> tuple[LiftedArray, LiftedArray]:
    with jax.enable_x64(True):
        (x, n), (dx, _) = primals, tangents
        value, exponent = _power(x, n)
        one_less, its = _differentiable_power(x, jnp.maximum(n - 1.0, 0.0))
        slope = n * one_less * _two_power(jnp.clip(its - exponent, -126.0, 126.0))
        return (value, exponent), (slope * dx, jnp.zeros_like(exponent))


@_differentiable_fraction_power.defjvp
def _fraction_power_jvp(
    primals: tuple[Array, Array, Array], tangents: tuple[Array, Array, Array]
) -> tuple[LiftedArray, LiftedArray]:
    with jax.enable_x64(True):
        (m, n, exponent), (_, _, dexponent) = primals, tangents
        value, two = _differentiable_fraction_power(m, n, exponent)
        logarithm = jnp.log(jnp.where(m > 0, m / n, 1.0))
        return (value, two), (value * logarithm * dexponent, jnp.zeros_like(two))


# Products -------------------------------------------------------------------------------


def product_of_lifted(factors: Sequence[Lifted]) -> Array:
    """The product, rounded once for each factor after the first; never above `most`.

    A factor may be far out of range where the product is not, as of what grows and what shrinks.
    """
    values, exponents = zip(*factors, strict=True)
    first, *others = values
    value = product_of(values)
    small = value < 2.0**-60  # some bits of a factor may be lost on the way
    value = where(small, product_of([first * 2.0**64, *others]), value)
    exponent = sum(exponents, where(small, -64, 0)).astype(np.int32)
    if largest() > 2.0**128:
        # What is subnormal even in float64 is 0, as in XLA's programs.
        value = where(exponent < -1000, 0.0, value)
        return capped(_lift(value, minimum(maximum(exponent, -1000), 1000)))
    exponent = minimum(maximum(exponent, -252), 252)
    # Not capped after it was lifted: an infinity in a pair of float32 is NaN.
    highest = _two_power(127 - maximum(exponent, 0)) * math.ldexp(most(), -127)
    return _lift(where(value > highest, highest, value), exponent)


def _lift(value: Array, exponent: Array) -> Array:
    """``value * 2**exponent``."""
    eighth = exponent >> 3
    # float64 has exponents that float32 lacks: 2**n = (2**eighth)**8 * 2**rest. One after the other, as the
    # two halves together may be out of float32's range where the result is not.
    half = _two_power(eighth)
    half = half * half
    half = half * half
    return value * _two_power(exponent - 8 * eighth) * half * half


# Whole powers ---------------------------------------------------------------------------


def power(x: Number, n: Array, scale: Number = 1.0) -> Array:
    """``scale * x**n`` for ``x >= 0`` and a whole ``n >= 0``; ``0**0 = 1``. Never above `most`.

    Of a Python number ``x`` it is the product of those powers that the digits of ``n`` say, each from a table
    made on the host in 50 digits: 1u, and 2u for each digit after the first, of which a number next to 1
    needs three. For an array, 5u plus 2**-57 of ``n*log2(x)``.
    """
    if not is_number(x):
        factor = lifted_power(x, n)
        return product_of_lifted([factor] if scale == 1 else [(scale, 0), factor])
    limit = most()
    tables, bits, lifted, lift = _power_tables(x, scale, limit)
    value, top = _looked_up(tables, bits, n)
    if lifted is None:
        return value
    if x > 1:
        highest = where(top >= lifted, limit / lift, limit)
        value = where(value > highest, highest, value)
    return value * where(top >= lifted, lift, 1.0)


def lifted_power(x: Number, n: Array) -> LiftedArray:
    """``x**n`` as a factor of `product_of_lifted`; beyond ``2**1000`` and ``2**-1000`` it stays."""
    if not is_number(x):
        n = to_float(n)
        return (_power if namespace(x, n) is NUMPY else _differentiable_power)(x, n)
    tables, bits, exponents = _lifted_tables(x)
    value, top = _looked_up(tables, bits, n)
    return value, lookup(exponents, top)


def _looked_up(tables: Sequence[Values], bits: int, n: Array) -> tuple[Array, Array]:
    """The product of a power for each digit of ``n``, and the first digit."""
    n = minimum(n, (len(tables[0]) << bits * (len(tables) - 1)) - 1)
    top = _without(n, bits * (len(tables) - 1))
    value = lookup(tables[0], top)
    for i, table in enumerate(tables[1:], start=2):
        value = value * lookup(table, _without(n, bits * (len(tables) - i)) & ((1 << bits) - 1))
    return value, top


def _without(n: Array, bits: int) -> Array:
    """What is left of ``n`` without its last so many bits."""
    return n * 0 if bits >= n.dtype.itemsize * 8 else n >> bits


_TABLE_BITS = 11
_LIFT = 2.0**64


@functools.lru_cache
def _power_tables(x: float, scale: float, limit: float) -> tuple[tuple[Values, ...], int, int | None, float]:
    """Tables of ``x**digit``, first the one of the highest digit, which is also multiplied by ``scale``.

    Returns:
      The tables; how many bits a digit has; from which highest digit on what is there must be multiplied
      by, and that number: a power of 2. The last entry of the first table is what all higher powers are.
    """
    with decimal.localcontext(prec=DIGITS):
        exact, highest = decimal.Decimal(x), decimal.Decimal(limit)
        two = decimal.Decimal(2)
        if x in (0, 1) or scale == 0:
            return (np.asarray([scale, x and scale]),), 0, None, 1.0
        # The first power that is 0, or above the limit. Below 2**-151 a float32 is 0.
        end = highest if x > 1 else two ** (-151 if scale != 1 and limit < 2.0**128 else -1000)
        last, digits, bits = _digits((end / decimal.Decimal(scale)).ln() / exact.ln())
        step = exact ** (1 << bits * (digits - 1))
        powers, value = [], decimal.Decimal(scale)
        for _ in range((last >> bits * (digits - 1)) + 1):
            powers.append(value)
            value *= step
        lift, lifted = (1 / _LIFT, two**-50) if x < 1 else (_LIFT, two**64)
        if digits == 1:
            first, at, beyond = [min(p, highest) for p in powers], None, highest
        else:
            at = next((i for i, p in enumerate(powers) if (p < lifted if x < 1 else p > lifted)), len(powers))
            first = [p / decimal.Decimal(lift) if i >= at else p for i, p in enumerate(powers)]
            beyond = value / decimal.Decimal(lift)
        first.append(min(beyond, highest) if x > 1 else decimal.Decimal(0))
        return (_floats(first), *_other_digits(exact, digits, bits)), bits, at, lift


def _digits(last: decimal.Decimal) -> tuple[int, int, int]:
    """A whole number not below ``last``, in how many digits it is best written, and the bits of each."""
    whole = min(max(math.ceil(last), 1), 2**63 - 1)
    digits = math.ceil(whole.bit_length() / _TABLE_BITS)
    return whole, digits, math.ceil(whole.bit_length() / digits)


def _floats(numbers: Iterable[decimal.Decimal]) -> Values:
    return np.asarray([float(number) for number in numbers])


def _other_digits(exact: decimal.Decimal, digits: int, bits: int) -> Iterator[Values]:
    """The powers for each digit after the first."""
    for i in reversed(range(digits - 1)):
        step, value, table = exact ** (1 << bits * i), decimal.Decimal(1), []
        for _ in range(1 << bits):
            table.append(value)
            value *= step
        yield _floats(table)


_RANGE = 1000.0
"""How far the exponent of a factor may be from 0."""


@functools.lru_cache
def _lifted_tables(x: float) -> tuple[tuple[Values, ...], int, Wholes]:
    """Tables of ``x**digit`` in [1, 2), first the one of the highest digit, and the exponents of that one."""
    with decimal.localcontext(prec=DIGITS):
        exact, two = decimal.Decimal(x), decimal.Decimal(2)
        if x in (0, 1):
            return (np.asarray([1.0, x]),), 0, np.zeros(2, np.int32)
        last, digits, bits = _digits(two.ln() * decimal.Decimal(_RANGE) / abs(exact.ln()))
        powers = _normalized(exact ** (1 << bits * (digits - 1)), (last >> bits * (digits - 1)) + 1)
        values, exponents = zip(*powers, strict=True)
        return (_floats(values), *_other_digits(exact, digits, bits)), bits, np.asarray(exponents, np.int32)


def _normalized(x: decimal.Decimal, n: int) -> Iterator[tuple[decimal.Decimal, int]]:
    """``x**0 … x**n``, each as a number in [1, 2) and an exponent of 2."""
    power, exponent, two = decimal.Decimal(1), 0, decimal.Decimal(2)
    for _ in range(n + 1):
        more = math.frexp(float(power))[1] - 1 if power else 0
        power, exponent = power / two**more, exponent + more
        yield power, exponent
        power *= x


@functools.lru_cache
def _rounded_powers(x: float, n: int, scale: float, limit: float) -> tuple[float, ...]:
    with decimal.localcontext(prec=DIGITS):
        exact, value, found = decimal.Decimal(x), decimal.Decimal(scale), []
        for _ in range(n + 1):
            found.append(min(float(value), limit))
            value *= exact
        return tuple(found)


def first_powers(x: float, n: int, scale: float = 1.0) -> tuple[float, ...]:
    """``scale * x**0, …, scale * x**n``, each rounded once."""
    return _rounded_powers(x, n, scale, most())


def first_lifted_powers(x: float, n: int) -> tuple[Values, Wholes]:
    """The same of ``x`` alone, each as a factor of `product_of_lifted`: all numbers, and all exponents."""
    with decimal.localcontext(prec=DIGITS):
        values, exponents = zip(*_normalized(decimal.Decimal(x), n), strict=True)
    return _floats(values), np.asarray(exponents, np.int32)


# Fractional powers ----------------------------------------------------------------------


def fraction_power(m: Array, n: Whole, exponent: Number, scale: Number = 1.0) -> Array:
    """``scale * (m / n)**exponent`` for whole ``0 <= m <= n``, ``n >= 1``, ``exponent >= 0``.

    5u plus 2**-57 of ``exponent*log2(m/n)``. ``0**0 = 1``; it is ``scale`` where ``m = n``.
    """
    if not is_number(scale):
        return product_of_lifted([(scale, 0), lifted_fraction_power(m, n, exponent)])
    value, two = lifted_fraction_power(m, n, exponent, scale)
    return value if is_number(two) else product_of_lifted([(value, two)])


def lifted_fraction_power(m: Array, n: Whole, exponent: Number, scale: float = 1.0) -> LiftedArray:
    """The same as a factor of `product_of_lifted`."""
    if is_number(n) and is_number(exponent):
        if exponent == 0:
            return namespace(m).full_like(to_float(m), scale), 0
        if 2 * exponent in range(1, 7):
            return _half_power(m, n, int(2 * exponent), scale), 0
        if tables := _root_tables(n, exponent, scale):
            return _tabulated_power(m, n, scale, *tables)
    xp = namespace(m, n, exponent)
    m, n = to_float(m), xp.asarray(to_float(n))
    if is_number(exponent) or xp is NUMPY:
        value, two = _fraction_power(m, n, xp.asarray(exponent, np.float64))
    else:
        value, two = _differentiable_fraction_power(m, n, exponent)
    return product(scale, value), two


def _half_power(m: Array, n: int, halves: int, scale: float) -> Array:
    """By multiplication and one square root; 4u."""
    whole, odd = divmod(halves, 2)
    two, per = _share(n, halves, scale)
    x = to_float(m) * two
    factors = [x] * whole + ([sqrt(x)] if odd else []) + [per]
    return where(m == n, scale, rounded(functools.reduce(operator.mul, factors)))


@functools.lru_cache
def _share(n: int, halves: int, scale: float) -> tuple[float, float]:
    """A power of two that makes of ``n`` a share of 1, and ``scale`` over the power of that share."""
    whole, odd = divmod(halves, 2)
    with decimal.localcontext(prec=DIGITS):
        # Not n**whole, which may be too much for a float32.
        two = 2.0 ** -math.frexp(float(n))[1]
        share = decimal.Decimal(n) * decimal.Decimal(two)
        return two, float(decimal.Decimal(scale) / (share**whole * (share.sqrt() if odd else 1)))


_CELLS = 7
"""Bits behind the leading one that say where a number lies in a table."""


def _tabulated_power(
    m: Array,
    n: int,
    scale: float,
    values: Values,
    exponents: Wholes,
    inverses: Values,
    series: tuple[float, ...],
) -> LiftedArray:
    """By ``m = c * (1 + r)``, ``c`` the middle of one of 128 cells of each binade, and the binomial series.

    Which cell it is the bits of a float32 say.
    """
    bits = m.astype(np.float32).view(np.int32)
    cell = minimum(maximum((bits >> 23 - _CELLS) - (127 << _CELLS), 0), len(values) - 1)
    middle = ((bits & -(1 << 23 - _CELLS)) | 1 << 22 - _CELLS).view(np.float32)
    r = (to_float(m) - to_float(middle)) * lookup(inverses, cell)
    value = product(lookup(values, cell), polynomial(series, r, 4))
    two = lookup(exponents, cell) if exponents.any() else 0
    return where(m == 0, 0.0, where(m == n, scale, value)), two


@functools.lru_cache
def _root_tables(
    n: int, exponent: float, scale: float
) -> tuple[Values, Wholes, Values, tuple[float, ...]] | None:
    """``scale * (c / n)**exponent`` and exponents of every middle up to ``n``, ``1 / c``, the series."""
    with decimal.localcontext(prec=DIGITS):
        power, series = decimal.Decimal(exponent), [decimal.Decimal(1)]
        while abs(series[-1]) * decimal.Decimal(2) ** (-(_CELLS + 1) * (len(series) - 1)) > 2.0**-56:
            i = len(series)
            series.append(series[-1] * (power - i + 1) / i)
        if len(series) > 10:
            return None
        cells = [1 + (decimal.Decimal(2 * i + 1)) / (2 << _CELLS) for i in range(1 << _CELLS)]
        two = (power * decimal.Decimal(2).ln()).exp()
        powers = [(power * cell.ln()).exp() for cell in cells]
        binade = decimal.Decimal(scale) * (-power * decimal.Decimal(n).ln()).exp()
        values, inverses = [], []
        for e in range(int(n).bit_length() + 1):
            values += [binade * p for p in powers]
            inverses += [float(1 / cell) * 2.0**-e for cell in cells]
            binade *= two
        # A small one has an exponent; but what is m = n, which is the scale itself.
        exponents = np.asarray([-64 if value < 2.0**-50 else 0 for value in values], np.int32)
        exponents[-(1 << _CELLS) :] = 0
        lifted = [value * 2 ** -int(two) for value, two in zip(values, exponents, strict=True)]
        return _floats(lifted), exponents, np.asarray(inverses), tuple(map(float, series[:-1]))
