from typing import final

import jax

from .. import _numerics as nx
from ._warmup import TrainingSteps, WarmupSchedule, length


@final
class LinearWithWarmup(WarmupSchedule):
    r"""Up in a line, and down in a line to 0.

    Equals ``transformers.get_linear_schedule_with_warmup``, ``"linear"``. From
    ``num_warmup_steps`` on:

    .. math::
        \mathrm{lr}(k) = \text{base\_lr} \cdot \frac{\max(\text{num\_training\_steps} - k, 0)}
            {\max(\text{num\_training\_steps} - \text{num\_warmup\_steps}, 1)}

    Args:
      base_lr: the optimizer's learning rate, finite and >= 0.
      num_warmup_steps: the count at which ``base_lr`` is reached; an integer >= 0.
      num_training_steps: the count at which 0 is reached, where it stays; an integer >= 1.

    Raises:
      ValueError: an argument is out of its range.
      TypeError: an argument is of the wrong type.

    The first count, the peak, the last update, and past it:

    >>> from jaxsched.hugging_face import LinearWithWarmup
    >>> LinearWithWarmup(0.1, num_warmup_steps=2, num_training_steps=10).on_host([0, 1, 2, 9, 10, 11])
    array([0.    , 0.05  , 0.1   , 0.0125, 0.    , 0.    ], dtype=float32)
    """

    num_training_steps: TrainingSteps

    def _after(self, k: jax.Array) -> jax.Array:
        per = length(self.num_training_steps, self.num_warmup_steps)
        left = nx.until(self.num_training_steps, k)
        return nx.interpolate(self.base_lr, 0.0, per - left, left, per, nx.linear)
