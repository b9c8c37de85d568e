from typing import Annotated, final

import jax

from .. import _numerics as nx
from .._arguments import Integer
from ._warmup import WarmupSchedule


@final
class InverseSqrt(WarmupSchedule):
    r"""Up in a line, and down with one over the square root of the count.

    Equals ``transformers.get_inverse_sqrt_schedule``, ``"inverse_sqrt"``. From
    ``num_warmup_steps`` on:

    .. math::
        \mathrm{lr}(k) = \text{base\_lr} \cdot \sqrt{\frac{\text{timescale}}
            {k - \text{num\_warmup\_steps} + \text{timescale}}}

    Args:
      base_lr: the optimizer's learning rate, finite and >= 0.
      num_warmup_steps: the count at which ``base_lr`` is reached; an integer >= 0.
      timescale: updates until the square has halved; an integer >= 1. None for
        ``num_warmup_steps``, or 10,000 where that is 0.

    Raises:
      ValueError: an argument is out of its range.
      TypeError: an argument is of the wrong type.

    The first count, the peak, and three warm-ups later:

    >>> from jaxsched.hugging_face import InverseSqrt
    >>> InverseSqrt(0.1, num_warmup_steps=4).on_host([0, 4, 16])
    array([0.  , 0.1 , 0.05], dtype=float32)
    """

    timescale: Annotated[nx.Whole | None, Integer(1, "It is a number of updates.", optional=True)] = None

    def _after(self, k: jax.Array) -> jax.Array:
        gone = k - self.num_warmup_steps
        scale: nx.Number | None = self.timescale
        if scale is None:
            scale = nx.where(self.num_warmup_steps == 0, 10_000, self.num_warmup_steps)
        scale = nx.to_float(scale)
        return nx.product(self.base_lr, nx.sqrt(nx.quotient(scale, nx.to_float(gone) + scale)))
