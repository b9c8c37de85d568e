"""``parity run``: compare, print the verdict, write the report."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from typing import Any

from rich.console import Console

from .. import exhaustive
from ..cases import BaseCase, transformers
from ..catalogue import ALL_CASES
from ..reference import timm
from ..report import terminal
from ..run import BATCH, Profile, profiled, run
from ..training import TRAINING_CASES
from ._common import (
    Exit,
    UsageError,
    add_device,
    add_how,
    add_output,
    add_selection,
    check_output,
    complain,
    nothing,
    parser,
    said,
    select,
    use_device,
)
from .about import DESCRIPTION, EPILOG


def add(commands: Any) -> None:
    command = parser(commands, "run", DESCRIPTION, EPILOG)
    add_selection(command)
    how = add_how(command)
    how.add_argument(
        "--profile",
        choices=list(Profile),
        type=Profile,
        default=Profile.FULL,
        help="quick: cases of at most 2,000 counts, in two modes; full: all in every mode, and the twins "
        "of `parity train` (default); exhaustive: every count up to 2**24, against the closed forms",
    )
    add_device(command)
    add_output(command)


def main(options: argparse.Namespace) -> int:
    use_device(options.device)
    if options.profile is Profile.EXHAUSTIVE:
        return _exhaustive(options)
    if not transformers.INSTALLED:
        complain("transformers is not installed: its schedules are left out (extra hugging-face)")
    if not timm.INSTALLED:
        complain("timm is not installed: its schedulers are left out (pip install --no-deps timm)")
    part = options.k or options.scheduler or options.param or options.steps
    return compare_and_report(
        profiled(select(options, (*ALL_CASES, *TRAINING_CASES)), options.profile),
        options,
        with_optimizers=options.profile is Profile.FULL and not part,
    )


def compare_and_report(
    cases: Sequence[BaseCase], options: argparse.Namespace, *, with_optimizers: bool = False
) -> Exit:
    """What every command does that has cases; its options are those of `add_how` and `add_output`."""
    check_output(options)
    if nothing(cases):
        return Exit.NOTHING
    console = Console(stderr=options.json == "-")
    with terminal.Bar(cases, console) as bar:
        result = run(
            cases,
            bar,
            profile=getattr(options, "profile", Profile.FULL),
            jobs=options.jobs or _jobs(cases),
            fail_fast=options.fail_fast,
            with_optimizers=with_optimizers,
        )
    return said(result, options, console)


def _jobs(cases: Sequence[BaseCase]) -> int:
    """One a core, unless there is so little to do that starting another process does not pay."""
    if len(cases) <= BATCH and sum(case.steps for case in cases) < 20_000:
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _exhaustive(options: argparse.Namespace) -> int:
    if options.json or options.fail_fast:
        raise UsageError("--json and --fail-fast: not with --profile exhaustive, which writes exhaustive.md")
    cases = select(options, exhaustive.CASES)
    if nothing(cases):
        return Exit.NOTHING
    options.output.mkdir(parents=True, exist_ok=True)
    return exhaustive.main(
        cases,
        random=exhaustive.RANDOM if options.steps is None else options.steps,
        jobs=options.jobs or os.cpu_count() or 1,
        markdown=options.output / "exhaustive.md",
    )
