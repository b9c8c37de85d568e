"""The report for the terminal, and the progress bar; plain text when it is not one."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from ..cases import BaseCase
from ..devices.table import Table as Devices
from ..results import CaseResult, Run
from ..training import Quantity
from . import facts, tables_devices, wording
from .facts import Judged

NARROW = 72
"""Columns, below which a terminal is shown less."""

SHOWN = 20
"""Failures shown in full; the rest is counted, and stands in the report."""


class _Bar:
    """How much is done, of all there is, with the time that is left."""

    def __init__(self, total: int, unit: str, console: Console) -> None:
        columns: tuple[ProgressColumn, ...] = (MofNCompleteColumn(), TextColumn(unit))
        if console.width >= NARROW:
            name = TextColumn("{task.description:28.28}", markup=False)
            columns = (name, BarColumn(), *columns, TimeRemainingColumn())
        self._progress = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._task = self._progress.add_task("", total=total)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *reason: object) -> None:
        self._progress.stop()

    def _advance(self, by: int, scheduler: str) -> None:
        self._progress.update(self._task, advance=by, description=scheduler)


class Bar(_Bar):
    """Counts that PyTorch has done."""

    def __init__(self, cases: Sequence[BaseCase], console: Console) -> None:
        super().__init__(sum(case.steps for case in cases), "steps", console)

    def __call__(self, case: BaseCase, steps: int) -> None:
        self._advance(steps, case.scheduler)


class Updates(_Bar):
    """Updates of one pair of twins that are done."""

    def __init__(self, number: int, console: Console) -> None:
        super().__init__(number, "updates", console)

    def __call__(self, updates: int) -> None:
        self._advance(updates, "twins")


class Schedules(_Bar):
    """Schedules that are done."""

    def __init__(self, number: int, console: Console) -> None:
        super().__init__(number, "schedules", console)

    def __call__(self, scheduler: str) -> None:
        self._advance(1, scheduler)


def show(run: Run, paths: Sequence[pathlib.Path], console: Console) -> None:
    """Prints the run: a table, what failed, where the reports are, and one last line."""
    if run.results:
        console.print(_by_scheduler(run, narrow=console.width < NARROW))
    _training(run, console)
    if run.devices is not None:
        _devices(run.devices, console)
    _failed(run.failed, paths, console)
    _refused(run.parted, len(run.parted), paths, console)
    _refused(facts.refused_rows(run), SHOWN, paths, console)
    for line in wording.broken(run):
        _line(console, f"FAILED {line}", "red")
    modes = {mode: result.modes for result in run.results for mode in result.modes}
    if modes:
        _line(console, f"modes: vmap, eager, {', '.join(modes)}")
    unseen = sum(bool(result.comparison.unseen) for result in run.results)
    if unseen:
        _line(console, f"{unseen} cases end before an event of their scheduler; the reports name them")
    versions = wording.versions(run, ("torch", "jax", "optax", "numpy", "python"))
    _line(console, f"{versions}; {run.environment['device']}")
    torch_seconds = f"; PyTorch's own loops took {run.torch_seconds:.0f} s of all processes' time"
    _line(console, f"{run.seconds:.0f} s{torch_seconds if run.torch_seconds else ''}")
    if run.deviations and not run.outdated:
        _line(console, f"deviations from PyTorch: {len(run.deviations)}, all as listed")
    if run.optimizers and not run.other_optimizers:
        _line(console, f"optimizers: {len(run.optimizers)}, optimizer_from_torch makes PyTorch's of each")
    _line(console, "wrote " + ", ".join(map(str, paths)))
    for line in wording.summaries(run):
        _line(console, line, "bold green" if run.passed else "bold red")


def _by_scheduler(run: Run, narrow: bool) -> Table:
    """A line for each; on a narrow terminal what matters of it."""
    table = Table(box=None, pad_edge=False)
    table.add_column("scheduler", overflow="fold")
    columns = ("failed", "max ULP") if narrow else ("cases", "failed", "steps", "identical", "max ULP")
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    for tally in run.by_scheduler():
        cells = {
            "cases": str(tally.cases),
            "failed": f"[bold red]{tally.failed}[/]" if tally.failed else "0",
            "steps": f"{tally.steps:,}",
            "identical": f"{tally.identical:,}",
            "max ULP": wording.ulp(tally.max_ulp),
        }
        table.add_row(escape(tally.scheduler), *(cells[column] for column in columns))
    return table


def _failed(results: Sequence[CaseResult], paths: Sequence[pathlib.Path], console: Console) -> None:
    """Of each cause the worst case in full, and the names of the others."""
    groups = facts.by_cause(facts.worst_first(results))
    for worst, *others in groups[:SHOWN]:
        _refused([worst], 1, paths, console)
        for other in others[:SHOWN]:
            _line(console, f"       the same: {other.case.name} ({other.comparison.distance})")
        if len(others) > SHOWN:
            _line(console, f"       the same: {len(others) - SHOWN} more, all in {paths[-1]}")
    if len(groups) > SHOWN:
        _line(console, f"... and {len(groups) - SHOWN} more causes, all in {paths[-1]}", "red")


def _refused(group: Sequence[Judged], most: int, paths: Sequence[pathlib.Path], console: Console) -> None:
    """Why the run does not pass with these; of very many the first."""
    for judged in group[:most]:
        why = wording.refusal(judged)
        _line(console, f"{why.verdict.upper()} {why.name}: {why.problem}", "red")
        for line in (*why.explanation, f"again: {why.again}"):
            _line(console, f"       {line}")
    if len(group) > most:
        _line(console, f"... and {len(group) - most} more, all in {paths[-1]}", "red")


def _training(run: Run, console: Console) -> None:
    """The twins, worst first; beside schedules only what they come to is said, in the last line."""
    if not run.training or run.results:
        return
    if any(result.case.brought for result in run.training):
        for result in run.training:
            for line in (result.case.name, *result.comparison.facts()):
                _line(console, line)
        return
    rows: list[tuple[str, ...]] = [
        ("optimizer", "schedule", "updates", "learning rate", "momentum", "loss", "gradient", "weights")
    ]
    for result in sorted(run.training, key=lambda result: -result.worst):
        momentum = wording.cycled(result)
        rows.append(
            (
                result.case.optimizer,
                result.case.scheduler,
                f"{result.comparison.steps:,}",
                _same(result.find("learning rate")),
                _same(momentum) if momentum else "",
                *(wording.size(result.furthest(name)) for name in ("loss", "gradient norm", "weights")),
            )
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        left = [cell.ljust(width) for cell, width in zip(row[:2], widths, strict=False)]
        _line(console, "  ".join([*left, *map(str.rjust, row[2:], widths[2:])]))


def _devices(table: Devices, console: Console) -> None:
    """Schedules by targets; in a file or a log each in one line, however long."""
    found = tables_devices.short(table)
    lines = [found.columns, *(tuple(map(str, row)) for row in found.rows)]
    if console.is_terminal:
        shown = Table(box=None, pad_edge=False)
        for column in found.columns:
            shown.add_column(column, overflow="fold")
        for line in lines[1:]:
            shown.add_row(*map(escape, line))
        console.print(shown, highlight=False)
    else:
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        for line in lines:
            _line(console, "  ".join(map(str.ljust, line, widths)).rstrip())
    for reason in tables_devices.left_out(table):
        _line(console, reason)


def _same(quantity: Quantity | None) -> str:
    if quantity is None:
        return "–"
    return "same bits" if quantity.parts is None else f"{quantity.furthest:.3g} ULP"


def _line(console: Console, text: str, style: str = "") -> None:
    """One line as it is: names of cases have brackets in them, and are to be copied."""
    if text:
        console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)
