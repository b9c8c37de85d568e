"""What the state machines share: how they take a metric, and when it is better."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .. import _numerics as nx
from .._arguments import error
from .carried import MOST


def as_metric(owner: str, metric: Any, allowed: str) -> jax.Array | np.ndarray[Any, Any] | np.generic:
    """A metric as an array of its own type and shape; booleans are 0 and 1, whoever made them.

    Raises:
      TypeError: it is no real number, nor an array of them.
    """
    if isinstance(metric, (int, float)):
        return np.float64(metric)
    if isinstance(metric, (jax.Array, np.ndarray, np.generic)):
        real = metric.dtype == bool or jnp.issubdtype(metric.dtype, jnp.number)
        if real and not jnp.issubdtype(metric.dtype, jnp.complexfloating):
            return metric
    raise error(TypeError, owner, "metric", metric, allowed, "Convert a one-element tensor with .item().")


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
