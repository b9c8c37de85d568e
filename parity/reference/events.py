"""The counts at which a live PyTorch scheduler turns: where an off-by-one shows."""

from __future__ import annotations

from .live import Live
from .pytorch import known
from .turns import Event as Event, Kind as Kind, before


def told_by(scheduler: Live, steps: int) -> list[Event]:
    """Milestones, restarts, ends of phases and the like, within ``steps``, in order."""
    return sorted({*_within(scheduler, steps), Event(0, Kind.START)})


def never_reached(scheduler: Live, steps: int) -> list[Event]:
    """What a run of so many counts cannot judge: the first event of each kind beyond it.

    Of what comes again and again, one is enough to see; each milestone and each end of a
    phase stands for itself.
    """
    seen = {event.kind for event in _within(scheduler, steps)}
    beyond: dict[Kind, Event] = {}
    for source in known(scheduler).turns():
        event = next((event for event in source if event.count >= steps), None)
        if event is not None and not (event.kind in seen and event.kind.recurs):
            beyond.setdefault(event.kind, event)
    return sorted(beyond.values())


def _within(scheduler: Live, steps: int) -> set[Event]:
    return {
        event for source in known(scheduler).turns() for event in before(steps, source) if event.count > 0
    }
