"""Averaged SGD."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.typing import DTypeLike

from ._leaves import LearningRate, Tree, each, needed, no_count, numbers, rate_at, scalar, zeros


class AsgdState(NamedTuple):
    """State of `asgd`."""

    count: jax.Array  # type: ignore[assignment]  # a tuple has a method of this name
    """Updates so far; int32 of shape ``()``."""
    eta: jax.Array
    """What the next update scales the gradient by; of shape ``()``."""
    mu: jax.Array
    """The share of the next parameters in the average; of shape ``()``."""
    ax: Tree
    """The average of the parameters, like them, in their types."""


def asgd(
    learning_rate: LearningRate,
    lambd: float = 1e-4,
    alpha: float = 0.75,
    t0: float = 1e6,
    scalar_dtype: DTypeLike = np.float32,
) -> optax.GradientTransformation:
    r"""Averaged SGD as PyTorch computes it.

    Equals :class:`torch.optim.ASGD`; the source is ``torch/optim/asgd.py``.

    .. math::
        u_t &= -\eta_t (g_t + \lambda p), \quad \eta_1 = \mathrm{lr}_1, \quad
        \eta_{t+1} = \frac{\mathrm{lr}_t}{(1 + \lambda \, \mathrm{lr}_t \, t)^{\alpha}} \\
        a_t &= a_{t-1} + \mu_t (p + u_t - a_{t-1}), \quad \mu_1 = 1, \quad
        \mu_{t+1} = \frac{1}{\max(1, t - t_0)}

    The average :math:`a_t` is ``state.ax``; it is right where the update is applied as it is.

    Args:
      learning_rate: a number, an array or a schedule. As in PyTorch, what changes it reaches the parameters
        one update later.
      lambd: decay of the parameters.
      alpha: power of the decay of the learning rate.
      t0: updates before averaging begins.
      scalar_dtype: of :math:`\eta` and :math:`\mu`. PyTorch has them in its default float type, also of
        float64 parameters.

    >>> import jax.numpy as jnp
    >>> from jaxsched.optimizers import asgd
    >>> optimizer = asgd(0.5, lambd=1.0)
    >>> optimizer.update(jnp.ones(1), optimizer.init(jnp.ones(1)), jnp.ones(1))[0]
    Array([-1.], dtype=float32)

    Differs from optax: there is none. ``optax.ema`` averages updates, not parameters.

    Polyak and Juditsky, `Acceleration of Stochastic Approximation by Averaging
    <https://doi.org/10.1137/0330046>`_, 1992.
    """

    def init(params: Tree) -> AsgdState:
        start = scalar(rate_at(learning_rate, no_count()), scalar_dtype)
        return AsgdState(no_count(), start, scalar(1.0, scalar_dtype), zeros(params))

    def computed(lr: jax.Array, step: jax.Array) -> Sequence[jax.Array]:
        return lr / ((1 + lambd * lr * step) ** alpha), 1 / jnp.maximum(1, step - t0)

    def update(updates: Tree, state: AsgdState, params: Tree = None) -> tuple[Tree, AsgdState]:
        count = optax.safe_increment(state.count)
        params = needed(params, "asgd")
        # PyTorch takes the first one when it makes the first update, and it may have been set until then.
        first = scalar(rate_at(learning_rate, no_count()), scalar_dtype)
        state = state._replace(eta=jnp.where(state.count == 0, first, state.eta))
        (decay,) = numbers(lambda eta: [lambd * eta], state.eta)
        made, ax = each(one, (state.eta, state.mu, decay), updates, [state.ax], params)
        eta, mu = (
            scalar(x, scalar_dtype) for x in numbers(computed, rate_at(learning_rate, state.count), count)
        )
        return made, AsgdState(count, eta, mu, ax)

    def one(
        shared: list[jax.Array], g: jax.Array, ax: jax.Array, p: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        eta, mu, decay = shared
        made = -(decay * p + eta * g)
        after = p + made
        return made, jnp.where(mu == 1, after, ax + mu * (after - ax))

    return optax.GradientTransformation(init, update)
