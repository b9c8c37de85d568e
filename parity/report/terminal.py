"""The report for the terminal, and the progress bar; plain text when it is not one."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from ..devices.table import Table as Devices
from ..results import Run
from ..runner import AnyCase
from ..training import Quantity
from . import devices
from .markdown import summaries, ulp

SHOWN = 20
"""Failures shown in full; the rest is counted, and stands in the report."""


class Bar:
    """Counts that PyTorch has done, of all there are, with the time that is left."""

    def __init__(self, cases: Sequence[AnyCase], console: Console) -> None:
        columns = (
            TextColumn("{task.description:28.28}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("steps"),
            TimeRemainingColumn(),
        )
        self._progress = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._task = self._progress.add_task("", total=sum(case.steps for case in cases))

    def __enter__(self) -> Bar:
        self._progress.start()
        return self

    def __exit__(self, *reason: object) -> None:
        self._progress.stop()

    def __call__(self, case: AnyCase, steps: int) -> None:
        self._progress.update(self._task, advance=steps, description=case.scheduler)


class Schedules:
    """How many schedules are done, of all there are, with the time that is left."""

    def __init__(self, number: int, console: Console) -> None:
        columns = (
            TextColumn("{task.description:28.28}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("schedules"),
            TimeRemainingColumn(),
        )
        self._progress = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._task = self._progress.add_task("", total=number)

    def __enter__(self) -> Schedules:
        self._progress.start()
        return self

    def __exit__(self, *reason: object) -> None:
        self._progress.stop()

    def __call__(self, scheduler: str) -> None:
        self._progress.update(self._task, advance=1, description=scheduler)


def show(run: Run, paths: Sequence[pathlib.Path], console: Console) -> None:
    """Prints the run: a table, what failed, where the reports are, and one last line."""
    table = Table(box=None, pad_edge=False)
    table.add_column("scheduler")
    for column in ("cases", "failed", "steps", "identical", "max ULP"):
        table.add_column(column, justify="right")
    for tally in run.by_scheduler():
        table.add_row(
            tally.scheduler,
            str(tally.cases),
            f"[bold red]{tally.failed}[/]" if tally.failed else "0",
            f"{tally.steps:,}",
            f"{tally.identical:,}",
            ulp(tally.max_ulp),
        )
    if run.results:
        console.print(table)
    _training(run, console)
    if run.devices is not None:
        _devices(run.devices, console)
    for result in run.failed[:SHOWN]:
        _line(console, f"FAILED {result.case.name}: {result.problem}", "red")
        for line in (*result.comparison.explanation(), f"again: {result.again}"):
            _line(console, f"       {line}")
    if len(run.failed) > SHOWN:
        _line(console, f"... and {len(run.failed) - SHOWN} more, all in {paths[-1]}", "red")
    for twins in run.parted:
        _line(console, f"FAILED {twins.case.name}: {twins.problem}", "red")
        _line(console, f"       again: {twins.again}")
    refused = run.devices.refused if run.devices is not None else ()
    for row in refused[:SHOWN]:
        _line(console, f"{devices.verdict_of(row).upper()} {row.name}: {devices.problem(row)}", "red")
        _line(console, f"       again: {row.again}")
    if len(refused) > SHOWN:
        _line(console, f"... and {len(refused) - SHOWN} more, all in {paths[-1]}", "red")
    for shown in run.outdated:
        _line(console, f"FAILED {shown.deviation.when}: this deviation no longer occurs", "red")
    modes = {mode: result.modes for result in run.results for mode in result.modes}
    if modes:
        _line(console, f"modes: vmap, eager, {', '.join(modes)}")
    unseen = sum(bool(result.comparison.unseen) for result in run.results)
    if unseen:
        _line(console, f"{unseen} cases end before an event of their scheduler; the reports name them")
    named = ("torch", "jax", "optax", "numpy", "python", *devices.PACKAGES)
    versions = ", ".join(f"{name} {run.environment[name]}" for name in named if name in run.environment)
    _line(console, f"{versions}; {run.environment['device']}")
    torch_seconds = f"; PyTorch's own loops took {run.torch_seconds:.0f} s of all processes' time"
    _line(console, f"{run.seconds:.0f} s{torch_seconds if run.torch_seconds else ''}")
    if run.deviations and not run.outdated:
        _line(console, f"deviations from PyTorch: {len(run.deviations)}, all as listed")
    _line(console, "wrote " + ", ".join(map(str, paths)))
    for line in summaries(run):
        _line(console, line, "bold green" if run.passed else "bold red")


def _training(run: Run, console: Console) -> None:
    """The twins, worst first; beside schedules only what they come to is said, in the last line."""
    if not run.training or run.results:
        return
    rows: list[tuple[str, ...]] = [
        ("optimizer", "schedule", "updates", "learning rate", "momentum", "loss", "gradient", "weights")
    ]
    for result in sorted(run.training, key=lambda result: -result["weights"].furthest):
        cycled = {quantity.name: quantity for quantity in result.quantities}.get("momentum")
        rows.append(
            (
                result.case.optimizer,
                result.case.scheduler,
                f"{result.case.steps:,}",
                _same(result["learning rate"]),
                _same(cycled) if cycled else "",
                *(f"{result[name].furthest:.1e}" for name in ("loss", "gradient norm", "weights")),
            )
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        left = [cell.ljust(width) for cell, width in zip(row[:2], widths, strict=False)]
        _line(console, "  ".join([*left, *map(str.rjust, row[2:], widths[2:])]))


def _devices(table: Devices, console: Console) -> None:
    """Schedules by targets; in a file or a log each in one line, however long."""
    columns, *rows = devices.terminal(table)
    if console.is_terminal:
        shown = Table(box=None, pad_edge=False)
        for column in columns:
            shown.add_column(column, overflow="fold")
        for row in rows:
            shown.add_row(*map(escape, row))
        console.print(shown, highlight=False)
    else:
        widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
        for row in (columns, *rows):
            _line(console, "  ".join(map(str.ljust, row, widths)).rstrip())
    for line in devices.left_out(table):
        _line(console, line)


def _same(quantity: Quantity) -> str:
    return "same bits" if quantity.parts is None else f"{quantity.furthest:.3g} ULP"


def _line(console: Console, text: str, style: str = "") -> None:
    """One line as it is: names of cases have brackets in them, and are to be copied."""
    if text:
        console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)
