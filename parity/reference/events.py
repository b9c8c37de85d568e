"""The counts at which a live PyTorch scheduler turns: where an off-by-one shows."""

from __future__ import annotations

import dataclasses
import enum
import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any


class Kind(enum.StrEnum):
    """What can happen; the value is what a sentence calls it, and reports and files too."""

    START = "first count"
    DECAY = "decay"
    """StepLR's, every ``step_size`` counts."""
    MILESTONE = "milestone"
    HAND_OVER = "hand-over"
    END_OF_TOTAL_ITERS = "end of total_iters"
    END_OF_ANNEAL_EPOCHS = "end of anneal_epochs"
    TURN = "turn of the cosine"
    RESTART = "restart"
    PEAK = "peak"
    BOTTOM = "bottom"
    END_OF_PHASE = "end of a phase"
    END_OF_WARMUP = "end of the warm-up"
    END_OF_TRAINING = "end of the training"
    BEGIN_OF_DECAY = "begin of the decay"
    END_OF_DECAY = "end of the decay"
    METRIC = ""
    """A metric was told, as at every count of a plateau: no sentence speaks of it."""


_RECURRING = {Kind.DECAY, Kind.TURN, Kind.RESTART, Kind.PEAK, Kind.BOTTOM}


@dataclasses.dataclass(frozen=True, order=True)
class Event:
    """Something that happens to a trajectory at a count."""

    count: int
    kind: Kind

    @property
    def what(self) -> str:
        """As it stands in a sentence: ``milestone``, ``restart``, …; empty for what goes without saying."""
        return self.kind.value


def of(scheduler: Any, steps: int) -> list[Event]:
    """Milestones, restarts, ends of phases and the like, within ``steps``, in order."""
    within = {event for event in _until(_turns(scheduler), steps) if event.count > 0}
    return sorted(within | {Event(0, Kind.START)})


def never_reached(scheduler: Any, steps: int) -> list[Event]:
    """What a run of so many counts cannot judge: the first event of each kind beyond it.

    Of what comes again and again, one is enough to see; each milestone and each end of a
    phase stands for itself.
    """
    seen = {event.kind for event in _until(_turns(scheduler), steps) if event.count > 0}
    beyond: dict[Kind, Event] = {}
    for source in _turns(scheduler):
        event = next((event for event in source if event.count >= steps), None)
        if event is not None and (event.kind not in seen or event.kind not in _RECURRING):
            beyond.setdefault(event.kind, event)
    return sorted(beyond.values())


Turns = list[Iterator[Event]]
"""One ascending, perhaps endless, series for each kind of event of each member."""


def _until(sources: Turns, steps: int) -> Iterator[Event]:
    for source in sources:
        yield from itertools.takewhile(lambda event: event.count < steps, source)


def _turns(scheduler: Any) -> Turns:
    turns = _EVENTS.get(type(scheduler).__name__)
    return [] if turns is None else turns(scheduler)


def _once(kind: Kind, *counts: int) -> Turns:
    return [iter([Event(int(count), kind) for count in sorted(counts)])]


def _every(kind: Kind, period: int, first: int | None = None) -> Turns:
    return [(Event(k, kind) for k in itertools.count(period if first is None else first, period))]


def _shifted(turns: Turns, by: int) -> Turns:
    return [(dataclasses.replace(event, count=event.count + by) for event in source) for source in turns]


def _phases(s: Any) -> Turns:
    turns = _once(Kind.HAND_OVER, *s._milestones)
    for begin, end, member in zip(
        (0, *s._milestones), (*s._milestones, math.inf), s._schedulers, strict=True
    ):
        turns += [_before(end, source) for source in _shifted(_turns(member), begin)]
    return turns


def _before(end: float, source: Iterator[Event]) -> Iterator[Event]:
    return itertools.takewhile(lambda event: event.count < end, source)


def _members(s: Any) -> Turns:
    return [source for member in s._schedulers for source in _turns(member)]


def _restarts(s: Any) -> Turns:
    def counts() -> Iterator[Event]:
        start, length = 0, s.T_0
        while True:
            start, length = start + length, length * s.T_mult
            yield Event(start, Kind.RESTART)

    return [counts()]


def _peaks_and_bottoms(s: Any) -> Turns:
    up, total = round(s.step_ratio * s.total_size), round(s.total_size)
    return [*_every(Kind.PEAK, total, up), *_every(Kind.BOTTOM, total)]


def _phase_ends(s: Any) -> Turns:
    ends = [phase["end_step"] for phase in s._schedule_phases]
    return _once(Kind.END_OF_PHASE, *{whole for end in ends for whole in (math.floor(end), math.ceil(end))})


def _of_function(s: Any) -> Turns:
    """What the functions of transformers are told; of others nothing is known."""
    keywords = getattr(s.lr_lambdas[0], "keywords", {})
    turns: Turns = []
    for name, kind in (
        ("num_warmup_steps", Kind.END_OF_WARMUP),
        ("num_training_steps", Kind.END_OF_TRAINING),
    ):
        if isinstance(keywords.get(name), int):
            turns += _once(kind, keywords[name])
    if "num_decay_steps" in keywords:
        begin = keywords["num_warmup_steps"] + keywords["num_stable_steps"]
        turns += [
            *_once(Kind.BEGIN_OF_DECAY, begin),
            *_once(Kind.END_OF_DECAY, begin + keywords["num_decay_steps"]),
        ]
    return turns


_EVENTS: dict[str, Callable[[Any], Turns]] = {
    "StepLR": lambda s: _every(Kind.DECAY, s.step_size),
    "MultiStepLR": lambda s: _once(Kind.MILESTONE, *s.milestones),
    "ConstantLR": lambda s: _once(Kind.END_OF_TOTAL_ITERS, s.total_iters),
    "LinearLR": lambda s: _once(Kind.END_OF_TOTAL_ITERS, s.total_iters),
    "PolynomialLR": lambda s: _once(Kind.END_OF_TOTAL_ITERS, s.total_iters),
    "CosineAnnealingLR": lambda s: _every(Kind.TURN, s.T_max),
    "CosineAnnealingWarmRestarts": _restarts,
    "CyclicLR": _peaks_and_bottoms,
    "OneCycleLR": _phase_ends,
    "LambdaLR": _of_function,
    "SWALR": lambda s: _once(Kind.END_OF_ANNEAL_EPOCHS, s.anneal_epochs),
    "SequentialLR": _phases,
    "ChainedScheduler": _members,
}
