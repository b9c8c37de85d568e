from typing import Annotated, ClassVar, final

import jax

from .. import _numerics as nx
from .._arguments import Integer
from .._schedule import Schedule
from .._shared_rate import Affine, Wrapped
from ._members import Member


@final
class StartingAt(Wrapped, Schedule):
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
    def _wrapped(self) -> Schedule:
        return self.schedule

    def _own(self, k: jax.Array) -> jax.Array:
        """The schedule's own count; what would leave int64 is the last one in it."""
        return nx.later(k, self.count)

    @property
    def _pauses(self) -> bool:
        return False

    def _counted(self, own: jax.Array) -> jax.Array:
        return nx.since(own, self.count)

    def _own_horizon(self, horizon: int | None) -> int | None:
        return None if horizon is None else horizon + self.count

    def _start(self, k: jax.Array) -> Affine:
        # No step of the schedule but the start of one: all at once what its steps up to here have done.
        start, lr = self.schedule._start(k), self._optimizer_lr
        if self.count == 0:
            return start
        here = self._formula(k)
        if lr is None or (nx.is_number(start.scale) and start.scale == 0):
            return Affine(0.0, here)  # what overwrites at its start
        scale = nx.quotient(here, nx.where(lr > 0, lr, 1.0))
        return Affine(scale, 0.0).where(lr > 0, Affine(0.0, here))

    def _entry(self, k: jax.Array) -> Affine:
        if self.count == 0:
            return self.schedule._entry(k)
        offset = self._formula_from(0.0, k)
        return Affine(nx.minus(self._formula_from(1.0, k), offset), offset)
