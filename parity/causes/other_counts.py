"""The same values at other counts."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..reference.events import Kind
from .other_values import off_the_line
from .parting import Floats, Parting, count_of, events_within, named
from .readings import times_as_fast, times_as_slowly


def _moved(torch: Floats, by: int) -> Floats:
    """``torch`` as a schedule has it that is ``by`` counts ahead."""
    moved = np.full_like(torch, np.nan)
    if by >= 0:
        moved[: len(torch) - by] = torch[by:]
    else:
        moved[-by:] = torch[:by]
    return moved


def shift_says(by: int) -> str:
    ahead = "ahead of" if by > 0 else "behind"
    counts = "1 count" if abs(by) == 1 else f"{abs(by)} counts"
    return f"{counts} {ahead} PyTorch: would agree if shifted by {-by:+d}".replace("-", "−")


def shift(p: Parting) -> Iterator[str]:
    """At all counts; also by an epoch, and by what rounding up to the next one makes."""
    for by in dict.fromkeys((1, -1, 2, -2, p.each, -p.each, p.each - 1)):
        if 0 < abs(by) < len(p.torch) and p.explained_by(_moved(p.torch, by)):
            rounded_up = ", as when epochs are rounded up" if by == p.each - 1 > 2 else ""
            yield shift_says(by) + rounded_up + _or_base(p)


def _or_base(p: Parting) -> str:
    """What is as true where every count is the same share of the one before."""
    factor = float(p.ours[0] / p.torch[0])
    if p.moves(p.torch) >= 3 and p.equals(p.torch * factor):
        return f", or {factor:.6g} times PyTorch's base learning rate"
    return ""


def shift_and_ratio(p: Parting) -> Iterator[str]:
    """Two mistakes at once."""
    if abs(p.ours[0] - p.torch[0]) <= p.rounding:  # the base learning rate is the same, that is
        return
    if off_the_line(p.torch) <= 5 * p.rounding:  # any line is any other, shifted and multiplied
        return
    for by in (1, -1):
        moved = _moved(p.torch, by)
        known = np.isfinite(moved) & (moved != 0)
        if known.sum() < 4 or np.ptp(p.torch) <= p.rounding:
            continue
        factor = float(np.median(p.ours[known] / moved[known]))
        if abs(factor - 1) > 1e-5 and factor > 0 and p.explained_by(moved * factor):
            yield f"{shift_says(by)}, and {factor:.6g} times PyTorch's: another base learning rate, too"


def moved_events(p: Parting) -> Iterator[str]:
    """Some events come at other counts, and all else is as it should be."""
    after = {event.count: event for event in p.events if event.count > 0}
    said = []
    for run in np.split(p.differing, np.flatnonzero(np.diff(p.differing) > 1) + 1):
        begin, end = int(run[0]), int(run[-1]) + 1
        if end in after and end < len(p.torch) and np.allclose(p.ours[run], p.torch[end], rtol=1e-5, atol=0):
            said.append((after[end], f"{count_of(end - begin)} early"))
        elif begin in after and np.allclose(p.ours[run], p.torch[begin - 1], rtol=1e-5, atol=0):
            said.append((after[begin], f"{count_of(end - begin)} late"))
        else:
            return
    event, by = said[0]
    if len(said) == 1 and p.differing[-1] < len(p.torch) - 1:
        yield f"the {named(event)} comes {by}, all else agrees"
    elif len({by for _, by in said}) == 1 and len(said) > 1:
        yield f"{len(said)} events come {by}, the {named(event)} first; all else agrees"


def after_an_event(p: Parting) -> Iterator[str]:
    """All is well up to an event; from there on the count is another one."""
    for event in p.events:
        if not 0 < event.count <= p.first + 2 or event.count > len(p.torch) - 5:
            continue
        rest = slice(event.count, None)
        for by in (1, -1, 2, -2):
            # What is behind has yet to come to the event.
            moved = _moved(p.torch[event.count :], by)
            if p.explained_by(moved, rest):
                yield f"from the {named(event)} on, {shift_says(by)}"
        if p.explained_by(_moved(p.torch, event.count), rest):
            yield (
                f"from the {named(event)} on, {event.count} counts ahead of PyTorch: "
                "what comes before it is counted in, where PyTorch starts anew"
            )
        if p.explained_by(_moved(p.torch, -event.count), rest):
            yield (
                f"from the {named(event)} on, {event.count} counts behind PyTorch: "
                "what comes before it is left out of the count, where PyTorch counts it in"
            )


def moved_phases(p: Parting) -> Iterator[str]:
    """What comes from an event on comes earlier; or later, and what is before it stands still until then."""
    for event in events_within(p):
        rest = p.torch[event.count :]
        begin = p.first if p.first < event.count else event.count + _stands_still(p.ours[event.count :])
        both = min(len(rest), len(p.ours) - begin)
        if begin in (0, event.count) or both < 5 or 2 * both < len(p.differing):
            continue
        if p.moves(rest[:both]) >= 3 and p.equals(rest[:both], slice(begin, begin + both)):
            yield f"the {named(event)} comes {_early_or_late(begin - event.count)}, and all that follows it"
        if p.first < event.count:  # the next one is what comes early, and none after it
            return


def _stands_still(values: Floats) -> int:
    """For how many counts."""
    return int(np.argmax(values != values[0])) - 1 if (values != values[0]).any() else 0


def _early_or_late(by: int) -> str:
    return f"{count_of(abs(by))} {'late' if by > 0 else 'early'}"


def swapped(p: Parting) -> Iterator[str]:
    """Starts with what PyTorch does after an event."""
    for event in p.events:
        n = len(p.torch) - event.count
        if event.count > 0 and n > 2:
            predicted = np.full_like(p.torch, np.nan)
            predicted[:n] = p.torch[event.count :]
            if p.moves(p.torch[event.count :]) >= 3 and p.explained_by(predicted, slice(0, n)):
                yield f"starts with what PyTorch does from the {named(event)} on: phases swapped or left out"


def clamped(p: Parting) -> Iterator[str]:
    for still, moving, says in (
        (p.ours, p.torch, "stays at its value from {} on, where PyTorch goes on"),
        (p.torch, p.ours, "goes on after {}, where PyTorch stays"),
    ):
        start = p.first - 1
        if start >= 0 and np.ptp(still[start:]) <= p.rounding < np.ptp(moving[start:]):
            near = [event for event in p.events if event.count > 0 and abs(event.count - start) <= 1]
            nearest = min(near, key=lambda event: abs(event.count - start), default=None)
            yield says.format(f"count {start}" if nearest is None else f"the {named(nearest)}")


def staircase(p: Parting) -> Iterator[str]:
    """Each step of a staircase comes later (or earlier) by as much again."""
    mine, theirs = (np.flatnonzero(np.diff(x) != 0) + 1 for x in (p.ours, p.torch.astype(np.float32)))
    n = min(len(mine), len(theirs))
    if not n or max(len(mine), len(theirs)) > len(p.torch) / 2:
        return
    if min(mine[0], theirs[0]) == 1:  # no staircase, but a course that ends
        return
    late = mine[:n] - theirs[:n]
    values = np.allclose(p.ours[mine[:n]], p.torch[theirs[:n]], rtol=1e-5, atol=0)
    same_start = abs(p.ours[0] - p.torch[0]) <= p.rounding
    if values and same_start and late[0] and (late == late[0] * np.arange(1, n + 1)).all():
        by = abs(int(late[0]))
        when, size = ("later", "larger") if late[0] > 0 else ("earlier", "smaller")
        decays = any(event.kind is Kind.DECAY for event in p.events) and p.each == 1
        argument = "step_size" if decays else "patience" if p.told else None
        because = f": {argument} is {size} by {by}" if argument else ""
        says = f"each step comes another {count_of(by)} {when}{because}"
        yield says if p.told else _or_units(p, says, int(mine[0]), int(theirs[0]))


def _or_units(p: Parting, says: str, mine: int, theirs: int) -> str:
    """A step that is so many times as long may be counted in another unit, too."""
    if p.each > 1 or max(mine, theirs) % min(mine, theirs):
        return says
    both, n = (times_as_slowly, mine // theirs) if mine > theirs else (times_as_fast, theirs // mine)
    return both(p, n, says)
