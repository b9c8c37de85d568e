"""What the transformations share: numbers as PyTorch computes them, and one update leaf by leaf."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.typing import ArrayLike, DTypeLike

from .._arguments import error

Hyperparameter: TypeAlias = float | jax.Array
"""A number, or one that changes: an array of shape ``()``."""

LearningRate: TypeAlias = Hyperparameter | Callable[[jax.Array], ArrayLike]
"""A number, an array of shape ``()``, or a schedule: a function of the count."""

Tree: TypeAlias = Any
"""A pytree, as Optax hands it on."""


def numbers(function: Callable[..., Sequence[Any]], *arguments: ArrayLike) -> tuple[jax.Array, ...]:
    """What is the same for all parameters, in float64 as PyTorch's Python has it, rounded once at the end.

    In float32 ``1 - 0.999**1`` is wrong in the fourth digit, and the length of RAdam's average passes its
    threshold at another update.
    """
    dtype = jnp.result_type(float)
    with jax.enable_x64(True):
        wide = [x if isinstance(x, (int, float)) else jnp.asarray(x).astype(np.float64) for x in arguments]
        found = tuple(jnp.asarray(x, np.float64).astype(dtype) for x in function(*wide))
    # XLA would move the powers into the loop over the weights, and a GPU compute them again for each.
    apart: tuple[jax.Array, ...] = jax.lax.optimization_barrier(found)  # type: ignore[no-untyped-call]
    return apart


def each(
    function: Callable[..., Sequence[Any]],
    numbers: Sequence[ArrayLike],
    updates: Tree,
    states: Sequence[Tree],
    *others: Tree,
) -> tuple[Tree, ...]:
    """One update of each leaf.

    Args:
      function: of the numbers as one sequence, then a leaf of the updates, of each of the states, and of
        each of the others; it returns the update and the states. It sees all in the type that PyTorch
        computes in: that of the leaf, but of 32 bits at least.
      numbers: what is the same for all leaves.
      updates: a pytree of arrays.
      states: pytrees like it.
      *others: pytrees like it, only read.

    Returns:
      The updates and the states, in the types they came in.
    """
    leaves: list[jax.Array]
    structure: Any
    leaves, structure = jax.tree.flatten(updates)
    if not leaves:
        return (updates, *states)
    columns = [structure.flatten_up_to(tree) for tree in (*states, *others)]

    def one(leaf: jax.Array, *rest: jax.Array | None) -> list[jax.Array | None]:
        before = (leaf, *rest[: len(states)])
        kind = leaf.dtype if leaf.dtype.itemsize >= 4 else np.float32
        found = function([_as(kind, x) for x in numbers], *(_as(kind, x) for x in (leaf, *rest)))
        return [_as(getattr(old, "dtype", None), new) for old, new in zip(before, found, strict=True)]

    made = [one(*row) for row in zip(leaves, *columns, strict=True)]
    return tuple(structure.unflatten(column) for column in zip(*made, strict=True))


def _as(dtype: Any, x: Any) -> Any:
    return x if x is None or isinstance(x, (int, float)) else jnp.asarray(x).astype(dtype)


def lerp(start: jax.Array, end: jax.Array, weight: ArrayLike) -> jax.Array:
    """From one to the other as PyTorch goes, which is exactly there at a weight of 1."""
    gap = end - start
    return jnp.where(jnp.asarray(weight) < 0.5, start + weight * gap, end - gap * (1 - weight))


def zeros(params: Tree) -> Tree:
    return jax.tree.map(jnp.zeros_like, params)


def check_arrays(owner: str, name: str, tree: Tree) -> None:
    """Whether all leaves are arrays or numbers, and none is a tensor of PyTorch.

    Raises:
      TypeError: one is not.
    """
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        home, _, _ = type(leaf).__module__.partition(".")
        if home == "torch":
            raise TypeError(
                f"{owner}: {name}{jax.tree_util.keystr(path)} must be an array of JAX, got PyTorch's "
                f"{type(leaf).__name__}. Hand in jnp.array(tensor.detach().cpu().numpy()), which copies it."
            )
        if not (hasattr(leaf, "shape") or isinstance(leaf, (int, float, complex))):
            where, remedy = f"{name}{jax.tree_util.keystr(path)}", "Hand in a pytree of arrays."
            raise error(TypeError, owner, where, leaf, "an array of JAX", remedy)


def scalar(x: ArrayLike, dtype: DTypeLike) -> jax.Array:
    """A number of the state, of shape ``()``, in the nearest to this type that JAX has now."""
    return jnp.asarray(x).astype(jax.dtypes.canonicalize_dtype(dtype))


def no_count() -> jax.Array:
    """Of the updates so far, before the first."""
    return jnp.zeros((), np.int32)


def rate_at(learning_rate: LearningRate, count: jax.Array) -> ArrayLike:
    return learning_rate(count) if callable(learning_rate) else learning_rate


def scale_by_rate(learning_rate: LearningRate) -> optax.GradientTransformation:
    """``optax.scale_by_learning_rate``, which rounds once: a rate has more digits than bfloat16 holds."""

    def scaled(updates: Tree, rate: ArrayLike) -> Tree:
        return each(lambda c, g: [-c[0] * g], [rate], updates, [])[0]

    def init(params: Tree) -> optax.ScaleByScheduleState | optax.EmptyState:
        return optax.ScaleByScheduleState(no_count()) if callable(learning_rate) else optax.EmptyState()

    def update(updates: Tree, state: Any, params: Tree = None) -> tuple[Tree, Any]:
        if not callable(learning_rate):
            return scaled(updates, learning_rate), state
        after = optax.ScaleByScheduleState(optax.safe_increment(state.count))
        return scaled(updates, learning_rate(state.count)), after

    return optax.GradientTransformation(init, update)


def driven(
    scale: optax.GradientTransformation, weight_decay: Hyperparameter, learning_rate: LearningRate
) -> optax.GradientTransformation:
    """What is scaled by a learning rate, and parameters that decay by it."""
    decays = not isinstance(weight_decay, (int, float)) or weight_decay != 0
    decay = [optax.add_decayed_weights(weight_decay)] if decays else []
    return optax.chain(scale, *decay, scale_by_rate(learning_rate))


def needed(params: Tree, owner: str) -> Tree:
    """The parameters, where an update cannot do without.

    Raises:
      ValueError: there are none.
    """
    if params is None:
        raise ValueError(f"{owner}: params must be given to update, got None. Its update looks at them.")
    return params
