from typing import Annotated, final

import jax

from .. import _numerics as nx
from .._arguments import Gamma, Integer, LearningRate
from ._warmed import Prefix, Warmed, Warmup


@final
class StepLRScheduler(Warmed):
    r"""A warm-up, then ``decay_rate`` times less every ``decay_t`` counts.

    Equals ``timm.scheduler.StepLRScheduler`` where ``decay_t`` is whole. Behind the warm-up:

    .. math::
        \mathrm{lr}(t) = \text{base\_lr} \cdot \text{decay\_rate}^{\lfloor t / \text{decay\_t} \rfloor}

    Args:
      base_lr: the learning rate of the optimizer's group, finite and >= 0.
      decay_t: counts between decays; an integer >= 1. A live scheduler of timm's whose is not whole is
        recorded by `from_torch`.
      decay_rate: the factor, finite and >= 0.
      warmup_t: counts of the warm-up, an integer >= 0.
      warmup_lr_init: the value at count 0 of a warm-up, finite and >= 0.
      warmup_prefix: whether the decay counts from behind the warm-up, and not from count 0.

    Raises:
      ValueError: an argument is out of its range.
      TypeError: an argument is of the wrong type.

    >>> from jaxsched.timm import StepLRScheduler
    >>> StepLRScheduler(0.1, 30, 0.5, warmup_t=5).on_host([0, 5, 34, 35, 65])
    array([0.   , 0.1  , 0.1  , 0.05 , 0.025], dtype=float32)
    """

    base_lr: LearningRate
    decay_t: Annotated[nx.Whole, Integer(1, "It is a number of counts.")]
    decay_rate: Gamma = 1.0
    warmup_t: Warmup = 0
    warmup_lr_init: LearningRate = 0.0
    warmup_prefix: Prefix = True

    def _after(self, t: jax.Array) -> jax.Array:
        times, _ = nx.divmod_count(t, self.decay_t)
        return self._decayed(lambda lr: nx.power(self.decay_rate, times, lr))
