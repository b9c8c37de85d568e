"""Schedules held against something besides PyTorch: Optax's equals, and themselves when called otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from .. import answers, modes, ulp
from ..answers import Schedule
from ..comparison import Comparison, Counts
from ..results import OptaxResult
from ..stepped import Stepped
from .equivalent import Equivalent


def in_every_mode(
    schedules: Sequence[Schedule | None], comparisons: Sequence[Comparison]
) -> list[Mapping[str, int]]:
    """In which ways of calling each answers otherwise than it did; nothing where there is no schedule."""
    there = [
        (i, schedule, found.curves)
        for i, (schedule, found) in enumerate(zip(schedules, comparisons, strict=True))
        if schedule is not None and found.curves is not None
    ]
    rows: list[Mapping[str, int]] = [{} for _ in schedules]
    found = modes.matrix([schedule for _, schedule, _ in there], [curves for _, _, curves in there])
    for (i, _, _), row in zip(there, found, strict=True):
        rows[i] = row
    return rows


def beside_optax(
    equals: Sequence[Equivalent | None], steppeds: Sequence[Stepped]
) -> list[OptaxResult | None]:
    """How far Optax's equal of each is from what was stepped; None where there is none."""
    there = [
        (equal, stepped.values[: equal.steps])
        for equal, stepped in zip(equals, steppeds, strict=True)
        if equal is not None
    ]
    counts: list[Counts] = [np.arange(len(torch), dtype=np.int32) for _, torch in there]
    values = answers.all_under_jit([equal.schedule for equal, _ in there], counts)
    found = iter(
        [
            _judge_optax(equal.name, np.asarray(theirs), torch)
            for (equal, torch), theirs in zip(there, values, strict=True)
        ]
    )
    return [None if equal is None else next(found) for equal in equals]


def _judge_optax(name: str, theirs: npt.NDArray[np.float32], torch: npt.NDArray[np.float64]) -> OptaxResult:
    ulps = ulp.rounded_distance(theirs, torch)
    worst = int(np.argmax(ulps))
    wanted = torch.astype(np.float32)
    return OptaxResult(
        name=name,
        steps=len(torch),
        identical=int(np.sum(theirs == wanted)),
        max_ulp=float(ulps[worst]),
        max_ulp_count=worst if ulps[worst] else None,
        max_share=float(np.max(np.abs(theirs - wanted)) / np.max(wanted)),
    )
