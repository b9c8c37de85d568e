from typing import Annotated, final

import jax

from .. import _numerics as nx
from .._arguments import Integer, Real
from ._factor import FactorSchedule


@final
class ConstantLR(FactorSchedule):
    r"""The learning rate times a factor at first, then the learning rate itself.

    Equals :class:`torch.optim.lr_scheduler.ConstantLR`.

    .. math::
        \mathrm{lr}(k) = \begin{cases}
            \text{base\_lr} \cdot \text{factor} & k < \text{total\_iters} \\
            \text{base\_lr}                     & \text{otherwise}
        \end{cases}

    Args:
      base_lr: the optimizer's learning rate, finite and >= 0.
      factor: in [0, 1].
      total_iters: updates that use the factor; an integer >= 0.

    Raises:
      ValueError: an argument is out of its range.
      TypeError: an argument is of the wrong type.

    One before the change, on it, and one after:

    >>> from jaxsched import ConstantLR
    >>> ConstantLR(0.1, factor=0.5, total_iters=4).on_host([0, 3, 4, 5])
    array([0.05, 0.05, 0.1 , 0.1 ], dtype=float32)

    Differs from torch: ``total_iters=0`` means no reduced phase (torch keeps the factor for
    ever), and ``factor=0`` gives way to the learning rate (torch divides by zero).
    """

    factor: Annotated[nx.Number, Real(0, 1, remedy="To start above base_lr, scale base_lr.")] = 1 / 3
    total_iters: Annotated[nx.Whole, Integer(0, "It is a number of updates.")] = 5

    def _least(self) -> float:
        return nx.least_between(self.base_lr, nx.product(self.base_lr, self.factor), 1, nx.linear)

    def _scaled(self, lr: float, k: jax.Array) -> jax.Array:
        return nx.where(k < self.total_iters, nx.product(lr, self.factor), lr)
