"""What a file has of a learning rate: its values, at which counts, and with how many digits."""

from __future__ import annotations

import pathlib
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from .._numerics import Values
from .csv_files import csv_rows
from .event_files import event_rows
from .json_files import json_rows
from .written import Row, number_in

LARGEST = 1 << 30
"""Bytes of a file; a trajectory of ten million values has a fifth of it."""


class Logged(NamedTuple):
    """What a file has of a learning rate."""

    counts: np.ndarray
    """Int64, ascending: 0, 1, … where the file tells none."""
    values: Values
    slack: Values
    """How far what was logged may be from each, by the digits that the log kept; 0 where it kept all."""
    digits: str | None
    """How many these are, in words; None for all."""


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
    object of lists; TensorBoard's triples; the ``trainer_state.json`` of transformers. Event files of
    TensorBoard. Values are decimal, or hexadecimal as ``float.hex`` writes them.

    Args:
      path: the file.
      column: the name of the value, where there are several.

    Raises:
      ValueError: the file and line where something else stands.
      OSError: the file cannot be read.
    """
    if path.stat().st_size > LARGEST:
        raise ValueError(f"{path}: must be a trajectory of at most {LARGEST:,} bytes")
    if "tfevents" in path.name:
        return _logged(path, event_rows(path, column))
    try:
        text = path.read_text(encoding="utf-8-sig")  # Excel writes a mark before it
    except UnicodeDecodeError as reason:
        raise ValueError(f"{path}: must be text in UTF-8: {reason}") from reason
    kind = path.suffix.lower()
    rows = json_rows(path, text, column) if kind in (".json", ".jsonl") else csv_rows(path, text, column)
    return _logged(path, rows)


def _logged(path: pathlib.Path, rows: Iterable[Row]) -> Logged:
    counts: list[int] = []
    texts: list[str] = []
    values: list[float] = []
    for where, count, text in rows:
        count = len(counts) if count is None else count
        if count < 0 or (counts and count <= counts[-1]):
            before = f" after {counts[-1]}" if counts else ""
            raise ValueError(f"{where}: counts must be 0, 1, 2, …, or ascend from 0, got {count}{before}")
        counts.append(count)
        texts.append(text)
        values.append(number_in(where, text))
    numbers = np.array(values, np.float64)
    slack, digits = _slack(texts, numbers)
    return Logged(np.array(counts, np.int64), numbers, slack, digits)


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


_DECIMAL = re.compile(r"[+-]?(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?")
