"""Other values at the same counts."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .parting import Parting, named


def ratio(p: Parting) -> Iterator[str]:
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
                yield f"from the {named(event)} on, {after:.6g} times PyTorch's"


def powers(p: Parting) -> Iterator[str]:
    """At each event the ratio grows by the same factor again."""
    counts = [event.count for event in p.events if 0 < event.count < len(p.torch)]
    if len(counts) < 2 or counts[0] != p.first or not p.torch[counts[0]]:
        return
    factor = float(p.ours[counts[0]] / p.torch[counts[0]])
    so_far = np.searchsorted(counts, np.arange(len(p.torch)), side="right")
    if p.explained_by(p.torch * factor**so_far):
        yield f"{factor:.6g} times further from PyTorch's at each {p.events[1].what}: another gamma"


def decays(p: Parting) -> Iterator[str]:
    """At each count the ratio grows by the same factor again."""
    index = np.arange(len(p.torch))
    known = (p.ours > 0) & (p.torch > 0) & (index > 0)
    if known.sum() < 4:
        return
    factor = float(np.exp(np.median(np.log(p.ours[known] / p.torch[known]) / index[known])))
    if abs(factor - 1) > 1e-7 and p.explained_by(p.torch * factor**index):
        yield f"{factor:.6g} times further from PyTorch's at each count: another gamma"


def to_a_power(p: Parting) -> Iterator[str]:
    """Of the share of the peak that is left."""
    mine, theirs = p.ours / np.max(p.ours), p.torch / p.peak
    known = (mine > 0) & (mine < 1) & (theirs > 0) & (theirs < 1)
    if known.sum() < 4:
        return
    power = float(np.median(np.log(mine[known]) / np.log(theirs[known])))
    if abs(power - 1) > 1e-4 and p.explained_by(np.max(p.ours) * np.abs(theirs) ** power):
        yield f"PyTorch's to the power of {power:.4g}, as shares of the peak: another power"


def affine(p: Parting) -> Iterator[str]:
    if len(p.torch) > 3 and np.ptp(p.torch) > p.rounding:
        scale, offset = np.polyfit(p.torch, p.ours, 1)
        if p.explained_by(scale * p.torch + offset) and scale > 0:
            yield f"the same course between other values: {scale:.6g} times PyTorch's plus {offset:.6g}"
