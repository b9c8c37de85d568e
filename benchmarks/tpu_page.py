"""What a schedule costs in a TPU's program, compiled without a TPU; beside Optax's own.

  python benchmarks/tpu_page.py                writes docs/tpu.md
  python benchmarks/tpu_page.py --output -     prints it

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
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

TOPOLOGY = "v5e:2x2"
os.environ.update(
    JAX_PLATFORMS="cpu",
    TPU_SKIP_MDS_QUERY="1",
    TPU_ACCELERATOR_TYPE="v5litepod-4",
    TPU_WORKER_HOSTNAMES="localhost",
)

import jax  # noqa: E402  what is set above, it reads when it starts
import numpy as np  # noqa: E402
from jax.experimental import topologies  # noqa: E402

from parity.cases import CASES, MEMBERS, Case, Spec, chain, sequence  # noqa: E402
from parity.reference import optax_equivalents  # noqa: E402
from parity.report import write_file  # noqa: E402

DEFAULT = pathlib.Path(__file__).parents[1] / "docs" / "tpu.md"


PROSE = """\
One learning rate from one count, compiled for a TPU ({chip}) without one: how many instructions the
optimised program has, and the floating-point operations and the time that the compiler expects of it
(`cost_analysis`). Nothing was run. A TPU has no float64: each operation on it becomes some twenty on
float32, and a division of 64-bit whole numbers becomes many more. That is the price of one rounding at
any count; it is paid once per update, and not per weight.
"""


class Cost(NamedTuple):
    """What the compiler says of one program."""

    instructions: int
    flops: float
    microseconds: float


def compiled(schedule: Callable[[Any], Any], place: Any) -> Cost:
    """The program that computes one value."""
    program = jax.jit(schedule, in_shardings=place, out_shardings=place)
    done = program.lower(jax.ShapeDtypeStruct((), np.int32)).compile()
    costs = done.cost_analysis()
    instructions = len(re.findall(r"^\s+(?:ROOT )?%[\w.-]+ = ", done.as_text(), re.MULTILINE))
    return Cost(instructions, costs["flops"], 1e6 * costs["optimal_seconds"])


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


def page(rows: list[tuple[Case, Cost, Cost | None]]) -> str:
    versions = ", ".join(
        f"{name} {importlib.metadata.version(name)}" for name in ("jax", "jaxlib", "libtpu", "optax")
    )
    lines = [
        "# On a TPU",
        "",
        PROSE.format(chip=TOPOLOGY.partition(":")[0]),
        f"Written by `python benchmarks/tpu_page.py`; {versions}.",
        "",
        "| schedule | instructions | flops | µs | Optax: instructions | flops | µs |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for case, ours, optax in rows:
        other = (
            f"{optax.instructions:,} | {optax.flops:,.0f} | {optax.microseconds:.2f}"
            if optax
            else "– | – | –"
        )
        cells = f"{ours.instructions:,} | {ours.flops:,.0f} | {ours.microseconds:.2f}"
        lines.append(f"| `{case.name}` | {cells} | {other} |")
    return "\n".join(lines) + "\n"


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
    topology = topologies.get_topology_desc(TOPOLOGY, platform="tpu")
    place = jax.sharding.SingleDeviceSharding(topology.devices[0])
    rows = []
    for case in cases():
        if args.k.lower() not in case.name.lower():
            continue
        equal = optax_equivalents.of(case)
        rows.append((case, compiled(case.schedule(), place), equal and compiled(equal.schedule, place)))
        print(f"{case.name}: {rows[-1][1].instructions:,} instructions", file=sys.stderr)
    if args.output == "-":
        print(page(rows), end="")
    else:
        print("wrote", write_file(pathlib.Path(args.output), page(rows)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
