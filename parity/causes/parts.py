"""A part of the trajectory differs: from an event on, or only before one."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .other_time import times_as_long
from .other_values import affine, straight, to_a_power
from .parting import Parting, events_within, named
from .readings import also, other_length, other_values


def from_an_event_on(p: Parting) -> Iterator[str]:
    """What is as PyTorch's up to an event."""
    events = [event for event in events_within(p) if event.count <= p.first]
    if not events:
        return
    last = events[-1]
    rest = p.part(last.count, len(p.ours))
    longer = times_as_long(rest)
    if longer is not None:
        length = also(other_length(p, longer, last.count), other_values(rest))
        yield f"from the {named(last)} on, {length}"
    for says in _alone(rest):
        yield f"from the {named(last)} on, {says}"


def before_an_event(p: Parting) -> Iterator[str]:
    """What is as PyTorch's from an event on."""
    first = next((event for event in events_within(p) if event.count > p.differing[-1]), None)
    if first is not None:
        for says in _alone(p.part(0, first.count)):
            yield f"only before the {named(first)}, {says}"


def up_to_an_event(p: Parting) -> Iterator[str]:
    """What can be said of one phase, where more than one differ."""
    begin = max((event.count for event in events_within(p) if event.count <= p.first), default=0)
    after = next((event for event in events_within(p) if event.count > begin), None)
    if after is not None:
        since = "" if begin == 0 else f"from count {begin} "
        for says in _alone(p.part(begin, after.count)):
            yield f"{since}up to the {named(after)}, {says}; and other values after it"


def _alone(part: Parting) -> Iterator[str]:
    """What can be said of a part without what surrounds it."""
    if len(part.ours) > 2 and max(np.ptp(part.torch), np.ptp(part.ours)) <= part.rounding:
        yield f"{part.ours[0]:.6g} where PyTorch has {part.torch[0]:.6g}"
    elif len(part.ours) > 4:
        for cause in (affine, to_a_power, straight):
            yield from cause(part)
