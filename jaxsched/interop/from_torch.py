"""PyTorch's schedulers, alive or in a checkpoint, as jaxsched values."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, overload

from .._schedule import Schedule
from ..hugging_face._by_name import Scheduler
from ..schedulers.reduce_lr_on_plateau import ReduceLROnPlateau
from ..schedulers.starting_at import StartingAt
from .counterparts import close, convert, counterparts
from .source import Named, Source, alive, saved
from .states import position, state as state_of

if TYPE_CHECKING:
    import torch


@overload
def from_torch(  # type: ignore[overload-overlap]  # PyTorch's is an LRScheduler, and ours no Schedule
    scheduler: torch.optim.lr_scheduler.ReduceLROnPlateau,
    group: int | None = None,
    total_steps: int | None = None,
    *,
    resume: bool = False,
) -> ReduceLROnPlateau: ...
@overload
def from_torch(
    scheduler: torch.optim.lr_scheduler.LRScheduler,
    group: int | None = None,
    total_steps: int | None = None,
    *,
    resume: bool = False,
) -> Schedule: ...
@overload
def from_torch(
    scheduler: object, group: int | None = None, total_steps: int | None = None, *, resume: bool = False
) -> Scheduler: ...
def from_torch(
    scheduler: object, group: int | None = None, total_steps: int | None = None, *, resume: bool = False
) -> Scheduler:
    """The jaxsched value that does what a live PyTorch scheduler does.

    >>> import torch
    >>> from jaxsched import from_torch
    >>> optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    >>> live = torch.optim.lr_scheduler.StepLR(optimizer, step_size=30)
    >>> from_torch(live)
    StepLR(0.1, step_size=30)

    Args:
      scheduler: a scheduler of `torch.optim.lr_scheduler`, or SWALR; sequences and chains of
        them, too; at its start or after any number of steps. What ``transformers.get_scheduler``
        makes becomes the schedule of `jaxsched.hugging_face`.
      group: which parameter group of the optimizer. Needed when they differ.
      total_steps: the horizon for what must be tabulated: functions that JAX cannot trace,
        and chains without a closed form.
      resume: whether count 0 of the result is now, rather than the start of training.

    Returns:
      The schedule. Its ``position`` says at which count the PyTorch scheduler stands (with
      ``resume`` that is the count which the result takes for 0). Of a ReduceLROnPlateau,
      which does not keep what it began with, the result begins at the learning rate in
      force, and ``position`` is its `PlateauState`: go on with ``step(position, metric)``. So it is
      with a GreedyLR, which does keep it.

    Raises:
      TypeError: not one of PyTorch's classes.
      ValueError: it cannot be converted; the message names the attribute and what to do.

    Warns:
      UserWarning: the optimizer's learning rate is not what the scheduler says it should be,
        as after loading a scheduler's state without the optimizer's.
    """
    return _answer(alive(scheduler, total_steps, counterparts()), group, resume)


def from_torch_state(
    name: Named,
    state: Mapping[str, object],
    param_groups: Sequence[Mapping[str, object]],
    group: int | None = None,
    total_steps: int | None = None,
    *,
    resume: bool = False,
) -> Scheduler:
    """The same from a checkpoint, without the training script.

    >>> import torch
    >>> from jaxsched import from_torch_state
    >>> optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    >>> live = torch.optim.lr_scheduler.StepLR(optimizer, step_size=30)
    >>> saved = {"scheduler": live.state_dict(), "optimizer": optimizer.state_dict()}
    >>> from_torch_state("StepLR", saved["scheduler"], saved["optimizer"]["param_groups"])
    StepLR(0.1, step_size=30)

    Args:
      name: the scheduler's class, which a checkpoint does not tell: ``"StepLR"``; of a
        sequence or chain with its members, ``("SequentialLR", ["LinearLR", "StepLR"])``.
      state: its ``state_dict()``, loaded with ``weights_only=True``.
      param_groups: the optimizer's, ``optimizer.state_dict()["param_groups"]``.
      group: as for `from_torch`.
      total_steps: as for `from_torch`.
      resume: as for `from_torch`.

    Returns:
      As `from_torch`.

    Raises:
      ValueError: it cannot be converted; functions are not in checkpoints.
    """

    sources = saved(name, state, param_groups, total_steps, counterparts())
    return _answer(sources, group, resume)


def _answer(sources: Sequence[Source], group: int | None, resume: bool) -> Scheduler:
    """What both return, and what is to hold of every answer: the one place through which all of them pass."""
    schedule, source = _one_group(sources, group)
    if not isinstance(schedule, Schedule):
        return schedule._standing_at(state_of(schedule, source))
    count, lr = position(source), source.lr
    wanted = float(schedule.on_host(count))
    if not close(lr, wanted):
        warnings.warn(
            f"from_torch: the optimizer's learning rate is {lr:.9g}, and {schedule!r} has {wanted:.9g} "
            f"at count {count}, where it stands. A scheduler's load_state_dict does not restore the "
            "optimizer's learning rate: load the optimizer's state, too.",
            UserWarning,
            stacklevel=3,
        )
    if resume and count:
        schedule = StartingAt(schedule, count)
    return schedule._standing_at(count)


def _one_group(sources: Sequence[Source], group: int | None) -> tuple[Scheduler, Source]:
    """The schedule of the group that is asked for, or of all when they are the same."""
    if group is not None:
        if not isinstance(group, int) or not 0 <= group < len(sources):
            raise ValueError(f"from_torch: group must be from 0 to {len(sources) - 1}, got {group!r}.")
        return convert(sources[group]), sources[group]
    schedules = [convert(source) for source in sources]
    if any(schedule != schedules[0] for schedule in schedules):
        raise ValueError(
            f"from_torch: group must be given, from 0 to {len(sources) - 1}, got None. The parameter groups "
            f"differ: {', '.join(map(repr, schedules))}."
        )
    return schedules[0], sources[0]
