"""SGD with dampening."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from ._leaves import Hyperparameter, LearningRate, Tree, driven, each, no_count, zeros


class DampenedTraceState(NamedTuple):
    """State of `sgd`."""

    count: jax.Array  # type: ignore[assignment]  # a tuple has a method of this name
    """Updates of the trace so far; int32 of shape ``()``."""
    trace: Tree
    """Like the parameters, in their types."""


def sgd(
    learning_rate: LearningRate,
    momentum: Hyperparameter = 0.0,
    dampening: Hyperparameter = 0.0,
    nesterov: bool = False,
) -> optax.GradientTransformation:
    r"""SGD with momentum and dampening as in PyTorch.

    Equals :class:`torch.optim.SGD`; the source is ``torch/optim/sgd.py``.

    .. math::
        b_1 = g_1, \quad b_t = \text{momentum} \cdot b_{t-1} + (1 - \text{dampening}) \, g_t, \quad
        u_t = -\mathrm{lr} \cdot b_t

    and with ``nesterov`` :math:`u_t = -\mathrm{lr} \, (g_t + \text{momentum} \cdot b_t)`. While the momentum
    is exactly 0 the trace is left as it is, and :math:`u_t = -\mathrm{lr} \cdot g_t`.

    Args:
      learning_rate: a number, an array or a schedule.
      momentum: >= 0.
      dampening: of every gradient but the first.
      nesterov: whether to look ahead.

    >>> import jax.numpy as jnp
    >>> from jaxsched.optimizers import sgd
    >>> optimizer = sgd(1.0, momentum=0.5, dampening=0.25)
    >>> state = optimizer.init(jnp.zeros(1))
    >>> for _ in range(2):
    ...     updates, state = optimizer.update(jnp.ones(1), state)
    ...     print(updates)
    [-1.]
    [-1.25]

    Differs from optax: ``optax.sgd`` has no dampening, and without it is equal; dampening every gradient
    is another optimizer, by the first.
    """

    def init(params: Tree) -> DampenedTraceState:
        return DampenedTraceState(no_count(), zeros(params))

    def update(
        updates: Tree, state: DampenedTraceState, params: Tree = None
    ) -> tuple[Tree, DampenedTraceState]:
        off = jnp.equal(momentum, 0.0)
        begun = state.count > 0

        def one(shared: list[jax.Array], g: jax.Array, trace: jax.Array) -> tuple[jax.Array, jax.Array]:
            momentum, dampening = shared
            after = jnp.where(begun, momentum * trace + (1 - dampening) * g, g)
            made = g + momentum * after if nesterov else after
            return jnp.where(off, g, made), jnp.where(off, trace, after)

        made, trace = each(one, (momentum, dampening), updates, [state.trace])
        count = jnp.where(off, state.count, optax.safe_increment(state.count))
        return made, DampenedTraceState(count, trace)

    return driven(optax.GradientTransformation(init, update), 0.0, learning_rate)
