"""NumPy arrays, JAX arrays and Python numbers, treated alike."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar, cast, overload

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

if TYPE_CHECKING:
    from typing_extensions import TypeIs

    # NumPy's operators do not know JAX's arrays, and a checker takes what they return for Any. JAX's know
    # NumPy's, and all that is done with an array here both can do. So a checker sees JAX's class.
    Array: TypeAlias = jax.Array
else:
    Array = jax.Array | np.ndarray | np.generic
"""An array of NumPy or JAX, a tracer, or a scalar of NumPy."""

Number: TypeAlias = float | Array
"""A Python number (a constant of the program) or an array (data)."""

Whole: TypeAlias = int | Array
"""The same for whole numbers."""

Values: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
"""What is computed on the host. (`numpy.typing` would be a module that Optax does not load.)"""

Wholes: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.int32]]
"""The same for whole numbers."""

Table: TypeAlias = Sequence[float] | np.ndarray | Array
"""Python numbers or an array of NumPy: what is known while the program is built, to be looked up in."""


# In kind --------------------------------------------------------------------------------


Operand: TypeAlias = Number | np.ndarray | np.generic
"""A `Number`, where NumPy's arrays and scalars are known to be NumPy's."""


class _OfOne(Protocol):
    @overload
    def __call__(self, x: Array | np.ndarray, /) -> Array: ...
    @overload
    def __call__(self, x: float, /) -> float: ...
    @overload
    def __call__(self, x: Number, /) -> Number: ...


class _OfTwo(Protocol):
    @overload
    def __call__(self, x: Array, y: Operand, /) -> Array: ...
    @overload
    def __call__(self, x: Operand, y: Array, /) -> Array: ...
    @overload
    def __call__(self, x: float, y: float, /) -> float: ...
    @overload
    def __call__(self, x: Number, y: Number, /) -> Number: ...


@overload
def in_kind(function: Callable[[Number], Number]) -> _OfOne: ...
@overload
def in_kind(function: Callable[[Number, Number], Number]) -> _OfTwo: ...
def in_kind(function: Any) -> Any:
    """The function itself. Tells a type checker that it answers in kind.

    An array among the arguments makes an array; Python numbers alone make a Python number.
    """
    return function


# Asking what something is takes longer than an operation on it; asking for its type is the quickest way.

_ON_HOST = frozenset({int, float, bool, np.ndarray, np.bool_, np.float64, np.int64, np.float32, np.int32})


def is_number(x: object) -> TypeIs[float]:
    """Whether ``x`` is a Python number, hence known while the program is built."""
    kind = type(x)
    if kind is float or kind is int:
        return True
    return isinstance(x, (int, float)) and not isinstance(x, np.generic)


def is_jax(x: object) -> bool:
    """Whether ``x`` is an array or tracer of JAX."""
    return type(x) not in _ON_HOST and isinstance(x, jax.Array)


class Namespace(Protocol):
    """What is called of NumPy or ``jax.numpy``, whichever the arguments are of."""

    def asarray(self, x: Number | Table, dtype: DTypeLike | None = None, /) -> Array: ...
    def broadcast_to(self, x: Array, shape: tuple[int, ...], /) -> Array: ...
    def floor(self, x: Array, /) -> Array: ...
    def full_like(self, x: Array, value: Number, /) -> Array: ...
    def maximum(self, x: Number, y: Number, /) -> Array: ...
    def minimum(self, x: Number, y: Number, /) -> Array: ...
    def searchsorted(self, table: Array, x: Array, /, side: str) -> Array: ...
    def sqrt(self, x: Array, /) -> Array: ...
    def where(self, condition: bool | Array, x: Number, y: Number, /) -> Array: ...
    def zeros(self, shape: tuple[int, ...], dtype: DTypeLike, /) -> Array: ...


NUMPY = cast(Namespace, np)  # its arrays, too, are an `Array`


def namespace(*xs: object) -> Namespace:
    """``jax.numpy`` if any argument is a JAX array or tracer, else ``numpy``."""
    for x in xs:
        if is_jax(x):
            return jnp
    return NUMPY


X = TypeVar("X", bound=Number)
Y = TypeVar("Y", bound=Number)


@overload
def where(condition: Array, x: Number, y: Number) -> Array: ...
@overload
def where(condition: bool | Array, x: X, y: Y) -> X | Y | Array: ...
def where(condition: bool | Array, x: Number, y: Number) -> Number:
    """``x`` where the condition holds, else ``y``."""
    if isinstance(condition, bool):
        return x if condition else y
    if is_jax(condition) or is_jax(x) or is_jax(y):
        return select(condition, x, y)
    return NUMPY.where(condition, x, y)


def select(condition: Array, x: Number, y: Number) -> Array:
    """``jnp.where``, which to JAX is a function of its own: it takes thrice as long to trace."""
    like = y if is_number(x) else x
    if not is_number(like) and like.shape == condition.shape:
        then, otherwise = _filled(x, like), _filled(y, like)
        if then is not None and otherwise is not None:
            return jax.lax.select_n(condition, otherwise, then)
    return jnp.where(condition, x, y)


def _filled(x: Number, like: Array) -> Array | None:
    """``x`` as an array like another one, where that needs no promotion."""
    if not is_number(x):
        return x if x.shape == like.shape and x.dtype == like.dtype else None
    if getattr(like, "weak_type", False) or (type(x) is not int and like.dtype.kind != "f"):
        return None
    value = np.asarray(x, like.dtype)
    return cast(Array, value) if like.ndim == 0 else jax.lax.full_like(like, value)


def choose(condition: bool | Array, xs: Sequence[Number], ys: Sequence[Number]) -> tuple[Number, ...]:
    """All of ``xs`` where the condition holds, else all of ``ys``."""
    return tuple(where(condition, x, y) for x, y in zip(xs, ys, strict=True))


def _direct(primitive: Callable[[Any, Any], Array], usual: Callable[[Any, Any], Any]) -> _OfTwo:
    """The usual operator; of arrays of JAX that need no promotion, traced in a third of its time."""

    def operation(x: Any, y: Any) -> Any:
        if is_jax(x):
            if type(y) is float and x.dtype.kind == "f":
                return primitive(x, x.dtype.type(y))
            if is_jax(y) and x.dtype == y.dtype and x.shape == y.shape:
                return primitive(x, y)
        elif type(x) is float and is_jax(y) and y.dtype.kind == "f":
            return primitive(y.dtype.type(x), y)
        return usual(x, y)

    return in_kind(operation)


times = _direct(jax.lax.mul, operator.mul)
plus = _direct(jax.lax.add, operator.add)
above = _direct(jax.lax.gt, operator.gt)


@functools.cache
def most_of(dtype: DTypeLike) -> int:
    """The largest whole number of a type."""
    return int(np.iinfo(dtype).max)


@in_kind
def minimum(x: Number, y: Number) -> Number:
    """The smaller one. A Python number may be more than a count ``x`` can hold."""
    if is_number(y):
        if is_number(x):
            return min(x, y)
        if x.dtype.kind in "iu" and y > most_of(x.dtype):
            return x
    return namespace(x, y).minimum(x, y)


@in_kind
def maximum(x: Number, y: Number) -> Number:
    if is_number(x) and is_number(y):
        return max(x, y)
    return namespace(x, y).maximum(x, y)


@in_kind
def to_float(x: Number) -> Number:
    """To float64: exact up to 2**53, correctly rounded above."""
    return float(x) if is_number(x) else x.astype(np.float64)


def like(k: Array, x: Number) -> Number:
    """A whole number ``x`` in the type of the count ``k``, which may be a fraction's."""
    return to_float(x) if k.dtype.kind == "f" else x
