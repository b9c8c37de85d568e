from typing import Annotated, ClassVar, final

import jax

from .. import _numerics as nx
from .._arguments import Integer, LearningRate
from .._schedule import Schedule
from ._members import Member


@final
class Warmup(Schedule):
    r"""Any schedule, come up to from another value along a straight line.

    What a training loop does that interpolates while it warms up, and follows its scheduler afterwards. The
    line ends wherever the schedule is at that update, also where that moves from epoch to epoch.

    .. math::
        \mathrm{lr}(k) = \text{start} + (\text{schedule}(k) - \text{start})
            \frac{\min(k, \text{num\_warmup\_steps})}{\text{num\_warmup\_steps}}

    Args:
      schedule: any schedule; one by epochs within a `PerEpoch`.
      num_warmup_steps: updates until only the schedule counts, an integer >= 0.
      start: the value at count 0, finite and >= 0. It may lie above the schedule.

    Raises:
      ValueError: an argument is out of its range.
      TypeError: an argument is of the wrong type.

    >>> from jaxsched import PerEpoch, StepLR, Warmup
    >>> by_epoch = PerEpoch(StepLR(0.1, step_size=1, gamma=0.5), steps_per_epoch=2)
    >>> Warmup(by_epoch, num_warmup_steps=4).on_host([0, 1, 2, 3, 4])
    array([0.    , 0.025 , 0.025 , 0.0375, 0.025 ], dtype=float32)

    Differs from torch: a `LinearLR` in a chain multiplies, and cannot start from 0.
    """

    schedule: Annotated[Schedule, Member()]
    num_warmup_steps: Annotated[nx.Whole, Integer(0, "It is a number of updates.")]
    start: LearningRate = 0.0

    _takes_narrow_counts: ClassVar[bool] = True

    def _formula(self, k: jax.Array) -> jax.Array:
        steps = self.num_warmup_steps
        elapsed = nx.minimum(k, steps)
        goal = self.schedule._formula(k)
        return nx.interpolate(self.start, goal, elapsed, steps - elapsed, steps, nx.linear)

    @property
    def _optimizer_lr(self) -> nx.Number | None:
        return self.schedule._optimizer_lr
