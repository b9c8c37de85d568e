"""``python -m benchmarks``: measures, shows a table, and writes the figures down."""

from __future__ import annotations

import argparse
import pathlib
import sys
from collections.abc import Callable, Iterator, Sequence

import pyperf
from rich.console import Console

from . import (
    braintools,
    compile,
    growth,
    harness,
    host,
    imports,
    instructions,
    report,
    trajectories,
    update,
    validator,
)

GROUPS = (trajectories, braintools, update, host, compile, imports, validator, instructions, growth)


def races(quick: bool) -> Iterator[tuple[str, Callable[[], harness.Race]]]:
    """The name of every race, and what sets it up."""
    for group in GROUPS:
        yield from group.races(quick)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    parser.add_argument("-k", metavar="TEXT", default="", help="only races with TEXT in their name")
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that all runs")
    parser.add_argument(
        "--turns", type=int, default=11, help="times each side is measured (default: %(default)s)"
    )
    parser.add_argument(
        "--output",
        type=pathlib.Path,
        default=pathlib.Path("bench-report"),
        help="folder (default: %(default)s)",
    )
    parser.add_argument(
        "--page", type=pathlib.Path, metavar="FOLDER", help="write benchmarks.md and its pictures there, too"
    )
    parser.add_argument("--list", action="store_true", help="name the races and do nothing")
    options = parser.parse_args(arguments)
    if options.turns < 1:
        parser.error(f"--turns must be at least 1, got {options.turns}. 11 make a good spread.")
    selected = [(name, setup) for name, setup in races(options.quick) if options.k in name]
    if not selected:
        parser.error(f"-k must select a race, got {options.k!r}. --list names them all.")
    if options.list:
        print(*(name for name, _ in selected), sep="\n")
        return 0
    console = Console(width=None if sys.stdout.isatty() else 130)
    results, benchmarks, left_out = [], [], {}
    for i, (name, setup) in enumerate(selected, start=1):
        with console.status(f"{name} ({i} of {len(selected)})"):
            try:
                found, measured = harness.run(setup(), options.turns)
            except harness.LeftOutError as reason:
                left_out[name] = str(reason)
                continue
        results += found
        benchmarks += measured
    report.show(results, left_out, console)
    if not benchmarks:
        console.print("nothing was measured")
        return 1
    suite = pyperf.BenchmarkSuite(benchmarks)
    paths = report.write(results, suite, options.output)
    if options.page:
        paths += report.page(results, left_out, suite, options.page, trajectories.TORCH_STEPS)
    console.print("wrote " + ", ".join(map(str, paths)), highlight=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
