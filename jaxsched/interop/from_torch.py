"""PyTorch's schedulers, alive or in a checkpoint, as jaxsched values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, overload

from .._schedule import Schedule
from ..by_metric.reduce_lr_on_plateau import ReduceLROnPlateau
from ..hugging_face._by_name import Scheduler
from .answer import Asked, Quantity, answer, answer_saved
from .counterparts import counterparts
from .replay import Step
from .source import Named, saved
from .wrappers import opened

if TYPE_CHECKING:
    import torch


@overload
def from_torch(  # type: ignore[overload-overlap]  # PyTorch's is an LRScheduler, and ours no Schedule
    scheduler: torch.optim.lr_scheduler.ReduceLROnPlateau,
    group: int | None = None,
    total_steps: int | None = None,
    *,
    resume: bool = False,
    verify: int | None = None,
    step: Step | None = None,
    quantity: Quantity = "lr",
    steps_per_epoch: int | None = None,
) -> ReduceLROnPlateau: ...
@overload
def from_torch(
    scheduler: torch.optim.lr_scheduler.LRScheduler,
    group: int | None = None,
    total_steps: int | None = None,
    *,
    resume: bool = False,
    verify: int | None = None,
    step: Step | None = None,
    quantity: Quantity = "lr",
    steps_per_epoch: int | None = None,
) -> Schedule: ...
@overload
def from_torch(
    scheduler: object,
    group: int | None = None,
    total_steps: int | None = None,
    *,
    resume: bool = False,
    verify: int | None = None,
    step: Step | None = None,
    quantity: Quantity = "lr",
    steps_per_epoch: int | None = None,
) -> Scheduler: ...
def from_torch(
    scheduler: object,
    group: int | None = None,
    total_steps: int | None = None,
    *,
    resume: bool = False,
    verify: int | None = None,
    step: Step | None = None,
    quantity: Quantity = "lr",
    steps_per_epoch: int | None = None,
) -> Scheduler:
    """The jaxsched value that does what a live PyTorch scheduler does.

    >>> import torch
    >>> from jaxsched import from_torch
    >>> optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    >>> live = torch.optim.lr_scheduler.StepLR(optimizer, step_size=30)
    >>> from_torch(live)
    StepLR(0.1, step_size=30)

    The live object is the truth. Before the result is returned it is held against a copy of the
    object that is stepped. Where the two part, the result is what the copy does: a schedule that goes
    on from the learning rate in force (`SetAt`), or a recording (`Recorded`).

    Args:
      scheduler: a scheduler of `torch.optim.lr_scheduler`, or SWALR; sequences and chains of
        them, too; at its start or after any number of steps. What ``transformers.get_scheduler``
        makes becomes the schedule of `jaxsched.hugging_face`. Any other object that steps a learning
        rate is recorded; the scheduler within what Accelerate and Lightning hand around is taken out.
      group: which parameter group of the optimizer. Needed when they differ.
      total_steps: how many updates the training has: the horizon for what must be tabulated or recorded.
      resume: whether count 0 of the result is now, rather than the start of training.
      verify: how many counts from now on are held against the copy; None for past the last turn of the
        result, from 1,000 to 20,000 of them: some tens of milliseconds.
      step: a function of the scheduler that makes one step, where it is not ``scheduler.step()``.
      quantity: ``"lr"``, ``"momentum"`` (or ``betas[0]``) or ``"weight_decay"``.
      steps_per_epoch: updates in an epoch, of a scheduler that steps once an epoch.

    Returns:
      The schedule. Its ``position`` says at which count the PyTorch scheduler stands, in updates (with
      ``resume`` that is the count which the result takes for 0). Of a ReduceLROnPlateau,
      which does not keep what it began with, the result begins at the learning rate in
      force, and ``position`` is its `PlateauState`: go on with ``step(position, metric)``. So it is
      with a GreedyLR, which does keep it.

    Raises:
      TypeError: not one of PyTorch's classes, and there is no horizon to record it up to; or there is no
        knowing how it is stepped.
      ValueError: it cannot be converted; the message names the attribute, or the count at which the object
        does something else than it says, and what to do.

    Warns:
      UserWarning: the optimizer's learning rate is not what the scheduler says it should be,
        as after loading a scheduler's state without the optimizer's; or the object had to be recorded.
    """
    live = opened(scheduler, steps_per_epoch)
    asked = Asked(group, total_steps, resume, verify, step, quantity).in_steps_of(live.every)
    found: Any = live.in_updates(answer(live.scheduler, asked))  # a plateau of timm's, too
    return found  # type: ignore[no-any-return]


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
    return answer_saved(sources, Asked(group, total_steps, resume))
