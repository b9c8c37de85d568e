"""What a schedule costs in a TPU's program, compiled without a TPU; beside Optax's own.

  python -m benchmarks.tpu_page                writes docs/tpu.md
  python -m benchmarks.tpu_page --output -     prints it

Needs the PyPI package libtpu, on x86-64 Linux. One learning rate is computed from one count, as in an
optimizer's update. The numbers are the compiler's own: the instructions of the optimised program, and what
its `cost_analysis` expects of it. Nothing is run, so no time is measured.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import os
import pathlib
import sys
from collections.abc import Iterator

import jax

from parity.cases import CASES, MEMBERS, Case, Spec, chain, sequence
from parity.reference import optax_equivalents
from parity.report import write_file

from . import tpu

DEFAULT = pathlib.Path(__file__).parents[1] / "docs" / "tpu.md"


PROSE = """\
One learning rate from one count, compiled for a TPU ({chip}) without one: how many instructions the
optimised program has, and the floating-point operations and the time that the compiler expects of it
(`cost_analysis`). Nothing was run. A TPU has no float64: each operation on it becomes some twenty on
float32, and a division of 64-bit whole numbers becomes many more. That is the price of one rounding at
any count; it is paid once per update, and not per weight.
"""


def cases() -> Iterator[Case]:
    """One of each class: the first that Optax has an equal of, or just the first."""
    specs: dict[str, Spec] = {**{spec.scheduler: spec for spec in MEMBERS.values()}}
    specs["SequentialLR"], specs["ChainedScheduler"] = (
        sequence((9,), "linear", "cosine"),
        chain("linear", "step"),
    )
    for scheduler, spec in specs.items():
        mine = [case for case in CASES if case.scheduler == scheduler and case.quantity == "lr"]
        equal = [case for case in mine if optax_equivalents.of(case) is not None]
        yield equal[0] if equal else Case(spec, 0.1, 100)


def page(rows: list[tuple[Case, dict[str, float], dict[str, float] | None]]) -> str:
    versions = ", ".join(
        f"{name} {importlib.metadata.version(name)}" for name in ("jax", "jaxlib", "libtpu", "optax")
    )
    lines = [
        "# On a TPU",
        "",
        PROSE.format(chip=tpu.TOPOLOGY.partition(":")[0]),
        f"Written by `python -m benchmarks.tpu_page`; {versions}.",
        "",
        "| schedule | instructions | flops | µs | Optax: instructions | flops | µs |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for case, ours, optax in rows:
        lines.append(f"| `{case.name}` | {_cells(ours)} | {_cells(optax) if optax else '– | – | –'} |")
    return "\n".join(lines) + "\n"


def _cells(cost: dict[str, float]) -> str:
    return f"{cost['instructions']:,} | {cost['flops']:,.0f} | {1e6 * cost['optimal_seconds']:.2f}"


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--output", default=str(DEFAULT), metavar="FILE", help="- is standard output (%(default)s)"
    )
    parser.add_argument("-k", default="", metavar="TEXT", help="only schedules with TEXT in their name")
    args = parser.parse_args(argv)
    if importlib.util.find_spec("libtpu") is None:
        parser.error("libtpu must be installed, and is not. Install it: pip install libtpu (x86-64 Linux).")
    os.environ.update(tpu.ENVIRONMENT)  # libtpu reads it when it is loaded
    jax.config.update("jax_platforms", "cpu")
    rows, count = [], tpu.scalar_count()
    for case in cases():
        if args.k.lower() not in case.name.lower():
            continue
        equal = optax_equivalents.of(case)
        ours = tpu.cost(case.schedule(), count)
        rows.append((case, ours, equal and tpu.cost(equal.schedule, count)))
        print(f"{case.name}: {ours['instructions']:,} instructions", file=sys.stderr)
    if args.output == "-":
        print(page(rows), end="")
    else:
        print("wrote", write_file(pathlib.Path(args.output), page(rows)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
