"""Trajectories out of files: what another program, or another machine, has computed."""

from __future__ import annotations

import json
import pathlib

import numpy as np

from ._numerics import Values


def read(path: pathlib.Path) -> Values:
    """The values at count 0, 1, … from a file.

    CSV: one value a line, or ``count,value``; a first line of words is a heading. JSON: a list
    of values. Values are decimal, or hexadecimal as ``float.hex`` writes them.

    Raises:
      ValueError: the file and line where something else stands.
      OSError: the file cannot be read.
    """
    text = path.read_text(encoding="utf-8-sig")  # Excel writes a mark before it
    if path.suffix == ".json":
        try:
            found = json.loads(text)
        except json.JSONDecodeError as reason:
            raise ValueError(f"{path}: must be JSON: {reason}") from reason
        if not isinstance(found, list):
            raise ValueError(f"{path}: must be a list of values, got {type(found).__name__}")
        return np.array([_number(f"{path}: value {k}", str(x)) for k, x in enumerate(found)], np.float64)
    values: list[float] = []
    for number, line in enumerate(text.splitlines(), start=1):
        cells = [cell.strip() for cell in line.split(",")]
        if not line.strip() or (number == 1 and not _is_number(cells[-1])):
            continue
        where = f"{path}, line {number}"
        if len(cells) > 2:
            raise ValueError(f"{where}: must be a value, or count,value, got {line!r}")
        if len(cells) == 2 and cells[0] != str(len(values)):
            raise ValueError(f"{where}: counts must be 0, 1, 2, …, got {cells[0]} for {len(values)}")
        values.append(_number(where, cells[-1]))
    return np.array(values, np.float64)


def _is_number(text: str) -> bool:
    try:
        _number("", text)
    except ValueError:
        return False
    return True


def _number(where: str, text: str) -> float:
    try:
        return float.fromhex(text) if "0x" in text else float(text)
    except ValueError:
        raise ValueError(f"{where}: must be a number, got {text!r}") from None
