"""What the state machines share: how they take a metric, and when it is better."""

from __future__ import annotations

import warnings
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from .. import _numerics as nx
from .._arguments import error
from .carried import MOST

State = TypeVar("State")


def as_metric(owner: str, metric: Any, allowed: str) -> jax.Array | np.ndarray[Any, Any] | np.generic:
    """A metric as an array of its own type and shape; booleans are 0 and 1, whoever made them.

    Raises:
      TypeError: it is no real number, nor an array of them.
    """
    if isinstance(metric, (int, float)):
        try:
            return np.float64(metric)
        except OverflowError:
            remedy = "float64 holds none so large."
            raise error(ValueError, owner, "metric", metric, allowed, remedy) from None
    if isinstance(metric, (jax.Array, np.ndarray, np.generic)):
        real = metric.dtype == bool or jnp.issubdtype(metric.dtype, jnp.number)
        if real and metric.dtype.kind not in "cm":  # a duration is a number to NumPy
            return metric
    raise error(TypeError, owner, "metric", metric, allowed, "Convert a one-element tensor with .item().")


def as_state(owner: str, state: State) -> State:
    """A state as arrays of JAX; a checkpoint's may be NumPy's.

    Warns of one that was saved with 64 bits and is gone on with without.
    """
    wide = any(getattr(leaf, "dtype", None) == np.float64 for leaf in jax.tree.leaves(state))
    if wide and jnp.result_type(float) != np.float64:
        warnings.warn(
            f"{owner}: the state is of float64, saved under jax_enable_x64, and is rounded to float32, so "
            "that later values may have other bits. Set jax_enable_x64 to go on as before.",
            UserWarning,
            stacklevel=3,
        )
    arrays: State = jax.tree.map(jnp.asarray, state)
    return arrays


def better(
    metric: jax.Array, best: jax.Array, mode: str, threshold: nx.Number, threshold_mode: str
) -> jax.Array:
    """Whether a metric is better than the best so far by more than a threshold; all in float64."""
    # A product here meets no sum, so there is nothing to contract.
    lower = mode == "min"
    change = -threshold if lower else threshold
    bound = best * (1.0 + change) if threshold_mode == "rel" else best + change
    return metric < bound if lower else metric > bound


def counter(n: nx.Whole) -> jax.Array:
    """A number of steps as int32, which ends where no run does."""
    return jnp.asarray(nx.minimum(n, MOST)).astype(np.int32)
