"""Why two trajectories part, in one sentence, from nothing but their values and events.

Each cause is a way in which ports of a scheduler go wrong, written as a prediction: were it
the cause, the schedule's values would follow from PyTorch's like this. A prediction that
explains all but a hundredth of the greatest difference names the cause; of several, the
first in the table. Where none fits, the sentence says where the first difference stands
among the events of the trajectory, and claims nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..reference.events import Event, Kind
from .at_sight import coarse, constant, float32, not_finite, sign
from .other_counts import after_an_event, clamped, moved_events, shift, shift_and_ratio, staircase, swapped
from .other_time import one_more_or_less, pace, units
from .other_values import affine, decays, powers, ratio, to_a_power
from .parting import Cause, Floats, Parting, named, spoken_of


def name(
    ours: npt.NDArray[np.float32], torch: Floats, differing: npt.NDArray[np.int64], events: Sequence[Event]
) -> str:
    """The cause of the difference, or where it begins; one sentence without a full stop.

    Args:
      ours: the schedule's values.
      torch: PyTorch's, as many.
      differing: the indices at which they differ; at least one.
      events: the events of the trajectory.
    """
    with np.errstate(all="ignore"):
        told = any(event.kind is Kind.METRIC for event in events)
        parting = Parting(ours.astype(np.float64), torch, differing, spoken_of(events), told)
        beyond = ~(np.abs(parting.ours - torch) <= parting.rounding)
        if beyond.any():  # what is mere rounding has a cause of its own, and hides others
            parting = parting._replace(differing=np.flatnonzero(beyond))
        found = next((sentence for cause in _CAUSES for sentence in cause(parting)), None)
    return found or whereabouts(parting.first, events)


_CAUSES: tuple[Cause, ...] = (
    not_finite,
    sign,
    coarse,
    float32,
    constant,
    shift,
    ratio,
    shift_and_ratio,
    moved_events,
    units,
    clamped,
    powers,
    staircase,
    after_an_event,
    swapped,
    one_more_or_less,
    decays,
    affine,
    pace,
    to_a_power,
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
