"""The words for what `parity devices` finds; each form of report lays them out."""

from __future__ import annotations

import collections
import os
import pathlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from ..devices.compare import Finding, Unknown
from ..devices.table import Row, Table

PACKAGES = ("libtpu", "jax-cuda12-plugin", "jax-cuda12-pjrt")
"""The compilers."""

LEAD = """\
Each schedule was compiled for each device, without one, and the compiled program was executed operation by
operation, each as IEEE 754 or the instruction set defines it. **Same bits**: at every count the program
gives the bits that `on_host` gives (a subnormal number counts as 0 on a TPU, which has none). For a
plateau, whose step is a function of a state and a metric, the CPU's own steps are the measure. Beside it,
how many instructions the program has."""

OPTAX = """\
Optax's own schedules, where they are an equal, compiled and executed in the same way, beside the program
that XLA makes of them for a CPU. What only the device knows, the last bit of its cosine, is not guessed:
nothing was compared there."""


def verdict(finding: Finding) -> str:
    """What came of it, without the program."""
    if finding.error is not None:
        return f"not compiled: {_first_line(finding.error)}"
    if finding.unknown:
        return "not replayed: " + "; ".join(map(_unknown, finding.unknown))
    if not finding.differing:
        return "same bits" if finding.compared else "nothing compared"
    return f"{finding.differing:,} of {finding.compared:,} {finding.place}s differ"


def where(finding: Finding) -> str:
    """The first difference; empty where there is none."""
    first = finding.first
    if first is None:
        return ""
    leaf = f" {first.leaf}," if first.leaf else ""
    at = f"{int(first.at):,}" if first.at == int(first.at) else repr(first.at)
    return f"first at {finding.place} {at}:{leaf} device {first.device}, host {first.host}"


def said(finding: Finding) -> str:
    """Both, in one line."""
    return ", ".join(filter(None, (verdict(finding), where(finding))))


def instructions(finding: Finding) -> str:
    return "–" if finding.instructions is None else f"{finding.instructions:,}"


def _unknown(unknown: Unknown) -> str:
    return ", ".join(
        filter(None, (unknown.operation, unknown.why, unknown.source and f"at {short(unknown.source)}"))
    )


def short(source: str) -> str:
    """A place in a file, without what leads to the packages or to the current folder."""
    inside = re.split(r"[\\/](?:site|dist)-packages[\\/]", source)[-1]
    return inside.removeprefix(f"{pathlib.Path.cwd()}{os.sep}")


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0]


def problem(row: Row) -> str | None:
    """Why the row fails, in one sentence; None when it passes."""
    if row.passed:
        return None
    return "; ".join(f"{target}: {said(finding)}" for target, finding in bad(row).items())


def facts(row: Row) -> str:
    """All that is known of it, in lines."""
    lines = [f"{target}: {cell(finding)}" for target, finding in row.findings.items()]
    lines += [
        f"Optax's {row.optax} on {target}: {cell(finding)}" for target, finding in row.optax_findings.items()
    ]
    return "\n".join(lines)


def bad(row: Row) -> dict[str, Finding]:
    """The findings for which it fails."""
    return {
        target: finding
        for target, finding in row.findings.items()
        if finding.differing or (row.strict and not finding.same)
    }


def summary(table: Table) -> str:
    """One line."""
    same = sum(f.compared - f.differing for row in table.rows for f in row.findings.values())
    failed = len(table.failed)
    text = (
        f"{', '.join(table.targets)}: {len(table.rows) - failed} schedules passed, {failed} failed; "
        f"{same:,} of {table.compared:,} values have the host's bits"
    )
    left_out = sum(f.compared == 0 for row in table.rows for f in row.findings.values())
    return f"{text}, {left_out} programs could not be executed" if left_out else text


def worst_first(rows: Iterable[Row]) -> list[Row]:
    """What failed, then the rest, in the order of the cases."""
    return sorted(rows, key=lambda row: row.passed)


# Optax ----------------------------------------------------------------------------------


class Beside(NamedTuple):
    """What came of one of Optax's functions on one target, all cases together."""

    same: int
    differ: int
    unknown: dict[str, int]
    """What was not replayed, in words, and of how many cases."""


def optax(table: Table) -> dict[str, dict[str, Beside]]:
    """By the name of Optax's function and of the target."""
    found: dict[str, dict[str, list[Finding]]] = {}
    for row in table.rows:
        for target, finding in row.optax_findings.items():
            found.setdefault(row.optax or "", {}).setdefault(target, []).append(finding)
    return {
        name: {target: _beside(findings) for target, findings in by_target.items()}
        for name, by_target in found.items()
    }


def _beside(findings: Sequence[Finding]) -> Beside:
    unknown = collections.Counter(verdict(finding) for finding in findings if not finding.compared)
    return Beside(
        sum(finding.same for finding in findings), sum(f.differing > 0 for f in findings), dict(unknown)
    )


# For a terminal -------------------------------------------------------------------------

SHOWN = 40
"""So many schedules have a line of their own; of more, each class has one."""


def terminal(table: Table) -> Iterator[tuple[str, ...]]:
    """The rows of a table, the first of which are its columns."""
    yield ("schedule", *table.targets)
    if len(table.rows) <= SHOWN:
        for row in table.rows:
            yield (row.name, *_cells(row.findings, table.targets))
            if row.optax is not None:
                yield (f"  Optax's {row.optax}", *_cells(row.optax_findings, table.targets))
        return
    for scheduler in dict.fromkeys(row.scheduler for row in table.rows):
        rows = [row for row in table.rows if row.scheduler == scheduler]
        cells = [_together([row.findings[target] for row in rows]) for target in table.targets]
        yield (f"{scheduler} ({len(rows)})", *cells)
    names = dict.fromkeys(row.optax for row in table.rows if row.optax is not None)
    for name in names:
        mine = [row.optax_findings for row in table.rows if row.optax == name]
        cells = [_together([findings[target] for findings in mine]) for target in table.targets]
        yield (f"Optax's {name} ({len(mine)})", *cells)


def _cells(findings: Mapping[str, Finding], targets: Sequence[str]) -> list[str]:
    return [cell(findings[target]) for target in targets]


def cell(finding: Finding) -> str:
    """All of a finding."""
    if finding.instructions is None or not finding.compared:
        return said(finding)
    return f"{said(finding)} ({finding.instructions:,} instructions)"


def _together(findings: Sequence[Finding]) -> str:
    """Several findings of one target."""
    found = _beside(findings)
    parts = [f"{found.differ} differ"] if found.differ else []
    parts += [f"{n} {words}" for words, n in found.unknown.items()]
    if found.same:
        parts.insert(0, "same bits" if found.same == len(findings) else f"{found.same} same bits")
    sizes = [finding.instructions for finding in findings if finding.instructions is not None]
    if sizes:
        range_ = f"{min(sizes):,}" if min(sizes) == max(sizes) else f"{min(sizes):,}–{max(sizes):,}"
        parts.append(f"({range_} instructions)")
    return ", ".join(parts).replace(", (", " (")
