from typing import Annotated, final

import jax

from .. import _numerics as nx
from .._arguments import Real
from ._warmup import TrainingSteps, WarmupSchedule, length

Cycles = Annotated[nx.Number, Real(remedy="It is a number of whole waves; half a wave goes down once.")]


@final
class CosineWithWarmup(WarmupSchedule):
    r"""Up in a line, and along a cosine down to 0; after ``num_training_steps`` up again.

    Equals ``transformers.get_cosine_schedule_with_warmup``, ``"cosine"``. From
    ``num_warmup_steps`` on:

    .. math::
        \mathrm{lr}(k) = \text{base\_lr} \cdot \frac{1 + \cos(2\pi \cdot \text{num\_cycles} \cdot p)}{2},
            \quad p = \frac{k - \text{num\_warmup\_steps}}
            {\max(\text{num\_training\_steps} - \text{num\_warmup\_steps}, 1)}

    Args:
      base_lr: the optimizer's learning rate, finite and >= 0.
      num_warmup_steps: the count at which ``base_lr`` is reached; an integer >= 0.
      num_training_steps: the count at which so many cycles are done; an integer >= 1.
      num_cycles: whole waves in the run, finite and >= 0; half of one goes down once.

    Raises:
      ValueError: an argument is out of its range.
      TypeError: an argument is of the wrong type.

    The first count, the peak, half the way, the end, and past it:

    >>> from jaxsched.hugging_face import CosineWithWarmup
    >>> CosineWithWarmup(0.1, num_warmup_steps=2, num_training_steps=10).on_host([0, 2, 6, 10, 14])
    array([0.  , 0.1 , 0.05, 0.  , 0.05], dtype=float32)

    Differs from optax: ``warmup_cosine_decay_schedule`` stays at its end value, and computes
    ``1 + cos`` in float32.
    """

    num_training_steps: TrainingSteps
    num_cycles: Cycles = 0.5

    def _after(self, k: jax.Array) -> jax.Array:
        per = length(self.num_training_steps, self.num_warmup_steps)
        return nx.cosine_wave(self.base_lr, 0.0, k - self.num_warmup_steps, per, self.num_cycles)
