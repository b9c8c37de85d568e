from typing import Annotated, final

import numpy as np

from .._arguments import LearningRate, Real
from ._cycles import CycleDecay, CycleLimit, CycleMul, Cycles, Initial, Place, risen
from ._warmed import Prefix, Share, Warmup


@final
class PolyLRScheduler(Cycles):
    r"""A warm-up, a power from ``base_lr`` to ``lr_min``, perhaps again and again; then ``lr_min``.

    Equals ``timm.scheduler.PolyLRScheduler``. Behind the warm-up, in cycle :math:`i`, of which the share
    :math:`x` is over:

    .. math::
        \mathrm{lr} = \text{lr\_min} + (\text{base\_lr} \cdot \text{cycle\_decay}^i - \text{lr\_min})
            (1 - x^{\text{k\_decay}})^{\text{power}}

    Args:
      base_lr: the learning rate of the optimizer's group, finite and >= 0.
      t_initial: counts in the first cycle; an integer >= 1.
      power: finite and >= 0; 1 is linear.
      lr_min: what each cycle tends to, finite and >= 0.
      cycle_mul: how much longer each cycle is than the one before, finite and >= 1.
      cycle_decay: how much lower each begins, finite and >= 0.
      cycle_limit: how many there are, an integer >= 0.
      warmup_t: counts of the warm-up, an integer >= 0.
      warmup_lr_init: the value at count 0 of a warm-up, finite and >= 0.
      warmup_prefix: whether the cycles begin behind the warm-up, and not at count 0.
      k_decay: the power of the share of a cycle, finite and > 0.

    Raises:
      ValueError: an argument is out of its range, or there are more than ten million counts.
      TypeError: an argument is of the wrong type.

    >>> from jaxsched.timm import PolyLRScheduler
    >>> PolyLRScheduler(0.1, 4, power=2.0).on_host([0, 1, 2, 3, 4])
    array([0.1    , 0.05625, 0.025  , 0.00625, 0.     ], dtype=float32)
    """

    base_lr: LearningRate
    t_initial: Initial
    power: Annotated[float, Real(array=False, remedy="A negative power would grow without bound.")] = 0.5
    lr_min: LearningRate = 0.0
    cycle_mul: CycleMul = 1.0
    cycle_decay: CycleDecay = 1.0
    cycle_limit: CycleLimit = 1
    warmup_t: Warmup = 0
    warmup_lr_init: LearningRate = 0.0
    warmup_prefix: Prefix = False
    k_decay: Annotated[float, Real(open=True, array=False, remedy="It is a power; 1 leaves the share.")] = 1.0

    def _cycle(self, place: Place) -> Share:
        gone, left = risen(place, self.k_decay)
        with np.errstate(divide="ignore", invalid="ignore"):
            gone_far = -np.expm1(self.power * np.where(gone < 1, np.log1p(-gone), -np.inf))
        return Share(left**self.power, gone_far if self.power > 0 else np.zeros(len(left)))
