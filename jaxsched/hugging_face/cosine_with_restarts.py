from typing import Annotated, final

import jax

from .. import _numerics as nx
from .._arguments import Integer
from ._warmup import TrainingSteps, WarmupSchedule, length


@final
class CosineWithRestarts(WarmupSchedule):
    r"""Up in a line, and along half a cosine down to 0 several times; then 0.

    Equals ``transformers.get_cosine_with_hard_restarts_schedule_with_warmup``,
    ``"cosine_with_restarts"``. From ``num_warmup_steps`` until ``num_training_steps``:

    .. math::
        \mathrm{lr}(k) = \text{base\_lr} \cdot
            \frac{1 + \cos(\pi \cdot (\text{num\_cycles} \cdot p \bmod 1))}{2},
            \quad p = \frac{k - \text{num\_warmup\_steps}}
            {\max(\text{num\_training\_steps} - \text{num\_warmup\_steps}, 1)}

    Args:
      base_lr: the optimizer's learning rate, finite and >= 0.
      num_warmup_steps: the count at which ``base_lr`` is reached; an integer >= 0.
      num_training_steps: from this count on it is 0; an integer >= 1.
      num_cycles: how often it goes down; an integer >= 0. With 0 it stays at ``base_lr``.

    Raises:
      ValueError: an argument is out of its range.
      TypeError: an argument is of the wrong type.

    The first count, the peak, the second one, and the end:

    >>> from jaxsched.hugging_face import CosineWithRestarts
    >>> CosineWithRestarts(0.1, 2, 10, num_cycles=2).on_host([0, 2, 4, 6, 8, 10])
    array([0.  , 0.1 , 0.05, 0.1 , 0.05, 0.  ], dtype=float32)

    Differs from transformers: a restart comes at its count. Theirs computes the phase with
    floats, which at some counts is a little less than a whole cycle, and then the learning
    rate is 0 for one update instead of ``base_lr``.
    """

    num_training_steps: TrainingSteps
    num_cycles: Annotated[nx.Whole, Integer(0, "It is how often the learning rate goes down.")] = 1

    def _after(self, k: jax.Array) -> jax.Array:
        per = length(self.num_training_steps, self.num_warmup_steps)
        gone = k - self.num_warmup_steps
        _, elapsed = nx.divmod_count(nx.times(nx.minimum(gone, per), self.num_cycles, per), per)
        wave = nx.interpolate(self.base_lr, 0.0, elapsed, per - elapsed, per, nx.half_cosine)
        return nx.where(gone >= per, 0.0, wave)
