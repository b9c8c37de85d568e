"""Whole numbers: counts, cycles, look-ups. All of it exact."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import jax
import jax.numpy as jnp
import numpy as np

from .arrays import (
    NUMPY,
    Array,
    Number,
    Table,
    Whole,
    is_jax,
    is_number,
    maximum,
    minimum,
    most_of,
    namespace,
    to_float,
    where,
)

LAST_COUNT = 2**63 - 1


def one_count(k: int) -> Array:
    """One count, of which everything can be computed while the program is built."""
    return cast(Array, np.int64(k))


def wide(k: Array) -> Array:
    """A count in 64 bits, which is what a user's function is given."""
    return k.astype(np.int64) if k.dtype.kind in "iu" else k


def since(k: Array, n: Whole) -> Array:
    """``max(k - n, 0)``, of an unsigned count too."""
    return maximum(k, n) - n


def until(n: Whole, k: Array) -> Array:
    """``max(n - k, 0)``, of an unsigned count too."""
    if is_number(n) and k.dtype.kind in "iu" and n > most_of(k.dtype):
        k = wide(k)
    return n - minimum(k, n)


def later(k: Array, n: int) -> Array:
    """``k + n`` in as many bits as it takes; what would leave int64 is `LAST_COUNT`."""
    if k.dtype == np.int32 and n < 2**30:
        return k.astype(np.uint32) + n
    return minimum(wide(k), LAST_COUNT - n) + n


def times(k: Array, n: Whole, most: Whole) -> Array:
    """``k * n`` of a count that is at most ``most``, in as many bits as it takes."""
    if not (is_number(n) and is_number(most) and n * most <= most_of(k.dtype)):
        k = wide(k)
    return k * n


def divmod_count(k: Array, n: Number) -> tuple[Array, Array]:
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
    if is_number(n) and n > most_of(k.dtype):
        return k * 0, k
    if namespace(k, n) is NUMPY:
        return k // n, k % n
    # lax, not `//`: both operands are non-negative, so truncating is flooring, without
    # the sign corrections that jax.numpy adds.
    k, n = jnp.broadcast_arrays(k, jnp.asarray(n, k.dtype))
    return jax.lax.div(k, n), jax.lax.rem(k, n)


_UNROLLED = 16
"""So many boundaries stay inside one fused elementwise loop."""


def count_reached(k: Array, boundaries: Sequence[int]) -> Array:
    """How many of the boundaries, which are in order, are ``<= k``; repeated ones count each time."""
    whole = k.dtype if k.dtype.kind in "iu" else np.dtype(np.int64)
    if len(boundaries) <= _UNROLLED:
        total = namespace(k).zeros(k.shape, whole)
        for boundary in boundaries:
            total = total + (k >= boundary).astype(whole)
        return total
    table = NUMPY.asarray(boundaries, k.dtype)
    if namespace(k) is NUMPY:
        return NUMPY.searchsorted(table, k, side="right").astype(whole)
    reached = jnp.zeros_like(k, whole)  # sharded like the count
    for bit in reversed(range(len(table).bit_length())):  # as many look-ups as the number has bits
        more = reached + (1 << bit)
        reached = jnp.where((more <= len(table)) & (lookup(table, more - 1) <= k), more, reached)
    return reached


def piecewise(k: Array, boundaries: Sequence[int], values: Table) -> Array:
    """``values[i]``, where ``i`` of the boundaries, which are in order, are ``<= k``."""
    if len(boundaries) > _UNROLLED:
        return lookup(values, count_reached(k, boundaries))
    value: Number = values[0]
    for boundary, then in zip(boundaries, values[1:], strict=True):
        value = where(k >= boundary, then, value)
    return cast(Array, value)  # but of no boundaries the one value, which is the same for all counts


def lookup(table: Table, index: Array) -> Array:
    """``table[index]``; index clipped to it. A table that is no array is a constant of the program."""
    values = cast(Array, table) if is_jax(table) else NUMPY.asarray(table)
    index = minimum(index, len(values) - 1)
    if namespace(index, values) is NUMPY:
        # A count that is only noted (`_one_value`) is no index to NumPy.
        return index.looked_up_in(values) if hasattr(index, "looked_up_in") else values[index]
    return _look_up(jnp.asarray(values), index)


def _look_up(table: Array, index: Array) -> Array:
    """The elements that each device looks up of what it holds of the index, where that is sharded."""
    sharding = jax.typeof(index).sharding
    if not sharding.mesh.explicit_axes:
        return _elements(table, index)
    # JAX asks to be told where the result is to lie, but does not know it when it maps the question.

    @jax.custom_batching.custom_vmap
    def there(table: Array, index: Array) -> Array:
        sharding = jax.typeof(index).sharding
        with jax.sharding.use_abstract_mesh(sharding.mesh):  # where a program is mapped, nobody says which
            found = table.at[index].get(mode="promise_in_bounds", out_sharding=sharding)
            reshard: Callable[[Array, object], Array] = jax.sharding.reshard
            return reshard(found, sharding)  # of one element JAX has forgotten the mesh

    @there.def_vmap
    def _(size: int, batched: list[bool], table: Array, index: Array) -> tuple[Array, bool]:
        if not batched[0]:
            return _look_up(table, index), True
        in_axes = [0 if mapped else None for mapped in batched]
        return jax.vmap(_elements, in_axes, axis_size=size)(table, index), True

    found: Array = there(table, index)
    return found


def _elements(table: Array, index: Array) -> Array:
    return table.at[index].get(mode="promise_in_bounds")
