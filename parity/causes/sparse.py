"""Why two trajectories part that are known at some counts only, as in the log of every tenth step."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..reference.events import Event
from .at_sight import coarse, constant, float32, not_finite, sign
from .other_counts import shift_says
from .other_values import affine, again_and_again, ratio, to_a_power
from .parting import Floats, Parting, named, spoken_of
from .table import WHERE, whereabouts

Integers = npt.NDArray[np.int64]

FURTHEST = 100
"""Counts by which a shift is looked for, at most."""


class Sparse(NamedTuple):
    """Two trajectories that part, with gaps."""

    parting: Parting
    """At the counts that are known; its indices are none of counts, and it has no events."""

    counts: Integers
    every: Floats | None
    """PyTorch's values at all counts, where it was there to be asked."""

    mine: Floats | None
    """The schedule's at all counts, where it can be asked."""

    events: Sequence[Event]

    def ahead(self, by: int) -> tuple[Parting, Floats, bool]:
        """What would be, were the schedule so many counts ahead.

        Returns:
          The two, a prediction of the first of them, and whether that is PyTorch's: where only the schedule
          is known between the counts that were logged, PyTorch's follows from it.
        """
        p = self.parting
        if self.every is None and self.mine is not None:
            moved = _found(np.arange(len(self.mine)), self.mine, self.counts - by)
            return p._replace(ours=p.torch, torch=p.ours), moved, True
        if self.every is None:
            return p, _found(self.counts, p.torch, self.counts + by), False
        return p, _found(np.arange(len(self.every)), self.every, self.counts + by), False

    @property
    def gap(self) -> int:
        """The usual distance from one count to the next."""
        return int(np.median(np.diff(self.counts))) if len(self.counts) > 1 else 1


def _found(known: Integers, values: Floats, counts: Integers) -> Floats:
    """Values at other counts than those that are known; NaN where they are not."""
    places = np.minimum(np.searchsorted(known, counts), len(known) - 1)
    return np.where(known[places] == counts, values[places], np.nan)


def name(
    ours: npt.NDArray[np.float32],
    torch: Floats,
    differing: Integers,
    counts: Integers,
    every: Floats | None,
    mine: Floats | None,
    events: Sequence[Event],
) -> str:
    """The cause of the difference, or where it begins; as `table.name`, for values with gaps.

    Args:
      ours: the schedule's values.
      torch: PyTorch's, as many.
      differing: the indices at which they differ; at least one.
      counts: at which counts they are, ascending.
      every: PyTorch's at all counts; None where they are not known.
      mine: the schedule's; None likewise.
      events: the events of the trajectory.
    """
    with np.errstate(all="ignore"):
        parting = Parting(ours.astype(np.float64), torch, differing, (), False)
        beyond = ~(np.abs(parting.ours - torch) <= parting.rounding)
        if beyond.any():  # what is mere rounding has a cause of its own, and hides others
            parting = parting._replace(differing=np.flatnonzero(beyond))
        sparse = Sparse(parting, counts.astype(np.int64), every, mine, spoken_of(events))
        found = next((sentence for cause in _CAUSES for sentence in cause(sparse)), None)
    return found or _place(sparse, int(differing[0]), events)


def _at_sight(cause: Callable[[Parting], Iterator[str]]) -> Callable[[Sparse], Iterator[str]]:
    """A cause that looks at no neighbours, with its indices said as the counts that they stand for."""

    def said(s: Sparse) -> Iterator[str]:
        for sentence in cause(s.parting):
            yield re.sub(r"\bcount (\d+)", lambda found: f"count {s.counts[int(found[1])]}", sentence)

    return said


def _of_a_course(cause: Callable[[Parting], Iterator[str]]) -> Callable[[Sparse], Iterator[str]]:
    """A cause with numbers to be chosen, which would fit any few values."""

    def said(s: Sparse) -> Iterator[str]:
        if len(np.unique(s.parting.torch)) > 4:
            yield from _at_sight(cause)(s)

    return said


def shift(s: Sparse) -> Iterator[str]:
    """By a count or a few: up to the next that is known, between which one is as good as another."""
    for by in _shifts(s):
        if _explains(s, by):
            yield shift_says(by) + _or_more(s, by)


def shift_and_ratio(s: Sparse) -> Iterator[str]:
    """Two mistakes at once."""
    for by in (1, -1):
        p, moved, turned = s.ahead(by)
        known = np.isfinite(moved) & (moved != 0)
        if known.sum() < 4 or np.ptp(p.torch) <= p.rounding:
            continue
        factor = float(np.median(p.ours[known] / moved[known]))
        if abs(factor - 1) > 1e-5 and factor > 0 and p.explained_by(moved * factor):
            factor = 1 / factor if turned else factor
            yield f"{shift_says(by)}, and {factor:.6g} times PyTorch's: another base learning rate, too"


def _explains(s: Sparse, by: int) -> bool:
    parting, moved, _ = s.ahead(by)
    return parting.explained_by(moved)


def _shifts(s: Sparse) -> list[int]:
    """Those to be tried, the smallest first."""
    furthest = min(max(s.gap, 2), FURTHEST)
    if s.every is not None or s.mine is not None:
        return [by * sign for by in range(1, furthest + 1) for sign in (1, -1)]
    # Where nothing is known in between, only whole records can be shifted.
    regular = len(s.counts) > 2 and np.ptp(np.diff(s.counts)) == 0
    return [s.gap, -s.gap] if regular else []


def _or_more(s: Sparse, by: int) -> str:
    """How many more counts would do as well, since none of those between was logged."""
    way = 1 if by > 0 else -1
    last = by
    while abs(last) < s.gap and _explains(s, last + way):
        last += way
    said = "" if last == by else f", or by up to {-last:+d}: what lies between was not logged"
    return said.replace("-", "−")


def powers(s: Sparse) -> Iterator[str]:
    """At each event the ratio grows by the same factor again."""
    p, events = s.parting, [event for event in s.events if 0 < event.count <= s.counts[-1]]
    so_far = np.searchsorted([event.count for event in events], s.counts, side="right")
    if len(events) < 2 or so_far[p.first] != 1 or not p.torch[p.first]:
        return
    factor = float(p.ours[p.first] / p.torch[p.first])
    if p.explained_by(p.torch * factor**so_far):
        yield again_and_again(factor, f"the first {events[0].what}", "the second")


def decays(s: Sparse) -> Iterator[str]:
    """At each count the ratio grows by the same factor again."""
    p = s.parting
    known = (p.ours > 0) & (p.torch > 0) & (s.counts > 0)
    if known.sum() < 4:
        return
    factor = float(np.exp(np.median(np.log(p.ours[known] / p.torch[known]) / s.counts[known])))
    if abs(factor - 1) > 1e-7 and p.explained_by(p.torch * factor**s.counts):
        yield again_and_again(factor, "count 1", "count 2")


_CAUSES: tuple[Callable[[Sparse], Iterator[str]], ...] = (
    _at_sight(not_finite),
    _at_sight(sign),
    _at_sight(coarse),
    _at_sight(float32),
    _at_sight(constant),
    shift,
    _at_sight(ratio),
    shift_and_ratio,
    powers,
    decays,
    _of_a_course(affine),
    _of_a_course(to_a_power),
)


def _place(s: Sparse, at: int, events: Sequence[Event]) -> str:
    """Where the first difference stands among the events, some of which nobody has logged."""
    first, before = int(s.counts[at]), int(s.counts[at - 1]) if at else -1
    unlogged = [event for event in s.events if before < event.count < first - 1]
    if unlogged and not any(abs(event.count - first) <= 1 for event in s.events):
        return f"{WHERE} at count {first}, the first that was logged after the {named(unlogged[-1])}"
    return whereabouts(first, events)
