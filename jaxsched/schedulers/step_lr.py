from typing import Annotated, Any, final

import jax

from .. import _numerics as nx
from .._arguments import Gamma, Integer
from ._factor import FactorSchedule


@final
class StepLR(FactorSchedule):
    r"""The learning rate times ``gamma`` every ``step_size`` updates.

    Equals :class:`torch.optim.lr_scheduler.StepLR`.

    .. math::
        \mathrm{lr}(k) = \text{base\_lr} \cdot \text{gamma}^{\lfloor k / \text{step\_size} \rfloor}

    Args:
      base_lr: the optimizer's learning rate, finite and >= 0.
      step_size: updates between two decays; an integer >= 1.
      gamma: the factor, finite and >= 0.

    Raises:
      ValueError: an argument is out of its range.
      TypeError: an argument is of the wrong type.

    One before the first decay, on it, and one after:

    >>> from jaxsched import StepLR
    >>> StepLR(0.1, step_size=30, gamma=0.5).on_host([29, 30, 31, 60])
    array([0.1  , 0.05 , 0.05 , 0.025], dtype=float32)

    Differs from optax: ``exponential_decay(staircase=True)``, compiled, steps one update
    late at some boundaries (transition_steps of 41, 47, 55, 61, …).
    """

    step_size: Annotated[nx.Whole, Integer(1, "It is the number of updates between two decays.")]
    gamma: Gamma = 0.1

    def _decays(self, k: jax.Array) -> Any:
        decays, _ = nx.divmod_count(k, self.step_size)
        return decays

    def _scaled(self, lr: float, k: jax.Array) -> jax.Array:
        return nx.power(self.gamma, self._decays(k), lr)

    def _lifted(self, k: jax.Array) -> nx.Lifted:
        return nx.lifted_power(self.gamma, self._decays(k))

    def _ratio(self, k: jax.Array) -> Any:
        _, since = nx.divmod_count(k, self.step_size)
        return nx.where(since == 0, self.gamma, 1.0)
