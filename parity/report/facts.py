"""What a report says of a run, before it has words."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeAlias

from ..cases import BaseSpec
from ..causes import WHERE
from ..comparison import Comparison
from ..devices.findings import Finding
from ..devices.table import Row
from ..reference.events import Event
from ..results import CaseResult, Run
from ..training import TrainingResult

Judged: TypeAlias = CaseResult | TrainingResult | Row
"""What has a verdict of its own."""


def worst_first(results: Iterable[CaseResult]) -> list[CaseResult]:
    """What failed, then the rest; each by the distance to PyTorch, and what has one cause together."""
    found = sorted(results, key=lambda result: (result.passed, -furthest(result.comparison)))
    failed = [result for result in found if not result.passed]
    return [result for group in by_cause(failed) for result in group] + found[len(failed) :]


def by_cause(failed: Iterable[CaseResult]) -> list[list[CaseResult]]:
    """Those of one cause together, at whatever count; where none is named each stands alone."""
    groups: dict[str, list[CaseResult]] = {}
    for result in failed:
        cause = result.comparison.cause or WHERE
        kind = result.case.name if cause.startswith(WHERE) else re.sub(r"count \d+", "count", cause)
        groups.setdefault(kind, []).append(result)
    return list(groups.values())


def furthest(found: Comparison) -> float:
    """The greatest distance in ULP; infinite where nothing was compared."""
    return found.max_ulp if found.steps else math.inf


def worst_twins_first(results: Iterable[TrainingResult]) -> list[TrainingResult]:
    """What parted, then the rest; each by how far apart the weights are."""
    return sorted(results, key=lambda result: (result.passed, -result.worst))


class InMode(NamedTuple):
    """What came of calling schedules in one way."""

    mode: str
    schedules: int
    with_other_bits: int


def modes(run: Run) -> list[InMode]:
    """In which ways schedules were called besides the one that was compared."""
    found = []
    for mode in dict.fromkeys(mode for result in run.results for mode in result.modes):
        differing = [result.modes[mode] for result in run.results if mode in result.modes]
        found.append(InMode(mode, len(differing), sum(n > 0 for n in differing)))
    return found


def arguments(run: Run) -> dict[str, dict[str, int]]:
    """By class, and then by argument, with how many values it was given; nested ones too. Both sorted."""
    seen: dict[str, dict[str, set[str]]] = {}

    def see(spec: BaseSpec) -> None:
        mine = seen.setdefault(spec.scheduler, {})
        for name, value in spec.arguments.items():
            mine.setdefault(name, set()).add(repr(value))
        for member in spec.members():
            see(member)

    for result in run.results:
        if result.case.setup is not None:
            see(result.case.setup.spec)
    return {
        scheduler: {name: len(values) for name, values in sorted(mine.items())}
        for scheduler, mine in sorted(seen.items())
    }


def turns(events: Sequence[Event]) -> list[Event]:
    """Without the first count, which every trajectory has."""
    return [event for event in events if event.count > 0]


# Devices


def refused_rows(run: Run) -> tuple[Row, ...]:
    """What the run does not pass with on devices."""
    return () if run.devices is None else run.devices.refused


def not_passed_first(rows: Iterable[Row]) -> list[Row]:
    """What failed, what else the run does not pass with, then the rest, in the order of the cases."""
    return sorted(rows, key=lambda row: (not row.failed, row.accepted, row.passed))


def refused_on(row: Row) -> dict[str, Finding]:
    """The findings for which the run does not pass, by target."""
    return {
        target: finding
        for target, finding in row.findings.items()
        if finding.differing or ((row.strict or row.brought) and not finding.same)
    }


def left_out(judged: Judged) -> bool:
    """Whether a target is left on which nothing of it was compared, and which is no failure."""
    return isinstance(judged, Row) and not judged.passed and not judged.failed
