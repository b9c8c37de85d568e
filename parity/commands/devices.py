"""``parity devices``: the bits of schedules on devices that nobody here has."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Sequence
from typing import Any

from rich.console import Console

from ..catalogue import ALL_CASES
from ..devices import subjects, table
from ..devices.door import NotASchedule, check_x64
from ..devices.table import Row
from ..devices.targets import BY_NAME, DEFAULT, Target, find, missing
from ..report import terminal
from ..run import Profile, Run, environment
from ._common import (
    Exit,
    UsageError,
    add_output,
    add_selection,
    at_least_1,
    check_output,
    complain,
    nothing,
    parser,
    said,
    select,
    use_device,
)
from .compare import named

DESCRIPTION = f"""\
Compiles each schedule for a TPU or an NVIDIA GPU, without one, executes the compiled program
operation by operation, and compares every bit with those of the host. Optax's own schedules
stand beside, where they are an equal. What only the device knows is named, and not guessed.

Targets: {", ".join(BY_NAME)}
"""

EPILOG = f"""\
examples:
  parity devices                            all schedules on {" and ".join(DEFAULT)}
  parity devices cuda:a100 -k cosine        some on another
  parity devices mine:schedule tpu:v5e      a schedule of yours: a function of a count, or
                                            what has init and step, as a plateau has

It needs what `pip install 'jaxsched[devices]'` brings, on x86-64 Linux. What is proven by it,
and what is assumed, stands in docs/devices.md.

exit codes: 0 all have the same bits, 1 one has not, or was not compared on every target (but
for the catalogue's LambdaLR and the like, where the device computes a function of a user's),
2 wrong usage, 3 internal error, 5 nothing compared at all
"""


def add(commands: Any) -> None:
    command = parser(commands, "devices", DESCRIPTION, EPILOG)
    command.add_argument(
        "what",
        metavar="TARGET | SCHEDULE",
        nargs="*",
        help=f"a target, or module:name of a schedule of yours (targets by default: {' '.join(DEFAULT)})",
    )
    add_selection(
        command,
        steps=f"N counts of each, of all sizes, in place of {subjects.COUNTS:,}; of a plateau N steps, in "
        f"whole traces of {subjects.STEPS}, and no more than {subjects.COUNTS:,}",
    )
    how = command.add_argument_group("how")
    how.add_argument(
        "--jobs", metavar="N", type=at_least_1, help="processes that share the work (default: one a core)"
    )
    how.add_argument(
        "--profile",
        choices=[Profile.FULL.value, Profile.EXHAUSTIVE.value],
        default=Profile.FULL.value,
        help=f"full: {subjects.COUNTS:,} counts of each (default); exhaustive: every count up to 2**24, too",
    )
    add_output(command)


def main(options: argparse.Namespace) -> int:
    targets, schedules = _split(options.what)
    lacking = missing(targets)
    if lacking is not None:
        raise UsageError(lacking)
    check_output(options)
    use_device("cpu")  # whatever there is: it is no part of the comparison
    try:
        check_x64()
    except NotASchedule as reason:
        raise UsageError(f"devices: {reason}") from reason
    start = time.perf_counter()
    console = Console(stderr=options.json == "-")
    found = _yours(schedules, targets, options) if schedules else _catalogue(targets, options, console)
    if found is None:
        return Exit.NOTHING
    where = {**environment(), **table.environment(targets)}
    result = Run((), (), (), where, time.perf_counter() - start, devices=found)
    if not result.compared:
        complain("nothing compared")
    return said(result, options, console)


def _split(words: Sequence[str]) -> tuple[list[Target], list[str]]:
    """Targets and schedules; their order does not matter."""
    families = {name.partition(":")[0] for name in BY_NAME}
    names = [word for word in words if word.partition(":")[0].lower() in families and ":" in word]
    try:
        targets = find(name.lower() for name in names or DEFAULT)
        return targets, [word for word in dict.fromkeys(words) if word not in names]
    except ValueError as reason:
        raise UsageError(f"devices: {reason}") from reason


def _number(options: argparse.Namespace) -> int:
    return subjects.COUNTS if options.steps is None else int(options.steps)


def _yours(names: Sequence[str], targets: Sequence[Target], options: argparse.Namespace) -> table.Table:
    if options.k or options.scheduler or options.param:
        raise UsageError(f"devices: -k, --scheduler and --param choose among cases, got {names[0]} as well")
    functions = {name: _named(name) for name in names}
    try:
        return table.compare_brought(
            functions,
            targets,
            number=_number(options),
            exhaustive=options.profile == Profile.EXHAUSTIVE,
        )
    except NotASchedule as reason:
        raise UsageError(f"devices: {reason}") from reason


def _named(name: str) -> Any:
    module, colon, attribute = name.partition(":")
    if colon and module.endswith(".py"):
        raise UsageError(
            f"devices: no module {module!r}; did you mean {module.removesuffix('.py')}:{attribute}?"
        )
    if not colon:
        case = f"; did you mean --scheduler {name}?" if name in _SCHEDULERS else ""
        targets = ", ".join(BY_NAME)
        raise UsageError(
            f"devices: {name!r} is neither a target ({targets}) nor module:name of a schedule{case}"
        )
    return named("devices: SCHEDULE", name)


_SCHEDULERS = {case.scheduler for case in ALL_CASES}


def _catalogue(
    targets: Sequence[Target], options: argparse.Namespace, console: Console
) -> table.Table | None:
    cases = select(options, ALL_CASES)
    if nothing(cases):
        return None
    with terminal.Schedules(len(cases), console) as bar:

        def progress(row: Row) -> None:
            bar(row.scheduler)

        return table.run(
            cases,
            targets,
            progress,
            number=_number(options),
            exhaustive=options.profile == Profile.EXHAUSTIVE,
            jobs=options.jobs or min(os.cpu_count() or 1, -(-len(cases) // table.SHARE)),
        )
