from collections.abc import Sequence
from typing import Annotated, Any, final

import jax

from .. import _numerics as nx
from .._arguments import Gamma, Milestones
from ._factor import FactorSchedule


@final
class MultiStepLR(FactorSchedule):
    r"""The learning rate times ``gamma`` at each milestone.

    Equals :class:`torch.optim.lr_scheduler.MultiStepLR`.

    .. math::
        \mathrm{lr}(k) = \text{base\_lr} \cdot \text{gamma}^{\#\{m \in \text{milestones}:\ m \le k\}}

    Args:
      base_lr: the optimizer's learning rate, finite and >= 0.
      milestones: counts, integers >= 0, in any order. One that stands there twice counts
        twice; a milestone of 0 applies from the first update.
      gamma: the factor, finite and >= 0.

    Raises:
      ValueError: an argument is out of its range.
      TypeError: an argument is of the wrong type; a milestone that is a float, too, which
        torch accepts and then never reaches.

    One before a milestone, on it, and at one that stands there twice:

    >>> from jaxsched import MultiStepLR
    >>> MultiStepLR(0.1, milestones=[30, 80, 80], gamma=0.5).on_host([29, 30, 79, 80])
    array([0.1   , 0.05  , 0.05  , 0.0125], dtype=float32)

    Differs from optax: ``piecewise_constant_schedule`` fails on an unsigned count, which is
    what ``flax.nnx.Optimizer.step`` is.
    """

    milestones: Annotated[Sequence[int], Milestones()]
    gamma: Gamma = 0.1

    def _check(self) -> None:
        # Their order means nothing, so there is one: equal schedules compare equal.
        object.__setattr__(self, "milestones", tuple(sorted(self.milestones)))

    def _scaled(self, lr: float, k: jax.Array) -> jax.Array:
        if nx.is_number(self.gamma):
            return nx.piecewise(k, self.milestones, nx.first_powers(self.gamma, len(self.milestones), lr))
        return nx.power(self.gamma, nx.count_reached(k, self.milestones), lr)

    def _lifted(self, k: jax.Array) -> nx.Lifted:
        if not nx.is_number(self.gamma):
            return nx.lifted_power(self.gamma, nx.count_reached(k, self.milestones))
        powers, exponents = nx.first_lifted_powers(self.gamma, len(self.milestones))
        return nx.piecewise(k, self.milestones, powers), nx.piecewise(k, self.milestones, exponents)

    def _least(self) -> float:
        if not (nx.is_number(self.base_lr) and nx.is_number(self.gamma)):
            return 0.0
        values = nx.first_powers(self.gamma, len(self.milestones), self.base_lr)
        return min((value for value in values if value > 0), default=0.0)

    def _ratio(self, k: jax.Array) -> Any:
        before, now = nx.count_reached(k - 1, self.milestones), nx.count_reached(k, self.milestones)
        return nx.power(self.gamma, now - before)
