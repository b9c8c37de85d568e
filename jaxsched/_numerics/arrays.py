"""NumPy arrays, JAX arrays and Python numbers, treated alike."""

from __future__ import annotations

import functools
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


# One value on the host is read once per update, for a log. There, asking what something is takes longer than
# an operation, and asking for its type is the quickest way to ask.

_ON_HOST = frozenset({int, float, bool, np.ndarray, np.float64, np.int64, np.bool_})
_SCALARS = frozenset({int, float, np.float64, np.int64})


def is_number(x: Any) -> bool:
    """Whether ``x`` is a Python number, hence known while the program is built."""
    kind = type(x)
    if kind is float or kind is int:
        return True
    return isinstance(x, (int, float)) and not isinstance(x, np.generic)


def is_jax(x: Any) -> bool:
    """Whether ``x`` is an array or tracer of JAX."""
    return type(x) not in _ON_HOST and isinstance(x, jax.Array)


def namespace(*xs: Any) -> Any:
    """``jax.numpy`` if any argument is a JAX array or tracer, else ``numpy``."""
    for x in xs:
        if is_jax(x):
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


@functools.cache
def most_of(dtype: Any) -> int:
    """The largest whole number of a type."""
    return int(np.iinfo(dtype).max)


def minimum(x: Any, y: Any) -> Any:
    """The smaller one. A Python number may be more than a count ``x`` can hold."""
    if is_number(y):
        if is_number(x):
            return min(x, y)
        if type(x) in _SCALARS:
            return type(x)(y) if y < x else x
        if x.dtype.kind in "iu" and y > most_of(x.dtype):
            return x
    return namespace(x, y).minimum(x, y)


def maximum(x: Any, y: Any) -> Any:
    if is_number(y):
        if is_number(x):
            return max(x, y)
        if type(x) in _SCALARS:
            return type(x)(y) if y > x else x
    return namespace(x, y).maximum(x, y)


def to_float(x: Any) -> Any:
    """To float64: exact up to 2**53, correctly rounded above."""
    return float(x) if is_number(x) else x.astype(np.float64)


def like(k: Any, x: Any) -> Any:
    """A whole number ``x`` in the type of the count ``k``, which may be a fraction's."""
    return to_float(x) if k.dtype.kind == "f" else x
