"""Adagrad, whose learning rate decays by itself."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from ._leaves import Hyperparameter, LearningRate, Tree, driven, each, no_count, numbers


class ScaleByAdagradState(NamedTuple):
    """State of `adagrad`."""

    count: jax.Array  # type: ignore[assignment]  # a tuple has a method of this name
    """Updates so far; int32 of shape ``()``."""
    sum_of_squares: Tree
    """Like the parameters, in their types."""


def adagrad(
    learning_rate: LearningRate,
    lr_decay: float = 0.0,
    initial_accumulator_value: float = 0.0,
    eps: Hyperparameter = 1e-10,
) -> optax.GradientTransformation:
    r"""Adagrad as PyTorch computes it.

    Equals :class:`torch.optim.Adagrad`; the source is ``torch/optim/adagrad.py``.

    .. math::
        s_t = s_{t-1} + g_t^2, \quad
        u_t = -\frac{\mathrm{lr}}{1 + (t - 1) \, \text{lr\_decay}} \cdot \frac{g_t}{\sqrt{s_t} + \mathrm{eps}}

    Args:
      learning_rate: a number, an array or a schedule.
      lr_decay: >= 0.
      initial_accumulator_value: :math:`s_0`, >= 0.
      eps: >= 0. At 0 a gradient that was always 0 makes NaN, as in PyTorch.

    >>> import jax.numpy as jnp
    >>> from jaxsched.optimizers import adagrad
    >>> optimizer = adagrad(1.0, initial_accumulator_value=9.0)
    >>> optimizer.update(jnp.array([4.0]), optimizer.init(jnp.zeros(1)))[0]
    Array([-0.8], dtype=float32)

    Differs from optax: ``optax.adagrad`` adds eps within the root, begins at 0.1, and does not decay.

    Duchi, Hazan and Singer, `Adaptive Subgradient Methods
    <https://jmlr.org/papers/v12/duchi11a.html>`_, 2011.
    """

    def init(params: Tree) -> ScaleByAdagradState:
        start = jax.tree.map(lambda p: jnp.full_like(p, initial_accumulator_value), params)
        return ScaleByAdagradState(no_count(), start)

    def update(
        updates: Tree, state: ScaleByAdagradState, params: Tree = None
    ) -> tuple[Tree, ScaleByAdagradState]:
        (slower,) = numbers(lambda before: [1 + before * lr_decay], state.count)
        made, sums = each(one, (slower, eps), updates, [state.sum_of_squares])
        return made, ScaleByAdagradState(optax.safe_increment(state.count), sums)

    def one(shared: list[jax.Array], g: jax.Array, total: jax.Array) -> tuple[jax.Array, jax.Array]:
        slower, eps = shared
        total = total + g * g
        return g / (jnp.sqrt(total) + eps) / slower, total

    return driven(optax.GradientTransformation(init, update), 0.0, learning_rate)
