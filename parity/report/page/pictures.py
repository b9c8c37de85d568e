"""The numbers of the page's pictures, which ``pictures.js`` draws."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ...results import CaseResult
from ...training import TrainingResult
from ...ulp import rounded_distance
from ..facts import turns
from ..json_file import Json, Object

POINTS = 300
"""Counts of a trajectory that are drawn, at most."""

MARKS = 40
"""Events that are marked in a picture, at most."""

Floats: TypeAlias = npt.NDArray[np.float32] | npt.NDArray[np.float64]


def trajectories(result: CaseResult) -> Object | None:
    """Both trajectories, the signed error and the distance in ULP, over some of the counts."""
    curves, found = result.comparison.curves, result.comparison
    if curves is None:
        return None
    ulps = rounded_distance(curves.ours, curves.torch)
    with np.errstate(over="ignore", invalid="ignore"):
        torch = curves.torch.astype(np.float32)
        error = curves.ours - curves.torch
    events = turns(curves.events)
    which = np.unique(np.linspace(0, len(events) - 1, min(MARKS, len(events)), dtype=int))
    marked = [events[i] for i in which]
    pointed = found.first_failure or found.worst
    # The count before an event, too, so that a step is upright.
    kept = {i for event in marked for i in (event.count - 1, event.count)}
    kept |= {int(np.argmax(curves.counts == pointed.count))} if pointed else set()
    drawn = chosen(curves.ours, torch, error, ulps, kept)
    quantity = result.case.quantity
    return {
        "k_is": "count" if curves.counts.dtype == np.int32 else "epoch",
        "k": curves.counts[drawn].tolist(),
        "events": [(event.count, event.what) for event in marked],
        "failure": found.first_failure and found.first_failure.count,
        "at": pointed and pointed.count,
        "panels": [
            _pair("learning rate" if quantity == "lr" else quantity, curves.ours[drawn], torch[drawn]),
            {"kind": "error", "title": "ours − PyTorch", "error": _numbers(error[drawn], 3)},
            {
                "kind": "distance",
                "title": "distance in ULP",
                "unit": "ULP",
                "distance": _numbers(ulps[drawn], 4) if ulps.any() else None,
            },
        ],
    }


def chosen(ours: Floats, torch: Floats, error: Floats, ulps: Floats, kept: set[int]) -> npt.NDArray[np.int64]:
    """Which counts are drawn: all, or these, the ends, and the extremes of each of some equal parts."""
    steps = len(ours)
    if steps <= POINTS:
        return np.arange(steps)
    kept = kept | {0, steps - 1, int(np.argmax(np.nan_to_num(np.abs(error))))}
    low, high = np.fmin(ours, torch), np.fmax(ours, torch)
    for part in np.array_split(np.arange(steps), (POINTS - len(kept)) // 3):
        kept |= {int(part[0] + i) for i in (low[part].argmin(), high[part].argmax(), ulps[part].argmax())}
    return np.asarray(sorted(kept))


def twins(result: TrainingResult) -> Object | None:
    """Learning rates and losses of both, and how far apart the weights are, as far as they were told."""
    steps = result.comparison.steps
    panels: list[Object] = [
        {**_pair(title, *pair), "float64": True}
        for title, pair in (("learning rate", result.lr), ("loss of the batch", result.loss))
        if pair is not None
    ]
    if result.weights is not None:
        panels.append(
            {
                "kind": "distance",
                "title": "distance of the weights, relative",
                "unit": "of the weights apart",
                "distance": _numbers(result.weights, 3),
            }
        )
    if not panels or not steps:
        return None
    first = result.first and result.first.parts
    return {
        "k_is": "update",
        "k": list(range(steps)),
        "events": [(update, "reduced") for update in result.reductions[1][:MARKS]],
        "failure": first,
        "at": first,
        "panels": panels,
    }


def _pair(title: str, ours: Floats, torch: Floats) -> Object:
    """Two trajectories in one panel; of equal ones only one is written."""
    mine, theirs = _numbers(ours, 9), _numbers(torch, 9)
    return {"kind": "pair", "title": title, "ours": mine, "torch": None if theirs == mine else theirs}


def _numbers(values: Floats, digits: int) -> Sequence[Json]:
    """What JSON can hold of them: ``nan``, ``inf`` and ``-inf`` are text."""
    return [float(f"{value:.{digits}g}") if math.isfinite(value) else str(value) for value in values.tolist()]
