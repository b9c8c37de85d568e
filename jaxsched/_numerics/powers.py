"""Powers of constants, by tables; of data, by our own exp2 and log2."""

from __future__ import annotations

import decimal
import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .arrays import Values, is_number, maximum, minimum, namespace, to_float, where
from .counts import lookup
from .curves import two_product
from .rounding import DIGITS, capped, most, polynomial, product, quotient, rounded, sqrt

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


def _two_power(n: Any) -> Any:
    """``2.0**n`` for a whole number ``n`` (float64) in [-126, 127]; exact.

    By way of float32, whose bits every device lets us write.
    """
    return ((n.astype(np.int32) + 127) << 23).view(np.float32).astype(np.float64)


def _exp2(high: Any, low: Any) -> Any:
    """``2**(high + low)`` for a small ``low``; 3u, plus what the argument has lost.

    Below 2**-1008 it is 0. It never overflows: above 2**1000 it stays a huge finite
    number, so that a base learning rate of 0 times it is 0 and not NaN.
    """
    high = minimum(maximum(high, -1100.0), 1000.0)
    low = minimum(maximum(low, -1.0), 1.0)
    xp = namespace(high, low)
    whole = xp.floor(high)
    part = (high - whole) + low
    borrow = where(part < 0, 1.0, 0.0)
    part, whole = part + borrow, whole - borrow
    mantissa = 1.0 + product(part, polynomial(_EXP2, part, 9))
    # float64 has exponents that float32 lacks: 2**whole = (2**eighth)**8 * 2**rest.
    eighth = xp.floor(whole * 0.125)
    scale = where(eighth < -126, 0.0, _two_power(maximum(eighth, -126.0)))
    scale = scale * scale
    scale = scale * scale
    # One after the other: together the two scales may be out of float32's range where the result is not.
    return mantissa * _two_power(whole - 8 * eighth) * scale * scale


def _exponent(x: Any) -> Any:
    """Of a float64 in float32's normal range; one more where rounding to float32 reaches it."""
    return (x.astype(np.float32).view(np.int32) >> 23).astype(np.float64) - 127.0


def _log2(x: Any, y: Any = 1.0) -> tuple[Any, Any]:
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


def _exp2_multiple(n: Any, high: Any, low: Any) -> Any:
    """``2**(n * (high + low))`` for ``n >= 0``, ``high + low`` an unevaluated sum."""
    p, p_low = two_product(n, high)
    return _exp2(p, p_low + product(n, low))


def _power(x: Any, n: Any) -> Any:
    return _exp2_multiple(n, *_log2(x))


def _fraction_power(m: Any, n: Any, exponent: Any) -> Any:
    power = _exp2_multiple(exponent, *_log2(m, n))
    return where(m > 0, power, where(exponent > 0, 0.0, 1.0))


# The bits of an exponent have no derivative, so powers of data bring their own. Rules may
# run long after the schedule was traced, outside its float64 context: they open their own.
_differentiable_power = jax.custom_jvp(_power)
_differentiable_fraction_power = jax.custom_jvp(_fraction_power)


@_differentiable_power.defjvp
def _power_jvp(primals: Any, tangents: Any) -> Any:
    with jax.enable_x64(True):
        (x, n), (dx, _) = primals, tangents
        slope = n * _differentiable_power(x, jnp.maximum(n - 1.0, 0.0))
        return _power(x, n), slope * dx


@_differentiable_fraction_power.defjvp
def _fraction_power_jvp(primals: Any, tangents: Any) -> Any:
    with jax.enable_x64(True):
        (m, n, exponent), (_, _, dexponent) = primals, tangents
        value = _differentiable_fraction_power(m, n, exponent)
        logarithm = jnp.log(jnp.where(m > 0, m / n, 1.0))
        return value, value * logarithm * dexponent


# Whole powers ---------------------------------------------------------------------------


def power(x: Any, n: Any, scale: float = 1.0) -> Any:
    """``scale * x**n`` for ``x >= 0`` and a whole ``n >= 0``; ``0**0 = 1``. Never above `most`.

    Of a Python number ``x`` it is the product of those powers that the digits of ``n`` say, each from a table
    made on the host in 50 digits: 1u, and 2u for each digit after the first, of which a number next to 1
    needs three. For an array, 5u plus 2**-57 of ``n*log2(x)``.
    """
    value, lift = _lifted(x, n, scale, False)
    return value if is_number(lift) else value * lift


def lifted_power(x: Any, n: Any, scale: float = 1.0) -> tuple[Any, Any]:
    """A `power` before its last step: a number, and the power of 2 that it has to be multiplied by.

    A number below 2**-102 leaves no room for the smaller one of the two that a TPU makes it of; one above
    2**128 could come before what keeps it from there. So both are computed with another exponent, and get
    their own in a product that rounds nothing. Before that, others may be multiplied with.
    """
    return _lifted(x, n, scale, True)


def _lifted(x: Any, n: Any, scale: float, goes_on: bool) -> tuple[Any, Any]:
    if not is_number(x):
        n = to_float(n)
        value = (_power if namespace(x, n) is np else _differentiable_power)(x, n)
        return value if scale == 1 else capped(product(scale, value)), 1.0
    limit = most()
    tables, bits, lifted, lift = _power_tables(x, scale, limit, goes_on)
    n = minimum(n, (len(tables[0]) << bits * (len(tables) - 1)) - 1)
    top = _without(n, bits * (len(tables) - 1))
    value = lookup(tables[0], top)
    for i, table in enumerate(tables[1:], start=2):
        value = value * lookup(table, _without(n, bits * (len(tables) - i)) & ((1 << bits) - 1))
    if lifted is None:
        return value, 1.0
    if x > 1:
        highest = where(top >= lifted, limit / lift, limit)
        value = where(value > highest, highest, value)
    return value, where(top >= lifted, lift, 1.0)


def _without(n: Any, bits: int) -> Any:
    """What is left of ``n`` without its last so many bits."""
    return n * 0 if bits >= n.dtype.itemsize * 8 else n >> bits


_TABLE_BITS = 11
_LIFT = 2.0**64


@functools.lru_cache
def _power_tables(
    x: float, scale: float, limit: float, goes_on: bool
) -> tuple[tuple[Values, ...], int, int | None, float]:
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
        last = math.ceil((end / decimal.Decimal(scale)).ln() / exact.ln())
        last = min(max(last, 1), 2**63 - 1)
        digits = math.ceil(last.bit_length() / _TABLE_BITS)
        bits = math.ceil(last.bit_length() / digits)
        step = exact ** (1 << bits * (digits - 1))
        powers, value = [], decimal.Decimal(scale)
        for _ in range((last >> bits * (digits - 1)) + 1):
            powers.append(value)
            value *= step
        lift, lifted = (1 / _LIFT, two**-50) if x < 1 else (_LIFT, two**64)
        if digits == 1 and not goes_on:
            first, at, beyond = [min(p, highest) for p in powers], None, highest
        else:
            at = next((i for i, p in enumerate(powers) if (p < lifted if x < 1 else p > lifted)), len(powers))
            first = [p / decimal.Decimal(lift) if i >= at else p for i, p in enumerate(powers)]
            beyond = value / decimal.Decimal(lift)
        tables = [first]
        for i in reversed(range(digits - 1)):
            step, value, table = exact ** (1 << bits * i), decimal.Decimal(1), []
            for _ in range(1 << bits):
                table.append(value)
                value *= step
            tables.append(table)
        first.append(min(beyond, highest) if x > 1 else decimal.Decimal(0))
        return tuple(np.asarray([float(p) for p in table]) for table in tables), bits, at, lift


@functools.lru_cache
def _rounded_powers(x: float, n: int, scale: float, limit: float) -> tuple[float, ...]:
    with decimal.localcontext(prec=DIGITS):
        exact, value, found = decimal.Decimal(x), decimal.Decimal(scale), []
        for _ in range(n + 1):
            found.append(min(float(value), limit))
            value *= exact
        return tuple(found)


def first_powers(x: Any, n: int, scale: Any = 1.0) -> tuple[float, ...]:
    """``scale * x**0, …, scale * x**n``, each rounded once."""
    return _rounded_powers(x, n, scale, most())


# Fractional powers ----------------------------------------------------------------------


def fraction_power(m: Any, n: Any, exponent: Any, scale: Any = 1.0) -> Any:
    """``scale * (m / n)**exponent`` for whole ``0 <= m <= n``, ``n >= 1``, ``exponent >= 0``.

    5u plus 2**-57 of ``exponent*log2(m/n)``. ``0**0 = 1``; it is ``scale`` where ``m = n``.
    """
    if is_number(n) and is_number(exponent) and is_number(scale):
        if exponent == 0:
            return namespace(m).full_like(to_float(m), scale)
        if 2 * exponent in range(1, 7):
            return _half_power(m, n, int(2 * exponent), scale)
        if tables := _root_tables(n, exponent, scale):
            return _tabulated_power(m, n, scale, *tables)
    xp = namespace(m, n, exponent)
    m, n = to_float(m), xp.asarray(to_float(n))
    if is_number(exponent) or xp is np:
        return product(scale, _fraction_power(m, n, xp.asarray(exponent, np.float64)))
    return product(scale, _differentiable_fraction_power(m, n, exponent))


def _half_power(m: Any, n: int, halves: int, scale: float) -> Any:
    """By multiplication and one square root; 4u."""
    whole, odd = divmod(halves, 2)
    with decimal.localcontext(prec=DIGITS):
        # Not m**whole, which may be too much for a float32.
        two = 2.0 ** -math.frexp(float(n))[1]
        share = decimal.Decimal(n) * decimal.Decimal(two)
        per = decimal.Decimal(scale) / (share**whole * (share.sqrt() if odd else 1))
    x = to_float(m) * two
    factors = [x] * whole + ([sqrt(x)] if odd else []) + [float(per)]
    return where(m == n, scale, rounded(functools.reduce(lambda a, b: a * b, factors)))


_CELLS = 7
"""Bits behind the leading one that say where a number lies in a table."""


def _tabulated_power(m: Any, n: int, scale: float, values: Values, inverses: Values, series: Any) -> Any:
    """By ``m = c * (1 + r)``, ``c`` the middle of one of 128 cells of each binade, and the binomial series.

    Which cell it is the bits of a float32 say.
    """
    bits = m.astype(np.float32).view(np.int32)
    cell = minimum(maximum((bits >> 23 - _CELLS) - (127 << _CELLS), 0), len(values) - 1)
    middle = ((bits & -(1 << 23 - _CELLS)) | 1 << 22 - _CELLS).view(np.float32)
    r = (to_float(m) - to_float(middle)) * lookup(inverses, cell)
    value = product(lookup(values, cell), polynomial(series, r, 4))
    return where(m == 0, 0.0, where(m == n, scale, value))


@functools.lru_cache
def _root_tables(n: int, exponent: float, scale: float) -> Any:
    """``scale * (c / n)**exponent`` and ``1 / c`` of every middle up to ``n``, and the series."""
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
            values += [float(binade * p) for p in powers]
            inverses += [float(1 / cell) * 2.0**-e for cell in cells]
            binade *= two
        return np.asarray(values), np.asarray(inverses), tuple(map(float, series[:-1]))
