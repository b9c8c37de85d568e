"""Two trajectories that part, and the words that sentences about them share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..reference.events import Event

Floats = npt.NDArray[np.float64]


class Parting(NamedTuple):
    """Two trajectories that part."""

    ours: Floats
    torch: Floats
    differing: npt.NDArray[np.int64]
    """The indices at which they do, ascending; not empty."""

    events: Sequence[Event]
    """What sentences may speak of, in order."""

    told: bool
    """Whether a metric was told at each count, and the learning rate waits for it to get better."""

    each: int = 1
    """How many counts PyTorch was held still for, as for the updates of an epoch."""

    in_epochs: bool = False
    """Whether these are epochs already, so that nobody can have mistaken them for updates."""

    @property
    def first(self) -> int:
        return int(self.differing[0])

    def part(self, begin: int, end: int) -> Parting:
        """The counts from one to before another, counted anew and without events."""
        inside = (self.differing >= begin) & (self.differing < end)
        return self._replace(
            ours=self.ours[begin:end],
            torch=self.torch[begin:end],
            differing=self.differing[inside] - begin,
            events=(),
        )

    @property
    def peak(self) -> float:
        return float(np.max(np.abs(self.torch)))

    def explained_by(self, predicted: Floats, where: Any = slice(None)) -> bool:
        """Whether a prediction takes all but a hundredth of the difference away.

        ``predicted`` is NaN where nothing is predicted. It must speak of at least half of the
        counts that differ, and of the greatest difference there, to count as an explanation.
        """
        ours, torch = self.ours[where], self.torch[where]
        predicted = predicted if len(predicted) == len(ours) else predicted[where]
        known = ~np.isnan(predicted)
        spoken_of = np.count_nonzero(known & (np.abs(ours - torch) > self.rounding))
        if 2 * spoken_of < np.count_nonzero(np.abs(ours - torch) > self.rounding) or not spoken_of:
            return False
        before = np.max(np.abs(ours - torch), where=known, initial=0.0)
        after = np.max(np.abs(ours - predicted), where=known, initial=0.0)
        # What hardly moves is near to anything that hardly moves.
        moved = float(np.ptp(ours[known]))
        return bool(after <= max(min(before, moved) / 100, self.rounding))

    def part_ways(self, counts: int) -> bool:
        """Whether they differ at more than a few of the first counts: else no guess about those is one."""
        return int((self.differing < counts).sum()) >= 3

    def equals(self, predicted: Floats, where: Any = slice(None)) -> bool:
        """Whether a prediction is right but for rounding wherever it is no NaN, and once at least."""
        left = np.abs(self.ours[where] - predicted)
        return not np.isnan(left).all() and bool(np.nanmax(left) <= 5 * self.rounding)

    def moves(self, values: Floats) -> int:
        """How often values change from one to the next: on how many of them a guess rests."""
        return int(np.count_nonzero(np.abs(np.diff(values)) > self.rounding))

    @property
    def rounding(self) -> float:
        """What float32 arithmetic may cost: beyond it a difference has a meaning."""
        return 2e-6 * self.peak


Cause = Callable[[Parting], Iterator[str]]


def spoken_of(events: Sequence[Event]) -> list[Event]:
    return [event for event in events if event.what]


def named(event: Event) -> str:
    return event.what if event.count == 0 else f"{event.what} at count {event.count}"


def count_of(counts: int) -> str:
    return "1 count" if counts == 1 else f"{counts} counts"


def counts(indices: npt.NDArray[np.int64]) -> str:
    if len(indices) == 1:
        return f"count {indices[0]}"
    return f"{len(indices):,} counts, first at count {indices[0]}"


def events_within(p: Parting) -> list[Event]:
    """Those after the first count that were reached."""
    return [event for event in p.events if 0 < event.count < len(p.torch)]
