from typing import Any, final

import jax

from ._warmup import WarmupSchedule


@final
class ConstantWithWarmup(WarmupSchedule):
    r"""Up in a line, and then constant.

    Equals ``transformers.get_constant_schedule_with_warmup``, ``"constant_with_warmup"``.

    .. math::
        \mathrm{lr}(k) = \text{base\_lr} \cdot \min(k / \text{num\_warmup\_steps}, 1)

    Args:
      base_lr: the optimizer's learning rate, finite and >= 0.
      num_warmup_steps: the count at which ``base_lr`` is reached; an integer >= 0.

    Raises:
      ValueError: an argument is out of its range.
      TypeError: an argument is of the wrong type.

    The first count, the last on the way up, and the end of the warm-up:

    >>> from jaxsched.hugging_face import ConstantWithWarmup
    >>> ConstantWithWarmup(0.1, num_warmup_steps=4).on_host([0, 3, 4, 5])
    array([0.   , 0.075, 0.1  , 0.1  ], dtype=float32)
    """

    def _after(self, k: jax.Array) -> Any:
        return self.base_lr
