"""Adam and AdamW, with AMSGrad."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from ._leaves import Hyperparameter, LearningRate, Tree, driven, each, lerp, no_count, numbers, zeros


class ScaleByAdamState(NamedTuple):
    """State of `adam`; trees like the parameters, in their types."""

    count: jax.Array  # type: ignore[assignment]  # a tuple has a method of this name
    """Updates so far; int32 of shape ``()``."""
    mu: Tree
    nu: Tree
    nu_max: Tree
    """The largest ``nu`` so far; None without ``amsgrad``."""


def adam(
    learning_rate: LearningRate,
    b1: Hyperparameter = 0.9,
    b2: Hyperparameter = 0.999,
    eps: Hyperparameter = 1e-8,
    weight_decay: Hyperparameter = 0.0,
    amsgrad: bool = False,
) -> optax.GradientTransformation:
    r"""Adam as PyTorch computes it, with AMSGrad; with decoupled weight decay it is AdamW.

    Equals :class:`torch.optim.Adam` and :class:`torch.optim.AdamW`; the source is ``torch/optim/adam.py``.

    .. math::
        m_t &= b_1 m_{t-1} + (1 - b_1) g_t, \quad v_t = b_2 v_{t-1} + (1 - b_2) g_t^2, \quad
        \bar v_t = \max(\bar v_{t-1}, v_t) \\
        u_t &= -\mathrm{lr} \left(\frac{m_t / (1 - b_1^t)}{\sqrt{\bar v_t} / \sqrt{1 - b_2^t} + \mathrm{eps}}
        + \text{weight\_decay} \cdot p\right)

    with :math:`v_t` for :math:`\bar v_t` without ``amsgrad``.

    Args:
      learning_rate: a number, an array or a schedule.
      b1: in [0, 1), may change from update to update; the bias is corrected by the one in force.
      b2: in [0, 1).
      eps: >= 0.
      weight_decay: decoupled, as in AdamW and in ``optax.adamw``.
      amsgrad: whether the largest second moment so far takes the place of the last.

    >>> import jax.numpy as jnp
    >>> from jaxsched.optimizers import adam
    >>> optimizer = adam(0.5, amsgrad=True)
    >>> updates, state = optimizer.update(jnp.array([2.0, -3.0]), optimizer.init(jnp.zeros(2)))
    >>> print(updates.round(6))
    [-0.5  0.5]

    Differs from optax: ``optax.amsgrad`` takes the maximum after the correction of the bias, which shrinks
    with every update, where PyTorch takes it before. In float32 ``optax.adam`` corrects the bias in float32,
    which is wrong in the fifth digit at first.

    Kingma and Ba, `Adam <https://arxiv.org/abs/1412.6980>`_, 2014; Reddi, Kale and Kumar,
    `On the Convergence of Adam and Beyond <https://arxiv.org/abs/1904.09237>`_, 2018.
    """
    return driven(_scale_by_adam(b1, b2, eps, amsgrad), weight_decay, learning_rate)


def _scale_by_adam(
    b1: Hyperparameter, b2: Hyperparameter, eps: Hyperparameter, amsgrad: bool
) -> optax.GradientTransformation:
    def init(params: Tree) -> ScaleByAdamState:
        return ScaleByAdamState(no_count(), zeros(params), zeros(params), zeros(params) if amsgrad else None)

    def update(updates: Tree, state: ScaleByAdamState, params: Tree = None) -> tuple[Tree, ScaleByAdamState]:
        count = optax.safe_increment(state.count)
        shared = numbers(
            lambda b1, b2, step: (1 - b1, 1 - b2, 1 - b1**step, (1 - b2**step) ** 0.5), b1, b2, count
        )
        kept = (state.mu, state.nu, state.nu_max) if amsgrad else (state.mu, state.nu)
        made, *after = each(one, (*shared, b2, eps), updates, kept)
        return made, ScaleByAdamState(count, *after, *(() if amsgrad else (None,)))

    def one(
        shared: list[jax.Array], g: jax.Array, m: jax.Array, v: jax.Array, *most: jax.Array
    ) -> tuple[jax.Array, ...]:
        rest1, rest2, correction1, root2, b2, eps = shared
        m = lerp(m, g, rest1)
        v = b2 * v + rest2 * (g * g)
        most = tuple(jnp.maximum(x, v) for x in most)
        return m / correction1 / (jnp.sqrt(most[0] if most else v) / root2 + eps), m, v, *most

    return optax.GradientTransformation(init, update)
