"""Which column counts, and which is the learning rate."""

from __future__ import annotations

import itertools
import pathlib
import re
from collections.abc import Sequence

_STEPS = ("step", "global_step", "count", "iteration", "iter", "update", "k", "epoch")
"""Names of what is counted, or the last part of one, in the plural too; the first that is there is taken."""


_RATES = ("lr", "learning_rate", "learning rate", "value")


IGNORED = re.compile(
    r"(^|.*[_ /])(wall.?time|time|timestamp|_runtime|_timestamp|relative time)$|.*__(min|max)$", re.I
)


def count_among(names: Sequence[str]) -> str | None:
    """The name of the count, if one is among them."""
    for wanted in _STEPS:
        for name in names:
            last = re.split(r"[/ .-]", name.lower())[-1].strip("_")
            if last in (wanted, f"{wanted}s"):
                return name
    return None


def are_counts(cells: Sequence[str]) -> bool:
    """Whether they ascend in whole numbers, and not by one from 0 on, which goes without saying."""
    if len(cells) < 2 or not all(re.fullmatch(r"\d+(\.0*)?", cell) for cell in cells):
        return False
    counts = [float(cell) for cell in cells]
    return all(a < b for a, b in itertools.pairwise(counts)) and counts != [*range(len(counts))]


NOTHING = frozenset({"n/a", "na", "-", "null", "none", "?"})


def chosen(path: pathlib.Path, names: Sequence[str], column: str | None) -> str:
    """The name of the learning rate among several."""
    if column is not None:
        if column not in names:
            raise ValueError(f"{path}: must have {column!r}, got {', '.join(names)}")
        return column
    if len(names) == 1:
        return names[0]
    likely = [
        name for name in names if re.split(r"[ /.-]", name.lower())[-1] in _RATES or name.lower() in _RATES
    ]
    if len(likely) != 1:
        raise ValueError(
            f"{path}: must have one column for the learning rate, got {', '.join(names) or 'none'}. Name it: "
            f"{path.name}:{(likely or list(names) or ['lr'])[0]}"
        )
    return likely[0]
