from typing import Annotated, Any, final

import jax

from .. import _numerics as nx
from .._arguments import Integer, Real
from ._factor import FactorSchedule


@final
class PolynomialLR(FactorSchedule):
    r"""The learning rate times a power of the share of updates that is left.

    Equals :class:`torch.optim.lr_scheduler.PolynomialLR`.

    .. math::
        \mathrm{lr}(k) = \text{base\_lr} \cdot \left(1 -
            \frac{\min(k, \text{total\_iters})}{\text{total\_iters}}\right)^{\text{power}}

    Args:
      base_lr: the optimizer's learning rate, finite and >= 0.
      total_iters: updates until the learning rate is 0, where it stays; an integer >= 1.
      power: finite and >= 0; 1 is linear, 0 constant.

    Raises:
      ValueError: an argument is out of its range.
      TypeError: an argument is of the wrong type.

    The first count, the last above zero, the end, and one past it:

    >>> from jaxsched import PolynomialLR
    >>> PolynomialLR(0.1, total_iters=4, power=2.0).on_host([0, 3, 4, 5])
    array([0.1    , 0.00625, 0.     , 0.     ], dtype=float32)

    Differs from torch: ``total_iters=0`` raises (torch silently keeps ``base_lr``).
    """

    total_iters: Annotated[
        nx.Whole, Integer(1, "It is the number of updates until 0; for a constant rate use power=0.")
    ] = 5
    power: Annotated[nx.Number, Real(remedy="A negative power would grow without bound.")] = 1.0

    def _least(self) -> float:
        arguments: Any = (self.base_lr, self.total_iters, self.power)
        if not all(map(nx.is_number, arguments)):
            return 0.0
        base_lr, total_iters, power = map(float, arguments)
        least: float = 0.5 * base_lr * (1 / total_iters) ** power
        return least

    def _lifted(self, k: jax.Array) -> nx.Lifted:
        remaining = self.total_iters - nx.minimum(k, self.total_iters)
        if nx.is_number(self.power) and self.power == 1:
            return self._factor(k), 0
        return nx.lifted_fraction_power(remaining, self.total_iters, self.power)

    def _scaled(self, lr: float, k: jax.Array) -> jax.Array:
        elapsed = nx.minimum(k, self.total_iters)
        remaining = self.total_iters - elapsed
        if nx.is_number(self.power) and self.power == 1:
            return nx.interpolate(lr, 0.0, elapsed, remaining, self.total_iters, nx.linear)
        return nx.fraction_power(remaining, self.total_iters, self.power, lr)
