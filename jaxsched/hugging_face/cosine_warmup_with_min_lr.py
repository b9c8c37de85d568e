from typing import Annotated, final

import jax

from .. import _numerics as nx
from .._arguments import Real
from ._warmup import TrainingSteps, WarmupSchedule, length
from .cosine_with_min_lr import MinLR, MinLRRate, check_lowest, lowest
from .cosine_with_warmup import Cycles


@final
class CosineWarmupWithMinLR(WarmupSchedule):
    r"""As `CosineWithMinLR`, with no update at a learning rate of 0: each count is one further.

    Equals ``transformers.get_cosine_with_min_lr_schedule_with_warmup_lr_rate``,
    ``"cosine_warmup_with_min_lr"``. On the way up ``base_lr * (k + 1)/num_warmup_steps``, or
    in a line from ``base_lr * warmup_lr_rate``; ``base_lr`` is reached at
    ``num_warmup_steps - 1``. Then the cosine of `CosineWithMinLR`, one count ahead.

    Args:
      base_lr: the optimizer's learning rate, finite and >= 0.
      num_warmup_steps: updates on the way up; an integer >= 0.
      num_training_steps: updates in the run; an integer >= 1.
      num_cycles: whole waves in the run, finite and >= 0; half of one goes down once.
      min_lr: the learning rate at the bottom, finite and >= 0.
      min_lr_rate: instead of ``min_lr``, its share of ``base_lr``, finite and >= 0.
      warmup_lr_rate: the share of ``base_lr`` to begin with, finite and >= 0; None for
        ``1/num_warmup_steps``.

    Raises:
      ValueError: an argument is out of its range, or not one of ``min_lr`` and ``min_lr_rate``
        is given.
      TypeError: an argument is of the wrong type.

    The first count, the peak, the last update:

    >>> from jaxsched.hugging_face import CosineWarmupWithMinLR
    >>> CosineWarmupWithMinLR(0.1, 2, 10, min_lr=0.01).on_host([0, 1, 9])
    array([0.05, 0.1 , 0.01], dtype=float32)
    """

    num_training_steps: TrainingSteps
    num_cycles: Cycles = 0.5
    min_lr: MinLR = None
    min_lr_rate: MinLRRate = None
    warmup_lr_rate: Annotated[nx.Number | None, Real(remedy="It is a share of base_lr.", optional=True)] = (
        None
    )

    def _check(self) -> None:
        check_lowest(self)

    def _during(self, k: jax.Array) -> jax.Array:
        if self.warmup_lr_rate is None:
            end = nx.maximum(self.num_warmup_steps, 1)
            gone = nx.minimum(k + 1, end)
            return nx.interpolate(0.0, self.base_lr, gone, end - gone, end, nx.linear)
        last = nx.maximum(self.num_warmup_steps - 1, 1)
        first = nx.product(self.base_lr, self.warmup_lr_rate)
        elapsed = nx.minimum(k, last)
        return nx.interpolate(first, self.base_lr, elapsed, last - elapsed, last, nx.linear)

    def _after(self, k: jax.Array) -> jax.Array:
        per = length(self.num_training_steps, self.num_warmup_steps)
        gone = k - self.num_warmup_steps
        return nx.cosine_wave(self.base_lr, lowest(self), gone, per, self.num_cycles, ahead=1)
