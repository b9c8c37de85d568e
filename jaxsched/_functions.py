"""A user's function of a count: what it may be, whether JAX can trace it, and its values.

In CyclicLR, LambdaLR and MultiplicativeLR. It may be PyTorch's as it is, with ``if`` and ``math.cos`` in it:
then it is called on the host, count by count, and its values are looked up.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np

from ._arguments import describe, error, is_real
from ._numerics import Array, Values
from ._numerics.arrays import is_jax
from ._one_value import Symbol
from ._walled import Function as Written, walled


@dataclasses.dataclass(frozen=True)
class Function:
    """A function of a count that JAX can trace, or None where that is allowed."""

    optional: bool = False
    traced: bool = True
    """Whether JAX must be able to trace it; where not, see `require_traceable`."""

    def __call__(self, owner: str, name: str, value: object) -> object:
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
            require_the_same(owner, name, value, allowed)
        return value


def require_traceable(
    owner: str,
    name: str,
    function: Written,
    allowed: str = "a function of a count",
    remedy: str = "",
) -> None:
    """Raises unless JAX can trace the function, and it returns one real number."""
    try:
        result = trace(function)
    except _NoNumberError as reason:
        remedy = f"It must return one real number; {reason.args[0]}."
        raise error(TypeError, owner, name, function, allowed, remedy) from reason
    except Exception as reason:  # whatever it does with a count that is no number
        if not isinstance(reason, TypeError) and answers(function, [0]).failure is not None:
            raise  # nor does it answer Python
        remedy = f"Write jnp.where for `if` and jnp.cos for math.cos{remedy}."
        raise error(TypeError, owner, name, function, f"{allowed} that JAX can trace", remedy) from reason
    if result.shape != () or not is_real(result):
        found = f"{result.dtype}{list(result.shape)}"
        raise error(
            TypeError, owner, name, function, allowed, f"It must return one real number; it returns {found}."
        )


def require_the_same(
    owner: str,
    name: str,
    function: Written,
    allowed: str = "a function of a count",
    remedy: str = "",
) -> None:
    """Raises where JAX, which can trace the function, makes another one of it than Python."""
    found = _difference(function)
    if found is not None:
        raise error(
            TypeError,
            owner,
            name,
            function,
            f"{allowed} that JAX traces into what Python computes",
            f"At count {found.at} Python has {found.python!r} and JAX {found.jax!r}. It may look at the "
            f"type of the count; write jnp.where for `if`{remedy}.",
        )


LOOKED_AT = (*range(32), 63, 64, 99, 100, 127, 128, 255, 500, 999, 1_000, 1_024, 4_096, 10_000, 99_999)
"""Counts at which a function is asked by Python and by JAX, as far as Python has an answer."""


class Differs(NamedTuple):
    """Where Python and JAX part."""

    at: int
    python: float
    jax: float


def _difference(function: Written) -> Differs | None:
    try:
        return _kept_difference(function)
    except TypeError:  # it does not hash
        return difference(function, LOOKED_AT)


@functools.lru_cache(maxsize=256)
def _kept_difference(function: Written) -> Differs | None:
    return difference(function, LOOKED_AT)


def difference(function: Written, counts: Sequence[int]) -> Differs | None:
    """Where JAX makes another function of it than Python, at the counts up to which Python answers.

    None, too, where neither can be asked now: of one that holds another program's tracers.
    """
    values = answers(function, counts).values
    known = np.asarray(counts[: len(values)], np.int64)
    with jax.ensure_compile_time_eval(), jax.enable_x64(True):
        try:
            traced = np.asarray(jax.jit(functools.partial(call, function))(known)).tolist()
        except jax.errors.JAXTypeError:
            return None
    parted = (
        Differs(k, x, y) for k, x, y in zip(known.tolist(), values, traced, strict=True) if not close(x, y)
    )
    return next(parted, None)


def close(x: float, y: float) -> bool:
    """Equal but for the rounding of a float32 and of another library's last bits."""
    return x == y or abs(x - y) <= 1e-6 * max(abs(x), abs(y)) or abs(x - y) < 1e-37


class Answers(NamedTuple):
    """What Python answers, count by count, until it fails."""

    values: list[float]
    failure: str | None
    """What came at the next count instead of a number."""


def answers(function: Written, counts: Sequence[int]) -> Answers:
    """The function's values at counts, as far as it has any."""
    found: list[float] = []
    for k in counts:
        try:
            with lenient(), jax.enable_x64(True):
                value = number(function(k))
        except Exception as reason:
            return Answers(found, f"{type(reason).__name__}: {reason}")
        if value is None or not math.isfinite(value):
            with lenient():
                return Answers(found, describe(function(k)))
        found.append(value)
    return Answers(found, None)


def number(value: object) -> float | None:
    """A result as a number; None if it is none. A tensor of torch has its number taken."""
    if hasattr(value, "item") and not isinstance(value, (np.ndarray, np.generic, jax.Array)):
        value = value.item()
    if isinstance(value, jax.core.Tracer):
        return None
    try:
        found = np.asarray(value)
    except (TypeError, ValueError):
        return None
    return float(found) if found.shape == () and is_real(found) else None


def constant_value(function: Written) -> float | None:
    """What a function returns for every count, if it does not look at the count."""
    seen: list[Any] = []

    def look(k: jax.Array) -> object:
        seen.append(function(k))
        return seen[-1]

    try:
        trace(look)
    except Exception:  # whatever it does with a count that is no number
        return None
    # What was computed from the count is a tracer. What was not is what it always will be, unless it looked
    # at the type of the count.
    constant = None if isinstance(seen[-1], jax.core.Tracer) else number(seen[-1])
    if constant is None or any(value != constant for value in answers(function, (0, 1, 2, 7)).values):
        return None
    return constant


class _NoNumberError(Exception):
    """A function returned something else than a number."""


def trace(function: Written) -> Any:
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


def call(function: Written, k: Array) -> Array:
    """The function of every count in an array, one count at a time, in float64."""
    if is_jax(k):
        # JAX 0.11 looks for the axes that counts are sharded by in the mesh in force alone.
        mesh = jax.typeof(k).sharding.mesh
        in_force = contextlib.nullcontext() if mesh.empty else jax.sharding.use_abstract_mesh(mesh)
        with lenient(), in_force:
            traced: Array = jnp.vectorize(walled(function))(k)
        return traced
    if isinstance(k, Symbol):
        return cast(Array, k.given_to(lambda one: _alone(function, one)))
    with lenient():
        values = [_at(function, int(one)) for one in np.ravel(k)]
    return cast(Array, np.reshape(np.asarray(values, np.float64), np.shape(k)))


def _alone(function: Written, k: int) -> float:
    """The same outside of a formula, which says what its numbers are."""
    with np.errstate(all="ignore"), jax.enable_x64(True), lenient():
        return _at(function, k)


def _at(function: Written, k: int) -> float:
    value = function(k)
    found = number(value)
    if found is None:
        raise TypeError(
            f"a function of a count must return one real number; at {k} it returns {describe(value)}."
        )
    return found


def tabulate(
    owner: str, name: str, function: Written, counts: Iterable[int], least: float = -math.inf
) -> Values:
    """What a function that JAX need not trace returns for some counts, each value checked."""
    counts = list(counts)
    values = np.empty(len(counts))
    wanted = "finite number" if least == -math.inf else f"finite number >= {least:g}"
    for i, k in enumerate(counts):
        try:
            with lenient():
                value = function(k)
        except Exception as reason:
            remedy = f"It must return one {wanted}; at count {k} it raises {type(reason).__name__}: {reason}."
            raise error(TypeError, owner, name, function, "a function of a count", remedy) from reason
        found = number(value)
        if found is None or not least <= found < math.inf:
            remedy = f"It must return one {wanted}; at count {k} it returns {describe(value)}."
            raise error(TypeError, owner, name, function, "a function of a count", remedy)
        values[i] = found
    return values


@contextlib.contextmanager
def lenient() -> Iterator[None]:
    """JAX's own promotion rules, whatever the caller's: the function may be torch's."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield
