"""The same schedule, called in every way there is: it must answer with the same bits.

Under ``vmap``, and one count at a time, it has answered already when PyTorch was compared.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from . import answers
from .answers import Schedule
from .comparison import Curves, words

COUNTS = 256
"""How many counts of a trajectory are looked at in each mode."""


def matrix(schedules: Sequence[Schedule], curves: Sequence[Curves]) -> list[dict[str, int]]:
    """At how many counts each schedule answers otherwise than it did, by mode.

    Args:
      schedules: from a count to a value.
      curves: what each answered before, in one compiled program.
    """
    if not schedules:
        return []
    indices = [_chosen(each) for each in curves]
    counts = [each.counts[i].astype(np.int32) for each, i in zip(curves, indices, strict=True)]
    wanted = [each.ours[i] for each, i in zip(curves, indices, strict=True)]
    found: list[dict[str, int]] = [{} for _ in schedules]
    for mode, part, values in answers.in_every_mode(schedules, counts):
        for row, got, want in zip(found, values, wanted, strict=True):
            row[mode] = int(np.sum(words(np.asarray(got)) != words(want[part])))
    return found


def _chosen(curves: Curves) -> npt.NDArray[np.int64]:
    """Indices next to events, and a sample of all others; in order, the last one again and again."""
    steps = len(curves.counts)
    near = {event.count + by for event in curves.events for by in (-1, 0, 1)} & set(range(steps))
    rng = np.random.default_rng(steps)
    beside = rng.permutation(np.asarray(sorted(near), np.int64))[: COUNTS // 2]
    others = rng.permutation(steps)[: COUNTS - len(beside)]
    found = np.union1d(beside, others)
    return np.pad(found, (0, COUNTS - len(found)), mode="edge")
