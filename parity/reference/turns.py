"""Events: what happens to a trajectory, and when. The words that a scheduler's file speaks."""

from __future__ import annotations

import dataclasses
import enum
import itertools
import math
from collections.abc import Iterator


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

    @property
    def recurs(self) -> bool:
        """Whether it comes again and again, so that one is enough to see."""
        return self in (Kind.DECAY, Kind.TURN, Kind.RESTART, Kind.PEAK, Kind.BOTTOM)


@dataclasses.dataclass(frozen=True, order=True)
class Event:
    """Something that happens to a trajectory at a count."""

    count: int
    kind: Kind

    @property
    def what(self) -> str:
        """As it stands in a sentence: ``milestone``, ``restart``, …; empty for what goes without saying."""
        return self.kind.value


Turns = list[Iterator[Event]]
"""One ascending, perhaps endless, series for each kind of event of each member."""


def once(kind: Kind, *counts: int) -> Turns:
    """At these counts."""
    return [iter([Event(int(count), kind) for count in sorted(counts)])]


def every(kind: Kind, period: float, first: float | None = None) -> Turns:
    """Every so many counts, from ``first`` on (after one period, where it is not given).

    PyTorch takes lengths that are not whole: then at the first count that is not before.
    """
    return [(Event(math.ceil(k), kind) for k in itertools.count(period if first is None else first, period))]


def shifted(turns: Turns, by: int) -> Turns:
    """The same, so many counts later."""
    return [(dataclasses.replace(event, count=event.count + by) for event in source) for source in turns]


def before(end: float, source: Iterator[Event]) -> Iterator[Event]:
    """Those at lower counts than ``end``."""
    return itertools.takewhile(lambda event: event.count < end, source)
