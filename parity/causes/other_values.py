"""Other values at the same counts."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .parting import Floats, Parting, events_within, named
from .readings import other_values, times_as_fast, times_as_slowly


def ratio(p: Parting) -> Iterator[str]:
    known = (p.torch != 0) & (p.ours != 0)
    if known.sum() < 2:
        return
    ratio = p.ours / p.torch
    whole = float(np.median(ratio[known]))
    if abs(whole - 1) > 1e-5 and p.explained_by(p.torch * whole):
        yield (
            "PyTorch's with the sign turned"
            if abs(whole + 1) <= 1e-5
            else f"{whole:.6g} times PyTorch's at every count: another base learning rate"
            + (", and the sign turned" if whole < 0 else "")
        )
    for event in p.events:
        if event.count == p.first and known[event.count :].any():
            after = float(np.median(ratio[event.count :][known[event.count :]]))
            if p.explained_by(p.torch * after, slice(event.count, None)):
                yield f"from the {named(event)} on, {after:.6g} times PyTorch's"


def gamma(p: Parting) -> Iterator[str]:
    """Both fall by a factor at every count, or every epoch, and not by the same."""
    # PyTorch's are float64.
    mine, theirs = _factor(p, p.ours, 5e-6), _factor(p, p.torch, 1e-9)
    if mine is None or theirs is None or abs(mine - theirs) <= 1e-7:
        return
    base = float(p.ours[0] / p.torch[0])
    says = _gammas(mine, theirs, base)
    times = float(np.log(mine) / np.log(theirs))
    if p.each == 1 and abs(base - 1) <= 1e-5:
        for faster, both in ((True, times_as_fast), (False, times_as_slowly)):
            n = round(times if faster else 1 / times)
            same = theirs ** (n if faster else 1 / max(n, 1))
            if n > 1 and p.equals(p.torch[0] * same ** np.arange(len(p.torch))):
                says = both(p, n, says)
    yield says


def _factor(p: Parting, values: Floats, rounding: float) -> float | None:
    """By what they fall (or rise) every time, where it is always the same."""
    every = values[:: p.each]
    if len(every) < 4 or not (every[0] > 0 and p.moves(every) >= 3):
        return None
    # As far as float32 knows them well.
    end = int(np.flatnonzero(every > every[0] / 1000)[-1])
    factor = float((every[end] / every[0]) ** (1 / max(end, 1)))
    predicted = every[0] * factor ** (np.arange(len(values)) // p.each)
    rounding *= float(every.max())
    # What bends so little could be anything.
    bent = off_the_line(every) > 10 * rounding
    return factor if bent and np.abs(values - predicted).max() <= rounding else None


def _gammas(mine: float, theirs: float, base: float) -> str:
    also = f", and {base:.6g} times PyTorch's base learning rate" if abs(base - 1) > 1e-5 else ""
    return f"gamma {mine:.6g} where PyTorch has {theirs:.6g}{also}"


def powers(p: Parting) -> Iterator[str]:
    """At each event the ratio grows by the same factor again."""
    counts = [event.count for event in events_within(p)]
    if len(counts) < 2 or not p.torch[counts].all():
        return
    before = [count - 1 for count in counts]
    base = float(p.ours[0] / p.torch[0])
    mine, theirs = (x[counts] / x[before] for x in (p.ours, p.torch))
    factor = float(mine[0] / theirs[0])
    so_far = np.searchsorted(counts, np.arange(len(p.torch)), side="right")
    if abs(factor - 1) <= 1e-5 or not p.explained_by(base * p.torch * factor**so_far):
        return
    if np.ptp(theirs) <= 1e-6 * abs(theirs[0]) and p.moves(p.torch) == len(counts):
        yield _gammas(float(mine[0]), float(theirs[0]), base)
    elif abs(base - 1) <= 1e-5:
        yield again_and_again(factor, f"the first {events_within(p)[0].what}", "the second")


def decays(p: Parting) -> Iterator[str]:
    """At each count the ratio grows by the same factor again."""
    index = np.arange(len(p.torch)) // p.each
    known = (p.ours > 0) & (p.torch > 0) & (index > 0)
    if known.sum() < 4:
        return
    factor = float(np.exp(np.median(np.log(p.ours[known] / p.torch[known]) / index[known])))
    if abs(factor - 1) > 1e-7 and p.explained_by(p.torch * factor**index):
        yield again_and_again(factor, f"count {p.each}", f"count {2 * p.each}")


def again_and_again(factor: float, first: str, second: str) -> str:
    return (
        f"{factor:.6g} times PyTorch's from {first} on, {factor**2:.6g} times from {second} on, "
        "and so forth: another gamma"
    )


def to_a_power(p: Parting) -> Iterator[str]:
    """Of the share of the peak that is left."""
    mine, theirs = p.ours / np.max(p.ours), p.torch / p.peak
    known = (mine > 0) & (mine < 1) & (theirs > 0) & (theirs < 1)
    if known.sum() < 4 or p.moves(np.unique(p.torch[known])) < 2:  # two levels are any power of two others
        return
    power = float(np.median(np.log(mine[known]) / np.log(theirs[known])))
    if abs(power - 1) > 1e-4 and p.equals(np.max(p.ours) * np.abs(theirs) ** power):
        yield f"PyTorch's to the power of {power:.4g}, as shares of the peak: another power"


def affine(p: Parting) -> Iterator[str]:
    says = other_values(p)
    if says is not None:
        yield says


def straight(p: Parting) -> Iterator[str]:
    """The one goes along a line where the other does not, as far as PyTorch has no event."""
    end = min([len(p.torch), *(event.count + 1 for event in events_within(p))])
    ours, torch = p.ours[:end], p.torch[:end]
    if end < 5 or p.first >= end or min(p.moves(ours), p.moves(torch)) < 3:
        return
    where = "" if end == len(p.torch) else f" up to count {end - 1}"
    if off_the_line(ours) <= 5 * p.rounding and _curved(p, torch):
        yield f"goes in a straight line{where}, where PyTorch's is curved"
    elif off_the_line(torch) <= 5 * p.rounding and _curved(p, ours):
        yield f"is curved{where}, where PyTorch goes in a straight line"


def off_the_line(values: Floats) -> float:
    """How far values are at most from the line between their ends."""
    return float(np.abs(values - np.linspace(values[0], values[-1], len(values))).max())


def _curved(p: Parting, values: Floats) -> bool:
    """Whether they bend, and not at one count alone."""
    ways = np.diff(values)
    return off_the_line(values) > 1e-3 * p.peak and 2 * np.abs(np.diff(ways)).max() <= np.ptp(ways)
