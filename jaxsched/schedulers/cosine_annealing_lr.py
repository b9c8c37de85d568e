from collections.abc import Sequence
from typing import Annotated, ClassVar, final

import jax

from .. import _numerics as nx
from .._arguments import Integer, LearningRate, Real
from .._schedule import Schedule
from .._shared_rate import UNCHANGED, Affine


@final
class CosineAnnealingLR(Schedule):
    r"""Half a cosine from ``base_lr`` down to ``eta_min``; after ``T_max`` up again.

    Equals :class:`torch.optim.lr_scheduler.CosineAnnealingLR`, for every count.

    .. math::
        \mathrm{lr}(k) = \text{eta\_min} + (\text{base\_lr} - \text{eta\_min})
            \frac{1 + \cos(\pi k / \text{T\_max})}{2}

    Args:
      base_lr: the optimizer's learning rate, finite and >= 0.
      T_max: updates from ``base_lr`` to ``eta_min``; an integer >= 1. The period is twice
        that: to stay at ``eta_min``, put a constant after it in a sequence.
      eta_min: the learning rate at ``T_max``, finite and >= 0; it may lie above ``base_lr``.

    Raises:
      ValueError: an argument is out of its range.
      TypeError: an argument is of the wrong type.

    The first count, the end, one past it, and a whole period:

    >>> from jaxsched import CosineAnnealingLR
    >>> CosineAnnealingLR(0.1, T_max=4, eta_min=0.02).on_host([0, 4, 5, 8])
    array([0.1       , 0.02      , 0.03171573, 0.1       ], dtype=float32)

    Differs from optax: ``cosine_decay_schedule`` stays at its end value, takes that value as
    a share (``alpha``), and computes ``1 + cos`` in float32, which loses every digit near
    the end: millions of ULP at 10,000 steps.

    Loshchilov and Hutter, `SGDR <https://arxiv.org/abs/1608.03983>`_, 2017, without the
    restarts.
    """

    base_lr: LearningRate
    T_max: Annotated[nx.Whole, Integer(1, "It is the number of updates from base_lr to eta_min.")]
    eta_min: Annotated[nx.Number, Real(remedy="A learning rate below 0 would climb the loss.")] = 0.0

    _takes_narrow_counts: ClassVar[bool] = True

    def _formula(self, k: jax.Array) -> jax.Array:
        return self._anneal(k, self.base_lr, self.eta_min)

    def _anneal(self, k: jax.Array, start: nx.Number, end: nx.Number) -> jax.Array:
        _, k = nx.divmod_count(k, 2 * self.T_max)
        elapsed = nx.minimum(k, 2 * self.T_max - k)
        return nx.interpolate(start, end, elapsed, self.T_max - elapsed, self.T_max, nx.half_cosine)

    def _least(self) -> float:
        return nx.least_between(self.base_lr, self.eta_min, self.T_max, nx.half_cosine)

    @property
    def _overwrites(self) -> bool:
        return False

    def _share(self, k: jax.Array) -> jax.Array:
        """The share ``(1 + cos(pi*k/T_max))/2`` of the way that is left."""
        return self._anneal(k, 1.0, 0.0)

    def _start(self, k: jax.Array) -> Affine:
        return UNCHANGED

    def _step(self, k: jax.Array) -> Affine:
        # lr -> eta_min + (lr - eta_min) * share(k)/share(k - 1), where that does not divide by
        # 0; the step after T_max adds the first rise of a cosine from base_lr instead.
        before, now = self._share(k - 1), self._share(k)
        rises = before == 0
        scale = nx.where(rises, 1.0, nx.quotient(now, nx.where(rises, 1.0, before)))
        rise = nx.product(nx.minus(self.base_lr, self.eta_min), now)
        return Affine(scale, nx.where(rises, rise, nx.product(self.eta_min, nx.minus(1.0, scale))))

    def _formula_on(self, start: int, lr: nx.Number, k: jax.Array) -> jax.Array:
        # What was set stays a share of the way to eta_min, which forgets it. One set there has the first rise
        # of a cosine from base_lr added.
        along, way = int(start % (2 * self.T_max)), nx.minus(lr, self.eta_min)
        end, share = self.T_max, self._share(nx.one_count(along))
        if along == self.T_max:
            end, share = 3 * self.T_max, self._share(nx.one_count(along + 1))
            way = way + nx.product(nx.minus(self.base_lr, self.eta_min), share)
        elif along > self.T_max:
            end = 3 * self.T_max
        value = self.eta_min + nx.product(way, nx.quotient(self._share(k), share))
        value = nx.where(nx.since(k, start) < end - along, value, self._formula(k))
        return nx.where(k == start, lr, value)

    def _multiplies(self, horizon: int | None) -> bool:
        # Down to 0, and not up again.
        if horizon is None or not (nx.is_number(self.T_max) and nx.is_number(self.eta_min)):
            return False
        return bool(self.eta_min == 0 and horizon <= self.T_max + 1)

    def _factors(self, k: jax.Array, horizon: int | None) -> Sequence[nx.Lifted]:
        return [(self._share(k if horizon is None else nx.minimum(k, horizon - 1)), 0)]

    @property
    def _rises(self) -> bool:
        return bool(nx.is_number(self.eta_min) and self.eta_min == 0)

    def _last_rise(self, k: jax.Array) -> jax.Array:
        # The step after each end is one: T_max + 1, 3*T_max + 1, ...
        past = nx.since(k, self.T_max + 1)
        _, since = nx.divmod_count(past, 2 * self.T_max)
        return nx.where(k > self.T_max, k - since, k * 0)
