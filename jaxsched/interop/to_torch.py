"""jaxsched values as PyTorch's schedulers."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax

from .. import _numerics as nx
from .._schedule import Schedule
from ..by_metric.reduce_lr_on_plateau import ReduceLROnPlateau
from . import held
from .counterparts import build, is_in_torch
from .replay import copied, replay

if TYPE_CHECKING:
    import torch


def to_torch(schedule: Schedule | ReduceLROnPlateau, optimizer: torch.optim.Optimizer) -> Any:
    """PyTorch's scheduler that does what a schedule does, at its start, on an optimizer.

    >>> import torch
    >>> from jaxsched import StepLR, from_torch, to_torch
    >>> optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    >>> live = to_torch(StepLR(0.1, step_size=30), optimizer)
    >>> type(live).__name__, optimizer.param_groups[0]["lr"]
    ('StepLR', 0.1)
    >>> from_torch(live)
    StepLR(0.1, step_size=30)

    Args:
      schedule: any schedule whose arguments are Python numbers; or a ReduceLROnPlateau of a
        learning rate (one of a schedule is two schedulers in PyTorch: convert each).
      optimizer: its learning rate becomes the schedule's ``base_lr`` in every group.

    Returns:
      PyTorch's own class where there is one that, stepped, does what the schedule does; LambdaLR over our
      values otherwise.

    Raises:
      TypeError: not a schedule of jaxsched, or an argument is an array.
    """
    if isinstance(schedule, ReduceLROnPlateau) and not isinstance(schedule.base_lr, Schedule):
        for group in optimizer.param_groups:
            group["lr"] = schedule.base_lr
        return build(schedule, optimizer)
    if not isinstance(schedule, Schedule):
        raise TypeError(f"to_torch: schedule must be a schedule of jaxsched, got {schedule!r}.")
    if jax.tree.leaves(schedule):
        raise TypeError(
            f"to_torch: schedule must have Python numbers as arguments, got {schedule!r}. "
            "Convert arrays with float()."
        )
    lr = schedule._optimizer_lr
    if is_in_torch(schedule) and _does_the_same(schedule, lr, optimizer):
        _given(optimizer, lr)
        return build(schedule, optimizer)
    _given(optimizer, 1.0)
    import torch

    return torch.optim.lr_scheduler.LambdaLR(optimizer, _values(schedule))


def _given(optimizer: torch.optim.Optimizer, lr: nx.Number | None) -> None:
    for group in optimizer.param_groups:
        group.pop("initial_lr", None)  # left there by an earlier scheduler
        if lr is not None:
            group["lr"] = lr


def _does_the_same(schedule: Schedule, lr: nx.Number | None, optimizer: torch.optim.Optimizer) -> bool:
    """Whether PyTorch's own class, stepped, does what the schedule does."""
    own = copied(optimizer)
    _given(own, lr)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            steps = min(held.counts_to_look_at(schedule, 0), held.last_count(schedule))
            found = replay(build(schedule, own), int(steps))
        except (ArithmeticError, ValueError, TypeError):  # of arguments that PyTorch does not take
            return False
    return found.ended is None and not any(held.differs(schedule, 0, rates) for rates in found.lr.T)


def _values(schedule: Schedule) -> Callable[[int], float]:
    """Our values, in float64, as a function that PyTorch can call."""

    def value(k: int) -> float:
        with jax.enable_x64(True):
            return float(schedule.on_host(k))

    return value
