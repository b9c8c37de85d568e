"""JSON: lists, objects, one object a line, the logs of transformers."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Iterator, Sequence
from typing import Any

from .names import IGNORED, are_counts, chosen, count_among
from .written import Row, count_in


def json_rows(path: pathlib.Path, text: str, column: str | None) -> Iterator[Row]:
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
            yield where, count_in(where, str(each[1])), str(each[2])
        else:
            yield where, None, str(each)


class _Written(str):
    """A number as it stands in the file."""


def _of_lists(path: pathlib.Path, found: dict[str, Any], column: str | None) -> list[dict[str, Any]]:
    lists = {name: each for name, each in found.items() if isinstance(each, list)}
    if not lists:
        raise ValueError(f"{path}: must be a list of values, got dict of {', '.join(found) or 'nothing'}")
    at = count_among(list(lists))
    name = chosen(path, [each for each in lists if each != at and not IGNORED.fullmatch(each)], column)
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
    at = count_among(names)
    others = [name for name in names if name != at and not IGNORED.fullmatch(name)]
    value = chosen(path, others, column)
    for name in others if at is None else ():
        if name != value and are_counts([str(each[name]) for each in objects if name in each]):
            raise ValueError(
                f"{path}: must say what counts, got {', '.join(names)}: {name!r} looks like it. Call it step"
            )
    for k, each in enumerate(objects):
        where = f"{path}: value {k}"
        if each.get(value) is not None:
            yield where, None if at is None else count_in(where, str(each.get(at))), str(each[value])
