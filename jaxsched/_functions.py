"""A user's function of a count: what it may be, whether JAX can trace it, and its values.

In CyclicLR, LambdaLR and MultiplicativeLR. It may be PyTorch's as it is, with ``if`` and ``math.cos`` in it:
then it is called on the host, count by count, and its values are looked up.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ._arguments import describe, error, is_real
from ._numerics import Values


@dataclasses.dataclass(frozen=True)
class Function:
    """A function of a count that JAX can trace, or None where that is allowed."""

    optional: bool = False
    traced: bool = True
    """Whether JAX must be able to trace it; where not, see `require_traceable`."""

    def __call__(self, owner: str, name: str, value: Any) -> Any:
        if value is None and self.optional:
            return None
        allowed = "a function of a count" + (" or None" if self.optional else "")
        if not callable(value):
            remedy = "Write one like lambda k: 0.95 ** k."
            if isinstance(value, Sequence):
                remedy = "A schedule drives one parameter group; make one for each function."
            raise error(TypeError, owner, name, value, allowed, remedy)
        if self.traced:
            require_traceable(owner, name, value, allowed)
        return value


def require_traceable(
    owner: str,
    name: str,
    function: Callable[[Any], Any],
    allowed: str = "a function of a count",
    remedy: str = "",
) -> None:
    """Raises unless JAX can trace the function, and it returns one real number."""
    try:
        result = trace(function)
    except _NoNumberError as reason:
        remedy = f"It must return one real number; {reason.args[0]}."
        raise error(TypeError, owner, name, function, allowed, remedy) from reason
    except (TypeError, jax.errors.JAXIndexError) as reason:
        remedy = f"Write jnp.where for `if` and jnp.cos for math.cos{remedy}."
        raise error(TypeError, owner, name, function, f"{allowed} that JAX can trace", remedy) from reason
    if result.shape != () or not is_real(result):
        found = f"{result.dtype}{list(result.shape)}"
        raise error(
            TypeError, owner, name, function, allowed, f"It must return one real number; it returns {found}."
        )


def constant_value(function: Callable[[Any], Any]) -> float | None:
    """What a function returns for every count, if it does not look at the count."""
    seen: list[Any] = []

    def look(k: jax.Array) -> Any:
        seen.append(function(k))
        return seen[-1]

    try:
        trace(look)
    except (TypeError, jax.errors.JAXIndexError, _NoNumberError):
        return None
    # What was computed from the count is a tracer; what was not, is what it always will be.
    constant = not isinstance(seen[-1], jax.core.Tracer) and np.shape(seen[-1]) == ()
    return float(seen[-1]) if constant else None


class _NoNumberError(Exception):
    """A function returned something else than a number."""


def trace(function: Callable[[Any], Any]) -> Any:
    """Type and shape of what the function returns for one count."""

    def one(k: jax.Array) -> jax.Array:
        with lenient():
            result = function(k)
        try:
            return jnp.asarray(result)
        except (TypeError, ValueError):
            raise _NoNumberError(f"it returns {describe(result)}") from None

    with jax.enable_x64(True):
        return jax.eval_shape(one, np.zeros((), np.int64))


def call(function: Callable[[Any], Any], k: Any) -> Any:
    """The function of every count in an array, one count at a time, in float64."""
    if isinstance(k, jax.Array):
        with lenient():
            return jnp.vectorize(lambda one: jnp.asarray(function(one)).astype(np.float64))(k)
    with lenient():
        values = [np.float64(function(int(one))) for one in np.ravel(k)]
    return np.reshape(np.asarray(values, np.float64), np.shape(k))


def tabulate(
    owner: str, name: str, function: Callable[[Any], Any], counts: Any, least: float = -math.inf
) -> Values:
    """What a function that JAX need not trace returns for some counts, each value checked."""
    values = np.empty(len(counts))
    for i, k in enumerate(np.asarray(counts).tolist()):
        with lenient():
            value = function(k)
        try:
            found = np.asarray(value)
            fine = found.shape == () and is_real(found) and least <= found < math.inf
        except (TypeError, ValueError):  # no array at all
            fine = False
        if not fine:
            wanted = "finite number" if least == -math.inf else f"finite number >= {least:g}"
            remedy = f"It must return one {wanted}; at count {k} it returns {describe(value)}."
            raise error(TypeError, owner, name, function, "a function of a count", remedy)
        values[i] = value
    return values


@contextlib.contextmanager
def lenient() -> Iterator[None]:
    """JAX's own promotion rules, whatever the caller's: the function may be torch's."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield
