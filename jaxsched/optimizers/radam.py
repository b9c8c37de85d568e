"""RAdam."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import optax

from ._leaves import Hyperparameter, LearningRate, Tree, driven, each, lerp, no_count, numbers, zeros


def radam(
    learning_rate: LearningRate,
    b1: Hyperparameter = 0.9,
    b2: Hyperparameter = 0.999,
    eps: Hyperparameter = 1e-8,
    weight_decay: Hyperparameter = 0.0,
) -> optax.GradientTransformation:
    r"""RAdam as PyTorch computes it.

    Equals :class:`torch.optim.RAdam`; the source is ``torch/optim/radam.py``.

    .. math::
        \rho_\infty &= \frac{2}{1 - b_2} - 1, \quad
        \rho_t = \rho_\infty - \frac{2 t b_2^t}{1 - b_2^t}, \quad
        r_t = \sqrt{\frac{(\rho_t - 4)(\rho_t - 2) \rho_\infty}{(\rho_\infty - 4)(\rho_\infty - 2) \rho_t}} \\
        u_t &= -\mathrm{lr} \left(\frac{m_t}{1 - b_1^t} \cdot
        \frac{r_t \sqrt{1 - b_2^t}}{\sqrt{v_t} + \mathrm{eps}} + \text{weight\_decay} \cdot p\right)

    with the moments :math:`m_t` and :math:`v_t` of Adam; the second factor is 1 while :math:`\rho_t \le 5`.

    Args:
      learning_rate: a number, an array or a schedule.
      b1: in [0, 1), may change from update to update.
      b2: in [0, 1).
      eps: >= 0.
      weight_decay: decoupled.

    >>> import jax.numpy as jnp
    >>> from jaxsched.optimizers import radam
    >>> optimizer = radam(0.5)
    >>> optimizer.update(jnp.array([3.0]), optimizer.init(jnp.zeros(1)))[0]
    Array([-1.5], dtype=float32)

    Differs from optax: ``optax.radam`` adds eps after it has corrected the bias of the root, and in float32
    computes :math:`\rho_t` with an error that can pass the threshold at another update.

    Liu et al., `On the Variance of the Adaptive Learning Rate and Beyond
    <https://arxiv.org/abs/1908.03265>`_, 2019.
    """

    def init(params: Tree) -> optax.ScaleByAdamState:
        return optax.ScaleByAdamState(no_count(), zeros(params), zeros(params))

    def computed(b1: jax.Array, b2: jax.Array, step: jax.Array) -> Sequence[jax.Array]:
        correction1, correction2 = 1 - b1**step, 1 - b2**step
        longest = 2 / (1 - b2) - 1
        length = longest - 2 * step * (b2**step) / correction2
        rest = (length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)
        rectified = length > 5
        # Of what is not rectified the root need not exist.
        factor = jnp.sqrt(jnp.where(rectified, rest, 1.0)) * correction2**0.5
        return rectified, factor, 1 - b1, 1 - b2, correction1

    def update(
        updates: Tree, state: optax.ScaleByAdamState, params: Tree = None
    ) -> tuple[Tree, optax.ScaleByAdamState]:
        count = optax.safe_increment(state.count)
        shared = numbers(computed, b1, b2, count)
        made, mu, nu = each(one, (*shared, b2, eps), updates, (state.mu, state.nu))
        return made, optax.ScaleByAdamState(count, mu, nu)

    def one(
        shared: list[jax.Array], g: jax.Array, m: jax.Array, v: jax.Array
    ) -> tuple[jax.Array, jax.Array, jax.Array]:
        rectified, factor, rest1, rest2, correction1, b2, eps = shared
        m = lerp(m, g, rest1)
        v = b2 * v + rest2 * (g * g)
        adaptive = jnp.where(rectified > 0, factor / (jnp.sqrt(v) + eps), 1.0)
        return m / correction1 * adaptive, m, v

    return driven(optax.GradientTransformation(init, update), weight_decay, learning_rate)
