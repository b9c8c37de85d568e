"""A reference that has been stepped: what it did, and all that is known of it."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Sequence
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

    notes: tuple[str, ...] = ()
    """What to know of it, so as not to misread a verdict; a sentence each."""

    around: float = 0.0
    """The largest rate that it computes with: where that cancels, its rounding errors are of that size."""

    each: int = 1
    """How many counts PyTorch was held still for, as for the updates of an epoch."""

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
    still = f"PyTorch made no step in these {updates:,} counts, which are updates: an epoch has {each:,}"
    return Stepped(
        np.arange(updates, dtype=np.int32),
        np.repeat(stepped.values, each)[:count],
        stepped.ended,
        tuple(_later(event, each) for event in stepped.events),
        tuple(_later(event, each) for event in stepped.unseen),
        None if known is None else lambda update: known(update // each),
        notes=stepped.notes if len(stepped.values) > 1 else (*stepped.notes, still),
        around=stepped.around,
        each=each,
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
    moved = _moved_before(scheduler, quantity, group)
    notes = (*moved, *_beside(scheduler, quantity, group))
    found = pytorch.trajectory(
        scheduler, steps, quantity=quantity, group=group, fractions=fractions, progress=progress
    )
    known = None if moved else exact.formula_of(scheduler, quantity, group)
    if fractions is not None:
        return Stepped(np.asarray(fractions, np.float64), found.values, found.ended, exact=known, notes=notes)
    return Stepped(
        np.arange(steps, dtype=np.int32),
        found.values,
        found.ended,
        () if moved else tuple(events.told_by(scheduler, len(found.values))),
        () if moved else tuple(events.never_reached(scheduler, steps)),
        known,
        notes=notes,
        around=0.0 if known is None else max(_rates(scheduler)),
    )


def _beside(scheduler: Any, quantity: str, group: int) -> tuple[str, ...]:
    """What of the optimizer is not looked at, or is not there."""
    groups = scheduler.optimizer.param_groups
    others = [i for i in range(len(groups)) if i != group]
    found = []
    if others:
        named = ", ".join(f"{i} begins at {pytorch.read(scheduler, quantity, i):.9g}" for i in others[:3])
        found.append(f"group {group} of {len(groups)} parameter groups was compared; group {named}")
    if quantity == "momentum" and pytorch.read(scheduler, quantity, group) == 0:
        found.append("the optimizer's momentum is 0, and a scheduler that cycles none leaves it so")
    return tuple(found)


def _rates(scheduler: Any) -> Iterator[float]:
    """Learning rates that one of which the formula is known, and its members, compute with."""
    yield from (float(abs(rate)) for rate in getattr(scheduler, "base_lrs", ()))
    yield float(abs(getattr(scheduler, "eta_min", 0.0)))
    for member in getattr(scheduler, "_schedulers", ()):
        yield from _rates(member)


def _moved_before(scheduler: Any, quantity: str, group: int) -> tuple[str, ...]:
    """That a scheduler is not at its start, where its formula and its events are not its own any more."""
    made = getattr(scheduler, "last_epoch", 0)
    if isinstance(made, int) and made > 0:
        return (f"the scheduler had made {made} steps before (last_epoch is {made}): count 0 is that one",)
    known = exact.formula_of(scheduler, quantity, group)
    if known is None:
        return ()
    with contextlib.suppress(ArithmeticError, ValueError):
        there, start = pytorch.read(scheduler, quantity, group), float(known(0))
        # PyTorch's own start may have cancelled: a small learning rate below a large eta_min.
        if abs(there - start) > 1e-9 * max(abs(there), abs(start), *_rates(scheduler)):
            return (f"the {quantity} was changed before count 0, from {start:.9g} to {there:.9g}",)
    return ()
