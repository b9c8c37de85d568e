"""The counts at which a live PyTorch scheduler turns: where an off-by-one shows."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any


def of(scheduler: Any, steps: int) -> list[int]:
    """Milestones, restarts, ends of phases and the like, within ``steps``, in order."""
    return sorted({k for k in (0, *_turns(scheduler, steps), steps - 1) if 0 <= k < steps})


def _turns(scheduler: Any, steps: int) -> Iterable[int]:
    turns = _EVENTS.get(type(scheduler).__name__)
    return () if turns is None else turns(scheduler, steps)


def _phases(s: Any, steps: int) -> Iterable[int]:
    for begin, member in zip((0, *s._milestones), s._schedulers, strict=True):
        yield from (begin + k for k in (0, *_turns(member, max(steps - begin, 0))))


def _members(s: Any, steps: int) -> Iterable[int]:
    return (k for member in s._schedulers for k in _turns(member, steps))


def _restarts(s: Any, steps: int) -> Iterable[int]:
    start, length = 0, s.T_0
    while start < steps:
        yield start
        start, length = start + length, length * s.T_mult


def _peaks_and_bottoms(s: Any, steps: int) -> Iterable[int]:
    up, total = round(s.step_ratio * s.total_size), round(s.total_size)
    return (start + part for start in range(0, steps, total) for part in (0, up))


def _phase_ends(s: Any, steps: int) -> Iterable[int]:
    ends = [phase["end_step"] for phase in s._schedule_phases]
    return (whole for end in ends for whole in (math.floor(end), math.ceil(end)))


_EVENTS: dict[str, Callable[[Any, int], Iterable[int]]] = {
    "StepLR": lambda s, steps: range(0, steps, s.step_size),
    "MultiStepLR": lambda s, steps: tuple(s.milestones),
    "ConstantLR": lambda s, steps: (s.total_iters,),
    "LinearLR": lambda s, steps: (s.total_iters,),
    "PolynomialLR": lambda s, steps: (s.total_iters,),
    "CosineAnnealingLR": lambda s, steps: range(0, steps, s.T_max),
    "CosineAnnealingWarmRestarts": _restarts,
    "CyclicLR": _peaks_and_bottoms,
    "OneCycleLR": _phase_ends,
    "SWALR": lambda s, steps: (s.anneal_epochs,),
    "SequentialLR": _phases,
    "ChainedScheduler": _members,
}
