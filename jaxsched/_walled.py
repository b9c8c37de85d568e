"""A user's function, traced: its arithmetic is Python's own, whatever a compiler would make of it.

A compiler may turn a quotient into a product with the inverse, and a product and a sum into one
operation that rounds once. A function like ``1 - k / 49`` then ends at 1e-17 and not at 0, and its values
are not those that PyTorch, which calls it from Python, trains with. So each ``+ - * /``, whole power and
square root of float64 is done as in this package's own formulas, with a wall around it (`_numerics`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from . import _numerics as nx

if TYPE_CHECKING:  # jax.extend takes a quarter of the time that importing this package would
    from jax.extend.core import Jaxpr

Function: TypeAlias = Callable[[Any], Any]
"""Of a count, as somebody wrote it: what it is given and returns may be Python's, JAX's or torch's."""

Operation: TypeAlias = Callable[..., jax.Array]


def walled(function: Function) -> Callable[[jax.Array], jax.Array]:
    """The function of one count, a traced int64, with walls around its arithmetic; float64."""

    def evaluate(k: jax.Array) -> jax.Array:
        def number(k: jax.Array) -> jax.Array:
            return jnp.asarray(function(k)).astype(np.float64)

        traced = jax.make_jaxpr(number)(k)
        value: jax.Array = _evaluated(traced.jaxpr, traced.consts, [k])[0]
        return value

    return evaluate


def _evaluated(jaxpr: Jaxpr, consts: Sequence[Any], arguments: Sequence[Any]) -> list[Any]:
    from jax.extend.core import Literal
    from jax.extend.source_info_util import user_context

    known: dict[Any, Any] = dict(zip(jaxpr.constvars, consts, strict=True))
    known.update(zip(jaxpr.invars, arguments, strict=True))

    def value(x: Any) -> Any:
        return jnp.asarray(x.val, getattr(x.aval, "dtype", None)) if isinstance(x, Literal) else known[x]

    for equation in jaxpr.eqns:
        values = [value(x) for x in equation.invars]
        with user_context(equation.source_info.traceback):  # it is still the user's line
            found = _done(equation, values)
        known.update(zip(equation.outvars, found, strict=True))
    return [value(x) for x in jaxpr.outvars]


def _done(equation: Any, values: Sequence[Any]) -> Sequence[Any]:
    """What an equation computes."""
    from jax.extend.core import ClosedJaxpr

    name, parameters = equation.primitive.name, equation.params
    inner = parameters.get(_INNER.get(name, ""))
    if isinstance(inner, ClosedJaxpr):
        return _evaluated(inner.jaxpr, inner.consts, values)
    if name in _WALLED and getattr(equation.outvars[0].aval, "dtype", None) == np.float64:
        return [_WALLED[name](*values, **parameters)]
    found = equation.primitive.bind(*values, **parameters)
    return found if equation.primitive.multiple_results else [found]


_INNER: Mapping[str, str] = {
    "pjit": "jaxpr",
    "jit": "jaxpr",
    "closed_call": "call_jaxpr",
    "custom_jvp_call": "call_jaxpr",
}
"""Operations that are functions themselves, and under which parameter. A loop or branch stays as it is."""


def _add(x: jax.Array, y: jax.Array, **_: object) -> jax.Array:
    return nx.rounded(x + y)


def _subtract(x: jax.Array, y: jax.Array, **_: object) -> jax.Array:
    return nx.rounded(x - y)


def _multiply(x: jax.Array, y: jax.Array, **_: object) -> jax.Array:
    return nx.rounded(x * y)


def _divide(x: jax.Array, y: jax.Array, **_: object) -> jax.Array:
    # Without the wall, a quotient of quotients would become one of products.
    return nx.rounded(nx.quotient(jnp.where(y < 0, -x, x), jnp.abs(y)))


def _whole_power(x: jax.Array, *, y: int, **_: object) -> jax.Array:
    power = jnp.ones_like(x)
    for _bit in f"{abs(y):b}":
        power = nx.rounded(power * power)
        power = nx.rounded(power * x) if _bit == "1" else power
    return power if y >= 0 else _divide(jnp.ones_like(x), power)


def _root(x: jax.Array, **_: object) -> jax.Array:
    return nx.sqrt(x)


_WALLED: Mapping[str, Operation] = {
    "add": _add,
    "sub": _subtract,
    "mul": _multiply,
    "div": _divide,
    "integer_pow": _whole_power,
    "sqrt": _root,
}
