"""Why two trajectories part, in one sentence, from nothing but their values and events.

Each cause is a way in which ports of a scheduler go wrong, written as a prediction: were it
the cause, the schedule's values would follow from PyTorch's like this. A prediction that
explains all but a hundredth of the greatest difference names the cause; of several, the
first in the table. Where none fits, the sentence says where the first difference stands
among the events of the trajectory, and claims nothing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from ..reference.events import Event, Kind
from .at_sight import coarse, constant, float32, not_finite, sign
from .other_counts import (
    after_an_event,
    clamped,
    moved_events,
    moved_phases,
    shift,
    shift_and_ratio,
    staircase,
    swapped,
)
from .other_time import (
    another_phase,
    crawls,
    one_more_or_less,
    pace,
    smooth,
    steps_and_slopes,
    the_other_way,
    units,
)
from .other_values import affine, decays, gamma, powers, ratio, straight, to_a_power
from .parting import Cause, Floats, Parting, named, spoken_of
from .parts import before_an_event, from_an_event_on, up_to_an_event
from .readings import also


def name(
    ours: npt.NDArray[np.float32],
    torch: Floats,
    differing: npt.NDArray[np.int64],
    events: Sequence[Event],
    each: int = 1,
) -> str:
    """The cause of the difference, or where it begins; one sentence without a full stop.

    Args:
      ours: the schedule's values.
      torch: PyTorch's, as many.
      differing: the indices at which they differ; at least one.
      events: the events of the trajectory.
      each: how many counts PyTorch was held still for, as for the updates of an epoch.
    """
    with np.errstate(all="ignore"):
        told = any(event.kind is Kind.METRIC for event in events)
        parting = Parting(ours.astype(np.float64), torch, differing, spoken_of(events), told, each)
        beyond = ~(np.abs(parting.ours - torch) <= parting.rounding)
        if beyond.any():  # what is mere rounding has a cause of its own, and hides others
            parting = parting._replace(differing=np.flatnonzero(beyond))
        found = next((sentence for cause in _CAUSES for sentence in cause(parting)), None)
    return found or whereabouts(parting.first, events) + _agrees_again(parting)


def in_epochs(p: Parting) -> Iterator[str]:
    """An epoch of another length; or epochs for counts, where the schedule stands still for one as well."""
    if p.each == 1:
        return
    updates = next(units(p), None)
    if np.array_equal(p.ours, np.repeat(p.ours[:: p.each], p.each)[: len(p.ours)]):
        events = [dataclasses.replace(event, count=event.count // p.each) for event in p.events]
        differing = np.unique(p.differing // p.each)
        epochs = Parting(p.ours[:: p.each], p.torch[:: p.each], differing, events, p.told, in_epochs=True)
        # What holds for both the epochs and the updates is the likelier for being counted in whole epochs.
        for cause in _CAUSES if updates is None else (staircase,):
            for says in cause(epochs):
                yield also(f"counted in epochs of {p.each}, {says}", updates)
    if updates is not None:
        yield updates


# What is more special comes before what is more general, and what is simpler before two mistakes at once.
_CAUSES: tuple[Cause, ...] = (
    not_finite,
    sign,
    coarse,
    float32,
    constant,
    gamma,
    shift,
    ratio,
    shift_and_ratio,
    moved_events,
    powers,
    in_epochs,
    staircase,
    units,
    steps_and_slopes,
    clamped,
    after_an_event,
    moved_phases,
    swapped,
    one_more_or_less,
    decays,
    pace,
    affine,
    another_phase,
    to_a_power,
    from_an_event_on,
    before_an_event,
    crawls,
    the_other_way,
    straight,
    up_to_an_event,
    smooth,
)


WHERE = "first differs"
"""So begins what says only where a difference begins."""


def whereabouts(first: int, events: Sequence[Event]) -> str:
    """Where the first count that differs stands among the events."""
    near = [event for event in spoken_of(events) if abs(event.count - first) <= 1]
    if not near:
        return f"{WHERE} at count {first}, next to no event of the trajectory"
    away = first - near[0].count
    if near[0].count == 0 and away:
        return f"{WHERE} at count {first}"
    where = {-1: "one count before the", 0: "at the", 1: "one count after the"}[away]
    return f"{WHERE} {where} {named(near[0])}"


def _agrees_again(p: Parting) -> str:
    """Where the difference ends, if it does before the last count."""
    end = int(p.differing[-1]) + 1
    if end >= len(p.torch):
        return ""
    event = next((event for event in p.events if event.count == end), None)
    return f"; agrees from {f'count {end}' if event is None else f'the {named(event)}'} on"
