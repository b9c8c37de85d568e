"""``parity run``: compare, print the verdict, write the report."""

from __future__ import annotations

import argparse
import os
import pathlib
import sys
from typing import Any

from rich.console import Console

from .. import exhaustive, report
from ..cases import Case
from ..report import github, terminal
from ..run import Profile, profiled, run
from ._common import (
    Exit,
    UsageError,
    add_device,
    add_selection,
    at_least_1,
    nothing,
    parser,
    select,
    use_device,
)

DESCRIPTION = """\
Steps real PyTorch learning-rate schedulers, with real optimizers, beside the JAX schedules
of jaxsched, and says where the two part and who is wrong.

A case passes when every value has the bits of PyTorch's value rounded to float32, or, where
PyTorch's own rounding error is the difference, when ours is the float32 nearest to the exact
value (the formula in 50-digit arithmetic). There is no tolerance.
"""

EPILOG = """\
examples:
  parity run                            everything; the report goes to parity-report/
  parity run --scheduler OneCycleLR     one scheduler
  parity run --param T_max=1000         the cases that give this argument so
  parity run --profile quick            half a minute: short cases, fewer ways of calling
  parity run --json - | jq .summary     for programs

exit codes: 0 all passed, 1 a case failed, 2 wrong usage, 3 internal error, 5 nothing compared
"""


FEW = 24
"""Cases for which it does not pay to start another process."""


def add(commands: Any) -> None:
    command = parser(commands, "run", "compare, print the verdict, write the report", DESCRIPTION, EPILOG)
    add_selection(command)
    how = command.add_argument_group("how")
    how.add_argument(
        "--profile",
        choices=list(Profile),
        type=Profile,
        default=Profile.FULL,
        help="quick: cases of at most 2,000 counts, in two modes; full: all, in every mode (default); "
        "exhaustive: every count up to 2**24, against the closed forms (minutes)",
    )
    how.add_argument(
        "--jobs", metavar="N", type=at_least_1, help="processes that share the work (default: one a core)"
    )
    how.add_argument("--fail-fast", action="store_true", help="stop soon after the first case that fails")
    add_device(command)
    command.add_argument(
        "--output",
        metavar="DIR",
        type=pathlib.Path,
        default=pathlib.Path("parity-report"),
        help=f"folder for {', '.join(report.FILES)} (default: %(default)s)",
    )
    command.add_argument("--json", metavar="FILE", help="write report.json to FILE too; - is standard output")


def main(options: argparse.Namespace) -> int:
    use_device(options.device)
    if options.profile is Profile.EXHAUSTIVE:
        return _exhaustive(options)
    cases = profiled(select(options), options.profile)
    if nothing(cases):
        return Exit.NOTHING
    console = Console(stderr=options.json == "-")
    few = sum(case.steps for case in cases) < 20_000 and len(cases) <= 24
    jobs = options.jobs or (
        1
        if few
        else len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count() or 1
    )
    with terminal.Bar(cases, console) as bar:
        result = run(cases, bar, profile=options.profile, jobs=jobs, fail_fast=options.fail_fast)
    paths = report.write(result, options.output)
    if options.json == "-":
        sys.stdout.write(report.FILES["report.json"](result))
    elif options.json:
        paths.append(report.write_file(pathlib.Path(options.json), report.FILES["report.json"](result)))
    terminal.show(result, paths, console)
    github.announce(result)
    if result.steps == 0:
        return Exit.NOTHING
    return Exit.PASSED if result.passed else Exit.FAILED


def _exhaustive(options: argparse.Namespace) -> int:
    if options.json or options.fail_fast:
        raise UsageError("--json and --fail-fast: not with --profile exhaustive, which writes exhaustive.md")
    cases = [case for case in select(options, exhaustive.CASES) if isinstance(case, Case)]
    if nothing(cases):
        return Exit.NOTHING
    options.output.mkdir(parents=True, exist_ok=True)
    return exhaustive.main(
        cases,
        random=exhaustive.RANDOM if options.steps is None else options.steps,
        jobs=options.jobs or os.cpu_count() or 1,
        markdown=options.output / "exhaustive.md",
    )
