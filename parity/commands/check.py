"""``parity check``: schedules against golden vectors, without PyTorch."""

from __future__ import annotations

import argparse
import contextlib
import difflib
import pathlib
import shlex
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import golden
from ..golden import Vector
from ..handed_in import NotComparable, schedule as tried, takes, theirs
from ..report.wording import in_full
from ..results import CaseResult, PairCase, Run
from ._common import Exit, UsageError, add_device, complain, parser, use_device
from .compare import side

DESCRIPTION = """\
Compares with what PyTorch did once, as `parity record` wrote it down: jaxsched's own
schedules, made from the arguments in the file, or a schedule of yours. PyTorch need not be
installed. The rule is that of `parity compare`.
"""

EPILOG = """\
examples:
  parity check parity/vectors/torch-2.13.json
  parity check parity/vectors/torch-2.13.json mine:schedule --case 'StepLR(0.05, step_size=30)'
  parity check parity/vectors/torch-2.13.json mine.csv --case 'StepLR(0.05, step_size=30)'

A schedule is a function of a count, or a function without arguments that makes one; for
ReduceLROnPlateau a function from all metrics to the learning rates before the first and
after each. A trajectory in a file is a list of values, or counts and values, as CSV or JSON.

exit codes: 0 all passed, 1 a case failed, 2 wrong usage, 3 internal error, 5 nothing compared
"""


def add(commands: Any) -> None:
    command = parser(commands, "check", DESCRIPTION, EPILOG)
    command.add_argument(
        "golden", metavar="GOLDEN", type=pathlib.Path, help="a file that `parity record` wrote"
    )
    command.add_argument(
        "schedule",
        metavar="SCHEDULE",
        nargs="?",
        help="module:name of yours; or FILE.csv, FILE.json (default: jaxsched's own)",
    )
    command.add_argument(
        "--case", metavar="NAME", default="", help="the case of this name, or those with it in their name"
    )
    add_device(command)


def main(options: argparse.Namespace) -> int:
    use_device(options.device)
    try:
        version, vectors = golden.read(options.golden)
    except (OSError, ValueError) as reason:
        raise UsageError(f"check: GOLDEN: {reason}") from reason
    chosen = [vector for vector in vectors if vector.case.name == options.case] or [
        vector for vector in vectors if options.case.lower() in vector.case.name.lower()
    ]
    candidate = None
    if options.schedule is not None:
        if len(chosen) != 1:
            raise UsageError(f"check: {_which_case(options, chosen, vectors)}")
        candidate = _candidate(options.schedule, of_metrics=hasattr(chosen[0].case, "trace"))
    start = time.perf_counter()
    try:
        with contextlib.nullcontext() if candidate is None else theirs(options.schedule):
            results = [_check(options, vector, candidate) for vector in chosen]
    except NotComparable as reason:
        raise UsageError(f"check: {reason}") from reason
    run = Run(tuple(results), (), (), {}, time.perf_counter() - start)
    for result in results if len(results) == 1 else run.failed:
        print(f"{result.case.name}\n{in_full(result)}\nagain: {result.again}")
    if run.steps == 0:
        complain(
            f"nothing compared: no case of {options.golden} has {options.case!r} in its name"
            if not chosen
            else "nothing compared"
        )
        return Exit.NOTHING
    print(f"torch {version}, as recorded in {options.golden}\n{run.summary()}")
    return Exit.PASSED if run.passed else Exit.FAILED


def _which_case(options: argparse.Namespace, chosen: Sequence[Vector], vectors: Sequence[Vector]) -> str:
    wanted = f"--case must name one case for {options.schedule} to be compared with"
    names = [vector.case.name for vector in vectors]
    if not options.case:
        return f"{wanted}, one of {len(vectors)}" + _listed(names[:10], "; the first are")
    if not chosen:
        like = difflib.get_close_matches(options.case, names, 3, 0.5)
        return f"{wanted}, got {options.case!r}, which is in no name" + _listed(like, "; close are")
    return f"{wanted}, got {options.case!r}, which is in the names of {len(chosen)}" + _listed(
        [vector.case.name for vector in chosen[:10]]
    )


def _listed(names: Sequence[str], lead: str = "") -> str:
    return (lead if names else "") + "".join(f"\n  {name}" for name in names)


def _candidate(text: str, of_metrics: bool) -> Any:
    """What somebody hands in: values, a function of the count (or of all metrics), or what makes one."""
    given = side("check: SCHEDULE", text)
    if not callable(given):
        if not np.array_equal(given.counts, np.arange(len(given.counts))):
            raise UsageError(
                f"check: SCHEDULE: {text} must have the values at count 0, 1, 2, …, and leaves out some"
            )
        return given.values
    try:
        if callable(given) and takes(given, 0) and not takes(given, 1):
            with theirs(text):
                given = given()
        return given if of_metrics else tried(given, text)
    except NotComparable as reason:
        raise UsageError(f"check: {reason}") from reason


def _check(options: argparse.Namespace, vector: Vector, candidate: Any) -> CaseResult:
    start = time.perf_counter()
    comparison = golden.check(vector, candidate)
    case = PairCase(vector.case.name, vector.case.scheduler, comparison.steps, vector.case.quantity)
    again = ["parity", "check", str(options.golden), options.schedule, "--case", case.name]
    return CaseResult(
        case,
        comparison,
        None,
        time.perf_counter() - start,
        0.0,
        command=shlex.join(word for word in again if word is not None),
    )
