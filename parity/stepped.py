"""A reference that has been stepped: what it did, and all that is known of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .comparison import Counts
from .reference import events, exact, pytorch
from .reference.events import Event
from .reference.exact import Exact


@dataclasses.dataclass(frozen=True, eq=False)
class Stepped:
    """What a schedule is judged by."""

    counts: Counts
    """What a schedule is asked for: at least as many as there are values."""

    values: npt.NDArray[np.float64]
    """What was applied at each count, until the reference ended."""

    ended: str | None = None
    """What it raised, if it did before the last count."""

    events: tuple[Event, ...] = ()
    """Where an off-by-one would show; their counts are indices into the values, or into all of them."""

    unseen: tuple[Event, ...] = ()
    """Events that come after the last count."""

    exact: Exact | None = None
    """From a count to the exact value, where a formula for it is known."""

    made: npt.NDArray[np.int32] | None = None
    """How many steps had been made at each count, ascending; None where that is 0, 1, …"""

    every: npt.NDArray[np.float64] | None = None
    """What was applied at 0, 1, …, where the values are only some of these."""

    in_gaps: tuple[Event, ...] = ()
    """Events of which the count itself, or the one before, is none of ours."""


def only_at(stepped: Stepped, counts: npt.NDArray[np.int32]) -> Stepped:
    """What was stepped at 0, 1, …, judged at some of these only.

    Args:
      stepped: at all counts.
      counts: those that a log has, ascending.
    """
    counts = counts[counts < len(stepped.values)]
    if len(counts) == len(stepped.values):
        return stepped
    there = set(counts.tolist())
    return dataclasses.replace(
        stepped,
        counts=counts,
        values=stepped.values[counts],
        made=counts,
        every=stepped.values,
        in_gaps=tuple(
            event
            for event in stepped.events
            if event.what and event.count > 0 and not {event.count - 1, event.count} <= there
        ),
    )


def in_updates(stepped: Stepped, each: int, updates: int) -> Stepped:
    """What was stepped once an epoch, asked about at every update.

    Args:
      stepped: epoch by epoch.
      each: updates in an epoch.
      updates: how many, of as many epochs as were stepped at most.
    """
    known = stepped.exact
    count = min(updates, len(stepped.values) * each)
    return Stepped(
        np.arange(updates, dtype=np.int32),
        np.repeat(stepped.values, each)[:count],
        stepped.ended,
        tuple(_later(event, each) for event in stepped.events),
        tuple(_later(event, each) for event in stepped.unseen),
        None if known is None else lambda update: known(update // each),
    )


def _later(event: Event, each: int) -> Event:
    return dataclasses.replace(event, count=event.count * each)


def step(
    scheduler: Any,
    steps: int,
    *,
    quantity: str = "lr",
    group: int = 0,
    fractions: Sequence[float] | None = None,
    progress: Callable[[int], None] = lambda steps: None,
) -> Stepped:
    """Steps a live PyTorch scheduler, which is used up.

    Args:
      scheduler: with its optimizer, at its start.
      steps: how many counts to look at, from 0 on; at least 0.
      quantity: ``"lr"`` or ``"momentum"``.
      group: which parameter group.
      fractions: epochs for ``scheduler.step(epoch)``, as many as ``steps``, instead of 0, 1, …
      progress: is told now and then how many counts have been done since it was told last.
    """
    found = pytorch.trajectory(
        scheduler, steps, quantity=quantity, group=group, fractions=fractions, progress=progress
    )
    known = exact.formula_of(scheduler, quantity, group)
    if fractions is not None:
        return Stepped(np.asarray(fractions, np.float64), found.values, found.ended, exact=known)
    return Stepped(
        np.arange(steps, dtype=np.int32),
        found.values,
        found.ended,
        tuple(events.told_by(scheduler, len(found.values))),
        tuple(events.never_reached(scheduler, steps)),
        known,
    )
