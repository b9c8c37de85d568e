"""The table in the terminal, the files, and the page in docs with its pictures."""

from __future__ import annotations

import datetime
import importlib.metadata
import importlib.util
import json
import math
import os
import pathlib
import platform
import statistics
from collections.abc import Mapping, Sequence

import matplotlib.figure
import numpy as np
import pyperf
from rich.console import Console
from rich.table import Table

from .harness import OURS, Result
from .trajectories import OPERATION

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


def show(results: Sequence[Result], left_out: Mapping[str, str], console: Console) -> None:
    """One table, the reason of each goal that was not reached, and what was left out."""
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
    for line in (*_reasons(results), *_left_out(left_out)):
        console.print(line, markup=False, highlight=False)


def _reasons(results: Sequence[Result]) -> list[str]:
    """Why goals were missed, each reason once."""
    missed: dict[str, list[str]] = {}
    for result in results:
        if result.verdict != "reached":
            missed.setdefault(reason(result), []).append(f"{result.race.name} against {result.goal.against}")
    return [f"- {', '.join(names)}: {why}" for why, names in missed.items()]


def _left_out(left_out: Mapping[str, str]) -> list[str]:
    return [f"- {name} was left out. {what_it_takes}" for name, what_it_takes in left_out.items()]


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


# The page -------------------------------------------------------------------------------

PAGE = """# Benchmarks

jaxsched beside what people use now. `make bench` wrote this page on {date}, on a {machine}, with
{versions}.

A ratio says how many times less jaxsched takes than the other side; where something is counted, how
many times fewer there are. It is the median of ratios taken turn by turn, in one process, the sides in
alternating order; the spread is from the first to the third quartile. A goal is *undecided* where the
median misses it by less than the spread. Times are per step. PyTorch's loop is measured on
{torch_steps:,} steps. Nothing in the tests depends on a time.

{reached} of {goals} goals reached.

{table}

![The ratios, as shares of their goals](benchmarks/goals.svg)

## Goals not reached, and why

{reasons}

## What the machine allows

The least that a trajectory can take here: the longer one of a copy of its counts into float32, and of
the float64 sums, products, quotients and roots of its compiled program at {operation} each. That is what
one takes on all cores among many products and sums in cache of which none waits for another. Nothing else
is at work then: no loads, no float32 and no integers. Who wants to get there must let operations overlap with
the memory that they wait for, and leave none of them waiting for another. (A copy is an estimate: it
varies by a tenth, and what reads and writes as much can be faster.)

{limits}

## How the cost grows

A straight line through the measured sizes; the plots show these themselves.

{growth}

{plots}

## Notes

{notes}
"""


def page(
    results: Sequence[Result],
    left_out: Mapping[str, str],
    suite: pyperf.BenchmarkSuite,
    folder: pathlib.Path,
    torch_steps: int,
) -> list[pathlib.Path]:
    """Writes ``benchmarks.md`` and its pictures into a folder."""
    pictures = folder / "benchmarks"
    pictures.mkdir(parents=True, exist_ok=True)
    curves = growth_curves(suite)
    written = [goals_picture(results, pictures / "goals.svg")]
    written += [growth_picture(what, figures, pictures / _file(what)) for what, figures in curves.items()]
    noted: dict[str, list[str]] = {}
    for result in results:
        noted.setdefault(result.race.note, []).append(result.race.name)
    notes = [f"- {', '.join(dict.fromkeys(names))}: {note}" for note, names in noted.items() if note]
    text = PAGE.format(
        date=datetime.datetime.now(datetime.UTC).date().isoformat(),
        machine=f"{os.cpu_count()}-core {platform.machine()} CPU",
        versions=versions(),
        torch_steps=torch_steps,
        reached=sum(result.verdict == "reached" for result in results),
        goals=len(results),
        table=_markdown(COLUMNS, [cells(result) for result in results]),
        reasons="\n".join(_reasons(results)),
        operation=amount(_operation(suite), "second"),
        limits=_markdown(
            ("race", "operations", "they take", "a copy", "the limit", OURS, "of it", "optax", "of it"),
            limit_rows(suite),
        ),
        growth=_markdown(("what grows", "figure", "side", "growth"), growth_rows(curves)),
        plots="\n\n".join(f"![Cost by {what}](benchmarks/{_file(what)})" for what in curves),
        notes="\n".join([*notes, *_left_out(left_out)]),
    )
    path = folder / "benchmarks.md"
    path.write_text(text)
    return [path, *written]


def versions() -> str:
    packages = ["jax", "optax", "torch", "numpy"]
    packages += [name for name in ("braintools", "libtpu") if importlib.util.find_spec(name)]
    found = [f"{package} {importlib.metadata.version(package)}" for package in packages]
    return ", ".join([*found, f"Python {platform.python_version()}"])


def _markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _operation(suite: pyperf.BenchmarkSuite) -> float:
    return next(
        (float(each.median()) for each in suite.get_benchmarks() if each.get_name().startswith(OPERATION)),
        math.nan,
    )


def limit_rows(suite: pyperf.BenchmarkSuite) -> list[tuple[str, ...]]:
    """Of each trajectory how near both sides are to what the machine allows."""
    rows = []
    medians = {each.get_name(): float(each.median()) for each in suite.get_benchmarks()}
    for benchmark in suite.get_benchmarks():
        metadata = benchmark.get_metadata()
        if metadata.get("side") != OURS or "operations" not in metadata:
            continue
        race = benchmark.get_name().removesuffix(f": {OURS}")
        arithmetic, copy = metadata["operations"] * _operation(suite), medians[f"{race}: copy"]
        limit = max(arithmetic, copy)
        sides = [(medians[f"{race}: {side}"], limit) for side in (OURS, "optax")]
        shares = [cell for took, least in sides for cell in (amount(took, "second"), f"{least / took:.0%}")]
        times_ = [amount(each, "second") for each in (arithmetic, copy, limit)]
        rows.append((race.removeprefix("trajectory "), str(metadata["operations"]), *times_, *shares))
    return rows


Curves = dict[str, dict[str, dict[str, tuple[list[int], list[float]]]]]
"""What grows, which figure, whose: sizes and medians."""


def growth_curves(suite: pyperf.BenchmarkSuite) -> Curves:
    curves: Curves = {}
    for benchmark in suite.get_benchmarks():
        metadata = benchmark.get_metadata()
        if "size" in metadata:
            figures = curves.setdefault(metadata["what"], {}).setdefault(metadata["figure"], {})
            sizes, medians = figures.setdefault(metadata["side"], ([], []))
            sizes.append(metadata["size"])
            medians.append(benchmark.median())
    return curves


def _file(what: str) -> str:
    return f"{what.replace(' ', '-')}.svg"


def growth_rows(curves: Curves) -> list[tuple[str, ...]]:
    """A line through each curve: what there is at first, and what each more adds."""
    rows: list[tuple[str, ...]] = []
    for what, figures in curves.items():
        for figure, sides in figures.items():
            for side, (sizes, medians) in sides.items():
                # Weighted, so that the small sizes count as much as the large ones.
                slope, start = np.polyfit(sizes, medians, 1, w=1 / np.asarray(medians))
                each = f"{amount(max(start, 0.0), 'second')} + {amount(slope, 'second')} for each"
                if slope * sizes[-1] < 0.2 * start:
                    each = f"{amount(statistics.median(medians), 'second')}, whatever the size"
                rows.append((what, figure, side, each))
    return rows


def growth_picture(
    what: str, figures: dict[str, dict[str, tuple[list[int], list[float]]]], path: pathlib.Path
) -> pathlib.Path:
    picture = matplotlib.figure.Figure(figsize=(4.5 * len(figures), 3.2), layout="constrained")
    axes = picture.subplots(1, len(figures), squeeze=False)[0]
    for ax, (figure, sides) in zip(axes, figures.items(), strict=True):
        for side, (sizes, medians) in sides.items():
            ax.loglog(sizes, medians, marker="o", label=side)
        every, _ = sides[OURS]
        ax.set_xticks(every, [f"{size:,}" for size in every])
        ax.minorticks_off()
        ax.set_xlabel(what)
        ax.set_ylabel(f"seconds {figure}")
        ax.grid(alpha=0.3)
        ax.legend()
    return _save(picture, path)


def goals_picture(results: Sequence[Result], path: pathlib.Path) -> pathlib.Path:
    """A bar for each goal: the ratio over what it should be, on a logarithmic scale."""
    picture = matplotlib.figure.Figure(figsize=(8, 1 + 0.22 * len(results)), layout="constrained")
    ax = picture.subplots()
    colours = {"reached": "tab:green", "undecided": "tab:olive", "missed": "tab:red"}
    for place, result in enumerate(reversed(results)):
        share = np.array([result.ratio, *result.spread]) / result.goal.least
        ax.barh(place, share[0] - 1, left=1, color=colours[result.verdict])
        ax.plot(share[1:], [place, place], color="black", linewidth=1)
    ax.axvline(1, color="black", linewidth=0.8)
    ax.set_xscale("log")
    ax.set_yticks(
        range(len(results)), [f"{r.race.name} / {r.goal.against}" for r in reversed(results)], fontsize=7
    )
    ax.set_ylim(-0.7, len(results) - 0.3)
    ax.set_xlabel("ratio over goal; right of 1 the goal is reached")
    return _save(picture, path)


def _save(picture: matplotlib.figure.Figure, path: pathlib.Path) -> pathlib.Path:
    # Without a date and random names, the same figures make the same file.
    with matplotlib.rc_context({"svg.hashsalt": path.stem, "svg.fonttype": "none"}):
        picture.savefig(path, metadata={"Date": None})
    return path
