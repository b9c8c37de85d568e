"""What a file has of a learning rate: its values, at which counts, and with how many digits."""

from __future__ import annotations

import bisect
import math
import pathlib
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from .._numerics import Values
from .csv_files import csv_rows
from .event_files import event_rows
from .json_files import json_rows
from .names import Wanted
from .written import Row, number_in

LARGEST = 1 << 30
"""Bytes of a file; a trajectory of ten million values has a fifth of it."""


class Short(NamedTuple):
    """Numbers of so few digits that nobody can tell whether they were rounded."""

    digits: str
    """How many each has at most, in words."""
    half: Values
    """Half a unit of the last digit, at each."""
    option: str
    """What must be allowed for it: ``absolute``, or ``relative`` where the point floats."""
    least: float
    """How much."""


class Logged(NamedTuple):
    """What a file has of a learning rate."""

    counts: np.ndarray
    """Int64, ascending: 0, 1, … where the file tells none."""
    values: Values
    slack: Values
    """How far what was logged may be from each, by the digits that the log kept; 0 where it kept all."""
    digits: str | None
    """How many these are, in words; None for all."""
    short: Short | None = None
    """Where it kept so few that they may be all there are; None where the digits say what they are."""
    read: str | None = None
    """Which column it was, in words, where the file has others."""


def read(path: pathlib.Path, column: str | None = None) -> Values:
    """The values at count 0, 1, … from a file that has each.

    Raises:
      ValueError: the file, and the line where something else stands; or a count is missing.
      OSError: the file cannot be read.
    """
    found = log(path, column)
    if not np.array_equal(found.counts, np.arange(len(found.counts))):
        at = int(np.flatnonzero(found.counts != np.arange(len(found.counts)))[0])
        raise ValueError(f"{path}: counts must be 0, 1, 2, …, got {found.counts[at]} for {at}")
    return found.values


def log(path: pathlib.Path, column: str | None = None) -> Logged:
    """The values from a file, and at which counts they were logged.

    CSV: one value a line, or ``count,value``, or columns under a heading, as TensorBoard and Weights & Biases
    write them; with commas, semicolons or tabs. JSON: a list of values; a list of objects, or one a line; an
    object of lists; pairs of count and value, TensorBoard's triples; the ``trainer_state.json`` of
    transformers. Event files of TensorBoard. Values are decimal, or hexadecimal as ``float.hex`` writes them.

    Args:
      path: the file.
      column: the name of the value, where there are several.

    Raises:
      ValueError: the file and line where something else stands.
      OSError: the file cannot be read.
    """
    if path.stat().st_size > LARGEST:
        raise ValueError(f"{path}: must be a trajectory of at most {LARGEST:,} bytes")
    wanted = Wanted(path, column)
    if "tfevents" in path.name:
        return _logged(wanted, event_rows(wanted))
    try:
        text = path.read_text(encoding="utf-8-sig")  # Excel writes a mark before it
    except UnicodeDecodeError as reason:
        raise ValueError(f"{path}: must be text in UTF-8: {reason}") from reason
    kind = path.suffix.lower()
    rows = json_rows(wanted, text) if kind in (".json", ".jsonl") else csv_rows(wanted, text)
    return _logged(wanted, rows)


def _logged(wanted: Wanted, rows: Iterable[Row]) -> Logged:
    counts: list[int] = []
    texts: list[str] = []
    values: list[float] = []
    for where, count, text in rows:
        count, value = len(counts) if count is None else count, number_in(where, text)
        if _again(where, count, text, value, counts, values):
            continue
        if count < 0 or (counts and count <= counts[-1]):
            before = f" after {counts[-1]}" if counts else ""
            raise ValueError(f"{where}: counts must be 0, 1, 2, …, or ascend from 0, got {count}{before}")
        counts.append(count)
        texts.append(text)
        values.append(value)
    numbers = np.array(values, np.float64)
    slack, digits = _slack(texts, numbers)
    short = _short(texts, numbers) if digits is None else None
    return Logged(np.array(counts, np.int64), numbers, slack, digits, short, wanted.read)


def _again(
    where: str, count: int, text: str, value: float, counts: Sequence[int], values: Sequence[float]
) -> bool:
    """Whether the same was logged before, as by a run that was resumed.

    Raises:
      ValueError: the count was logged before, with another value.
    """
    if not counts or count > counts[-1]:
        return False
    at = bisect.bisect_left(counts, count)
    if counts[at] != count:
        return False
    if value != values[at] and not (math.isnan(value) and math.isnan(values[at])):
        raise ValueError(
            f"{where}: must have the value that count {count} has further up, {values[at]!r}, got {text}: "
            "keep the one that was applied, and delete the other"
        )
    return True


def _slack(texts: Sequence[str], values: Values) -> tuple[Values, str | None]:
    """Half a unit of the last digit that was written.

    A log that keeps fewer digits than a float32 has keeps the same for all: as many significant ones, or as
    many behind the point. Numbers that happen to be short are of all lengths, and are taken at their word.
    """
    parts = [_DECIMAL.fullmatch(text.strip()) for text in texts]
    if not texts or not all(parts):
        return np.zeros(len(values)), None
    lengths = {p[0]: len((p[1] + (p[2] or "")).strip("0")) for p in parts if p}
    significant = max(lengths.values())
    # Rounded numbers use all digits but every tenth, whose last one happens to be 0; exact ones do not.
    full = sum(length >= significant - 1 for length in lengths.values())
    behind = {len(p[2] or "") for p in parts if p}
    # Noughts at the end are written by a format only.
    formatted = len(behind) == 1 and any((p[2] or "").endswith("0") and len(p[2]) > 1 for p in parts if p)
    if not 4 <= significant <= 8 or not (formatted or full >= max(3, 0.7 * len(lengths))):
        return np.zeros(len(values)), None
    rounding = 2.0**-23 * np.abs(values)  # the two are compared as float32
    if len(behind) == 1 and not any(p[3] for p in parts if p):
        places = behind.pop()
        return 0.5 * 10.0**-places + rounding, f"the {places} digits behind the point that it kept"
    with np.errstate(divide="ignore"):
        exponent = np.floor(np.log10(np.abs(values)))
    size = np.where(
        values == 0, 0.0, 10.0 ** (np.where(np.isfinite(exponent), exponent, 0) - significant + 1)
    )
    return 0.5 * size + rounding, f"the {significant} digits that it kept"


def _short(texts: Sequence[str], values: Values) -> Short | None:
    """Half a unit of the last digit of those that have the most; None where these are a float32's."""
    parts = [_DECIMAL.fullmatch(text.strip()) for text in texts]
    if len(texts) < 2 or not all(parts):
        return None
    significant = max(len((p[1] + (p[2] or "")).strip("0")) for p in parts if p)
    if not 0 < significant <= 8:
        return None
    if any(p[3] for p in parts if p):
        least = 0.5 * 10.0 ** (1 - significant)
        return Short(_digits(significant, "significant digit"), least * np.abs(values), "relative", least)
    places = max(len(p[2] or "") for p in parts if p)
    least = 0.5 * 10.0**-places
    return Short(_digits(places, "decimal"), np.full(len(values), least), "absolute", least)


def _digits(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


_DECIMAL = re.compile(r"[+-]?(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?")
