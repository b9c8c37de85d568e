from typing import Annotated, Any, final

import jax

from .. import _numerics as nx
from .._arguments import Real
from ._warmup import TrainingSteps, WarmupSchedule, length
from .cosine_with_warmup import Cycles

MinLR = Annotated[nx.Number | None, Real(remedy="A learning rate is finite and not negative.", optional=True)]
MinLRRate = Annotated[nx.Number | None, Real(remedy="It is a share of base_lr.", optional=True)]


def lowest(schedule: Any) -> Any:
    """The learning rate at the bottom of the cosine."""
    if schedule.min_lr is not None:
        return schedule.min_lr
    return nx.product(schedule.base_lr, schedule.min_lr_rate)


def check_lowest(schedule: Any) -> None:
    """Raises unless one of the two is given."""
    if (schedule.min_lr is None) == (schedule.min_lr_rate is None):
        raise ValueError(
            f"{type(schedule).__name__}: one of min_lr and min_lr_rate must be given, got "
            f"min_lr={schedule.min_lr!r}, min_lr_rate={schedule.min_lr_rate!r}. "
            "The second is a share of base_lr."
        )


@final
class CosineWithMinLR(WarmupSchedule):
    r"""Up in a line, and along a cosine down to ``min_lr``; after ``num_training_steps`` up again.

    Equals ``transformers.get_cosine_with_min_lr_schedule_with_warmup``, ``"cosine_with_min_lr"``.
    From ``num_warmup_steps`` on:

    .. math::
        \mathrm{lr}(k) = \text{min\_lr} + (\text{base\_lr} - \text{min\_lr})
            \frac{1 + \cos(2\pi \cdot \text{num\_cycles} \cdot p)}{2},
            \quad p = \frac{k - \text{num\_warmup\_steps}}
            {\max(\text{num\_training\_steps} - \text{num\_warmup\_steps}, 1)}

    Args:
      base_lr: the optimizer's learning rate, finite and >= 0.
      num_warmup_steps: the count at which ``base_lr`` is reached; an integer >= 0.
      num_training_steps: the count at which so many cycles are done; an integer >= 1.
      num_cycles: whole waves in the run, finite and >= 0; half of one goes down once.
      min_lr: the learning rate at the bottom, finite and >= 0.
      min_lr_rate: instead of ``min_lr``, its share of ``base_lr``, finite and >= 0.

    Raises:
      ValueError: an argument is out of its range, or not one of ``min_lr`` and ``min_lr_rate``
        is given.
      TypeError: an argument is of the wrong type.

    The first count, the peak, the end, and past it:

    >>> from jaxsched.hugging_face import CosineWithMinLR
    >>> CosineWithMinLR(0.1, 2, 10, min_lr=0.01).on_host([0, 2, 10, 14])
    array([0.   , 0.1  , 0.01 , 0.055], dtype=float32)
    """

    num_training_steps: TrainingSteps
    num_cycles: Cycles = 0.5
    min_lr: MinLR = None
    min_lr_rate: MinLRRate = None

    def _check(self) -> None:
        check_lowest(self)

    def _after(self, k: jax.Array) -> jax.Array:
        per = length(self.num_training_steps, self.num_warmup_steps)
        return nx.cosine_wave(self.base_lr, lowest(self), k - self.num_warmup_steps, per, self.num_cycles)
