"""jaxsched values as PyTorch's schedulers."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax

from .._schedule import Schedule
from ..schedulers.chained_scheduler import ChainedScheduler
from ..schedulers.constant_lr import ConstantLR
from ..schedulers.cosine_annealing_lr import CosineAnnealingLR
from ..schedulers.cosine_annealing_warm_restarts import CosineAnnealingWarmRestarts
from ..schedulers.cyclic_lr import CyclicLR
from ..schedulers.exponential_lr import ExponentialLR
from ..schedulers.lambda_lr import LambdaLR
from ..schedulers.linear_lr import LinearLR
from ..schedulers.multi_step_lr import MultiStepLR
from ..schedulers.multiplicative_lr import MultiplicativeLR
from ..schedulers.one_cycle_lr import OneCycleLR
from ..schedulers.polynomial_lr import PolynomialLR
from ..schedulers.reduce_lr_on_plateau import ReduceLROnPlateau
from ..schedulers.sequential_lr import SequentialLR
from ..schedulers.step_lr import StepLR
from ..schedulers.swa_lr import SWALR

if TYPE_CHECKING:
    import torch

# Classes whose arguments are PyTorch's, but for base_lr and a horizon; and those of which
# all are, the learning rate too. Themselves, and no other of their names.
_SAME: tuple[type[Schedule], ...] = (
    LambdaLR,
    MultiplicativeLR,
    StepLR,
    MultiStepLR,
    ConstantLR,
    LinearLR,
    ExponentialLR,
    PolynomialLR,
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    SWALR,
)
_OWN_LR: tuple[type[Schedule], ...] = (CyclicLR, OneCycleLR)


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
      PyTorch's own class where there is one, LambdaLR over our values otherwise.

    Raises:
      TypeError: not a schedule of jaxsched, or an argument is an array.
    """
    if isinstance(schedule, ReduceLROnPlateau) and not isinstance(schedule.base_lr, Schedule):
        return _plateau(schedule, optimizer)
    if not isinstance(schedule, Schedule):
        raise TypeError(f"to_torch: schedule must be a schedule of jaxsched, got {schedule!r}.")
    if jax.tree.leaves(schedule):
        raise TypeError(
            f"to_torch: schedule must have Python numbers as arguments, got {schedule!r}. "
            "Convert arrays with float()."
        )
    own = _has_torch_class(schedule)
    lr = schedule._optimizer_lr if own else 1.0
    for group in optimizer.param_groups:
        group.pop("initial_lr", None)  # left there by an earlier scheduler
        if lr is not None:
            group["lr"] = lr
    if own:
        return _build(schedule, optimizer)
    import torch

    return torch.optim.lr_scheduler.LambdaLR(optimizer, _values(schedule))


def _plateau(plateau: ReduceLROnPlateau, optimizer: Any) -> Any:
    import torch

    arguments = {field.name: getattr(plateau, field.name) for field in dataclasses.fields(plateau)}
    lr = arguments.pop("base_lr")
    for group in optimizer.param_groups:
        group["lr"] = lr
    return torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, **arguments)


def _has_torch_class(schedule: Schedule, inside_sequence: bool = False) -> bool:
    """Whether PyTorch has a class for it, and its sequences take it as a member."""
    if isinstance(schedule, SequentialLR):
        return not inside_sequence and all(_has_torch_class(m, True) for m in schedule.schedulers)
    if isinstance(schedule, ChainedScheduler):
        return not inside_sequence and all(map(_has_torch_class, schedule.schedulers))
    return type(schedule) in (*_SAME, *_OWN_LR)


def _build(schedule: Schedule, optimizer: Any) -> Any:
    import torch

    library: Any = torch.optim.swa_utils if isinstance(schedule, SWALR) else torch.optim.lr_scheduler
    if isinstance(schedule, SequentialLR):
        members = [_build(member, optimizer) for member in schedule.schedulers]
        return library.SequentialLR(optimizer, members, list(schedule.milestones))
    if isinstance(schedule, ChainedScheduler):
        members = [_build(member, optimizer) for member in schedule.schedulers]
        return library.ChainedScheduler(members, optimizer)
    arguments = {field.name: getattr(schedule, field.name) for field in dataclasses.fields(schedule)}
    # The optimizer's; a horizon.
    dropped = () if isinstance(schedule, _OWN_LR) else ("base_lr", "total_steps")
    return getattr(library, type(schedule).__name__)(
        optimizer, **{n: v for n, v in arguments.items() if n not in dropped}
    )


def _values(schedule: Schedule) -> Callable[[int], float]:
    """Our values, in float64, as a function that PyTorch can call."""

    def value(k: int) -> float:
        with jax.enable_x64(True):
            return float(schedule.on_host(k))

    return value
