"""The command ``parity``."""

from __future__ import annotations

import argparse
import enum
import pathlib
import sys
import traceback
from collections.abc import Sequence

from rich.console import Console

from . import deviations, report
from .report import markdown, terminal
from .run import ALL_CASES, AnyCase, run


class Exit(enum.IntEnum):
    """Exit codes, as pytest has them."""

    PASSED = 0
    FAILED = 1
    USAGE = 2
    INTERNAL = 3
    NOTHING = 5


DESCRIPTION = """\
Steps real PyTorch learning-rate schedulers, with real optimizers, beside the JAX schedules
of jaxsched, and says where the two part and who is wrong.

A case passes when every value has the bits of PyTorch's value rounded to float32, or, where
PyTorch's own rounding error is the difference, when ours is the float32 nearest to the exact
value (the formula in 50-digit arithmetic). There is no tolerance.
"""

EPILOG = """\
examples:
  parity run                           everything; the report goes to parity-report/
  parity run --scheduler OneCycleLR    one scheduler
  parity run -k T_max=1000             the cases with that in their name
  parity list -k three_phase           their names only

exit codes: 0 all passed, 1 a case failed, 2 wrong usage, 3 internal error, 5 nothing compared

In your own tests:
  parity.assert_parity(schedule, make_torch_scheduler, steps=1000)
"""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    style = argparse.RawDescriptionHelpFormatter
    top = argparse.ArgumentParser("parity", description=DESCRIPTION, epilog=EPILOG, formatter_class=style)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    selection = argparse.ArgumentParser(add_help=False)
    selection.add_argument(
        "-k", metavar="TEXT", default="", help="only cases with TEXT in their name, in any case"
    )
    selection.add_argument(
        "--scheduler",
        metavar="NAME",
        action="append",
        choices=sorted({case.scheduler for case in ALL_CASES}),
        help="only this PyTorch class; may be given more than once (%(choices)s)",
    )

    command = commands.add_parser(
        "run",
        parents=[selection],
        help="compare, print the verdict, write the report",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=style,
    )
    command.add_argument(
        "--output",
        metavar="DIR",
        type=pathlib.Path,
        default=pathlib.Path("parity-report"),
        help="folder for report.json and report.md (default: %(default)s)",
    )
    commands.add_parser("list", parents=[selection], help="print the names of the cases")
    commands.add_parser("deviations", help="show, as Markdown, what jaxsched does otherwise than PyTorch")
    return top


def select(cases: Sequence[AnyCase], text: str, schedulers: Sequence[str] | None) -> list[AnyCase]:
    """The cases that are asked for."""
    return [
        case
        for case in cases
        if text.lower() in case.name.lower() and (not schedulers or case.scheduler in schedulers)
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    options = parser().parse_args(arguments)
    try:
        if options.command == "deviations":
            shown = [deviations.demonstrate(deviation) for deviation in deviations.DEVIATIONS]
            print(markdown.deviations_page(shown), end="")
            return Exit.PASSED if all(one.occurs for one in shown) else Exit.FAILED
        cases = select(ALL_CASES, options.k, options.scheduler)
        if options.command == "list":
            print("\n".join(case.name for case in cases))
            return Exit.PASSED if cases else Exit.NOTHING
        return _run(cases, options.output)
    except KeyboardInterrupt:
        print("parity: interrupted; no report was written", file=sys.stderr)
        return 130
    except Exception:
        traceback.print_exc()
        print("parity: internal error, not a verdict; no report was written", file=sys.stderr)
        return Exit.INTERNAL


def _run(cases: Sequence[AnyCase], folder: pathlib.Path) -> int:
    console = Console()
    if not cases:
        print("parity: nothing compared: no case matches; `parity list` prints their names", file=sys.stderr)
        return Exit.NOTHING
    with terminal.Bar(cases, console) as bar:
        result = run(cases, bar)
    terminal.show(result, report.write(result, folder), console)
    if result.steps == 0:
        return Exit.NOTHING
    return Exit.PASSED if result.passed else Exit.FAILED
