"""The answer of `from_torch`: a formula that does what the object does, or what it does, recorded."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np

from .._arguments import Choice, Integer, describe
from .._functions import close
from .._schedule import Schedule
from ..composed.starting_at import StartingAt
from ..hugging_face._by_name import Scheduler
from ..schedulers.constant_lr import ConstantLR
from ..timm import PlateauLRScheduler
from . import from_timm, held
from .counterparts import convert, counterparts
from .replay import Replay, Step, optimizer_of, replay
from .source import Source, alive, is_known
from .states import position, state as state_of

Quantity: TypeAlias = Literal["lr", "momentum", "weight_decay"]


@dataclasses.dataclass(frozen=True)
class Asked:
    """What `from_torch` was asked for; each as there."""

    group: int | None = None
    total_steps: int | None = None
    resume: bool = False
    verify: int | None = None
    step: Step | None = None
    quantity: Quantity = "lr"
    replay: Callable[[object, int, Step | None], Replay] = replay
    """`replay`, or what remembers it for the next question."""

    def __post_init__(self) -> None:
        Integer(1, "It is a number of updates.", array=False, optional=True)(
            "from_torch", "total_steps", self.total_steps
        )
        Integer(0, "It is a number of counts.", array=False, optional=True)(
            "from_torch", "verify", self.verify
        )
        Choice(("lr", "momentum", "weight_decay"))("from_torch", "quantity", self.quantity)

    def in_steps_of(self, every: int) -> Asked:
        """The same, counted in steps of which each is so many updates."""
        if self.total_steps is None:
            return self
        return dataclasses.replace(self, total_steps=-(-self.total_steps // every))

    def index(self, groups: int) -> int | None:
        """The group; None if none was named."""
        if self.group is not None and not (isinstance(self.group, int) and 0 <= self.group < groups):
            raise ValueError(f"from_torch: group must be from 0 to {groups - 1}, got {self.group!r}.")
        return self.group


def answer(scheduler: object, asked: Asked) -> Scheduler | PlateauLRScheduler:
    """What a live scheduler is."""
    if asked.step is None:
        from_timm.check_new(scheduler)
    if not is_known(scheduler, counterparts()) or asked.step is not None:
        return _of_timm(scheduler, asked) or _recorded(scheduler, None, 0, None, asked)
    index = asked.index(len(optimizer_of(scheduler).param_groups))
    sources = alive(scheduler, asked.total_steps, counterparts())
    try:
        found, source = _one_group(sources, index)
    except _GroupsDifferError as differ:
        raise ValueError(str(differ)) from None
    except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as reason:
        why = _why(sources[0].name, reason)
        if asked.total_steps is None:
            kind = type(reason) if isinstance(reason, (TypeError, ValueError)) else ValueError
            remedy = "" if "total_steps=" in why else " Or give total_steps= to have what it does recorded."
            raise kind(f"{why}{remedy}") from reason
        return _recorded(scheduler, None, position(sources[0]), why.removeprefix("from_torch: "), asked)
    if not isinstance(found, Schedule):
        standing = found._standing_at(state_of(found, source))
        return standing if asked.verify == 0 else _told(scheduler, standing, source)
    if asked.quantity != "lr":
        return _other(scheduler, found, source, asked)
    return _held(scheduler, found, source, asked)


def _of_timm(scheduler: object, asked: Asked) -> Scheduler | PlateauLRScheduler | None:
    """timm's, at its start, if a formula does what it does."""
    if asked.step is not None or asked.quantity != "lr" or from_timm.recognized(scheduler, 0) is None:
        return None
    groups = len(optimizer_of(scheduler).param_groups)
    index = asked.index(groups)
    found = [from_timm.recognized(scheduler, group) for group in range(groups)]
    schedule = found[index or 0]
    if index is None and any(other != schedule for other in found):
        raise ValueError(str(_groups_differ([each or "one to be recorded" for each in found])))
    if not isinstance(schedule, Schedule):
        return schedule
    rates = _looked_at(scheduler, schedule, 0, asked).lr[:, index or 0]
    return None if held.differs(schedule, 0, rates) is not None else _standing(schedule, 0, False)


def _why(name: str, reason: Exception) -> str:
    """Why an object is none of its class, in words."""
    if (isinstance(reason, (TypeError, ValueError)) and "must be" in str(reason)) or "from_torch: " in str(
        reason
    ):
        return str(reason)
    return (
        f"from_torch: {name} must have the attributes that PyTorch gives it. One of them was changed: "
        f"{type(reason).__name__}: {reason}."
    )


def answer_saved(sources: Sequence[Source], asked: Asked) -> Scheduler:
    """What a scheduler in a checkpoint was."""
    schedule, source = _one_group(sources, asked.index(len(sources)))
    if not isinstance(schedule, Schedule):
        return schedule._standing_at(state_of(schedule, source))
    count = position(source)
    wanted = float(schedule.on_host(count))
    if not close(source.lr, wanted):
        if "CyclicLR" in _names(source):
            raise ValueError(
                f"from_torch_state: state must tell the learning rate in force, {source.lr:.9g}, and at "
                f"count {count} {schedule!r} has {wanted:.9g}. PyTorch does not save the scale_fn of a "
                "CyclicLR: build the schedule by hand. Or param_groups are not those that were saved with it."
            )
        going_on = held.going_on(schedule, count, source.lr)
        held.warn(_other_rate(schedule, source.lr, wanted, count), stacklevel=4)
        schedule = schedule if going_on is None else going_on
    return _standing(schedule, count, asked.resume)


def _names(source: Source) -> set[str]:
    return {source.name}.union(*map(_names, source.members))


def _standing(schedule: Schedule, count: int, resume: bool) -> Schedule:
    left = StartingAt(schedule, count) if resume and count else schedule
    return left._standing_at(count)


def _other_rate(schedule: Schedule, lr: float, wanted: float, count: int) -> str:
    return (
        f"the optimizer's learning rate is {lr:.9g}, and {schedule!r} has {wanted:.9g} "
        f"at count {count}, where it stands. The result goes on from the learning rate in force, as PyTorch "
        "does. If a state was loaded, load the optimizer's, too: a scheduler's does not restore it."
    )


class _GroupsDifferError(ValueError):
    """Somebody has to say which group is meant."""


def _one_group(sources: Sequence[Source], index: int | None) -> tuple[Scheduler, Source]:
    """The schedule of the group that is asked for, or of all when they are the same."""
    if index is not None:
        return convert(sources[index]), sources[index]
    schedules = [convert(source) for source in sources]
    if any(schedule != schedules[0] for schedule in schedules):
        raise _groups_differ(schedules)
    return schedules[0], sources[0]


def _groups_differ(schedules: Sequence[object]) -> _GroupsDifferError:
    return _GroupsDifferError(
        f"from_torch: group must be given, from 0 to {len(schedules) - 1}, got None. The parameter groups "
        f"differ: {', '.join(map(repr, schedules))}."
    )


# Held against what the object does --------------------------------------------------------


def _held(scheduler: object, schedule: Schedule, source: Source, asked: Asked) -> Schedule:
    count, group = position(source), source.group
    found = _looked_at(scheduler, schedule, count, asked)
    rates = found.lr[:, group]
    differs = held.differs(schedule, count, rates)
    if differs is None and held.momentum_differs(schedule, count, found, group) is None:
        return _standing(schedule, count, asked.resume)
    if differs is not None and differs.late:
        held.warn(
            f"at count {count + differs.count} the restart of the live scheduler comes one update late, by a "
            f"rounding error of its own: it has {differs.replayed:.9g}, and {schedule!r} "
            f"has {differs.said:.9g}."
        )
        return _standing(schedule, count, asked.resume)
    if differs is not None and differs.count == 0:
        going_on = held.going_on(schedule, count, differs.replayed)
        if going_on is not None and held.differs(going_on, count, rates) is None:
            held.warn(_other_rate(schedule, differs.replayed, differs.said, count))
            return _standing(going_on, count, asked.resume)
    what = ""
    if differs is None:
        differs, what = held.momentum_differs(schedule, count, found, group), ".momentum"
    assert differs is not None
    why = (
        f"at count {count + differs.count} a copy of it, stepped, has {differs.replayed:.9g}, "
        f"and {schedule!r}{what} has {differs.said:.9g}"
    )
    if asked.total_steps is None:
        raise ValueError(
            f"from_torch: {source.name} must do what its class and attributes say, and does not: {why}. "
            "It was changed after it was made, or computes in float32. Give total_steps= to have what it "
            "does recorded."
        )
    return _recorded(
        scheduler,
        schedule,
        count,
        f"{source.name} does not do what its class and attributes say: {why}",
        asked,
    )


def _told(scheduler: object, machine: Any, source: Source) -> Scheduler:
    """A machine, if a copy of its original does the same when it is told the same."""
    told = held.metrics(
        source.number("best"), int(source.number("patience")) + int(source.number("cooldown"))
    )
    metrics = iter(told.tolist())
    found = replay(scheduler, len(told), lambda own: own.step(next(metrics)))
    if found.ended is not None:
        raise _failed(scheduler, found, 0)
    differs = held.machine_differs(machine, told, found.lr[:, source.group])
    if differs is None:
        made: Scheduler = machine
        return made
    raise ValueError(
        f"from_torch: {source.name} must do what its class and attributes say, and does not: told "
        f"{[float(x) for x in told[: differs.count]][-3:]} as the last of {differs.count} metrics, a copy of "
        f"it has {differs.replayed:.9g}, and {machine!r} has {differs.said:.9g}. It was changed after it was "
        "made: build it by hand."
    )


def _looked_at(scheduler: object, schedule: Schedule | None, count: int, asked: Asked) -> Replay:
    steps = held.counts_to_look_at(schedule, count) if asked.verify is None else asked.verify
    last = np.inf if schedule is None else held.last_count(schedule)
    if asked.total_steps is not None:
        last = min(last, asked.total_steps - 1)
    steps = int(max(min(steps, last - count), 0))
    found = asked.replay(scheduler, steps, asked.step)
    if found.ended is not None and len(found) == 1:
        raise _failed(scheduler, found, count)
    return found


def _failed(scheduler: object, found: Replay, count: int) -> ValueError:
    error = ValueError(
        f"from_torch: {type(scheduler).__name__} must step as it does in training. A copy of it failed in "
        f"the step to count {count + len(found)}: {type(found.ended).__name__}: {found.ended}"
    )
    error.__cause__ = found.ended
    return error


def _recorded(
    scheduler: object, before: Schedule | None, count: int, why: str | None, asked: Asked
) -> Schedule:
    """What the object does, up to the horizon."""
    if not hasattr(scheduler, "step") and callable(scheduler) and not hasattr(scheduler, "optimizer"):
        raise TypeError(
            f"from_torch: scheduler must be a live scheduler, got {describe(scheduler)}. A function of the "
            "count goes into LambdaLR(1.0, function, total_steps=…)."
        )
    if asked.total_steps is None:
        raise TypeError(
            f"from_torch: scheduler must be one of {', '.join(counterparts())} of PyTorch, "
            f"got {describe(scheduler)}. Any other that steps a learning rate is recorded: "
            "give total_steps=, the number of updates."
        )
    name = type(scheduler).__name__
    index = asked.index(len(optimizer_of(scheduler).param_groups))
    if before is None and count == 0:
        count = _own_count(scheduler)
    if before is None and count and not asked.resume:
        raise ValueError(
            f"from_torch: resume must be True for {name}, got False. It stands at count {count}, and there "
            "is no knowing what it did before."
        )
    if asked.total_steps <= count:
        raise ValueError(
            f"from_torch: total_steps must be above {count}, where {name} stands, got {asked.total_steps}. "
            "It is the number of updates of the whole training."
        )
    found = asked.replay(scheduler, asked.total_steps - 1 - count, asked.step)
    if found.ended is not None:
        raise _failed(scheduler, found, count)
    columns = getattr(found, asked.quantity)
    if index is None and not held.same(columns.T):
        raise _groups_differ([held.recorded(None, 0, column) for column in columns.T])
    if why is not None:
        held.warn(f"{why}. The result is a recording of {asked.total_steps - count} counts.", stacklevel=6)
    values = columns[:, index or 0]
    if np.isnan(values).any():
        raise ValueError(
            f"from_torch: quantity must be one that every group of the optimizer has, got {asked.quantity!r}."
        )
    if asked.resume:
        return held.recorded(None, count, values)._standing_at(count)
    return held.recorded(before, count, values)._standing_at(count)


def _own_count(scheduler: object) -> int:
    count = getattr(scheduler, "last_epoch", 0)
    return count if isinstance(count, int) and count > 0 else 0


def _other(scheduler: object, schedule: Schedule, source: Source, asked: Asked) -> Schedule:
    """What the object does to something else than the learning rate."""
    count = position(source)
    found = _looked_at(scheduler, schedule, count, asked)
    values = getattr(found, asked.quantity)[:, source.group]
    if getattr(schedule, "cycle_momentum", False) and asked.quantity == "momentum":
        momentum: Any = schedule
        if held.differs(momentum.momentum, count, values) is None:
            return _standing(momentum.momentum, count, asked.resume)
    elif np.array_equal(values, np.full_like(values, values[0])):
        return _standing(ConstantLR(float(values[0]), factor=1.0), count, asked.resume)
    if asked.total_steps is None:
        raise ValueError(
            f"from_torch: total_steps must be given where {source.name} also changes the {asked.quantity}, "
            "got None. There is no formula for that, so that it is recorded: give the number of updates."
        )
    return _recorded(scheduler, None, count, None, asked)
