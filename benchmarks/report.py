"""The table in the terminal, the files, and the page in docs."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Sequence

import pyperf
from rich.console import Console
from rich.table import Table

from .harness import OURS, Result

COLUMNS = ("race", OURS, "against", "it takes", "ratio", "spread", "goal", "verdict")
STYLES = {"reached": "green", "undecided": "yellow", "missed": "bold red"}


def cells(result: Result) -> tuple[str, ...]:
    """A result as a row of the table."""
    low, high = result.spread
    return (
        result.race.name,
        amount(result.ours, result.race.unit),
        result.goal.against,
        amount(result.theirs, result.race.unit),
        times(result.ratio),
        "" if low == high else f"{times(low)} … {times(high)}",
        f"≥ {times(result.goal.least)}",
        result.verdict.upper() if result.verdict == "missed" else result.verdict,
    )


def times(ratio: float) -> str:
    return f"{ratio:,.0f}" if ratio >= 100 else f"{ratio:.3g}" if ratio >= 10 else f"{ratio:.2f}"


def amount(value: float, unit: str) -> str:
    if unit == "integer":
        return f"{value:,.0f}"
    for name, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if value >= size:
            return f"{value / size:.3g} {name}"
    return f"{value / 1e-9:.3g} ns"


def show(results: Sequence[Result], console: Console) -> None:
    """One table, and the reason of each goal that was not reached."""
    table = Table(box=None, pad_edge=False)
    for column in COLUMNS:
        right = column in (OURS, "it takes", "ratio", "goal")
        table.add_column(column, justify="right" if right else "left", no_wrap=True)
    for before, result in zip([None, *results], results, strict=False):
        name, ours, *others, verdict = cells(result)
        if before is not None and before.race is result.race:
            name = ours = ""
        table.add_row(name, ours, *others, f"[{STYLES[result.verdict]}]{verdict}[/]")
    console.print(table)
    for result in results:
        if result.verdict != "reached":
            console.print(
                f"{result.race.name} against {result.goal.against}: {reason(result)}",
                markup=False,
                highlight=False,
            )


def reason(result: Result) -> str:
    return result.goal.why_missed or "no reason is known"


def write(
    results: Sequence[Result], suite: pyperf.BenchmarkSuite, folder: pathlib.Path
) -> list[pathlib.Path]:
    """Every value, in pyperf's form, and what follows from them."""
    folder.mkdir(parents=True, exist_ok=True)
    values, verdicts = folder / "pyperf.json", folder / "results.json"
    suite.dump(str(values), replace=True)
    verdicts.write_text(json.dumps([summary(result) for result in results], indent=1) + "\n")
    return [values, verdicts]


def summary(result: Result) -> dict[str, object]:
    """A result as JSON holds it."""
    return {
        "race": result.race.name,
        "unit": result.race.unit,
        "ours": result.ours,
        "against": result.goal.against,
        "theirs": result.theirs,
        "ratio": result.ratio,
        "quartiles": list(result.spread),
        "goal": result.goal.least,
        "verdict": result.verdict,
        "reason": "" if result.verdict == "reached" else reason(result),
    }
