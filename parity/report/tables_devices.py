"""The tables of what `parity devices` finds, for the forms of the report that share them."""

from __future__ import annotations

import collections
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from ..devices.findings import Finding, instructions, outcome, outcome_and_size, verdict
from ..devices.table import Table as Found
from .document import Code, Strong, Table, Text, table
from .facts import not_passed_first

_OPTAX = "Optax's "
_Group: TypeAlias = tuple[str, list[Mapping[str, Finding]]]


def by_class(found: Found) -> Table:
    """One row for each class of schedules: its name, and what came of all of it on each target."""
    return table(("schedules", *found.targets), _together(found, _classes(found)))


def optax_by_function(found: Found) -> Table:
    """One row for each of Optax's functions."""
    return table(("schedules", *found.targets), _together(found, _functions(found)))


def each_schedule(found: Found) -> Table:
    """One row for each schedule, what failed first."""
    rows = [(Code(row.name), row.findings, not row.accepted) for row in not_passed_first(found.rows)]
    return _each(found, "schedule", rows)


def each_of_optax(found: Found) -> Table:
    """One row for each case that Optax has an equal of."""
    rows = [
        ((Code(row.name), ": ", Code(row.optax)), row.optax_findings, False)
        for row in found.rows
        if row.optax is not None
    ]
    return _each(found, "case, and Optax's function", rows)


def _each(found: Found, what: str, rows: Iterable[tuple[Text, Mapping[str, Finding], bool]]) -> Table:
    columns = [what, *(column for target in found.targets for column in (target, "instructions"))]
    lines = []
    for name, findings, failed in rows:
        line = [name]
        for target in found.targets:
            says, wrong = outcome(findings[target]), failed and not findings[target].same
            line += [Strong(says) if wrong else says, instructions(findings[target])]
        lines.append(line)
    return table(columns, lines)


# For a terminal

SHOWN = 40
"""So many schedules have a line of their own; of more, each class has one."""


def short(found: Found) -> Table:
    """A row for each schedule with Optax's beside it, or for each class; of plain text."""
    if len(found.rows) > SHOWN:
        groups = [*_classes(found), *_functions(found)]
        return table(("schedule", *found.targets), _together(found, groups))
    return table(("schedule", *found.targets), _short_rows(found))


def _short_rows(found: Found) -> Iterator[tuple[str, ...]]:
    for row in found.rows:
        yield (row.name, *_cells(found, row.findings))
        if row.optax is not None:
            yield (f"  {_OPTAX}{row.optax}", *_cells(found, row.optax_findings))


def _cells(found: Found, findings: Mapping[str, Finding]) -> Iterator[str]:
    return (outcome_and_size(findings[target]) for target in found.targets)


def left_out(found: Found) -> Iterator[str]:
    """What was not compared, and why; where the rows of `short` do not say it."""
    if len(found.rows) <= SHOWN:
        return
    for name, findings in (*_classes(found), *_functions(found)):
        for target in found.targets:
            reasons = collections.Counter(
                verdict(each[target]) for each in findings if not each[target].compared
            )
            for reason, times in reasons.items():
                yield f"{name}, {times} on {target}: {reason}"


# Several schedules in one row


def _classes(found: Found) -> Iterable[_Group]:
    """Each class, with what came of its schedules."""
    return _grouped((row.scheduler, row.findings) for row in found.rows)


def _functions(found: Found) -> Iterable[_Group]:
    """Each function of Optax's, with what came of its cases."""
    return _grouped(
        (f"{_OPTAX}{row.optax}", row.optax_findings) for row in found.rows if row.optax is not None
    )


def _grouped(named: Iterable[tuple[str, Mapping[str, Finding]]]) -> Iterable[_Group]:
    groups: dict[str, list[Mapping[str, Finding]]] = {}
    for name, findings in named:
        groups.setdefault(name, []).append(findings)
    return groups.items()


def _together(found: Found, groups: Iterable[_Group]) -> Iterator[tuple[str, ...]]:
    for name, findings in groups:
        cells = (_added_up([each[target] for each in findings]) for target in found.targets)
        yield (f"{name} ({len(findings)})", *cells)


def _added_up(findings: Sequence[Finding]) -> str:
    """Several findings of one target."""
    same, differ = sum(each.same for each in findings), sum(each.differing > 0 for each in findings)
    not_compared = len(findings) - same - differ
    undecided = sum(each.undecided for each in findings)
    says = ("same bits" if same == len(findings) else f"{same} same bits") if same else ""
    says += f" but at {undecided:,} {findings[0].place}s" if undecided else ""
    parts = [
        says,
        f"{differ} differ" if differ else "",
        f"{not_compared} not compared" if not_compared else "",
    ]
    text = ", ".join(filter(None, parts))
    sizes = [each.instructions for each in findings if each.instructions is not None]
    if not sizes:
        return text
    least, most = min(sizes), max(sizes)
    size = f"{least:,}" if least == most else f"{least:,}–{most:,}"
    return f"{text} ({size} instructions)"
