import copy
from typing import Annotated, ClassVar, final

import jax

from .. import _numerics as nx
from .._arguments import Flag, Integer
from .._schedule import Schedule
from .._shared_rate import Affine, Wrapped
from ..schedulers.cosine_annealing_warm_restarts import CosineAnnealingWarmRestarts
from ._members import Member


@final
class PerEpoch(Wrapped, Schedule):
    r"""A schedule written in epochs, for training that counts updates.

    Equals a PyTorch scheduler whose ``step()`` is called once an epoch:

    .. math::
        \mathrm{lr}(k) = \text{schedule}(\lfloor k / \text{steps\_per\_epoch} \rfloor)

    or, ``fractional``, one whose ``step(epoch + i / steps_per_epoch)`` is called at every
    update: :math:`\text{schedule}(k / \text{steps\_per\_epoch})`.

    **Units.** Every schedule of this package counts *updates*. This one turns them into
    epochs, and its value is the member's own: rounded once. In both, an update is a change
    of the parameters. ``optax.MultiSteps`` hands its inner optimizer one gradient for every
    ``every_k_schedule`` micro-batches, so that a schedule inside it counts updates, too, and
    ``steps_per_epoch`` is the number of micro-batches in an epoch divided by
    ``every_k_schedule``.

    Args:
      schedule: a schedule whose arguments and milestones are in epochs.
      steps_per_epoch: updates in an epoch; an integer >= 1.
      fractional: whether it moves within an epoch, too. Only `CosineAnnealingWarmRestarts`
        can, as in PyTorch. An epoch is then divided exactly, so that the restart of epoch
        ``e`` is at count ``e * steps_per_epoch`` and the value is correctly rounded.

    Raises:
      ValueError: an argument is out of its range, or ``fractional`` is not for this schedule.
      TypeError: an argument is of the wrong type.

    The last update of epoch 29 and the first of epoch 30:

    >>> from jaxsched import CosineAnnealingWarmRestarts, PerEpoch, StepLR
    >>> PerEpoch(StepLR(0.1, step_size=30), steps_per_epoch=391).on_host([0, 11729, 11730])
    array([0.1 , 0.1 , 0.01], dtype=float32)
    >>> restarts = CosineAnnealingWarmRestarts(0.1, T_0=2)
    >>> PerEpoch(restarts, steps_per_epoch=4, fractional=True).on_host([0, 4, 7, 8])
    array([0.1       , 0.05      , 0.00380602, 0.1       ], dtype=float32)
    """

    schedule: Annotated[Schedule, Member()]
    steps_per_epoch: Annotated[nx.Whole, Integer(1, "It is the number of updates in an epoch.")]
    fractional: Annotated[bool, Flag()] = False

    _takes_narrow_counts: ClassVar[bool] = True

    def _check(self) -> None:
        if self.fractional and not isinstance(self.schedule, CosineAnnealingWarmRestarts):
            raise ValueError(
                f"PerEpoch: fractional must be False for {self.schedule!r}, got True. "
                "Only CosineAnnealingWarmRestarts has values between epochs."
            )

    @property
    def _wrapped(self) -> Schedule:
        return self.schedule

    def _own(self, k: jax.Array) -> jax.Array:
        epoch, _ = nx.divmod_count(k, self.steps_per_epoch)
        return epoch

    def _counted(self, own: jax.Array) -> jax.Array:
        return nx.wide(own) * self.steps_per_epoch  # at most the count that own is of

    def _own_horizon(self, horizon: int | None) -> int | None:
        if horizon is None or not isinstance(self.steps_per_epoch, int):
            return horizon  # an epoch has at least one update
        return -(-horizon // self.steps_per_epoch)

    def _formula(self, k: jax.Array) -> jax.Array:
        return self._in_updates()._formula(k) if self.fractional else super()._formula(k)

    def _in_updates(self) -> Schedule:
        """The restarts with time in updates: not even the epoch is rounded.

        ``k / n`` epochs into cycles of ``T_0`` is ``k`` updates into cycles of ``n * T_0``.
        """
        restarts = copy.copy(self.schedule)
        object.__setattr__(restarts, "T_0", restarts.T_0 * self.steps_per_epoch)  # type: ignore[attr-defined]
        return restarts

    def _least(self) -> float:
        return 0.0 if self.fractional else super()._least()

    @property
    def _pauses(self) -> bool:
        return not isinstance(self.steps_per_epoch, int) or self.steps_per_epoch > 1

    @property
    def _overwrites(self) -> bool:
        return self.fractional or super()._overwrites

    def _step(self, k: jax.Array) -> Affine:
        return Affine(0.0, self._formula(k)) if self.fractional else super()._step(k)
