"""Instructions of a schedule in the program of a device that is not here; beside Optax's own.

  python -m benchmarks.instructions                writes docs/tpu.md, for every target of `parity devices`
  python -m benchmarks.instructions --output -     prints it

One learning rate is computed from one count, as in an optimizer's update. Nothing is run, so no time is
measured. Needs what the extra ``devices`` installs.
"""

from __future__ import annotations

import argparse
import functools
import importlib.metadata
import pathlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

import jaxsched
from parity.cases import CASES, MEMBERS, Case, Spec, chain, optax_equivalents, sequence
from parity.devices.compiler import Compiler
from parity.devices.program import Program
from parity.devices.targets import TARGETS, Target, find, missing
from parity.report import write_file

from .harness import OURS, Goal, LeftOutError, Race, together

DEFAULT = pathlib.Path(__file__).parents[1] / "docs" / "tpu.md"
COUNT = jax.ShapeDtypeStruct((), jnp.int32)

GOALS: Mapping[str, tuple[jaxsched.Schedule, int]] = {
    "CosineAnnealingLR": (jaxsched.CosineAnnealingLR(0.1, T_max=1000), 900),
    "StepLR": (jaxsched.StepLR(0.1, step_size=1000, gamma=0.9), 900),
    "ExponentialLR": (jaxsched.ExponentialLR(0.1, gamma=0.9999), 900),
    "OneCycleLR": (jaxsched.OneCycleLR(0.1, total_steps=1000), 700),
    "LinearLR": (jaxsched.LinearLR(0.1, total_iters=1000), 250),
    "MultiStepLR": (jaxsched.MultiStepLR(0.1, milestones=[300, 800]), 100),
    **{
        f"get_scheduler({name!r})": (
            jaxsched.hugging_face.get_scheduler(name, 1e-3, 100, 1000, more),
            1200,
        )
        for name, more in {
            "linear": {},
            "cosine": {},
            "cosine_with_restarts": {},
            "polynomial": {},
            "constant": {},
            "constant_with_warmup": {},
            "inverse_sqrt": {},
            "cosine_with_min_lr": {"min_lr": 1e-5},
            "cosine_warmup_with_min_lr": {"min_lr": 1e-5},
            "warmup_stable_decay": {"num_decay_steps": 100},
        }.items()
    },
}
"""At most so many on a TPU v5e. (Two of Hugging Face's names are no functions of a count.)"""

PROSE = """\
# What a schedule costs on a TPU or GPU

How many instructions the compiled program has that makes one learning rate of one count: of a TPU's, those
of XLA's optimised program; of a GPU's, those of its PTX. In brackets, Optax's schedule that is meant to do
the same, where there is one. Nothing was run.

A TPU has no float64: an addition is some 25 operations on float32, a product 40. The price of one rounding
at any count is paid once per update, and not per weight ([numerics.md](numerics.md#once-per-update)). A
remainder of two 32-bit numbers is one instruction here, as it is for the compiler; the hardware takes a few
dozen steps for it.
"""


def program(schedule: Callable[[Any], Any], target: Target, compiler: Compiler) -> Program:
    """That computes one value of one count."""
    with jax.numpy_dtype_promotion("standard"):  # the schedules may be anyone's
        return compiler.compile(lambda count: (schedule(count),), [COUNT], target)


# The page -------------------------------------------------------------------------------


def cases() -> Iterator[Case]:
    """One of each class: the longest that Optax has an equal of."""
    specs: dict[str, Spec] = {**{spec.scheduler: spec for spec in MEMBERS.values()}}
    specs["SequentialLR"], specs["ChainedScheduler"] = (
        sequence((9,), "linear", "cosine"),
        chain("linear", "step"),
    )
    for scheduler, spec in specs.items():
        mine = [case for case in CASES if case.scheduler == scheduler and case.quantity == "lr"]
        equal = [case for case in mine if optax_equivalents.equivalent(case) is not None]
        yield max(equal, key=lambda case: case.steps) if equal else Case(spec, 0.1, 100)


def rows(text: str) -> Iterator[tuple[str, Callable[[Any], Any], Callable[[Any], Any] | None]]:
    """The name of each schedule that has the text in it, ours, and Optax's."""
    for case in cases():
        equal = optax_equivalents.equivalent(case)
        if text in case.name.lower():
            yield case.name, case.schedule(), equal and equal.schedule
    for name, (schedule, _) in GOALS.items():
        if name.startswith("get_scheduler") and text in repr(schedule).lower():
            yield repr(schedule), schedule, None


def page(text: str, targets: Sequence[Target]) -> str:
    packages = ("jax", "jaxlib", "libtpu", "jax-cuda12-pjrt", "optax")
    lines = [
        PROSE,
        "Written by `python -m benchmarks.instructions`; "
        + ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages)
        + ".",
        "",
        f"| schedule | {' | '.join(target.name for target in targets)} |",
        f"|---|{'--:|' * len(targets)}",
    ]
    with Compiler() as compiler:
        for name, ours, optax in rows(text):
            cells = [_cell(ours, optax, target, compiler) for target in targets]
            lines.append(f"| `{name}` | {' | '.join(cells)} |")
            print(f"{name}: {', '.join(cells)}", file=sys.stderr)
    return "\n".join(lines) + "\n"


def _cell(
    ours: Callable[[Any], Any], optax: Callable[[Any], Any] | None, target: Target, compiler: Compiler
) -> str:
    shown = f"{program(ours, target, compiler).instructions(0):,}"
    if optax is None:
        return shown
    theirs = program(optax, target, compiler)
    # What stands before an operation that cannot be read is not counted.
    least = "≥ " if any("the device" not in each.why for each in theirs.unknown(0)) else ""
    return f"{shown} ({least}{theirs.instructions(0):,})"


# The races ------------------------------------------------------------------------------


def races(quick: bool) -> Iterator[tuple[str, Callable[[], Race]]]:
    for name in GOALS:
        yield f"TPU instructions {name}", functools.partial(_race, name)


def _race(name: str) -> Race:
    schedule, allowed = GOALS[name]
    counted = {OURS: _counted(schedule), "allowed": allowed}
    sides = together(lambda: counted, list(counted))
    return Race(f"TPU instructions {name}", sides, [Goal("allowed", 1.0)], unit="integer", turns=1)


def _counted(schedule: jaxsched.Schedule) -> int:
    (target,) = find(["tpu:v5e"])
    if lacking := missing([target]):
        raise LeftOutError(f"It takes no TPU, but its compiler: {lacking}")
    return program(schedule, target, _compiler()).instructions(0)


@functools.cache
def _compiler() -> Compiler:
    return Compiler()


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--output", default=str(DEFAULT), metavar="FILE", help="- is standard output (%(default)s)"
    )
    parser.add_argument("-k", default="", metavar="TEXT", help="only schedules with TEXT in their name")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="such as tpu:v5e (all of them)")
    args = parser.parse_args(argv)
    try:
        targets = find(args.targets) or list(TARGETS)
    except ValueError as reason:
        parser.error(f"{reason}.")
    if lacking := missing(targets):
        parser.error(lacking)
    text = page(args.k.lower(), targets)
    if args.output == "-":
        print(text, end="")
    else:
        print("wrote", write_file(pathlib.Path(args.output), text))
    return 0


if __name__ == "__main__":
    sys.exit(main())
