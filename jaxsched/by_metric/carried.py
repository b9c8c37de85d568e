"""What state machines carry from step to step: float64 numbers, and counters.

Without x64 a state cannot hold float64. A float64 number is exactly the sum of three
float32 numbers, 24 bits and a sign each, so that is how the learning rate is carried from
step to step: rounding it to float32 at each one would differ from PyTorch after a few. The
two smaller ones are kept multiplied by 2**24 and 2**48, so that they do not underflow
before the learning rate does.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .. import _numerics as nx

_SCALES = (2.0**24, 2.0**48)
_UNSCALED = (2.0**-24, 2.0**-48)
MOST = 2**31 - 1
"""Where counters stop."""


def split(x: Any, dtype: Any) -> tuple[jax.Array, jax.Array]:
    """A float64 rounded to ``dtype``, and the rest; `join` puts them together again."""
    first = nx.round_to(x, dtype)
    # An infinity leaves no rest; inf - inf would.
    x = jnp.where(jnp.isfinite(first), x - _exactly(first), 0.0)
    second = nx.round_to(x * _SCALES[0], np.float32)
    x = x - _exactly(second) * _UNSCALED[0]
    third = nx.round_to(x * _SCALES[1], np.float32)
    return first, jnp.stack([second, third])


def join(first: jax.Array, rest: jax.Array) -> jax.Array:
    """The float64 that `split` took apart."""
    return _exactly(first) + (_exactly(rest[0]) * _UNSCALED[0] + _exactly(rest[1]) * _UNSCALED[1])


def _exactly(x: jax.Array) -> jax.Array:
    """To float64, with 0 for a subnormal float32: CPUs read it so, GPUs do not."""
    return jnp.where(abs(x) < 2.0**-126, 0.0, x.astype(np.float64))


def increment(count: jax.Array) -> jax.Array:
    """The counter after one more, or at its end."""
    return jnp.where(count < MOST, count + 1, count)
