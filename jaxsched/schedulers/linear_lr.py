from typing import Annotated, final

import jax

from .. import _numerics as nx
from .._arguments import Integer, Real
from ._factor import FactorSchedule


@final
class LinearLR(FactorSchedule):
    r"""The learning rate times a factor that moves linearly from one value to another.

    Equals :class:`torch.optim.lr_scheduler.LinearLR`. The usual warm-up.

    .. math::
        \mathrm{lr}(k) = \text{base\_lr} \cdot \left(\text{start\_factor}
            + (\text{end\_factor} - \text{start\_factor})
            \frac{\min(k, \text{total\_iters})}{\text{total\_iters}}\right)

    Args:
      base_lr: the optimizer's learning rate, finite and >= 0.
      start_factor: the factor at count 0; in (0, 1].
      end_factor: the factor from count ``total_iters`` on; in [0, 1].
      total_iters: updates from one to the other; an integer >= 0.

    Raises:
      ValueError: an argument is out of its range.
      TypeError: an argument is of the wrong type.

    The first count, the last of the ramp, and one past it:

    >>> from jaxsched import LinearLR
    >>> LinearLR(0.1, start_factor=0.5, total_iters=4).on_host([0, 1, 3, 4, 5])
    array([0.05  , 0.0625, 0.0875, 0.1   , 0.1   ], dtype=float32)

    Differs from torch: ``total_iters=0`` means no ramp, ``end_factor`` at once (torch stays
    at ``start_factor`` for ever).

    Differs from optax: ``linear_schedule`` computes in float32 and can end below its end
    value, at ``-1.5e-11`` instead of 0 for ``linear_schedule(1e-3, 0., 10)``.
    """

    start_factor: Annotated[
        nx.Number,
        Real(0, 1, open=True, remedy="To start from 0, take Warmup, or a factor such as 1e-8."),
    ] = 1 / 3
    end_factor: Annotated[nx.Number, Real(0, 1, remedy="To end above base_lr, scale base_lr.")] = 1.0
    total_iters: Annotated[nx.Whole, Integer(0, "It is a number of updates.")] = 5

    def _least(self) -> float:
        start, end = nx.product(self.base_lr, self.start_factor), nx.product(self.base_lr, self.end_factor)
        return nx.least_between(start, end, self.total_iters, nx.linear)

    def _scaled(self, lr: float, k: jax.Array) -> jax.Array:
        start, end = nx.product(lr, self.start_factor), nx.product(lr, self.end_factor)
        elapsed = nx.minimum(k, self.total_iters)
        return nx.interpolate(start, end, elapsed, self.total_iters - elapsed, self.total_iters, nx.linear)
