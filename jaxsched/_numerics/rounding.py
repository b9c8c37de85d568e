"""Where a result is rounded, and what keeps a compiler from rounding elsewhere."""

from __future__ import annotations

import contextvars
import decimal
import functools
import math
import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias, TypeVar, cast, overload

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from .arrays import (
    NUMPY,
    Array,
    Number,
    above,
    in_kind,
    is_jax,
    is_number,
    namespace,
    plus,
    select,
    times,
    to_float,
    where,
)

DIGITS = 50
"""Of what is computed on the host, once, when a program is built."""

Length: TypeAlias = Number | decimal.Decimal
"""The length of a way; a Python number may have all its digits."""

# Range ----------------------------------------------------------------------------------

_LARGEST_FLOAT32 = float(np.finfo(np.float32).max)
_largest = contextvars.ContextVar("_largest", default=2.0**1000)


class to_be:
    """Says what the numbers computed inside will be rounded to, and hence what range they may use.

    A device without float64 has the range of float32 (a constant of 2**1000 is infinite there), and has
    no float64 results either.
    """

    def __init__(self, dtype: DTypeLike) -> None:
        self._range = 2.0**1000 if dtype == np.float64 else _LARGEST_FLOAT32

    def __enter__(self) -> None:
        self._before = _largest.set(self._range)

    def __exit__(self, *exception: object) -> None:
        _largest.reset(self._before)


def largest() -> float:
    """No number is above this one."""
    return _largest.get()


def most() -> float:
    """Where what grows ends: just below `largest`, and with so few bits that a TPU can multiply it."""
    return math.ldexp(1 - 2.0**-12, math.frexp(math.nextafter(largest(), 0.0))[1])


Result = TypeVar("Result")


def per_platform(tpu: Callable[[], Result], default: Callable[[], Result]) -> Result:
    """What ``tpu`` computes on a TPU, and ``default`` elsewhere."""
    result: Result = jax.lax.platform_dependent(tpu=tpu, default=default)
    return result


# Walls ----------------------------------------------------------------------------------


@in_kind
def rounded(x: Number) -> Number:
    """``x``, for an ``x`` that is not above `largest`, with a wall around it for the compiler.

    The select changes no value, but arithmetic on the two sides of it is not rearranged, and
    that it never clips is nothing a compiler can know. (Clipping products at 0 would not do.
    LLVM follows signs, and where it finds both factors positive it drops the select.) NaN
    and derivatives pass through. NumPy needs no wall.
    """
    return select(cast(Array, above(x, largest())), largest(), x) if is_jax(x) else x


def rounded_sum(x: Array, y: Array) -> Array:
    """``x + y`` rounded once, of numbers that are not a schedule's and may be infinite."""
    total = x + y
    return select(total > 2.0**1000, np.inf, total) if is_jax(total) else total


@in_kind
def product(a: Number, b: Number) -> Number:
    """``a * b`` rounded once (1u), also where an addition follows."""
    return rounded(times(a, b))


def product_of(factors: Iterable[Number]) -> Array:
    """The product of several, one of them an array; 1u each."""
    return cast(Array, functools.reduce(product, factors))


@in_kind
def capped(x: Number) -> Number:
    """``x``, or `most` where it is more: on the host too, where no wall ends what grows."""
    return where(x > most(), most(), x)


@in_kind
def minus(x: Number, y: Number) -> Number:
    """``x - y``, of which a TPU's compiler would keep 24 bits where ``x`` is constant and ``y`` is not."""
    return -(y - x) if is_jax(y) and not is_jax(x) else x - y


def exact_difference(x: Number, y: Number) -> Length:
    """``x - y``; of Python numbers to 50 digits, for the length of a `Way`."""
    if is_number(x) and is_number(y):
        with decimal.localcontext(prec=DIGITS):
            return decimal.Decimal(x) - decimal.Decimal(y)
    return minus(x, y)


def polynomial(coefficients: Sequence[Number], x: Array, leading: int) -> Number:
    """``coefficients[0] + coefficients[1]*x + …``.

    Args:
      coefficients: each a Python number or an array.
      x: small enough for the terms to get smaller.
      leading: how many of the coefficients matter to more than 24 bits of the sum that the others are
        added to; a TPU computes the rest in its float32, which costs it a fortieth.
    """
    if namespace(x, coefficients[0]) is NUMPY:  # they are all of one kind
        return _by_pairs(coefficients, x, operator.mul, operator.add)
    return per_platform(
        tpu=lambda: _on_a_tpu(coefficients, x, leading),
        default=lambda: _by_pairs(coefficients, x, product, plus),
    )


Operation: TypeAlias = Callable[[Any, Any], Any]


def _by_pairs(coefficients: Sequence[Number], x: Array, multiply: Operation, add: Operation) -> Number:
    """Estrin's scheme: pairs of pairs, which do not wait for one another as in Horner's rule."""
    terms = list(coefficients)
    while len(terms) > 2:
        pairs = [add(low, multiply(x, high)) for low, high in zip(terms[::2], terms[1::2], strict=False)]
        terms = pairs + terms[2 * len(pairs) :]
        x = x * x
    low, *high = terms
    return cast(Number, add(low, multiply(x, *high))) if high else low


def _on_a_tpu(coefficients: Sequence[Number], x: Array, leading: int) -> Number:
    """Horner's rule, where every operation counts; and without walls, as nothing there is contracted."""
    *first, total = coefficients
    if len(coefficients) > leading:
        narrow, total = x.astype(np.float32), _narrow(total)
        for coefficient in reversed(first[leading:]):
            total = plus(_narrow(coefficient), times(narrow, total))
        total = to_float(total)
    for coefficient in reversed(first[:leading]):
        total = plus(coefficient, times(x, total))
    return total


def _narrow(x: Number) -> Number:
    return float(np.float32(x)) if is_number(x) else x.astype(np.float32)


# Division and roots ---------------------------------------------------------------------
#
# Rounded once on a CPU and a GPU, as Python does. Of a TPU's own only the TPU knows the last bit; there
# they are steps of Newton's, from a guess by the bits, so that it is known here, too.


@in_kind
def quotient(x: Number, y: Number) -> Number:
    """``x / y`` rounded once, as Python divides, for ``y > 0`` which may be constant."""
    if namespace(x, y) is NUMPY:
        return x / y
    return per_platform(
        tpu=lambda: x * (1.0 / y) if is_number(y) else _divided(x, y),
        # The select never selects. But with it the divisor is neither a constant to the compiler nor the same
        # for all counts, of which it would take the inverse.
        default=lambda: x / jnp.where(x > largest(), x, y),
    )


def _divided(x: Number, y: Array) -> Array:
    narrow = y.astype(np.float32)
    r = (np.int32(0x7EF311C7) - narrow.view(np.int32)).view(np.float32)  # within an eighth
    for _ in range(3):
        r = r * (np.float32(2) - narrow * r)
    r = r.astype(np.float64)
    r = r - r * (y * r - 1.0)
    q = x * r
    return select(jnp.isfinite(q), q - r * (q * y - x), q)


def sqrt(x: Array) -> Array:
    """The square root of ``x >= 0``, rounded once."""
    if namespace(x) is NUMPY:
        return NUMPY.sqrt(x)
    return per_platform(tpu=lambda: _root(x), default=lambda: jnp.sqrt(x))


def _root(x: Array) -> Array:
    positive = select(x > 0, x, 1.0)
    narrow = positive.astype(np.float32)
    r = (np.int32(0x5F3759DF) - (narrow.view(np.int32) >> 1)).view(np.float32)  # 1/sqrt(x), within a 25th
    for _ in range(3):
        r = r * (np.float32(1.5) - np.float32(0.5) * narrow * r * r)
    r = r.astype(np.float64)
    r = r - 0.5 * r * (positive * r * r - 1.0)
    root = positive * r
    return select(x > 0, root - 0.5 * r * (root * root - positive), 0.0)


# The one rounding -----------------------------------------------------------------------


@overload
def round_to(value: np.ndarray, dtype: DTypeLike, least: float = 0.0) -> np.ndarray: ...
@overload
def round_to(value: Array, dtype: DTypeLike, least: float = 0.0) -> Array: ...
def round_to(value: Array | np.ndarray, dtype: DTypeLike, least: float = 0.0) -> Array | np.ndarray:
    """A float64 array rounded once, to nearest even, to float32 (or left as float64).

    Args:
      value: the numbers.
      dtype: float32 or float64.
      least: that no number lies between 0 and this one is known, and none is -0.
    """
    if namespace(value) is NUMPY:
        return value.astype(dtype) + 0.0  # a zero gets no sign
    if dtype == np.float64:
        return value if least > 0 else _without_negative_zero(cast(Array, value))
    return value.astype(dtype) if least >= _SMALLEST else _to_float32(value)


def _without_negative_zero(value: Array) -> Array:
    # Not by asking whether it is 0 alone: of a subnormal number XLA's CPU programs say so, too. A TPU has no
    # signs to ask for in 64 bits, nor subnormal numbers.
    return per_platform(
        tpu=lambda: select(value == 0, 0.0, value),
        default=lambda: select((value == 0) & jnp.signbit(value), 0.0, value),
    )


_SMALLEST = 2.0**-126
"""What is smaller is subnormal in float32."""

_LAST_BIT = 1.5 * 2.0**-97
"""Its last bit as a float64 is the last one of all float32, 2**-149."""


@jax.custom_jvp
def _to_float32(value: Array) -> Array:
    # XLA's CPU programs run with subnormal numbers flushed to zero. So what is below 2**-126 is rounded to
    # a multiple of 2**-149 in float64, by adding a number whose last bit that is; it is converted together
    # with another 2**-126, which is then taken from the exponent, as an integer. A zero gets no sign.
    tiny = abs(value) < _SMALLEST
    multiple = select(tiny, value + _LAST_BIT, value)
    lifted = multiple + select(value < 0, -_LAST_BIT - _SMALLEST, _SMALLEST - _LAST_BIT)
    bits = select(tiny, lifted, multiple).astype(np.float32).view(np.int32)
    return select(tiny, bits - np.float32(_SMALLEST).view(np.int32), bits).view(np.float32)


@_to_float32.defjvp
def _to_float32_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    with jax.enable_x64(True):
        (value,), (dvalue,) = primals, tangents
        return _to_float32(value), dvalue.astype(np.float32)
