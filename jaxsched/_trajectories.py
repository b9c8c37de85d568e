"""Trajectories out of files: what another program, or another machine, has computed or logged."""

from __future__ import annotations

import csv
import io
import itertools
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

_STEPS = ("step", "global_step", "count", "iteration", "iter", "update", "k", "epoch")
"""Names of what is counted, or the last part of one, in the plural too; the first that is there is taken."""

LAST = 2**31 - 1
"""The largest count; JAX's are int32."""

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
        return _logged(path, _events(path, column))
    try:
        text = path.read_text(encoding="utf-8-sig")  # Excel writes a mark before it
    except UnicodeDecodeError as reason:
        raise ValueError(f"{path}: must be text in UTF-8: {reason}") from reason
    kind = path.suffix.lower()
    rows = _json(path, text, column) if kind in (".json", ".jsonl") else _csv(path, text, column)
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


# CSV ------------------------------------------------------------------------------------


def _csv(path: pathlib.Path, text: str, column: str | None) -> Iterator[Row]:
    try:
        first = next((line for line in text.splitlines() if line.strip()), "")
        between = next((sign for sign in ",;\t" if sign in first), ",")
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=between))
    except csv.Error as reason:
        raise ValueError(f"{path}: must be CSV: {reason}") from reason
    heading = None
    table = [[cell.strip() for cell in line] for line in lines]
    for number, (line, cells) in enumerate(zip(lines, table, strict=True), start=1):
        where = f"{path}, line {number}"
        if not any(cells):
            continue
        if number == 1 and not _is_number(cells[-1]):
            if len(cells) == 1 and cells[0].lower() in _NOTHING:
                raise ValueError(f"{where}: must be a number, or a heading, got {cells[0]!r}")
            heading = _columns(path, cells, column, table[1:]) if len(cells) > 1 or column else None
            continue
        if column is not None and heading is None:
            raise ValueError(
                f"{path}: must have a heading for {column!r} to be found, got {','.join(line)!r}"
            )
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


def _columns(
    path: pathlib.Path, names: Sequence[str], column: str | None, rows: Sequence[Sequence[str]]
) -> tuple[int | None, int]:
    """Which columns have the count and the value."""
    counted = _counted(names)
    at = None if counted is None else names.index(counted)
    others = [name for i, name in enumerate(names) if i != at and not _IGNORED.fullmatch(name)]
    value = names.index(_chosen(path, others, column))
    if at is None:
        for i, name in enumerate(names):
            cells = [row[i] for row in rows if len(row) > i and row[i]]
            if i != value and _are_counts(cells):
                raise ValueError(
                    f"{path}: must say which column counts, got {', '.join(names)}: {name!r} looks like it. "
                    "Call it step"
                )
    return at, value


def _counted(names: Sequence[str]) -> str | None:
    """The name of the count, if one is among them."""
    for wanted in _STEPS:
        for name in names:
            last = re.split(r"[/ .-]", name.lower())[-1].strip("_")
            if last in (wanted, f"{wanted}s"):
                return name
    return None


def _are_counts(cells: Sequence[str]) -> bool:
    """Whether they ascend in whole numbers, and not by one from 0 on, which goes without saying."""
    if len(cells) < 2 or not all(re.fullmatch(r"\d+(\.0*)?", cell) for cell in cells):
        return False
    counts = [float(cell) for cell in cells]
    return all(a < b for a, b in itertools.pairwise(counts)) and counts != [*range(len(counts))]


_NOTHING = frozenset({"n/a", "na", "-", "null", "none", "?"})


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
    def parsed(text: str) -> Any:
        return json.loads(text, parse_float=_Written, parse_int=_Written)

    lines = [line for line in text.splitlines() if line.strip()]
    try:
        one_a_line = len(lines) > 1 and all(
            line.strip()[:1] == "{" and line.strip()[-1:] == "}" for line in lines
        )
        found = list(map(parsed, lines)) if one_a_line else parsed(text)
    except (json.JSONDecodeError, RecursionError) as reason:
        said = "nested too deeply" if isinstance(reason, RecursionError) else reason
        raise ValueError(f"{path}: must be JSON: {said}") from reason
    if isinstance(found, dict) and isinstance(found.get("log_history"), list):  # transformers
        found = found["log_history"]
    if isinstance(found, dict):
        found = _of_lists(path, found, column)
    if not isinstance(found, list):
        came = f"the number {found}" if isinstance(found, _Written) else type(found).__name__
        raise ValueError(f"{path}: must be a list of values, got {came}")
    if any(isinstance(each, dict) for each in found):
        yield from _of_objects(path, found, column)
        return
    if column is not None:
        raise ValueError(f"{path}: must have {column!r}, got a list of values without names")
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
    at = _counted(list(lists))
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
    at = _counted(names)
    others = [name for name in names if name != at and not _IGNORED.fullmatch(name)]
    value = _chosen(path, others, column)
    for name in others if at is None else ():
        if name != value and _are_counts([str(each[name]) for each in objects if name in each]):
            raise ValueError(
                f"{path}: must say what counts, got {', '.join(names)}: {name!r} looks like it. Call it step"
            )
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
            elif value.HasField("tensor"):
                found = _scalar(value.tensor)
                if found is None:
                    continue
                number = found
            else:
                continue
            tags.setdefault(value.tag, []).append((event.step, number))
    name = _chosen(path, list(tags), column)
    for step, number in tags[name]:
        yield f"{path}: step {step}", int(step), float(number).hex()


_CONTENTS = {1: "<f4", 2: "<f8", 19: "<f2"}
"""The float types of TensorFlow by their number in its files."""


def _scalar(tensor: Any) -> float | None:
    """A tensor of one number; None where it is something else."""
    for listed, kind in ((tensor.float_val, np.float32), (tensor.double_val, np.float64)):
        if len(listed) == 1:
            return float(kind(listed[0]))
    dtype = _CONTENTS.get(tensor.dtype)
    if dtype is None or len(tensor.tensor_content) != np.dtype(dtype).itemsize:
        return None
    return float(np.frombuffer(tensor.tensor_content, dtype)[0])


# Numbers --------------------------------------------------------------------------------


def _count(where: str, text: str) -> int:
    try:
        count = float(text)
        if count != int(count):
            raise ValueError
    except (ValueError, OverflowError):
        raise ValueError(f"{where}: count must be a whole number, got {text!r:.60}") from None
    if count > LAST:
        raise ValueError(f"{where}: count must be at most {LAST:,}, got {text!r:.60}")
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
