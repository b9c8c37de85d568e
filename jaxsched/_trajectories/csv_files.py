"""CSV: one value a line, or columns under a heading."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from .names import NOTHING, Wanted, are_counts, chosen, count_among, some
from .written import Row, count_in, is_number


def csv_rows(wanted: Wanted, text: str) -> Iterator[Row]:
    path, column = wanted.path, wanted.column
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
        if number == 1 and not is_number(cells[-1]):
            if len(cells) == 1 and cells[0].lower() in NOTHING:
                raise ValueError(f"{where}: must be a number, or a heading, got {cells[0]!r}")
            heading = _columns(wanted, cells, table[1:])
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
            yield where, None if at is None else count_in(where, cells[at]), cells[value]
        elif len(cells) > 2:
            raise ValueError(f"{where}: must be a value, or count,value, got {','.join(line)!r}")
        else:
            yield where, count_in(where, cells[0]) if len(cells) == 2 else None, cells[-1]


def _columns(wanted: Wanted, names: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[int | None, int]:
    """Which columns have the count and the value."""
    counted = count_among(names)
    at = None if counted is None else names.index(counted)
    value = names.index(chosen(wanted, names, counted))
    if at is None:
        for i, name in enumerate(names):
            cells = [row[i] for row in rows if len(row) > i and row[i]]
            if i != value and are_counts(cells):
                raise ValueError(
                    f"{wanted.path}: must say which column counts, got {some(names)}: {name!r} looks like "
                    "it. Call it step"
                )
    return at, value
