from typing import Annotated, Any, ClassVar, final

import jax
import numpy as np

from .. import _numerics as nx
from .._arguments import Integer, LearningRate, Real
from .._schedule import Schedule


@final
class CosineAnnealingWarmRestarts(Schedule):
    r"""Half a cosine from ``base_lr`` towards ``eta_min``, again and again.

    Equals :class:`torch.optim.lr_scheduler.CosineAnnealingWarmRestarts`.

    .. math::
        \mathrm{lr}(k) = \text{eta\_min} + (\text{base\_lr} - \text{eta\_min})
            \frac{1 + \cos(\pi\, T_{cur} / T_i)}{2}

    where cycle :math:`i = 0, 1, …` lasts :math:`T_i = \text{T\_0} \cdot \text{T\_mult}^i` and
    :math:`T_{cur}` counts from its start.

    Args:
      base_lr: the optimizer's learning rate, finite and >= 0.
      T_0: updates in the first cycle; an integer >= 1.
      T_mult: how much longer each cycle is than the one before; an integer >= 1.
      eta_min: the value each cycle tends to, finite and >= 0.

    The count may be a fraction here, for torch's ``scheduler.step(epoch + i / n)``.

    Raises:
      ValueError: an argument is out of its range.
      TypeError: an argument is of the wrong type.

    The last of a cycle, the restart, and half an update later:

    >>> from jaxsched import CosineAnnealingWarmRestarts
    >>> schedule = CosineAnnealingWarmRestarts(0.1, T_0=4, T_mult=2)
    >>> schedule.on_host([0, 3, 4, 11, 12])
    array([0.1       , 0.01464466, 0.1       , 0.00380602, 0.1       ],
          dtype=float32)
    >>> schedule.on_host([3.5, 4.5])
    array([0.00380602, 0.09903926], dtype=float32)

    Differs from torch: ``step(epoch)`` there finds the cycle from a rounded logarithm and
    can take a restart for the end of the cycle before, e.g. at ``121 * T_0`` with
    ``T_mult=3``; here the cycle is found exactly.

    Loshchilov and Hutter, `SGDR <https://arxiv.org/abs/1608.03983>`_, 2017.
    """

    base_lr: LearningRate
    T_0: Annotated[nx.Whole, Integer(1, "It is the number of updates in the first cycle.")]
    T_mult: Annotated[int, Integer(1, "Cycles cannot get shorter.", array=False)] = 1
    eta_min: Annotated[nx.Number, Real(remedy="A learning rate below 0 would climb the loss.")] = 0.0

    _accepts_fractions: ClassVar[bool] = True

    _takes_narrow_counts: ClassVar[bool] = True

    def _formula(self, k: jax.Array) -> jax.Array:
        if self.T_mult == 1:
            _, elapsed = nx.divmod_count(k, self.T_0)
            return self._anneal(elapsed, self.T_0 - elapsed, self.T_0)
        # Cycle i starts at 0, T_0, T_0 * (1 + T_mult), T_0 * (1 + T_mult + T_mult**2), … Of a
        # T_0 that is data these are multiples, and k has reached n of it when k // T_0 >= n.
        unit, reached, n, length = (
            (1, k, 0, self.T_0)
            if isinstance(self.T_0, int)
            else (self.T_0, nx.divmod_count(k, self.T_0)[0], 0, 1)
        )
        start: Any = nx.like(k, 0)
        last = np.iinfo(k.dtype).max if k.dtype.kind in "iu" else nx.LAST_COUNT
        while n + length <= last:
            n, length = n + length, length * self.T_mult
            start = nx.where(reached >= n, nx.like(k, n), start)
        start = start * nx.like(k, unit)
        elapsed = k - start
        # Each cycle lasts as long as all before it, times T_mult - 1, and T_0. The last one
        # that a count can reach may last longer than an int64 can say.
        growth = self.T_mult - 1
        lasts = nx.product(nx.to_float(start), float(growth)) + nx.to_float(self.T_0)
        remaining = nx.minus(lasts, nx.to_float(elapsed))
        if k.dtype == np.int64:
            exact = start * growth + self.T_0 - elapsed
            remaining = nx.where(lasts < nx.LAST_COUNT, nx.to_float(exact), remaining)
        return self._anneal(nx.to_float(elapsed), remaining, lasts)

    def _least(self) -> float:
        if not (nx.is_number(self.eta_min) and nx.is_number(self.base_lr)):
            return 0.0
        # A cycle may be as long as there are counts, and a fraction of a count as small as a float.
        return float(min(self.base_lr, self.eta_min))

    def _anneal(self, elapsed: jax.Array, remaining: jax.Array, way: Any) -> jax.Array:
        return nx.interpolate(self.base_lr, self.eta_min, elapsed, remaining, way, nx.half_cosine)
