from collections.abc import Sequence
from typing import Annotated, final

import jax

from .. import _numerics as nx
from .._arguments import Gamma, LearningRate, Milestones
from ._warmed import Prefix, Warmed, Warmup


@final
class MultiStepLRScheduler(Warmed):
    r"""A warm-up, then ``decay_rate`` times less one count before each of ``decay_t``.

    Equals ``timm.scheduler.MultiStepLRScheduler``, also in where it decays. Behind the warm-up:

    .. math::
        \mathrm{lr}(t) = \text{base\_lr} \cdot \text{decay\_rate}^{n}, \qquad
            n = \#\{d \in \text{decay\_t}: d \le t + 1\}

    Args:
      base_lr: the learning rate of the optimizer's group, finite and >= 0.
      decay_t: integers >= 0, in order.
      decay_rate: the factor, finite and >= 0.
      warmup_t: counts of the warm-up, an integer >= 0.
      warmup_lr_init: the value at count 0 of a warm-up, finite and >= 0.
      warmup_prefix: whether ``decay_t`` count from behind the warm-up, and not from count 0.

    Raises:
      ValueError: an argument is out of its range, or ``decay_t`` is out of order.
      TypeError: an argument is of the wrong type.

    >>> from jaxsched.timm import MultiStepLRScheduler
    >>> MultiStepLRScheduler(0.1, [30, 60], 0.5).on_host([0, 28, 29, 58, 59])
    array([0.1  , 0.1  , 0.05 , 0.05 , 0.025], dtype=float32)
    """

    base_lr: LearningRate
    decay_t: Annotated[Sequence[int], Milestones()]
    decay_rate: Gamma = 1.0
    warmup_t: Warmup = 0
    warmup_lr_init: LearningRate = 0.0
    warmup_prefix: Prefix = True

    def _check(self) -> None:
        if list(self.decay_t) != sorted(self.decay_t):
            raise ValueError(
                f"MultiStepLRScheduler: decay_t must be in order, got {list(self.decay_t)}. timm searches it "
                "as if it were."
            )

    def _after(self, t: jax.Array) -> jax.Array:
        counts = [max(d - 1, 0) for d in self.decay_t]
        rate = self.decay_rate
        if nx.is_number(rate):
            return self._decayed(lambda lr: nx.piecewise(t, counts, nx.first_powers(rate, len(counts), lr)))
        return self._decayed(lambda lr: nx.power(rate, nx.count_reached(t, counts), lr))
