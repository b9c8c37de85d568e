"""Rprop."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from ._leaves import LearningRate, Tree, each, no_count, rate_at, zeros


class RpropState(NamedTuple):
    """State of `rprop`; trees like the parameters, in their types."""

    count: jax.Array  # type: ignore[assignment]  # a tuple has a method of this name
    """Updates so far; int32 of shape ``()``."""
    step_sizes: Tree
    prev_updates: Tree
    """The gradients before, with 0 where they had just turned."""


def rprop(
    learning_rate: LearningRate,
    eta_minus: float = 0.5,
    eta_plus: float = 1.2,
    min_step_size: float = 1e-6,
    max_step_size: float = 50.0,
) -> optax.GradientTransformation:
    r"""Rprop as PyTorch computes it.

    Equals :class:`torch.optim.Rprop`; the source is ``torch/optim/rprop.py``.

    .. math::
        s_t = \mathrm{clip}(s_{t-1} \eta_t, \text{min\_step\_size}, \text{max\_step\_size}), \quad
        u_t = -s_t \operatorname{sign}(g_t)

    where :math:`\eta_t` is ``eta_plus`` where the gradient has the sign it had before, ``eta_minus`` where it
    has the other one, of which this update then takes 0 and the next one knows nothing, and 1 where either is
    0.

    Args:
      learning_rate: the first step size :math:`s_0`, a number, an array or a schedule, of which only the
        first value counts.
      eta_minus: in (0, 1).
      eta_plus: > 1.
      min_step_size: of every update; >= 0.
      max_step_size: likewise.

    >>> import jax.numpy as jnp
    >>> from jaxsched.optimizers import rprop
    >>> optimizer = rprop(1.0)
    >>> state = optimizer.init(jnp.zeros(1))
    >>> for gradient in [1.0, 1.0, -1.0, -1.0]:
    ...     updates, state = optimizer.update(jnp.array([gradient]), state)
    ...     print(updates)
    [-1.]
    [-1.2]
    [-0.]
    [0.6]

    Differs from optax: ``optax.rprop`` makes each update one step late, from the gradient before, and bounds
    no first step.

    Riedmiller and Braun, `A Direct Adaptive Method for Faster Backpropagation Learning
    <https://doi.org/10.1109/ICNN.1993.298623>`_, 1993.
    """

    def init(params: Tree) -> RpropState:
        start = rate_at(learning_rate, no_count())
        sizes = jax.tree.map(lambda p: jnp.full(p.shape, start, p.dtype), params)
        return RpropState(no_count(), sizes, zeros(params))

    def update(updates: Tree, state: RpropState, params: Tree = None) -> tuple[Tree, RpropState]:
        # PyTorch takes the first size when it makes the first update, and it may have been set until then.
        start, fresh = rate_at(learning_rate, no_count()), state.count == 0
        sizes = jax.tree.map(
            lambda s: jnp.where(fresh, jnp.asarray(start).astype(s.dtype), s), state.step_sizes
        )
        made, sizes, before = each(one, (), updates, (sizes, state.prev_updates))
        return made, RpropState(optax.safe_increment(state.count), sizes, before)

    def one(
        _: object, g: jax.Array, size: jax.Array, before: jax.Array
    ) -> tuple[jax.Array, jax.Array, jax.Array]:
        turned = _sign_of_product(g, before)
        eta = jnp.where(turned > 0, eta_plus, jnp.where(turned < 0, eta_minus, 1.0)).astype(g.dtype)
        size = jnp.clip(size * eta, min_step_size, max_step_size)
        g = jnp.where(turned < 0, 0.0, g)
        # Of NaN the sign is 0 to PyTorch.
        sign = jnp.where(g > 0, 1.0, jnp.where(g < 0, -1.0, 0.0)).astype(g.dtype)
        return -size * sign, size, g

    return optax.GradientTransformation(init, update)


def _sign_of_product(g: jax.Array, before: jax.Array) -> jax.Array:
    """As PyTorch has it: 0 where the product is less than half of the least subnormal number.

    The product itself XLA takes for 0 where it is subnormal, of two gradients of 1e-20, say.
    """
    limits = jnp.finfo(g.dtype)  # type: ignore[no-untyped-call]
    half = int(limits.minexp) - int(limits.nmant) - 1
    raised = -half * 2 // 3  # neither side of the comparison leaves the range of the type
    there = jnp.abs(before) * 2.0**raised > 2.0 ** (half + raised) / jnp.abs(g)
    return jnp.where(there, jnp.sign(g) * jnp.sign(before), 0.0)
