from typing import Annotated, final

import numpy as np

from .._arguments import LearningRate, Real
from ._cycles import CycleDecay, CycleLimit, CycleMul, Cycles, Initial, Place, risen
from ._warmed import Prefix, Share, Warmup


@final
class CosineLRScheduler(Cycles):
    r"""A warm-up, half a cosine from ``base_lr`` to ``lr_min``, perhaps again and again; then ``lr_min``.

    Equals ``timm.scheduler.CosineLRScheduler``. Behind the warm-up, in cycle :math:`i`, which has lasted
    :math:`c` of its :math:`T_i = \text{t\_initial} \cdot \text{cycle\_mul}^i` counts:

    .. math::
        \mathrm{lr} = \text{lr\_min} + (\text{base\_lr} \cdot \text{cycle\_decay}^i - \text{lr\_min})
            \frac{1 + \cos(\pi (c / T_i)^{\text{k\_decay}})}{2}

    Args:
      base_lr: the learning rate of the optimizer's group, finite and >= 0.
      t_initial: counts in the first cycle; an integer >= 1.
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

    A timm command line's ``--epochs 300 --warmup-epochs 5 --lr 5e-4 --warmup-lr 1e-6 --min-lr 1e-5``:

    >>> from jaxsched.timm import CosineLRScheduler
    >>> schedule = CosineLRScheduler(5e-4, 300, 1e-5, warmup_t=5, warmup_lr_init=1e-6)
    >>> schedule.on_host([0, 4, 5, 299, 300])
    array([1.0000000e-06, 4.0019999e-04, 4.9966422e-04, 1.0013434e-05,
           9.9999997e-06], dtype=float32)

    Differs from timm: it finds the cycle exactly; theirs comes from a rounded logarithm where
    ``cycle_mul`` is not 1.

    Loshchilov and Hutter, `SGDR <https://arxiv.org/abs/1608.03983>`_, 2017; Zhang and Li, `k-decay
    <https://arxiv.org/abs/2004.05909>`_, 2020.
    """

    base_lr: LearningRate
    t_initial: Initial
    lr_min: LearningRate = 0.0
    cycle_mul: CycleMul = 1.0
    cycle_decay: CycleDecay = 1.0
    cycle_limit: CycleLimit = 1
    warmup_t: Warmup = 0
    warmup_lr_init: LearningRate = 0.0
    warmup_prefix: Prefix = False
    k_decay: Annotated[float, Real(open=True, array=False, remedy="It is a power; 1 leaves the cosine.")] = (
        1.0
    )

    def _cycle(self, place: Place) -> Share:
        gone, left = risen(place, self.k_decay)
        # From the nearer end: nothing cancels.
        nearer = np.sin(np.pi * np.minimum(gone, left) / 2) ** 2
        farther = np.cos(np.pi * np.minimum(gone, left) / 2) ** 2
        return Share(np.where(gone <= left, farther, nearer), np.where(gone <= left, nearer, farther))
