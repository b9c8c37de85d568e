"""Why two trajectories part, in one sentence, from nothing but their values and events.

Each cause is a way in which ports of a scheduler go wrong, written as a prediction: were it
the cause, the schedule's values would follow from PyTorch's like this. A prediction that
explains all but a hundredth of the greatest difference names the cause; of several, the
first in the table. Where none fits, the sentence says where the first difference stands
among the events of the trajectory, and claims nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import ml_dtypes
import numpy as np
import numpy.typing as npt

from .reference.events import Event, Kind

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

    @property
    def first(self) -> int:
        return int(self.differing[0])

    def head(self, counts: int) -> Parting:
        """The same, up to a count."""
        return self._replace(ours=self.ours[:counts], torch=self.torch[:counts])

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
        return bool(after <= max(before / 100, self.rounding))

    @property
    def rounding(self) -> float:
        """What float32 arithmetic may cost: beyond it a difference has a meaning."""
        return 2e-6 * self.peak


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
        parting = Parting(ours.astype(np.float64), torch, differing, _spoken_of(events), told)
        beyond = ~(np.abs(parting.ours - torch) <= parting.rounding)
        if beyond.any():  # what is mere rounding has a cause of its own, and hides others
            parting = parting._replace(differing=np.flatnonzero(beyond))
        found = next((sentence for cause in _CAUSES for sentence in cause(parting)), None)
    return found or whereabouts(parting.first, events)


Cause = Callable[[Parting], Iterator[str]]


# What needs no prediction ---------------------------------------------------------------


def _not_finite(p: Parting) -> Iterator[str]:
    bad = np.flatnonzero(~np.isfinite(p.ours))
    if bad.size:
        kinds = (
            "NaN"
            if np.isnan(p.ours[bad]).all()
            else "infinite"
            if np.isinf(p.ours[bad]).all()
            else "NaN or infinite"
        )
        yield f"{kinds} at {_counts(bad)}"
    elif not np.isfinite(p.torch).all():
        yield f"PyTorch's own value is not finite at {_counts(np.flatnonzero(~np.isfinite(p.torch)))}"


def _sign(p: Parting) -> Iterator[str]:
    at = p.differing
    if np.allclose(p.ours[at], -p.torch[at], rtol=1e-6, atol=0) and (p.torch[at] != 0).any():
        yield f"the sign is wrong at {_counts(at)}"
    elif not p.torch[at].any() and np.signbit(p.ours[at]).all() and not p.ours[at].any():
        yield f"-0 instead of 0 at {_counts(at)}"


def _coarse(p: Parting) -> Iterator[str]:
    for kind, digits in ((np.float16, 11), (ml_dtypes.bfloat16, 8)):
        rounded = p.torch.astype(kind).astype(np.float64)
        if np.abs(p.ours - rounded).max() == 0 and (rounded != p.torch.astype(np.float32)).any():
            yield f"rounded to {np.dtype(kind).name}, which keeps {digits} bits"


def _float32(p: Parting) -> Iterator[str]:
    furthest = np.abs(p.ours - p.torch).max()
    if furthest <= p.rounding:
        yield (
            f"rounding: nowhere further off than {furthest / p.peak:.1g} of the highest value, "
            "as when the formula is evaluated in float32"
        )


# The same values at other counts --------------------------------------------------------


def _moved(torch: Floats, by: int) -> Floats:
    """``torch`` as a schedule has it that is ``by`` counts ahead."""
    moved = np.full_like(torch, np.nan)
    if by >= 0:
        moved[: len(torch) - by] = torch[by:]
    else:
        moved[-by:] = torch[:by]
    return moved


def _shift_says(by: int) -> str:
    ahead = "ahead of" if by > 0 else "behind"
    counts = "1 count" if abs(by) == 1 else f"{abs(by)} counts"
    return f"{counts} {ahead} PyTorch: would agree if shifted by {-by:+d}".replace("-", "−")


def _shift(p: Parting) -> Iterator[str]:
    for by in (1, -1, 2, -2):
        if p.explained_by(_moved(p.torch, by)):
            yield _shift_says(by)


def _shift_and_ratio(p: Parting) -> Iterator[str]:
    """Two mistakes at once."""
    for by in (1, -1):
        moved = _moved(p.torch, by)
        known = np.isfinite(moved) & (moved != 0)
        if known.sum() < 4 or np.ptp(p.torch) <= p.rounding:
            continue
        factor = float(np.median(p.ours[known] / moved[known]))
        if abs(factor - 1) > 1e-5 and factor > 0 and p.explained_by(moved * factor):
            yield f"{_shift_says(by)}, and {factor:.6g} times PyTorch's: another base learning rate, too"


def _constant(p: Parting) -> Iterator[str]:
    if len(p.ours) > 2 and np.ptp(p.ours) <= p.rounding / 1e3 and np.ptp(p.torch) > p.rounding:
        yield f"never moves: {p.ours[0]:.6g} at every count, where PyTorch's changes"


def _moved_events(p: Parting) -> Iterator[str]:
    """Some events come at other counts, and all else is as it should be."""
    after = {event.count: event for event in p.events if event.count > 0}
    said = []
    for run in np.split(p.differing, np.flatnonzero(np.diff(p.differing) > 1) + 1):
        begin, end = int(run[0]), int(run[-1]) + 1
        if end in after and end < len(p.torch) and np.allclose(p.ours[run], p.torch[end], rtol=1e-5, atol=0):
            said.append((after[end], f"{_count_of(end - begin)} early"))
        elif begin in after and np.allclose(p.ours[run], p.torch[begin - 1], rtol=1e-5, atol=0):
            said.append((after[begin], f"{_count_of(end - begin)} late"))
        else:
            return
    event, by = said[0]
    if len(said) == 1 and p.differing[-1] < len(p.torch) - 1:
        yield f"the {_named(event)} comes {by}, all else agrees"
    elif len({by for _, by in said}) == 1 and len(said) > 1:
        yield f"{len(said)} events come {by}, the {_named(event)} first; all else agrees"


def _after_an_event(p: Parting) -> Iterator[str]:
    """All is well up to an event; from there on the count is another one."""
    for event in p.events:
        if not 0 < event.count <= p.first + 2 or event.count >= len(p.torch) - 2:
            continue
        rest = slice(event.count, None)
        for by in (1, -1, 2, -2):
            if p.explained_by(_moved(p.torch, by), rest):
                yield f"from the {_named(event)} on, {_shift_says(by)}"
        if p.explained_by(_moved(p.torch, event.count), rest):
            yield (
                f"from the {_named(event)} on, {event.count} counts ahead of PyTorch: "
                "what comes before it is counted in, where PyTorch starts anew"
            )
        if p.explained_by(_moved(p.torch, -event.count), rest):
            yield (
                f"from the {_named(event)} on, {event.count} counts behind PyTorch: "
                "what comes before it is left out of the count, where PyTorch counts it in"
            )


def _swapped(p: Parting) -> Iterator[str]:
    """Starts with what PyTorch does after an event."""
    for event in p.events:
        n = len(p.torch) - event.count
        if event.count > 0 and n > 2:
            predicted = np.full_like(p.torch, np.nan)
            predicted[:n] = p.torch[event.count :]
            if p.explained_by(predicted, slice(0, n)):
                yield f"starts with what PyTorch does from the {_named(event)} on: phases swapped or left out"


# Other time -----------------------------------------------------------------------------


def _clamped(p: Parting) -> Iterator[str]:
    for still, moving, says in (
        (p.ours, p.torch, "stays at its value from {} on, where PyTorch goes on"),
        (p.torch, p.ours, "goes on after {}, where PyTorch stays"),
    ):
        start = p.first - 1
        if start >= 0 and np.ptp(still[start:]) <= p.rounding < np.ptp(moving[start:]):
            near = [event for event in p.events if event.count > 0 and abs(event.count - start) <= 1]
            nearest = min(near, key=lambda event: abs(event.count - start), default=None)
            yield says.format(f"count {start}" if nearest is None else f"the {_named(nearest)}")


def _units(p: Parting) -> Iterator[str]:
    p = p.head(4096)  # every unit is tried
    index = np.arange(len(p.torch))
    slow = {n: p.torch[index // n] for n in range(2, len(p.torch) // 2 + 1)}
    left = {n: np.abs(p.ours - x).max() for n, x in slow.items() if np.ptp(x) > p.rounding}
    n = min(left, key=left.__getitem__, default=0)
    if n and p.explained_by(slow[n]):
        yield f"moves once in {n} counts: counts epochs of {n} updates where PyTorch counts steps"
    for n in slow:
        inside = slice(0, -(-len(p.torch) // n))
        if inside.stop > p.first + 1 and p.explained_by(p.torch[::n], inside):
            yield f"moves {n} times as fast: counts updates where PyTorch counts epochs of {n}"


def _one_more_or_less(p: Parting) -> Iterator[str]:
    """``T - 1`` or ``T + 1`` where PyTorch has ``T``: time runs a little too fast or slow."""
    index = np.arange(len(p.torch), dtype=np.float64)
    for event in p.events:
        for by in (-1, 1):
            if event.count < 3:
                continue
            time = index * event.count / (event.count + by)
            predicted = np.interp(time, index, p.torch, right=np.nan)
            whole = slice(0, event.count + min(by, 0))
            left = np.abs(p.ours - predicted)[whole]
            apart = np.abs(p.ours - p.torch)[whole]
            # Between counts PyTorch's values are interpolated, which is not exact.
            if apart.max(initial=0) > p.rounding and left.max() <= apart.max() / 20:
                yield (
                    f"{event.count + by} instead of {event.count} counts up to the {_named(event)}: "
                    f"divided by T {'+' if by > 0 else '−'} 1 where PyTorch divides by T"
                )


# Other values ---------------------------------------------------------------------------


def _ratio(p: Parting) -> Iterator[str]:
    known = (p.torch != 0) & (p.ours != 0)
    if known.sum() < 2:
        return
    ratio = p.ours / p.torch
    whole = float(np.median(ratio[known]))
    if abs(whole - 1) > 1e-5 and p.explained_by(p.torch * whole):
        yield f"{whole:.6g} times PyTorch's at every count: another base learning rate"
    for event in p.events:
        if event.count == p.first and known[event.count :].any():
            after = float(np.median(ratio[event.count :][known[event.count :]]))
            if p.explained_by(p.torch * after, slice(event.count, None)):
                yield f"from the {_named(event)} on, {after:.6g} times PyTorch's"


def _powers(p: Parting) -> Iterator[str]:
    """At each event the ratio grows by the same factor again."""
    counts = [event.count for event in p.events if 0 < event.count < len(p.torch)]
    if len(counts) < 2 or counts[0] != p.first or not p.torch[counts[0]]:
        return
    factor = float(p.ours[counts[0]] / p.torch[counts[0]])
    so_far = np.searchsorted(counts, np.arange(len(p.torch)), side="right")
    if p.explained_by(p.torch * factor**so_far):
        yield f"{factor:.6g} times further from PyTorch's at each {p.events[1].what}: another gamma"


def _decays(p: Parting) -> Iterator[str]:
    """At each count the ratio grows by the same factor again."""
    index = np.arange(len(p.torch))
    known = (p.ours > 0) & (p.torch > 0) & (index > 0)
    if known.sum() < 4:
        return
    factor = float(np.exp(np.median(np.log(p.ours[known] / p.torch[known]) / index[known])))
    if abs(factor - 1) > 1e-7 and p.explained_by(p.torch * factor**index):
        yield f"{factor:.6g} times further from PyTorch's at each count: another gamma"


def _to_a_power(p: Parting) -> Iterator[str]:
    """Of the share of the peak that is left."""
    mine, theirs = p.ours / np.max(p.ours), p.torch / p.peak
    known = (mine > 0) & (mine < 1) & (theirs > 0) & (theirs < 1)
    if known.sum() < 4:
        return
    power = float(np.median(np.log(mine[known]) / np.log(theirs[known])))
    if abs(power - 1) > 1e-4 and p.explained_by(np.max(p.ours) * np.abs(theirs) ** power):
        yield f"PyTorch's to the power of {power:.4g}, as shares of the peak: another power"


def _pace(p: Parting) -> Iterator[str]:
    """The same course, faster or slower; as far as one goes up or down without a turn."""
    index = np.arange(len(p.torch), dtype=np.float64)
    turn = _first_turn(p.torch)
    if turn < 4:
        return
    rising = p.torch[turn] > p.torch[0]
    levels, times = (p.torch[: turn + 1], index[: turn + 1])
    levels, times = (levels, times) if rising else (levels[::-1], times[::-1])
    mine = np.arange(1, min(_first_turn(p.ours), len(p.ours) - 1) + 1)
    within = mine[(p.ours[mine] > levels[0]) & (p.ours[mine] < levels[-1])]
    if len(within) < 4:
        return
    faster = float(np.median(np.interp(p.ours[within], levels, times) / within))
    predicted = np.interp(index * faster, index, p.torch)
    before = (index < _first_turn(p.ours)) & (index * faster < turn)
    apart, left = (np.abs(p.ours - x)[before].max(initial=0) for x in (p.torch, predicted))
    # Between counts PyTorch's values are interpolated, which is not exact.
    if (
        8 * before.sum() >= len(index)
        and abs(faster - 1) > 1e-3
        and apart > p.rounding
        and left <= apart / 20
    ):
        yield f"the same course, but {1 / faster:.4g} times as long: another number of counts"


def _first_turn(values: Floats) -> int:
    """The index up to which they only fall, or only rise."""
    steps = np.sign(np.diff(values))
    other = np.flatnonzero(steps != steps[0]) if len(steps) else np.empty(0)
    return int(other[0]) if len(other) else len(steps)


def _affine(p: Parting) -> Iterator[str]:
    if len(p.torch) > 3 and np.ptp(p.torch) > p.rounding:
        scale, offset = np.polyfit(p.torch, p.ours, 1)
        if p.explained_by(scale * p.torch + offset) and scale > 0:
            yield f"the same course between other values: {scale:.6g} times PyTorch's plus {offset:.6g}"


def _staircase(p: Parting) -> Iterator[str]:
    """Each step of a staircase comes later (or earlier) by as much again."""
    mine, theirs = (np.flatnonzero(np.diff(x) != 0) + 1 for x in (p.ours, p.torch.astype(np.float32)))
    n = min(len(mine), len(theirs))
    if not n or len(mine) > len(p.torch) / 2:
        return
    late = mine[:n] - theirs[:n]
    values = np.allclose(p.ours[mine[:n]], p.torch[theirs[:n]], rtol=1e-5, atol=0)
    if values and late[0] and (late == late[0] * np.arange(1, n + 1)).all():
        by = abs(int(late[0]))
        when, size = ("later", "larger") if late[0] > 0 else ("earlier", "smaller")
        decays = any(event.kind is Kind.DECAY for event in p.events)
        argument = "step_size" if decays else "patience" if p.told else None
        because = f": {argument} is {size} by {by}" if argument else ""
        yield f"each step comes another {_count_of(by)} {when}{because}"


_CAUSES: tuple[Cause, ...] = (
    _not_finite,
    _sign,
    _coarse,
    _float32,
    _constant,
    _shift,
    _ratio,
    _shift_and_ratio,
    _moved_events,
    _units,
    _clamped,
    _powers,
    _staircase,
    _after_an_event,
    _swapped,
    _one_more_or_less,
    _decays,
    _affine,
    _pace,
    _to_a_power,
)


# Words ----------------------------------------------------------------------------------


WHERE = "first differs"
"""So begins what says only where a difference begins."""


def whereabouts(first: int, events: Sequence[Event]) -> str:
    """Where the first count that differs stands among the events."""
    near = [event for event in _spoken_of(events) if abs(event.count - first) <= 1]
    if not near:
        return f"{WHERE} at count {first}, next to no event of the trajectory"
    away = first - near[0].count
    if near[0].count == 0 and away:
        return f"{WHERE} at count {first}"
    where = {-1: "one count before the", 0: "at the", 1: "one count after the"}[away]
    return f"{WHERE} {where} {_named(near[0])}"


def _spoken_of(events: Sequence[Event]) -> list[Event]:
    return [event for event in events if event.what]


def _named(event: Event) -> str:
    return event.what if event.count == 0 else f"{event.what} at count {event.count}"


def _count_of(counts: int) -> str:
    return "1 count" if counts == 1 else f"{counts} counts"


def _counts(indices: npt.NDArray[np.int64]) -> str:
    if len(indices) == 1:
        return f"count {indices[0]}"
    return f"{len(indices):,} counts, first at count {indices[0]}"
