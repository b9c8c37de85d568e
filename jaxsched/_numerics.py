"""The few float64 primitives every schedule is built from.

Two things are promised of each function here:

* an error bound, stated in units of ``u = 2**-53`` (half a float64 ULP of 1);
* *the same float64 bits everywhere*: NumPy, JAX operation by operation, and one program
  compiled by XLA for a CPU or GPU. This is what makes a schedule equal to itself in
  every mode, and it needs care, because a compiler is allowed to

  - contract ``a*b + c`` into one fused multiply-add (XLA does, on CPU and GPU);
  - turn ``(x + constant) - constant`` into ``x`` (XLA does, for scalars); and
  - turn ``x / constant`` into ``x * (1/constant)`` (XLA does; this is why a staircase
    compiled from ``count / 41`` can step one count late).

  So whatever must be rounded before the next operation goes through `rounded`, all products
  that are added to something among it (`product`), and nothing is ever divided by what may
  be a constant (`fraction`).

Functions take NumPy or JAX arrays, or Python numbers, and answer in kind: Python numbers
stay Python numbers and are folded on the host. Arrays are float64 or int64; callers run
inside ``jax.enable_x64``. The annotations say ``jax.Array`` for both kinds.

No float64 bit pattern is ever taken apart: TPUs emulate float64 and cannot bitcast it.
"""

from __future__ import annotations

import decimal
import functools
import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

Number: TypeAlias = float | jax.Array
"""A Python number (a constant of the program) or an array (data)."""

Whole: TypeAlias = int | jax.Array
"""The same for whole numbers."""

Values: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]
"""What is computed on the host. (`numpy.typing` would be a module that Optax does not load.)"""


def is_number(x: Any) -> bool:
    """Whether ``x`` is a Python number, hence known while the program is built."""
    return isinstance(x, (int, float)) and not isinstance(x, np.generic)


def namespace(*xs: Any) -> Any:
    """``jax.numpy`` if any argument is a JAX array or tracer, else ``numpy``."""
    for x in xs:  # a loop, as this is most of what `on_host` does
        if isinstance(x, jax.Array):
            return jnp
    return np


def where(condition: Any, x: Any, y: Any) -> Any:
    """``x`` where the condition holds, else ``y``."""
    if isinstance(condition, bool):
        return x if condition else y
    if isinstance(condition, np.bool_):  # one value on the host: np.where takes ten times as long
        chosen = x if condition else y
        return np.asarray(chosen)[()] if is_number(chosen) else chosen
    return namespace(condition, x, y).where(condition, x, y)


def choose(condition: Any, xs: Any, ys: Any) -> tuple[Any, ...]:
    """All of ``xs`` where the condition holds, else all of ``ys``."""
    return tuple(where(condition, x, y) for x, y in zip(xs, ys, strict=True))


def minimum(x: Any, y: Any) -> Any:
    if is_number(x) and is_number(y):
        return min(x, y)
    return namespace(x, y).minimum(x, y)


def maximum(x: Any, y: Any) -> Any:
    if is_number(x) and is_number(y):
        return max(x, y)
    return namespace(x, y).maximum(x, y)


def to_float(x: Any) -> Any:
    """To float64: exact up to 2**53, correctly rounded above."""
    return float(x) if is_number(x) else x.astype(np.float64)


def like(k: Any, x: Any) -> Any:
    """A whole number ``x`` in the type of the count ``k``, which may be a fraction's."""
    return to_float(x) if k.dtype.kind == "f" else x


# Integers -------------------------------------------------------------------------------

LAST_COUNT = 2**63 - 1


def divmod_count(k: Any, n: Any) -> tuple[Any, Any]:
    """``divmod(k, n)`` for ``k >= 0`` and a whole ``n >= 1``; exact.

    ``k`` is a count, or a float64 for schedules that take fractional counts. Then the
    rounded quotient can be one off next to a multiple of ``n``, so it is checked against
    the remainder: ``q*n`` is exact below 2**53, and so is the subtraction.
    """
    if k.dtype.kind == "f":
        n = to_float(n)
        q = namespace(k, n).floor(k / n)
        rest = k - q * n
        q = where(rest < 0, q - 1, where(rest >= n, q + 1, q))
        return q, k - q * n
    if namespace(k, n) is np:
        return k // n, k % n
    # lax, not `//`: both operands are non-negative, so truncating is flooring, without
    # the sign corrections that jax.numpy adds.
    k, n = jnp.broadcast_arrays(k, jnp.asarray(n, np.int64))
    return jax.lax.div(k, n), jax.lax.rem(k, n)


_UNROLLED = 16
"""So many boundaries stay inside one fused elementwise loop."""


def count_reached(k: Any, boundaries: Sequence[int]) -> Any:
    """How many of the boundaries are ``<= k``; repeated ones count each time."""
    xp = namespace(k)
    total = xp.zeros(k.shape, np.int64)
    if len(boundaries) <= _UNROLLED:
        for boundary in boundaries:
            total = total + (k >= boundary).astype(np.int64)
        return total
    table = np.asarray(boundaries, k.dtype).reshape((1,) * k.ndim + (-1,))
    return (k[..., None] >= table).sum(axis=-1, dtype=np.int64)


def piecewise(k: Any, boundaries: Sequence[int], values: Sequence[float]) -> Any:
    """``values[i]``, where ``i`` of the boundaries, which are in order, are ``<= k``."""
    if len(boundaries) > _UNROLLED:
        return lookup(values, count_reached(k, boundaries))
    value: Any = values[0]
    for boundary, then in zip(boundaries, values[1:], strict=True):
        value = where(k >= boundary, then, value)
    return value


def lookup(table: Any, index: Any) -> Any:
    """``table[index]`` for a table of Python numbers or NumPy array; index clipped to it."""
    values = np.asarray(table)
    index = minimum(index, len(values) - 1)
    if namespace(index) is np:
        return values[index]
    # Each device looks up what it holds of the index; JAX asks to be told, of sharded ones.
    sharding = jax.typeof(index).sharding
    out_sharding = sharding if sharding.mesh.explicit_axes else None
    return jnp.asarray(values).at[index].get(mode="promise_in_bounds", out_sharding=out_sharding)


# Products, fractions --------------------------------------------------------------------


_NEVER = 2.0**1000


def exact_difference(x: Any, y: Any) -> Any:
    """``x - y``; of Python numbers to 50 digits, for `reciprocal`."""
    if is_number(x) and is_number(y):
        with decimal.localcontext(prec=_DIGITS):
            return decimal.Decimal(x) - decimal.Decimal(y)
    return x - y


def rounded(x: Any) -> Any:
    """``x``, for an ``x`` below 2**1000, with a wall around it for the compiler.

    The select changes no value, but arithmetic on the two sides of it is not rearranged, and
    that it never clips is nothing a compiler can know. (Clipping products at 0 would not do.
    LLVM follows signs, and where it finds both factors positive it drops the select.) NaN
    and derivatives pass through. NumPy needs no wall.
    """
    return jnp.where(x > _NEVER, _NEVER, x) if isinstance(x, jax.Array) else x


def product(a: Any, b: Any) -> Any:
    """``a * b`` rounded once (1u), also where an addition follows."""
    return rounded(a * b)


def product_of(factors: Any) -> Any:
    """The product of several; 1u each."""
    return functools.reduce(product, factors)


def reciprocal(n: Any) -> tuple[Any, Any]:
    """``1/n`` as ``high + low``, to 2**-74, for ``n > 0``; of anything else it is 1.

    ``high`` has at most 21 bits, so that its product with any count below 2**32 is exact.
    A Python ``n`` may be an `exact_difference`, and is not rounded.
    """
    if is_number(n) or isinstance(n, decimal.Decimal):
        return _reciprocal_of_number(n)
    n = to_float(n)
    n = where(n > 0, n, 1.0)
    r = 1.0 / n
    c = product(r, 2.0**32 + 1)  # Veltkamp's splitting
    high = c - rounded(c - r)
    return high, product(1.0 - product(n, high), r)


_DIGITS = 50
"""Of what is computed on the host, once, when a program is built."""


@functools.lru_cache
def _reciprocal_of_number(n: Any) -> tuple[float, float]:
    with decimal.localcontext(prec=_DIGITS):
        return _in_two(1 / decimal.Decimal(n) if n > 0 else decimal.Decimal(1))


def _in_two(exact: decimal.Decimal) -> tuple[float, float]:
    """``exact`` as ``high + low``; ``high`` has 21 bits, so its multiples are exact."""
    mantissa, exponent = math.frexp(float(exact))
    high = math.ldexp(math.trunc(math.ldexp(mantissa, 21)), exponent - 21)
    return high, float(exact - decimal.Decimal(high))


def fraction(m: Any, n: Any) -> Any:
    """``m / n`` for ``m >= 0``, ``n > 0``.

    1u for a whole ``m < 2**32``, where the first product is exact; otherwise 3u. Exactly
    0 at ``m = 0`` and exactly 1 at ``m = n`` for whole numbers below 2**32.
    """
    if is_number(m) and is_number(n):
        return m / n
    high, low = _times(m, reciprocal(n))
    return high + low


def quotient(x: Any, y: Any) -> Any:
    """``x / y`` rounded once, as Python divides, for an ``x`` below 2**1000 and a ``y`` that may be constant.

    For recursions that decide by the last bit; a `fraction` is as good and cheaper everywhere else.
    The select never selects, so the divisor is no constant to the compiler.
    """
    return x / where(x > _NEVER, x, y)


def _times(m: Any, reciprocal: tuple[Any, Any]) -> tuple[Any, Any]:
    """``m / n`` as ``high + low``, to 2**-74 for a whole ``m < 2**32``."""
    m = to_float(m)
    return product(m, reciprocal[0]), product(m, reciprocal[1])


# Interpolation --------------------------------------------------------------------------

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


def linear(x: Any, x_low: Any = 0.0) -> Any:
    """The linear ramp: the share of the way gone at ``x + x_low`` in [0, 1/2]."""
    return x + x_low


def half_cosine(x: Any, x_low: Any = 0.0) -> Any:
    """The half cosine ``(1 - cos(pi*x))/2`` at ``x + x_low`` in [0, 1/2]; 4u.

    Written as ``sin(pi*x/2)**2``, with the factor that vanishes pulled out, so that it
    keeps all its digits near 0. The square would double the rounding error of an ``x`` in
    one piece.
    """
    s = rounded(product(x, x) + product(x_low, 2.0 * x + x_low))
    return product(s, _polynomial(_HALF_COSINE, s))


def _polynomial(coefficients: tuple[float, ...], x: Any) -> Any:
    """Horner's rule."""
    total: Any = coefficients[-1]
    for coefficient in reversed(coefficients[:-1]):
        total = coefficient + product(x, total)
    return total


def interpolate(start: Any, end: Any, elapsed: Any, remaining: Any, per: Any, shape: Any) -> Any:
    """From ``start`` (``elapsed = 0``) to ``end`` (``remaining = 0``).

    ``elapsed`` and ``remaining`` are both given, because both are differences of counts,
    exact before any division; ``per`` is the `reciprocal` of their sum, which schedules with
    several lengths choose among instead of dividing again.

    Walks from the nearer end: ``near + (far - near) * shape(x)``, ``x <= 1/2``. For
    ``start, end >= 0`` nothing cancels, both ends are met exactly, and the result is
    within 4u (`linear`) or 7u (`half_cosine`) of exact. Where both ``elapsed`` and
    ``remaining`` are 0 the end is reached.
    """
    first_half = elapsed < remaining
    x, x_low = _times(where(first_half, elapsed, remaining), per)
    near = where(first_half, start, end)
    change = end - start
    return near + product(where(first_half, change, -change), shape(x, x_low))


def cosine_wave(start: Any, end: Any, k: Any, length: Any, cycles: Any) -> Any:
    """``end + (start - end) * (1 + cos(2*pi*cycles*k/length))/2`` for whole ``k``, ``length >= 1``.

    Within 7u for any real ``cycles >= 0``, also where it comes next to 0: the phase ``cycles*k``
    is had exactly, as a sum of two, and so is what whole periods leave of it. Counts above
    ``2**52 / cycles`` are taken as that one; one count more no longer has a phase.
    """
    k = minimum(to_float(k), 2.0**52 / maximum(cycles, 1.0))
    phase, low = _two_product(k, namespace(k, cycles).asarray(cycles, np.float64))
    length = to_float(length)
    _, elapsed = divmod_count(phase, length)
    elapsed, low = choose(2.0 * elapsed > length, (length - elapsed, -low), (elapsed, low))
    elapsed, low = 2.0 * elapsed, 2.0 * low
    remaining = length - elapsed  # exact where it is the smaller one, by Sterbenz
    first_half = elapsed < remaining
    m, m_low = choose(first_half, (elapsed, low), (remaining, -low))
    high, rest = reciprocal(length)
    x, x_low = _two_product(m, m * 0.0 + high)
    x_low = x_low + (product(m, rest) + product(m_low, high + rest))
    near, change = where(first_half, start, end), end - start
    return near + product(where(first_half, change, -change), half_cosine(x, x_low))


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
    mantissa = 1.0 + product(part, _polynomial(_EXP2, part))
    # float64 has exponents that float32 lacks: 2**whole = (2**eighth)**8 * 2**rest.
    eighth = xp.floor(whole * 0.125)
    scale = where(eighth < -126, 0.0, _two_power(maximum(eighth, -126.0)))
    scale = scale * scale
    scale = scale * scale
    return (mantissa * _two_power(whole - 8 * eighth)) * (scale * scale)


def _exponent(x: Any) -> Any:
    """Of a float64 in float32's normal range; one more where rounding to float32 reaches it."""
    return (x.astype(np.float32).view(np.int32) >> 23).astype(np.float64) - 127.0


def _two_product(a: Any, b: Any) -> tuple[Any, Any]:
    """``a * b`` exactly, as rounded product + error (Dekker 1971)."""

    def split(x: Any) -> tuple[Any, Any]:
        c = product(x, 134217729.0)
        high = c - rounded(c - x)
        return high, x - high

    p = product(a, b)
    (a1, a2), (b1, b2) = split(a), split(b)
    # These products are exact (26 bits by 26), so contraction cannot change them.
    return p, ((a1 * b1 - p) + a1 * b2 + a2 * b1) + a2 * b2


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
    s = top / bottom
    p, p_low = _two_product(s, bottom)
    s_low = (((top - p) - p_low) - product(s, bottom_low)) / bottom
    square = product(s, s)
    tail = product(product(s, square), _polynomial(_LOG2, square))
    high, high_low = _two_product(s, namespace(s).full_like(s, _TWO_OVER_LN2[0]))
    low = high_low + (tail + product(_TWO_OVER_LN2[0], s_low)) + product(s, _TWO_OVER_LN2[1])
    whole = rounded(exponent + high)
    low = (rounded(exponent - whole) + high) + low
    total = rounded(whole + low)
    return where(x == 0, -4096.0, total), where(x == 0, 0.0, rounded(whole - total) + low)


@functools.lru_cache
def _log2_of_number(x: float) -> tuple[float, float]:
    """``log2(x)`` as ``high + low``; see `_in_two`."""
    with decimal.localcontext(prec=_DIGITS):
        return _in_two(decimal.Decimal(x).ln() / decimal.Decimal(2).ln())


def _exp2_multiple(n: Any, high: Any, low: Any) -> Any:
    """``2**(n * (high + low))`` for ``n >= 0``, ``high + low`` an unevaluated sum."""
    if is_number(high):  # few enough bits for an exact product, see _in_two
        return _exp2(product(n, high), product(n, low))
    p, p_low = _two_product(n, high)
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


def power(x: Any, n: Any) -> Any:
    """``x**n`` for ``x >= 0`` and whole ``n >= 0`` (a float64 array); ``0**0 = 1``.

    4u for a Python number ``x``; for an array, 4u plus 2**-57 of ``n*log2(x)``.
    """
    if is_number(x):
        return _exp2_multiple(n, *((-4096.0, 0.0) if x == 0 else _log2_of_number(x)))
    return (_power if namespace(x, n) is np else _differentiable_power)(x, n)


@functools.lru_cache
def powers(x: float, n: int) -> tuple[float, ...]:
    """``x**0, x**1, …, x**n``, each with the bits that `power` gives it."""
    return tuple(power(x, np.arange(n + 1.0)).tolist())


def fraction_power(m: Any, n: Any, exponent: Any) -> Any:
    """``(m / n)**exponent`` for whole ``0 <= m <= n``, ``n >= 1``, ``exponent >= 0``.

    4u plus 2**-57 of ``exponent*log2(m/n)``. ``0**0 = 1``.
    """
    xp = namespace(m, n, exponent)
    m, n = to_float(m), xp.asarray(to_float(n))
    if is_number(exponent) or xp is np:
        return _fraction_power(m, n, xp.asarray(exponent, np.float64))
    return _differentiable_fraction_power(m, n, exponent)


# The one rounding -----------------------------------------------------------------------


def round_to(value: Any, dtype: Any) -> Any:
    """A float64 array rounded once, to nearest even, to float32 (or left as float64)."""
    if dtype == np.float64 or namespace(value) is np:
        return value.astype(dtype)
    return _to_float32(value)


@jax.custom_jvp
def _to_float32(value: Any) -> Any:
    # XLA's CPU programs run with subnormal numbers flushed to zero, so those are put
    # together from their bits: a float32 below 2**-126 *is* its multiple of 2**-149, a whole
    # number whose bits are those that it has behind 2**23. A zero gets no sign: XLA drops the
    # addition of 0, which would take it away.
    flushed = value.astype(np.float32)
    multiple = (jnp.rint(abs(value) * 2.0**149) + 2.0**23).astype(np.float32)
    sign = jnp.where(value < 0, np.int32(-(2**31)), np.int32(0))
    bits = (multiple.view(np.int32) - np.float32(2.0**23).view(np.int32)) | sign
    return jnp.where(abs(flushed) < np.float32(2.0**-126), bits.view(np.float32), flushed)


@_to_float32.defjvp
def _to_float32_jvp(primals: Any, tangents: Any) -> Any:
    with jax.enable_x64(True):
        (value,), (dvalue,) = primals, tangents
        return _to_float32(value), dvalue.astype(np.float32)
