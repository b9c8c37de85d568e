"""Time that runs faster or slower."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from .parting import Floats, Parting, events_within, named
from .readings import also, other_length, other_values, times_as_fast, times_as_slowly


def units(p: Parting) -> Iterator[str]:
    """One side counts updates, the other epochs of them; or every length is a multiple."""
    for n in _slower(p):
        held, between = _held(p, n), _between(p, n)
        if not (held or between) or (held and p.in_epochs):
            continue
        if p.each > 1:
            yield _other_epochs(p, n)
        elif held:
            yield (
                f"moves once in {n} counts: counts epochs of {n} updates where PyTorch counts steps; "
                f"if PyTorch's counts are epochs, give --steps-per-epoch {n}"
            )
        else:
            yield times_as_slowly(p, n, also(other_length(p, n), other_values(p)))
    for n in _faster(p):
        yield times_as_fast(p, n, also(other_length(p, 1 / n), other_values(p)))


def _other_epochs(p: Parting, n: int) -> str:
    if n == 1:
        return f"moves {p.each} times as fast: counts updates where PyTorch counts epochs of {p.each}"
    return (
        f"counts epochs of {n} updates where PyTorch counts epochs of {p.each}: "
        f"give --steps-per-epoch {n} if an epoch has so many"
    )


def _slower(p: Parting) -> Iterator[int]:
    """In how many counts the schedule moves as far as PyTorch in one, or in an epoch."""
    theirs = p.torch[:: p.each]
    steps = np.arange(1, (len(p.ours) - 1) // 3 + 1)
    for i in range(1, min(4, len(theirs))):
        steps = steps[np.abs(p.ours[i * steps] - theirs[i]) <= 5 * p.rounding]
    for n in steps.tolist():
        mine = p.ours[::n]
        both = min(len(mine), len(theirs))
        # Values that do not move agree with everything.
        where = slice(0, n * both, n)
        if (
            n != p.each
            and p.moves(theirs[:both]) >= 3
            and p.part_ways(n * both)
            and p.equals(theirs[:both], where)
        ):
            yield n


def _held(p: Parting, n: int) -> bool:
    """Whether the schedule stands still between the counts at which it is where PyTorch is."""
    at = np.arange(len(p.ours)) // n
    theirs = p.torch[:: p.each]
    return p.equals(theirs[at[at < len(theirs)]], slice(0, n * len(theirs)))


def _between(p: Parting, n: int) -> bool:
    """Whether it moves there, between PyTorch's values; but for a jump, of which nobody knows the way."""
    theirs = p.torch[:: p.each]
    at = np.arange(len(p.ours)) // n
    at = at[at < len(theirs) - 1]
    low, high = (pick(theirs[:-1], theirs[1:])[at] for pick in (np.minimum, np.maximum))
    mine = p.ours[: len(at)]
    inside = (mine >= low - 5 * p.rounding) & (mine <= high + 5 * p.rounding)
    jumps = np.isin(at + 1, [event.count // p.each for event in p.events])
    moving = high - low > n * p.rounding
    moved = np.abs(np.diff(mine)) > 0
    return bool((inside | jumps).all() and 2 * moved[moving[:-1]].sum() >= moving[:-1].sum())


def _faster(p: Parting) -> Iterator[int]:
    """How many counts of PyTorch's the schedule passes in one."""
    if p.each > 1:  # told, so that nobody forgot it
        return
    theirs = p.torch
    steps = np.arange(2, (len(theirs) - 1) // 3 + 1)
    for i in (1, 2, 3):
        if i < len(p.ours):
            steps = steps[np.abs(theirs[i * steps] - p.ours[i]) <= 5 * p.rounding]
    for n in steps.tolist():
        predicted = theirs[::n]
        inside = slice(0, len(predicted))
        if p.moves(predicted) >= 3 and p.part_ways(inside.stop) and p.equals(predicted, inside):
            yield n


def steps_and_slopes(p: Parting) -> Iterator[str]:
    """One goes in steps, the other smoothly through the same values."""
    for n in sorted({p.each, _stride(p.torch)} - {1}):
        if _passes(p, p.ours, p.torch, n):
            count = "count" if p.each == 1 else "update"
            yield f"moves at every {count} where PyTorch moves once in {n}, and agrees whenever that moves"
    n = _stride(p.ours)
    if n > 1 and _passes(p, p.torch, p.ours, n):
        yield f"moves once in {n} counts where PyTorch moves at every count, and agrees whenever it moves"


def smooth(p: Parting) -> Iterator[str]:
    """Through other values, too."""
    theirs = p.torch[:: p.each]
    ends = np.repeat(np.abs(np.diff(theirs)) > p.each * p.rounding, p.each)[: len(p.ours) - 1]
    if p.each > 1 and ends.sum() >= 3 * p.each and (np.diff(p.ours)[: len(ends)][ends] != 0).mean() > 0.9:
        yield f"moves at every update where PyTorch moves once in {p.each}, and through other values"


def _stride(values: Floats) -> int:
    """Of what number all counts are multiples at which values change; 1 where they hardly do."""
    at = np.flatnonzero(np.diff(values)) + 1
    return int(np.gcd.reduce(at)) if len(at) > 2 else 1


def _passes(p: Parting, smooth: Floats, steps: Floats, n: int) -> bool:
    """Whether one side moves all the time and is where the other is whenever that moves."""
    where = slice(0, len(steps), n)
    if p.moves(steps[where]) < 3 or np.abs(smooth - steps)[where].max() > 5 * p.rounding:
        return False
    ends = np.repeat(np.abs(np.diff(steps[where])) > n * p.rounding, n)
    moved = np.abs(np.diff(smooth[: len(ends) + 1])) > 0
    return bool(moved[ends].mean() > 0.9)


def one_more_or_less(p: Parting) -> Iterator[str]:
    """``T - 1`` or ``T + 1`` where PyTorch has ``T``: time runs a little too fast or slow."""
    for event in p.events:
        for by in (-1, 1):
            if event.count >= 3 and _lasts(p, 0, event.count, event.count + by):
                says = (
                    f"{event.count + by} instead of {event.count} counts up to the {named(event)}: "
                    f"another length, or divided by T {'+' if by > 0 else '−'} 1 where PyTorch divides by T"
                )
                yield also(says, other_values(p.part(0, event.count + 2)))


def another_phase(p: Parting) -> Iterator[str]:
    """One phase is longer or shorter; as PyTorch before it, and of what follows it nothing is said."""
    turns = [0, *(event.count for event in events_within(p))]
    begin = max(at for at in turns if at <= p.first)
    after = next((event for event in p.events if event.count > begin), None)
    if after is None:
        return
    length = after.count - begin
    mine = p.part(begin, len(p.ours))
    faster = _faster_by(mine.ours, p.torch[begin : after.count + 1])
    if faster is None or not 0 < length / faster < np.inf:
        return
    counts = round(length / faster)
    if counts != length and _lasts(p, begin, length, counts):
        since = f"from the {named(next(e for e in p.events if e.count == begin))} on, " if begin else ""
        both = p.part(begin, begin + max(counts, length) + 1)
        says = f"{counts} instead of {length} counts up to the {named(after)}"
        yield since + also(says, other_values(both))


def _lasts(p: Parting, begin: int, length: int, counts: int) -> bool:
    """Whether a phase of PyTorch's, from a count on, lasts so many counts with the schedule."""
    theirs = p.torch[begin : begin + length + 1]
    index = np.arange(len(theirs), dtype=np.float64)
    time = np.arange(min(counts, len(p.ours) - begin)) * length / counts
    time = time[time <= len(theirs) - 1]
    where = slice(begin, begin + len(time))
    left = np.abs(p.ours[where] - np.interp(time, index, theirs))
    apart = np.abs(p.ours - p.torch)[where]
    # The last piece leads to the event, where another phase may begin elsewhere.
    exact = time <= length - 1
    known = exact & (apart > p.rounding)
    # A guess from less than a few of PyTorch's values is none.
    if known.sum() < 3 or p.moves(theirs[: int(time[exact][-1]) + 1]) < 3:
        return False
    return bool(left[exact].max() <= min(_bend(theirs[:length]) + 5 * p.rounding, apart.max() / 3))


def _bend(values: Floats, where: Any = slice(None)) -> float:
    """By how much a value between two counts may be off the line between them."""
    bends = np.abs(np.diff(values, 2, prepend=values[:1], append=values[-1:]))
    bends[0] = bends[-1] = 0
    return float(bends[where].max(initial=0)) / 6


def pace(p: Parting) -> Iterator[str]:
    """The same course, faster or slower, at all counts."""
    longer = times_as_long(p)
    if longer is not None:
        length = f"the same course, but {longer:.4g} times as long: another number of counts"
        yield also(length, other_values(p))


def times_as_long(p: Parting) -> float | None:
    """How much longer the whole course takes, as far as both are known; None where it is another course."""
    faster = _faster_by(p.ours, p.torch)
    if faster is None or abs(faster - 1) <= 1e-3:
        return None
    index = np.arange(len(p.torch), dtype=np.float64)
    time = index * faster
    time = time[time <= len(index) - 1 + 1e-3]
    at = np.minimum(time, len(index) - 1).astype(int)
    mine, apart = p.ours[: len(time)], np.abs(p.ours - p.torch)[: len(time)]
    left = np.abs(mine - np.interp(time, index, p.torch))
    # On both sides of a turn or a jump nobody knows the way from one count to the next.
    sure = ~_turns(p.torch)[at]
    if p.moves(p.torch[: at[-1] + 1]) < 4 or 2 * sure.sum() < len(time) or apart[sure].max() <= p.rounding:
        return None
    # Between counts PyTorch's values are interpolated, and the pace is an estimate, too.
    slope = np.abs(np.diff(p.torch, append=p.torch[-1]))[at]
    allowed = _bend(p.torch, ~_turns(p.torch)) + 5 * p.rounding + 1e-3 * slope * time
    return 1 / faster if (left <= np.minimum(allowed, apart.max() / 10))[sure].all() else None


def _turns(values: Floats) -> npt.NDArray[np.bool_]:
    """Whether the way to the next count goes in another direction than the one before or after it."""
    ways = np.sign(np.diff(values, prepend=values[0], append=values[-1]))
    ways[0], ways[-1] = ways[1], ways[-2]
    here = ways[1:]
    turns: npt.NDArray[np.bool_] = (here != ways[:-1]) | (here != np.append(here[1:], here[-1]))
    return turns


def _faster_by(ours: Floats, torch: Floats) -> float | None:
    """How much faster the one runs, as far as both go up or down without a turn."""
    turn, mine_turn = _first_turn(torch), _first_turn(ours)
    if turn < 3:
        return None
    rising = torch[turn] > torch[0]
    levels, times = torch[: turn + 1], np.arange(turn + 1, dtype=np.float64)
    levels, times = (levels, times) if rising else (levels[::-1], times[::-1])
    mine = np.arange(1, min(mine_turn, len(ours) - 1) + 1)
    within = mine[(ours[mine] > levels[0]) & (ours[mine] < levels[-1])]
    if len(within) < 3:
        return None
    # The further on, the less a count is worth; and near an end many counts share a level.
    return float(np.median((np.interp(ours[within], levels, times) / within)[len(within) // 4 :]))


def _first_turn(values: Floats) -> int:
    """The index up to which they only fall, or only rise."""
    steps = np.sign(np.diff(values))
    other = np.flatnonzero(steps != steps[0]) if len(steps) else np.empty(0)
    return int(other[0]) if len(other) else len(steps)


def crawls(p: Parting) -> Iterator[str]:
    """So much slower that it meets too few of PyTorch's values to tell by how much."""
    counts = _first_turn(p.ours)
    turn = _first_turn(p.torch)
    if p.each > 1 or p.in_epochs or counts < 10 or turn < 1 or abs(p.ours[0] - p.torch[0]) > p.rounding:
        return
    way, mine = (x - p.torch[0] for x in (p.torch[: turn + 1], p.ours[: counts + 1]))
    if way[-1] * mine[-1] <= 0 or abs(mine[-1]) > abs(way[-1]):
        return
    reached = int(np.searchsorted(np.abs(way), abs(mine[-1]) - p.rounding))
    if 10 * max(reached, 1) <= counts and reached < 4:
        yield (
            f"comes no further in {counts} counts than PyTorch in {max(reached, 1)}: "
            "if its counts are updates and PyTorch's are epochs, give --steps-per-epoch"
        )


def the_other_way(p: Parting) -> Iterator[str]:
    """The one rises where the other falls, from the first count on."""
    end = min(_first_turn(p.ours), _first_turn(p.torch))
    mine, theirs = (x[end] - x[0] for x in (p.ours, p.torch))
    if end >= 3 and mine * theirs < 0 and min(abs(mine), abs(theirs)) > 1e-3 * p.peak:
        rises, falls = ("rises", "falls") if mine > 0 else ("falls", "rises")
        yield f"{rises} up to count {end}, where PyTorch's {falls}"
