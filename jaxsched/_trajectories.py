"""Trajectories out of files: what another program, or another machine, has computed or logged."""

from __future__ import annotations

import csv
import io
import json
import math
import pathlib
import re
import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from ._numerics import Values

LARGEST = 1 << 30
"""Bytes of a file; a trajectory of ten million values has a fifth of it."""

_STEPS = frozenset({"step", "_step", "global_step", "count", "iteration", "iter", "trainer/global_step", "k"})
_RATES = ("lr", "learning_rate", "learning rate", "value")
_IGNORED = re.compile(
    r"(^|.*[_ /])(wall.?time|time|timestamp|_runtime|_timestamp|relative time)$|.*__(min|max)$", re.I
)


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
    write them. JSON: a list of values; a list of objects; an object of lists; TensorBoard's triples; the
    ``trainer_state.json`` of transformers. Event files of TensorBoard. Values are decimal, or hexadecimal as
    ``float.hex`` writes them.

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
        return _logged(path, _events(path, column))
    try:
        text = path.read_text(encoding="utf-8-sig")  # Excel writes a mark before it
    except UnicodeDecodeError as reason:
        raise ValueError(f"{path}: must be text in UTF-8: {reason}") from reason
    rows = _json(path, text, column) if path.suffix == ".json" else _csv(path, text, column)
    return _logged(path, rows)


Row = tuple[str, int | None, str]
"""Where it stands, the count if there is one, and the value as it is written."""


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
        values.append(_number(where, text))
    numbers = np.array(values, np.float64)
    slack, digits = _slack(texts, numbers)
    return Logged(np.array(counts, np.int64), numbers, slack, digits)


def _slack(texts: Sequence[str], values: Values) -> tuple[Values, str | None]:
    """Half a unit of the last digit that was written.

    A log that keeps fewer digits than a float32 has keeps the same for all: as many significant ones, or as
    many behind the point. Of so few as four there is no telling whether it is the number itself.
    """
    parts = [_DECIMAL.fullmatch(text.strip()) for text in texts]
    if not texts or not all(parts):
        return np.zeros(len(values)), None
    significant = max(len((p[1] + (p[2] or "")).lstrip("0")) for p in parts if p)
    if not 4 <= significant <= 8:
        return np.zeros(len(values)), None
    rounding = 2.0**-23 * np.abs(values)  # the two are compared as float32
    behind = {len(p[2] or "") for p in parts if p}
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


# CSV ------------------------------------------------------------------------------------


def _csv(path: pathlib.Path, text: str, column: str | None) -> Iterator[Row]:
    try:
        lines = list(csv.reader(io.StringIO(text, newline="")))
    except csv.Error as reason:
        raise ValueError(f"{path}: must be CSV: {reason}") from reason
    heading = None
    for number, line in enumerate(lines, start=1):
        cells = [cell.strip() for cell in line]
        where = f"{path}, line {number}"
        if not any(cells):
            continue
        if number == 1 and not _is_number(cells[-1]):
            heading = _columns(path, cells, column) if len(cells) > 1 or column else None
            continue
        if heading is not None:
            at, value = heading
            if max(at or 0, value) >= len(cells):
                raise ValueError(
                    f"{where}: must have {max(at or 0, value) + 1} cells, got {','.join(line)!r}"
                )
            if not cells[value]:
                continue  # of another quantity
            yield where, None if at is None else _count(where, cells[at]), cells[value]
        elif len(cells) > 2:
            raise ValueError(f"{where}: must be a value, or count,value, got {','.join(line)!r}")
        else:
            yield where, _count(where, cells[0]) if len(cells) == 2 else None, cells[-1]


def _columns(path: pathlib.Path, names: Sequence[str], column: str | None) -> tuple[int | None, int]:
    """Which columns have the count and the value."""
    at = next((i for i, name in enumerate(names) if name.lower() in _STEPS), None)
    others = [name for i, name in enumerate(names) if i != at and not _IGNORED.fullmatch(name)]
    return at, names.index(_chosen(path, others, column))


def _chosen(path: pathlib.Path, names: Sequence[str], column: str | None) -> str:
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


# JSON -----------------------------------------------------------------------------------


def _json(path: pathlib.Path, text: str, column: str | None) -> Iterator[Row]:
    try:
        found = json.loads(text, parse_float=_Written, parse_int=_Written)
    except (json.JSONDecodeError, RecursionError) as reason:
        said = "nested too deeply" if isinstance(reason, RecursionError) else reason
        raise ValueError(f"{path}: must be JSON: {said}") from reason
    if isinstance(found, dict) and isinstance(found.get("log_history"), list):  # transformers
        found = found["log_history"]
    if isinstance(found, dict):
        found = _of_lists(path, found, column)
    if not isinstance(found, list):
        raise ValueError(f"{path}: must be a list of values, got {type(found).__name__}")
    if any(isinstance(each, dict) for each in found):
        yield from _of_objects(path, found, column)
        return
    for k, each in enumerate(found):
        where = f"{path}: value {k}"
        if isinstance(each, list):
            if len(each) != 3:
                raise ValueError(f"{where}: must be a number, or [wall time, step, value], got {each!r:.60}")
            yield where, _count(where, str(each[1])), str(each[2])
        else:
            yield where, None, str(each)


class _Written(str):
    """A number as it stands in the file."""


def _of_lists(path: pathlib.Path, found: dict[str, Any], column: str | None) -> list[dict[str, Any]]:
    lists = {name: each for name, each in found.items() if isinstance(each, list)}
    if not lists:
        raise ValueError(f"{path}: must be a list of values, got dict of {', '.join(found) or 'nothing'}")
    at = next((name for name in lists if name.lower() in _STEPS), None)
    name = _chosen(path, [each for each in lists if each != at and not _IGNORED.fullmatch(each)], column)
    if at is not None and len(lists[at]) != len(lists[name]):
        raise ValueError(
            f"{path}: {at} and {name} must be as long, got {len(lists[at])} and {len(lists[name])}"
        )
    if at is None:
        return [{name: each} for each in lists[name]]
    return [{at: count, name: each} for count, each in zip(lists[at], lists[name], strict=True)]


def _of_objects(path: pathlib.Path, found: Sequence[Any], column: str | None) -> Iterator[Row]:
    objects = [each if isinstance(each, dict) else {} for each in found]
    names = list(dict.fromkeys(name for each in objects for name in each))
    at = next((name for name in names if name.lower() in _STEPS), None)
    others = [name for name in names if name != at and not _IGNORED.fullmatch(name)]
    value = _chosen(path, others, column)
    for k, each in enumerate(objects):
        where = f"{path}: value {k}"
        if each.get(value) is not None:
            yield where, None if at is None else _count(where, str(each.get(at))), str(each[value])


# Event files ----------------------------------------------------------------------------


def _events(path: pathlib.Path, column: str | None) -> Iterator[Row]:
    """The scalars of one tag; TensorBoard's own format of records."""
    try:
        from tensorboardX.proto import event_pb2  # type: ignore[import-untyped]
    except ImportError as reason:
        raise ValueError(
            f"{path}: must be read with tensorboardX, which is not installed: pip install tensorboardX"
        ) from reason
    data, tags = path.read_bytes(), {}  # type: ignore[var-annotated]
    at = 0
    while at + 12 <= len(data):
        (size,) = struct.unpack_from("<Q", data, at)
        if at + 16 + size > len(data):
            break  # the last record of a run that was killed
        event = event_pb2.Event()
        try:
            event.ParseFromString(data[at + 12 : at + 12 + size])
        except Exception as reason:
            raise ValueError(
                f"{path}: must be an event file of TensorBoard, and is none at byte {at}"
            ) from reason
        at += 16 + size
        for value in event.summary.value:
            if value.HasField("simple_value"):
                number = float(np.float32(value.simple_value))
            elif value.HasField("tensor") and len(value.tensor.float_val) == 1:
                number = float(np.float32(value.tensor.float_val[0]))
            else:
                continue
            tags.setdefault(value.tag, []).append((event.step, number))
    name = _chosen(path, list(tags), column)
    for step, number in tags[name]:
        yield f"{path}: step {step}", int(step), float(number).hex()


# Numbers --------------------------------------------------------------------------------


def _count(where: str, text: str) -> int:
    try:
        count = float(text)
        if count != int(count):
            raise ValueError
    except (ValueError, OverflowError):
        raise ValueError(f"{where}: count must be a whole number, got {text!r:.60}") from None
    return int(count)


def _is_number(text: str) -> bool:
    try:
        _number("", text)
    except ValueError:
        return False
    return True


def _number(where: str, text: str) -> float:
    try:
        found = float.fromhex(text) if "0x" in text.lower() else float(text)
    except (ValueError, OverflowError):
        raise ValueError(f"{where}: must be a number, got {text!r:.60}") from None
    if math.isinf(found) and any(digit in text for digit in "123456789"):
        raise ValueError(f"{where}: must be a number that float64 holds, got {text!r:.60}")
    return found
