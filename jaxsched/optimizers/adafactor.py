"""Adafactor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from ._leaves import LearningRate, Tree, each, lerp, needed, no_count, numbers, rate_at


class AdafactorState(NamedTuple):
    """State of `adafactor`; trees like the parameters, in their types, with None where there is nothing."""

    count: jax.Array  # type: ignore[assignment]  # a tuple has a method of this name
    """Updates so far; int32 of shape ``()``."""
    row_var: Tree
    """Of parameters with two axes or more, of shape ``(…, rows, 1)``."""
    col_var: Tree
    """Likewise, of shape ``(…, 1, columns)``."""
    variance: Tree
    """Of all others, of their shape."""


def adafactor(
    learning_rate: LearningRate,
    beta2_decay: float = -0.8,
    eps: tuple[float | None, float] = (None, 1e-3),
    d: float = 1.0,
    weight_decay: float = 0.0,
) -> optax.GradientTransformation:
    r"""Adafactor as PyTorch computes it.

    Equals :class:`torch.optim.Adafactor`; the source is ``torch/optim/_adafactor.py``. Of a matrix, and of
    the last two axes of what has more,

    .. math::
        \beta_t &= 1 - t^{\text{beta2\_decay}}, \quad
        R_t = \beta_t R_{t-1} + (1 - \beta_t) \operatorname{mean}_{-1}(g_t^2), \quad
        C_t = \beta_t C_{t-1} + (1 - \beta_t) \operatorname{mean}_{-2}(g_t^2) \\
        v_t &= \frac{R_t C_t}{\max(\operatorname{mean}_{-2} R_t, \epsilon_1)}, \quad
        w_t = \frac{g_t}{\sqrt{\max(v_t, \epsilon_1^2)}} \\
        u_t &= -\frac{\max(\epsilon_2, \mathrm{rms}(p)) \min(\mathrm{lr}, 1/\sqrt t)}
        {\max(1, \mathrm{rms}(w_t) / d)} \, w_t - \mathrm{lr} \cdot \text{weight\_decay} \cdot p

    and of a vector :math:`v_t = \beta_t v_{t-1} + (1 - \beta_t) \, g_t^2`. What is a row to PyTorch should
    be one here: a kernel with its axes in another order is another optimization, unless only the last two
    change places.

    Args:
      learning_rate: a number, an array or a schedule.
      beta2_decay: <= 0.
      eps: :math:`\epsilon_1`, None for the spacing at 1 of the parameter's type (float32 within
        `scheduled`, of what has 16 bits), and :math:`\epsilon_2`.
      d: where an update is clipped; >= 1.
      weight_decay: decoupled.

    >>> import jax.numpy as jnp
    >>> from jaxsched.optimizers import adafactor
    >>> optimizer = adafactor(0.25)
    >>> params = jnp.full((2, 2), 2.0)
    >>> optimizer.update(jnp.full((2, 2), 3.0), optimizer.init(params), params)[0]
    Array([[-0.5, -0.5],
           [-0.5, -0.5]], dtype=float32)

    Differs from optax: ``optax.adafactor`` factors only what has 128 rows and columns, adds its epsilon to
    every squared gradient, does not bound the learning rate by :math:`1/\sqrt t`, and decays by a rate of
    its own.

    Shazeer and Stern, `Adafactor <https://arxiv.org/abs/1804.04235>`_, 2018.
    """

    def init(params: Tree) -> AdafactorState:
        def start(of: int | None) -> Tree:
            def one(p: jax.Array) -> jax.Array | None:
                if (of is None) is (p.ndim > 1):
                    return None
                shape = tuple(1 if axis - p.ndim == of else n for axis, n in enumerate(p.shape))
                return jnp.zeros(shape, p.dtype)

            return jax.tree.map(one, params)

        return AdafactorState(no_count(), start(-1), start(-2), start(None))

    def computed(lr: jax.Array, step: jax.Array) -> Sequence[jax.Array]:
        return step**beta2_decay, jnp.minimum(lr, 1 / step**0.5), lr * weight_decay

    def update(updates: Tree, state: AdafactorState, params: Tree = None) -> tuple[Tree, AdafactorState]:
        count = optax.safe_increment(state.count)
        shared = numbers(computed, rate_at(learning_rate, state.count), count)
        kept = (state.row_var, state.col_var, state.variance)
        made, *after = each(one, shared, updates, kept, needed(params, "adafactor"), _spacing(params))
        return made, AdafactorState(count, *after)

    def one(
        shared: list[jax.Array],
        g: jax.Array,
        row: jax.Array | None,
        column: jax.Array | None,
        variance: jax.Array | None,
        p: jax.Array,
        spacing: float,
    ) -> tuple[jax.Array | None, ...]:
        rest, rho, decay = shared
        least = spacing if eps[0] is None else eps[0]
        square = g * g
        if variance is not None:
            variance = estimate = lerp(variance, square, rest)
        elif row is not None and column is not None:
            row = lerp(row, square.mean(-1, keepdims=True), rest)
            column = lerp(column, square.mean(-2, keepdims=True), rest)
            estimate = row * column / jnp.maximum(row.mean(-2, keepdims=True), least)
        w = g / jnp.sqrt(jnp.maximum(estimate, least * least))
        alpha = jnp.maximum(eps[1], _rms(p)) * rho / jnp.maximum(1.0, _rms(w) / d)
        return -(alpha * w + decay * p), row, column, variance

    return optax.GradientTransformation(init, update)


def _spacing(params: Tree) -> Tree:
    """Next to 1, in the type of each parameter, and not in the one it is computed in."""

    def one(p: jax.Array) -> float:
        return float(jnp.finfo(p.dtype).eps)  # type: ignore[no-untyped-call]

    return jax.tree.map(one, params)


def _rms(x: jax.Array) -> jax.Array:
    return jnp.sqrt(jnp.mean(x * x))
