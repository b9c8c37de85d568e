"""What stands on the page: facts with their words, and no HTML."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping

from ...devices.findings import Finding, outcome as outcome_of
from ...devices.table import Table as Devices
from ...results import CaseResult, Run
from .. import facts, tables, tables_devices, wording, wording_devices
from ..document import Code, Section, Span, Table, Text, marked, table
from . import cells, items


@dataclasses.dataclass(frozen=True)
class Figure:
    """What matters most, large."""

    name: str
    value: str
    unit: str


@dataclasses.dataclass(frozen=True)
class Part:
    """A section, and what the page shows besides its table."""

    section: Section
    twins: tuple[items.Item, ...] = ()
    tables: tuple[Table, ...] = ()
    folded: tuple[tuple[str, Table], ...] = ()
    """Titles, and what is seen once they are opened."""

    @property
    def id(self) -> str:
        """What a link to it names."""
        return self.section.title.lower().replace(" ", "-")


@dataclasses.dataclass(frozen=True)
class Page:
    title: str
    verdict: str
    passed: bool
    provenance: str
    outdated: tuple[Text, ...]
    figures: tuple[Figure, ...]
    by_scheduler: Table
    schedulers: tuple[str, ...]
    cases: tuple[items.Item, ...]
    parts: tuple[Part, ...]
    environment: Table

    @property
    def verdict_class(self) -> str:
        return wording.verdict(self.passed)


def page(run: Run) -> Page:
    """The run as it stands on the page."""
    cases = tuple(map(items.case, facts.worst_first(run.results)))
    if cases and not cases[0].passed:
        # The worst failure is open: where the two part, and why, is seen at once.
        cases = (dataclasses.replace(cases[0], opened=True), *cases[1:])
    return Page(
        title=wording.title(run),
        verdict=run.verdict,
        passed=run.passed,
        provenance=_provenance(run),
        outdated=tuple(map(marked, wording.broken(run))),
        figures=tuple(_figures(run)),
        by_scheduler=_by_scheduler(run),
        schedulers=tuple(tally.scheduler for tally in run.by_scheduler()),
        cases=cases,
        parts=tuple(part for part in _parts(run) if part.section.table.rows),
        environment=table(("what", "value"), [*wording.environment(run), ("time", _took(run))]),
    )


def _provenance(run: Run) -> str:
    date = run.environment["date"].replace("T", " ").replace("+00:00", " UTC")
    versions = wording.versions(run, ("jaxsched", "torch", "jax", "optax", "numpy"))
    return f"{versions}; {run.environment['device']}; {date}"


def _took(run: Run) -> str:
    torch = f"; PyTorch’s own loops {run.torch_seconds:.1f} s, of all processes" if run.torch_seconds else ""
    return f"{run.seconds:.1f} s{torch}"


def _figures(run: Run) -> Iterator[Figure]:
    results, training, devices = run.results, run.training, run.devices
    if results:
        furthest = max((result.comparison for result in results), key=facts.furthest)
        yield Figure("cases passed", f"{len(results) - len(run.failed):,}", f"of {len(results):,}")
        yield Figure("values identical to PyTorch’s", f"{run.identical:,}", f"of {run.steps:,}")
        yield Figure("correctly rounded, unlike PyTorch’s", f"{run.correctly_rounded:,}", "")
        apart = items.apart(furthest)
        size, _, unit = apart.partition(" ") if apart[0].isdigit() else (apart, "", "")
        yield Figure("greatest distance", size, unit)
    if training:
        together = len(training) - len(run.parted)
        yield Figure("twins that stay together", f"{together:,}", f"of {len(training):,}")
    if devices is not None:
        passed, whose = sum(row.passed for row in devices.rows), wording_devices.whose(devices)
        targets = ", ".join(devices.targets)
        yield Figure(f"schedules the same on {targets}", f"{passed:,}", f"of {len(devices.rows):,}")
        with_bits = f"values with {whose}".replace("'", "’")
        yield Figure(with_bits, f"{devices.same:,}", f"of {devices.compared:,}")


def _by_scheduler(run: Run) -> Table:
    return table(
        ("scheduler", "cases", "failed", "counts", "identical", "max ULP", "each case"),
        (
            (
                cells.link(tally.scheduler, scheduler=tally.scheduler),
                f"{tally.cases:,}",
                cells.FailedNumber(f"{tally.failed:,}") if tally.failed else "0",
                f"{tally.steps:,}",
                f"{tally.identical:,}",
                items.ulp(tally.max_ulp),
                cells.squares(result for result in run.results if result.case.scheduler == tally.scheduler),
            )
            for tally in run.by_scheduler()
        ),
    )


def _parts(run: Run) -> Iterator[Part]:
    """Those that may have rows, in their order."""
    optax = tables.beside_optax(_furthest_optax_first(run.results))
    yield Part(Section("Beside Optax", marked(wording.BESIDE_OPTAX), optax))
    twins = tuple(map(items.twins, facts.worst_twins_first(run.training)))
    yield Part(Section("Training", wording.training(run), tables.training(run.training)), twins=twins)
    yield Part(Section("Optimizers", marked(wording.OPTIMIZERS), tables.optimizers(run.optimizers)))
    if run.devices is not None:
        yield from _devices(run.devices)
    yield Part(Section("Deviations", wording.DEVIATIONS, tables.deviations(run.deviations)))
    yield Part(Section("Modes", wording.MODES, tables.modes(run)))
    yield Part(Section("Arguments", wording.ARGUMENTS, tables.arguments(run)))


def _furthest_optax_first(results: Iterable[CaseResult]) -> list[CaseResult]:
    return sorted(results, key=lambda result: -result.optax.max_ulp if result.optax else 0.0)


def _devices(found: Devices) -> Iterator[Part]:
    ours = [(row.name, row.findings, not row.accepted) for row in facts.not_passed_first(found.rows)]
    theirs = [
        (f"{row.optax} for {row.name}", row.optax_findings, False)
        for row in found.rows
        if row.optax is not None
    ]
    failed = _on_devices(found, [row for row in ours if row[2]], "Failed, or not compared")
    yield Part(
        Section("Devices", marked(wording_devices.lead(found)), tables_devices.by_class(found)),
        tables=(failed,) if failed.rows else (),
        folded=(("Every schedule", _on_devices(found, ours)),),
    )
    yield Part(
        Section("Optax on devices", marked(wording_devices.OPTAX), tables_devices.optax_by_function(found)),
        folded=(("Every case", _on_devices(found, theirs)),),
    )


def _on_devices(
    found: Devices, rows: Iterable[tuple[str, Mapping[str, Finding], bool]], caption: str = ""
) -> Table:
    return table(
        ("schedule", *found.targets),
        (
            (
                Code(name),
                *(_finding(findings[target], failed) for target in found.targets),
            )
            for name, findings, failed in rows
        ),
        caption,
    )


def _finding(found: Finding, failed: bool) -> tuple[Span, ...]:
    outcome = outcome_of(found)
    says = cells.Failed(outcome) if failed and not found.same else outcome
    if found.instructions is None:
        return (says,)
    return says, " ", cells.Small(f"{found.instructions:,} instructions")
