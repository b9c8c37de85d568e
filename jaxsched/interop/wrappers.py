"""Schedulers that others hand around: taken out of what they are wrapped in."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from .._arguments import Integer
from .._schedule import Schedule
from ..composed.per_epoch import PerEpoch

Answer = TypeVar("Answer")


@dataclasses.dataclass(frozen=True)
class Opened:
    """A scheduler, and how often it steps."""

    scheduler: Any
    every: int
    """Updates for each of its steps."""

    def in_updates(self, answer: Answer) -> Answer:
        """The answer, counted in updates."""
        if self.every == 1 or not isinstance(answer, Schedule):
            return answer
        stands = answer.position * self.every if isinstance(answer.position, int) else answer.position
        per_epoch: Any = PerEpoch(answer, self.every)._standing_at(stands)
        return per_epoch  # type: ignore[no-any-return]


def opened(scheduler: object, steps_per_epoch: int | None) -> Opened:
    """What is within, if anything is.

    Args:
      scheduler: a scheduler; what Accelerate's ``prepare`` makes of one; what Lightning's
        ``configure_optimizers`` returns, or keeps of it.
      steps_per_epoch: updates in an epoch, of one that steps once an epoch.
    """
    Integer(1, "It is a number of updates.", array=False, optional=True)(
        "from_torch", "steps_per_epoch", steps_per_epoch
    )
    scheduler = _alone(scheduler)
    for found in (_of_lightning(scheduler, steps_per_epoch), _of_accelerate(scheduler, steps_per_epoch)):
        if found is not None:
            return found
    _check_epochs(scheduler, steps_per_epoch)
    return Opened(scheduler, steps_per_epoch or 1)


def _alone(given: Any) -> Any:
    """The one scheduler in a list, or in what Lightning and timm return with it: optimizers, a number."""
    if not isinstance(given, (list, tuple)):
        return given
    if len(given) == 2 and isinstance(given[0], (list, tuple)) and isinstance(given[1], (list, tuple)):
        # Lightning's ([optimizer], [scheduler]); once an epoch, unless the scheduler stands in a dictionary.
        found = [each if isinstance(each, Mapping) else {"scheduler": each} for each in given[1]]
    else:
        found = [each for each in given if not isinstance(each, (int, float)) and not _is_optimizer(each)]
    if len(found) != 1:
        raise TypeError(
            f"from_torch: scheduler must be one scheduler, got a {type(given).__name__} with {len(found)} of "
            "them. Hand them in one at a time."
        )
    return found[0]


def _is_optimizer(given: object) -> bool:
    return hasattr(given, "param_groups") and not hasattr(given, "optimizer")


def _check_epochs(scheduler: Any, steps_per_epoch: int | None) -> None:
    """Whether it may be one that steps once an epoch."""
    if (steps_per_epoch or 1) == 1:
        return
    if getattr(scheduler, "t_in_epochs", True) is False:
        raise ValueError(
            f"from_torch: steps_per_epoch must be None for {type(scheduler).__name__} with "
            f"t_in_epochs=False, which counts updates, got {steps_per_epoch}."
        )
    if hasattr(scheduler, "num_bad_epochs"):
        raise ValueError(
            f"from_torch: steps_per_epoch must be None for {type(scheduler).__name__}, got "
            f"{steps_per_epoch}. It steps when it is told a metric: tell it once an epoch, or give "
            "accumulation_size= to its scale_by_learning_rate."
        )


def _of_lightning(scheduler: Any, steps_per_epoch: int | None) -> Opened | None:
    """A dictionary or LRSchedulerConfig: scheduler, interval, frequency; or a dictionary with one in it."""
    if isinstance(scheduler, Mapping):
        if "lr_scheduler" in scheduler:
            inner = scheduler["lr_scheduler"]
            if not isinstance(inner, Mapping) and type(inner).__name__ != "LRSchedulerConfig":
                inner = {"scheduler": inner}  # once an epoch, as Lightning takes it
            return opened(inner, steps_per_epoch)
        if "scheduler" not in scheduler:
            raise TypeError(
                "from_torch: scheduler must have the key scheduler, or lr_scheduler, if it is a dictionary "
                f"as Lightning's, got the keys {', '.join(map(str, scheduler))}."
            )
        ask: Callable[[str, Any], Any] = scheduler.get
    elif type(scheduler).__name__ == "LRSchedulerConfig":
        ask = lambda name, default: getattr(scheduler, name, default)  # noqa: E731
    else:
        return None
    interval, frequency = ask("interval", "epoch"), ask("frequency", 1)
    if interval not in ("epoch", "step"):
        raise ValueError(f"from_torch: interval must be 'epoch' or 'step', got {interval!r}.")
    if interval == "epoch" and steps_per_epoch is None:
        raise ValueError(
            "from_torch: steps_per_epoch must be given for a scheduler with Lightning's interval 'epoch', "
            "got None. It is the number of updates in an epoch."
        )
    inner = opened(ask("scheduler", None), 1)
    each = (steps_per_epoch or 1) if interval == "epoch" else 1
    return Opened(inner.scheduler, each * int(frequency) * inner.every)


def _of_accelerate(scheduler: Any, steps_per_epoch: int | None) -> Opened | None:
    if type(scheduler).__module__.partition(".")[0] != "accelerate" or not hasattr(scheduler, "scheduler"):
        return None
    each = _processes() if scheduler.step_with_optimizer and not scheduler.split_batches else 1
    if each > 1:
        raise ValueError(
            "from_torch: scheduler must step once an update, and Accelerate's makes a step for each of "
            f"{each} processes, got AcceleratedScheduler. Hand in scheduler.scheduler, and take its values "
            f"at {each} times the update, as docs/loops.md does."
        )
    return opened(scheduler.scheduler, steps_per_epoch)


def _processes() -> int:
    from accelerate.state import AcceleratorState

    return int(AcceleratorState().num_processes)
