"""NAdam, whose momentum has a schedule of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.typing import DTypeLike

from ._leaves import Hyperparameter, LearningRate, Tree, driven, each, lerp, no_count, numbers, scalar, zeros


class ScaleByNadamState(NamedTuple):
    """State of `nadam`; trees like the parameters, in their types."""

    count: jax.Array  # type: ignore[assignment]  # a tuple has a method of this name
    """Updates so far; int32 of shape ``()``."""
    mu_product: jax.Array
    """The product of all momenta so far, of shape ``()``."""
    mu: Tree
    nu: Tree


def nadam(
    learning_rate: LearningRate,
    b1: Hyperparameter = 0.9,
    b2: Hyperparameter = 0.999,
    eps: Hyperparameter = 1e-8,
    weight_decay: Hyperparameter = 0.0,
    momentum_decay: float = 4e-3,
    scalar_dtype: DTypeLike = np.float32,
) -> optax.GradientTransformation:
    r"""NAdam as PyTorch computes it.

    Equals :class:`torch.optim.NAdam`; the source is ``torch/optim/nadam.py``.

    .. math::
        \mu_t &= b_1 (1 - 0.5 \cdot 0.96^{t \cdot \text{momentum\_decay}}), \quad
        \Pi_t = \mu_1 \cdots \mu_t \\
        u_t &= -\mathrm{lr} \left(\frac{\mu_{t+1} m_t / (1 - \Pi_{t+1}) + (1 - \mu_t) \, g_t / (1 - \Pi_t)}
        {\sqrt{v_t / (1 - b_2^t)} + \mathrm{eps}} + \text{weight\_decay} \cdot p\right)

    with the moments :math:`m_t` and :math:`v_t` of Adam.

    Args:
      learning_rate: a number, an array or a schedule.
      b1: in [0, 1), may change from update to update.
      b2: in [0, 1).
      eps: >= 0.
      weight_decay: decoupled.
      momentum_decay: >= 0.
      scalar_dtype: of :math:`\Pi_t`. PyTorch has it in its default float type, also of float64 parameters,
        and in the type of the parameters after a ``load_state_dict``.

    >>> import jax.numpy as jnp
    >>> from jaxsched.optimizers import nadam
    >>> optimizer = nadam(0.5)
    >>> optimizer.update(jnp.ones(1), optimizer.init(jnp.zeros(1)))[0]
    Array([-0.528...], dtype=float32)

    Differs from optax: ``optax.nadam`` and ``nadamw`` keep the momentum as it is.

    Dozat, `Incorporating Nesterov Momentum into Adam
    <https://openreview.net/forum?id=OM0jvwB8jIp57ZJjtNEZ>`_, 2016.
    """

    kind = np.dtype(np.float32) if jnp.dtype(scalar_dtype).itemsize < 4 else jnp.dtype(scalar_dtype)

    def init(params: Tree) -> ScaleByNadamState:
        return ScaleByNadamState(no_count(), scalar(1.0, scalar_dtype), zeros(params), zeros(params))

    def computed(b1: jax.Array, b2: jax.Array, step: jax.Array, product: jax.Array) -> Sequence[jax.Array]:
        log_of_decay = momentum_decay * float(np.log(0.96))
        mu = b1 * (1.0 - 0.5 * jnp.exp(step * log_of_decay))
        after = b1 * (1.0 - 0.5 * jnp.exp((step + 1) * log_of_decay))
        product = (product.astype(kind) * jnp.asarray(mu).astype(kind)).astype(scalar_dtype)
        product = product.astype(np.float64)
        of_gradient, of_moment = (1 - mu) / (1 - product), after / (1 - product * after)
        return product, of_gradient, of_moment, 1 - b1, 1 - b2, 1 - b2**step

    def update(
        updates: Tree, state: ScaleByNadamState, params: Tree = None
    ) -> tuple[Tree, ScaleByNadamState]:
        count = optax.safe_increment(state.count)
        product, *shared = numbers(computed, b1, b2, count, state.mu_product)
        made, mu, nu = each(one, (*shared, b2, eps), updates, (state.mu, state.nu))
        return made, ScaleByNadamState(count, scalar(product, scalar_dtype), mu, nu)

    def one(
        shared: list[jax.Array], g: jax.Array, m: jax.Array, v: jax.Array
    ) -> tuple[jax.Array, jax.Array, jax.Array]:
        of_gradient, of_moment, rest1, rest2, correction2, b2, eps = shared
        m = lerp(m, g, rest1)
        v = b2 * v + rest2 * (g * g)
        return (of_gradient * g + of_moment * m) / (jnp.sqrt(v / correction2) + eps), m, v

    return driven(optax.GradientTransformation(init, update), weight_decay, learning_rate)
