from typing import Annotated, Any, ClassVar, final

import jax

from .. import _numerics as nx
from .._arguments import Integer
from .._schedule import Schedule
from ._members import Member


@final
class StartingAt(Schedule):
    r"""A schedule whose count 0 is another count: what is left of it after some updates.

    .. math::
        \mathrm{lr}(k) = \text{schedule}(k + \text{count})

    Args:
      schedule: any schedule.
      count: the count it starts at, an integer >= 0.

    Raises:
      ValueError: ``count`` is out of its range.
      TypeError: an argument is of the wrong type.

    >>> from jaxsched import StartingAt, StepLR
    >>> StartingAt(StepLR(0.1, step_size=30), 25).on_host([0, 4, 5])
    array([0.1 , 0.1 , 0.01], dtype=float32)
    """

    schedule: Annotated[Schedule, Member()]
    count: Annotated[int, Integer(0, "It is a number of updates.", array=False)]

    _takes_narrow_counts: ClassVar[bool] = True

    @property
    def _overwrites(self) -> bool:
        return self.schedule._overwrites

    @property
    def _optimizer_lr(self) -> Any:
        return self.schedule._optimizer_lr

    def _least(self) -> float:
        return self.schedule._least()

    def _formula(self, k: jax.Array) -> jax.Array:
        return self.schedule._formula(self._whole(k))

    def _transition(self, k: jax.Array) -> tuple[Any, Any]:
        return self.schedule._transition(self._whole(k))

    def _whole(self, k: jax.Array) -> jax.Array:
        """The schedule's own count; what would leave int64 is the last one in it."""
        return nx.later(k, self.count)
