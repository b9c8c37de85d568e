"""Time that runs faster or slower."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .parting import Floats, Parting, named


def units(p: Parting) -> Iterator[str]:
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


def one_more_or_less(p: Parting) -> Iterator[str]:
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
                    f"{event.count + by} instead of {event.count} counts up to the {named(event)}: "
                    f"divided by T {'+' if by > 0 else '−'} 1 where PyTorch divides by T"
                )


def pace(p: Parting) -> Iterator[str]:
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
