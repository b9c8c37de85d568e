"""``parity record``: what PyTorch does with each case, into a file of golden vectors."""

from __future__ import annotations

import argparse
import functools
import pathlib
from typing import Any

from rich.console import Console

from .. import golden, report
from ..catalogue import PYTORCH_CASES
from ..report import terminal
from ._common import Exit, a_path, add_selection, check_file, nothing, parser, select

DESCRIPTION = """\
Steps the real PyTorch scheduler of each case and writes what it did, with its arguments, as
JSON: golden vectors, to check against where there is no PyTorch, in any language. The form
is described in docs/golden-vectors.md.
"""


def add(commands: Any) -> None:
    command = parser(commands, "record", DESCRIPTION)
    add_selection(command, PYTORCH_CASES)
    command.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        type=a_path,
        default=pathlib.Path("golden.json"),
        help="default: %(default)s",
    )


def main(options: argparse.Namespace) -> int:
    cases = select(options, PYTORCH_CASES)
    if nothing(cases):
        return Exit.NOTHING
    check_file("record: --output", options.output)
    with terminal.Bar(cases, Console()) as bar:
        vectors = [golden.record(case, functools.partial(bar, case)) for case in cases]
    report.write_file(options.output, golden.render(vectors))
    values = sum(len(vector.counts) for vector in vectors)
    print(f"wrote {options.output}: {len(vectors)} cases, {values:,} values")
    return Exit.PASSED
