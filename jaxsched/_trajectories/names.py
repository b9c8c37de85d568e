"""Which column counts, and which is the learning rate."""

from __future__ import annotations

import dataclasses
import itertools
import pathlib
import re
import shlex
from collections.abc import Sequence

_STEPS = ("global_step", "step", "count", "iteration", "iter", "update", "k", "epoch")
"""Names of what is counted, or the last part of one, in the plural too; the first that is there is taken.

Beside ``trainer/global_step``, the step of Weights & Biases only counts how often something was logged.
"""


_RATES = ("lr", "learning_rate", "learning rate")
"""Names of a learning rate, or the last part of one."""

_LIKE_A_RATE = re.compile(r"(?<![a-z])lrs?(?![a-z])|learning[ _-]?rate", re.I)
"""Lightning writes lr-SGD, and lr-AdamW/pg1 for each group."""

_NO_RATE = re.compile(r"momentum|weight.?decay|loss|mult|factor|scale", re.I)
"""Lightning writes lr-SGD-momentum, too."""

_NEUTRAL = ("", "value", "values", "scalar")
"""Names that say nothing of what is named."""

IGNORED = re.compile(
    r"(^|.*[_ /])(wall.?time|time|timestamp|_runtime|_timestamp|relative time)$|.*__(min|max)$", re.I
)


@dataclasses.dataclass
class Wanted:
    """Which column of a file is asked for, and what was read in the end."""

    path: pathlib.Path

    column: str | None
    """Its name; None where the file shows it."""

    read: str | None = None
    """What was read, in words, where the file has other columns, too."""


def count_among(names: Sequence[str]) -> str | None:
    """The name of the count, if one is among them."""
    for wanted in _STEPS:
        for name in names:
            if _last(name).strip("_") in (wanted, f"{wanted}s"):
                return name
    return None


def _last(name: str) -> str:
    return re.split(r"[/ .-]", name.lower())[-1]


def are_counts(cells: Sequence[str]) -> bool:
    """Whether they ascend in whole numbers, and not by one from 0 on, which goes without saying."""
    if len(cells) < 2 or not all(re.fullmatch(r"\d+(\.0*)?", cell) for cell in cells):
        return False
    counts = [float(cell) for cell in cells]
    return all(a < b for a, b in itertools.pairwise(counts)) and counts != [*range(len(counts))]


NOTHING = frozenset({"n/a", "na", "-", "null", "none", "?"})


def chosen(wanted: Wanted, names: Sequence[str], at: str | None = None) -> str:
    """The name of the learning rate among all; noted in ``wanted``, where there was a choice.

    Args:
      wanted: the file, and what is asked of it.
      names: all that the file has.
      at: which of them is the count; None where none is.

    Raises:
      ValueError: it is not there, or cannot be told from the others; the text says how to name it.
    """
    others = [name for name in names if name != at and not IGNORED.fullmatch(name)]
    name = _likely(wanted, names, others) if wanted.column is None else _named(wanted, others)
    if len(others) > 1:
        wanted.read = f"read column {name!r}" + ("" if at is None else f" by {at!r}")
    return name


def _named(wanted: Wanted, names: Sequence[str]) -> str:
    """What was asked for by name; of a nested object with points or strokes between."""
    assert wanted.column is not None
    for name in (wanted.column, wanted.column.replace("/", ".")):
        if name in names:
            return name
    found = some(names) or "no column of values"
    how = _name_it(wanted, names, ". Name it")
    raise ValueError(f"{wanted.path}: must have {wanted.column!r}, got {found}{how}")


def _likely(wanted: Wanted, names: Sequence[str], others: Sequence[str]) -> str:
    """What is named like a learning rate; else a lone column whose name says nothing."""
    rates = [name for name in others if _LIKE_A_RATE.search(name) and not _NO_RATE.search(name)]
    plainly = [name for name in rates if _last(name) in _RATES or name.lower() in _RATES]
    values = _values(others)
    neutral = [name for name in values if len(values) == 1 and _last(name) in _NEUTRAL]
    for found in (plainly, rates, neutral if not rates else []):
        if len(found) == 1:
            return found[0]
    if rates:
        raise ValueError(
            f"{wanted.path}: must have one column for the learning rate, got {some(rates)}"
            f"{_name_it(wanted, plainly or rates, '. Name it')}"
        )
    raise ValueError(
        f"{wanted.path}: no column is named like a learning rate; columns: {some(names) or 'none'}"
        f"{_name_it(wanted, others, '; name it') or ': log it, too'}"
    )


def _values(names: Sequence[str]) -> list[str]:
    """Those that are no counts; losses last, which nobody takes for a learning rate."""
    return sorted(
        (name for name in names if count_among([name]) is None), key=lambda name: "loss" in name.lower()
    )


def _name_it(wanted: Wanted, names: Sequence[str], words: str) -> str:
    """How to name one of these in a shell, after a few words; empty where none has values."""
    found = _values(names)
    return f"{words}: {shlex.quote(f'{wanted.path}:{found[0]}')}" if found else ""


def some(names: Sequence[str]) -> str:
    """Names in a line that stays short."""
    return ", ".join(names[:12]) + (f", … ({len(names):,} in all)" if len(names) > 12 else "")
