"""Muon."""

from __future__ import annotations

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from .._arguments import error
from ._leaves import Hyperparameter, LearningRate, Tree, driven, each, lerp, zeros


class ScaleByMuonState(NamedTuple):
    """State of `muon`."""

    mu: Tree
    """The momentum, like the parameters, in their types."""


def muon(
    learning_rate: LearningRate,
    weight_decay: Hyperparameter = 0.1,
    momentum: Hyperparameter = 0.95,
    nesterov: bool = True,
    ns_coefficients: tuple[float, float, float] = (3.4445, -4.775, 2.0315),
    eps: float = 1e-7,
    ns_steps: int = 5,
    adjust_lr_fn: str | None = None,
) -> optax.GradientTransformation:
    r"""Muon as PyTorch computes it.

    Equals :class:`torch.optim.Muon`; the source is ``torch/optim/_muon.py``.

    .. math::
        B_t &= \text{momentum} \cdot B_{t-1} + (1 - \text{momentum}) \, g_t, \quad
        \tilde B_t = (1 - \text{momentum}) \, g_t + \text{momentum} \cdot B_t \\
        u_t &= -\mathrm{lr} \, (r \, O(\tilde B_t) + \text{weight\_decay} \cdot p)

    with :math:`B_t` for :math:`\tilde B_t` without ``nesterov``. :math:`O` are ``ns_steps`` of the iteration
    :math:`X \leftarrow a X + (b A + c A^2) X`, :math:`A = X X^\top`, from
    :math:`X = \tilde B / \max(\Vert \tilde B \Vert, \mathrm{eps})`. PyTorch makes it in bfloat16 whatever
    the type of the parameters, with sums in float32, and each result rounded once; and so does this. A sum
    in another order can round to the other side, which changes an entry of an update by some 2**-8.

    Of :math:`n` rows and :math:`m` columns :math:`r` is :math:`\sqrt{\max(1, n/m)}`, and
    :math:`0.2 \sqrt{\max(n, m)}` with ``"match_rms_adamw"``. The former is another number for a kernel with
    its axes in another order.

    Args:
      learning_rate: a number, an array or a schedule.
      weight_decay: decoupled.
      momentum: in [0, 1].
      nesterov: whether to look ahead.
      ns_coefficients: :math:`a`, :math:`b`, :math:`c`.
      eps: > 0.
      ns_steps: an integer below 100.
      adjust_lr_fn: None and ``"original"``, or ``"match_rms_adamw"``.

    Raises:
      ValueError: by ``init``, of a parameter that is no matrix.

    >>> import jax.numpy as jnp
    >>> from jaxsched.optimizers import muon
    >>> optimizer = muon(0.5, ns_steps=0)
    >>> params = jnp.zeros((2, 2))
    >>> optimizer.update(jnp.array([[3.0, 0.0], [0.0, 4.0]]), optimizer.init(params), params)[0]
    Array([[-0.30078125, -0.        ],
           [-0.        , -0.40039062]], dtype=float32)

    Differs from optax: ``optax.contrib.muon`` corrects a bias of the momentum, makes the iteration in the
    type of the parameters, adds eps to the norm, and scales by other factors.

    Jordan et al., `Muon <https://kellerjordan.github.io/posts/muon/>`_, 2024.
    """
    if adjust_lr_fn not in (None, "original", "match_rms_adamw"):
        allowed = "None, 'original' or 'match_rms_adamw'"
        raise error(ValueError, "muon", "adjust_lr_fn", adjust_lr_fn, allowed, "Spell it exactly so.")

    def init(params: Tree) -> ScaleByMuonState:
        for path, p in jax.tree_util.tree_leaves_with_path(params):
            if p.ndim != 2:
                raise ValueError(
                    f"muon: params{jax.tree_util.keystr(path)} must have two axes, got the shape {p.shape}. "
                    "Give what is no matrix to another optimizer, with optax.partition."
                )
        return ScaleByMuonState(zeros(params))

    def update(updates: Tree, state: ScaleByMuonState, params: Tree = None) -> tuple[Tree, ScaleByMuonState]:
        made, mu = each(one, [momentum], updates, [state.mu])
        return made, ScaleByMuonState(mu)

    def one(shared: list[jax.Array], g: jax.Array, mu: jax.Array) -> tuple[jax.Array, jax.Array]:
        momentum = shared[0]
        mu = lerp(mu, g, 1 - momentum)
        rows, columns = g.shape
        ratio = math.sqrt(max(1, rows / columns))
        if adjust_lr_fn == "match_rms_adamw":
            ratio = 0.2 * math.sqrt(max(rows, columns))
        ahead = lerp(g, mu, momentum) if nesterov else mu
        return ratio * _orthogonal(ahead, ns_coefficients, ns_steps, eps).astype(g.dtype), mu

    return driven(optax.GradientTransformation(init, update), weight_decay, learning_rate)


def _orthogonal(x: jax.Array, coefficients: tuple[float, float, float], steps: int, eps: float) -> jax.Array:
    """About the nearest orthogonal matrix, in float32 with the values of bfloat16."""
    a, b, c = coefficients
    wide = x.shape[0] <= x.shape[1]
    x = _bfloat16(x if wide else x.T)
    norm = _bfloat16(jnp.sqrt(jnp.sum(x * x)))
    x = _bfloat16(x / jnp.maximum(norm, _bfloat16(jnp.asarray(eps, np.float32))))
    for _ in range(steps):
        gram = _bfloat16(x @ x.T)
        step = _bfloat16(b * gram + c * (gram @ gram))
        x = _bfloat16(a * x + step @ x)
    return x if wide else x.T


def _bfloat16(x: jax.Array) -> jax.Array:
    """Rounded to bfloat16; a compiler may leave out a conversion there and back, but not this."""
    return jax.lax.reduce_precision(x.astype(np.float32), exponent_bits=8, mantissa_bits=7)
