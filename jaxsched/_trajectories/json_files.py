"""JSON: lists, objects, one object a line, the logs of transformers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from .names import IGNORED, Wanted, are_counts, chosen, count_among, some
from .written import Row, count_in


def json_rows(wanted: Wanted, text: str) -> Iterator[Row]:
    path = wanted.path
    found = _read(wanted, text)
    if isinstance(found, dict) and isinstance(found.get("log_history"), list):  # transformers
        found = found["log_history"]
    if isinstance(found, dict):
        found = _of_lists(wanted, _flat(found))
    if not isinstance(found, list):
        came = f"the number {found}" if isinstance(found, _Written) else type(found).__name__
        raise ValueError(f"{path}: must be a list of values, got {came}")
    if any(isinstance(each, dict) for each in found):
        yield from _of_objects(wanted, found)
        return
    if wanted.column is not None:
        raise ValueError(f"{path}: must have {wanted.column!r}, got a list of values without names")
    for k, each in enumerate(found):
        where = f"{path}: value {k}"
        if isinstance(each, list):
            if len(each) not in (2, 3):
                raise ValueError(
                    f"{where}: must be a number, [count, value], or [wall time, step, value], "
                    f"got {each!r:.60}"
                )
            yield where, count_in(where, str(each[-2])), str(each[-1])
        else:
            yield where, None, str(each)


class _Written(str):
    """A number as it stands in the file."""


def _parsed(text: str) -> Any:
    return json.loads(text, parse_float=_Written, parse_int=_Written)


def _read(wanted: Wanted, text: str) -> Any:
    """What the file has: one thing, or a list of those that stand one a line."""
    lines = [(number, line) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    try:
        if len(lines) > 1 and _is_whole(lines[0][1]):
            return [_of_line(wanted, number, line, number == lines[-1][0]) for number, line in lines]
        return _parsed(text)
    except (json.JSONDecodeError, RecursionError) as reason:
        said = "nested too deeply" if isinstance(reason, RecursionError) else reason
        raise ValueError(f"{wanted.path}: must be JSON: {said}") from reason


def _is_whole(line: str) -> bool:
    """Whether a line is JSON by itself, as the first of a file is only where each is."""
    try:
        _parsed(line)
    except (json.JSONDecodeError, RecursionError):
        return False
    return True


def _of_line(wanted: Wanted, number: int, line: str, last: bool) -> Any:
    try:
        return _parsed(line)
    except json.JSONDecodeError as reason:
        cut = ": it is cut off, as when a run is killed; delete the line" if last else f": {reason.msg}"
        raise ValueError(
            f"{wanted.path}, line {number}: must be JSON by itself, got {line!r:.60}{cut}"
        ) from reason


def _flat(found: dict[str, Any], deep: int = 8) -> dict[str, Any]:
    """Nested objects as one, with points in the names: ``optim.lr``; no deeper than anybody logs."""
    flat: dict[str, Any] = {}
    for name, each in found.items():
        if isinstance(each, dict) and deep:
            flat |= {f"{name}.{inner}": value for inner, value in _flat(each, deep - 1).items()}
        else:
            flat[name] = each
    return flat


def _of_lists(wanted: Wanted, found: dict[str, Any]) -> list[dict[str, Any]]:
    lists = {name: each for name, each in found.items() if isinstance(each, list)}
    if not lists:
        raise ValueError(
            f"{wanted.path}: must be a list of values, got dict of {some(list(found)) or 'nothing'}"
        )
    at = count_among(list(lists))
    name = chosen(wanted, list(lists), at)
    if at is not None and len(lists[at]) != len(lists[name]):
        raise ValueError(
            f"{wanted.path}: {at} and {name} must be as long, got {len(lists[at])} and {len(lists[name])}"
        )
    if at is None:
        return [{name: each} for each in lists[name]]
    return [{at: count, name: each} for count, each in zip(lists[at], lists[name], strict=True)]


def _of_objects(wanted: Wanted, found: Sequence[Any]) -> Iterator[Row]:
    objects = [_flat(each) if isinstance(each, dict) else {} for each in found]
    names = list(dict.fromkeys(name for each in objects for name in each))
    at = count_among(names)
    value = chosen(wanted, names, at)
    for name in names if at is None else ():
        if name == value or IGNORED.fullmatch(name):
            continue
        if are_counts([str(each[name]) for each in objects if name in each]):
            raise ValueError(
                f"{wanted.path}: must say what counts, got {some(names)}: {name!r} looks like it. "
                "Call it step"
            )
    for k, each in enumerate(objects):
        where = f"{wanted.path}: value {k}"
        if each.get(value) is not None:
            yield where, None if at is None else count_in(where, str(each.get(at))), str(each[value])
