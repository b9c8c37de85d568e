"""``parity optimizers``: torch.optim beside Optax, measured anew."""

from __future__ import annotations

import argparse
from typing import Any

from .. import optimizers
from ..environment import environment
from ._common import Exit, UsageError, complain, parser

DESCRIPTION = """\
Steps PyTorch's optimizers beside the Optax function that people reach for, and beside what
jaxsched.optimizer_from_torch makes of each, on the same gradients, and says as Markdown how far the
parameters are apart after 1, 60 and 1,000 updates. Half a minute.
"""

EPILOG = """\
exit codes: 0 what optimizer_from_torch makes is PyTorch's, 1 it is not, 2 wrong usage
"""


def add(commands: Any) -> None:
    command = parser(commands, "optimizers", DESCRIPTION, EPILOG)
    command.add_argument("-k", metavar="TEXT", default="", help="only lines with TEXT in PyTorch's call")


def main(options: argparse.Namespace) -> int:
    rows = [row for row in optimizers.ROWS if options.k.lower() in row.name.lower()]
    if not rows:
        names = ", ".join(dict.fromkeys(row.cls for row in optimizers.ROWS))
        raise UsageError(f"optimizers: -k must be in the call of one, got {options.k!r}; there are {names}")
    found = optimizers.measure(rows)
    where = environment()
    versions = ", ".join(f"{package} {where[package]}" for package in ("torch", "optax", "jax"))
    print(optimizers.page(found, optimizers.clipping(), versions), end="")
    wrong = [one.row.name for one in found if not one.passed]
    if wrong:
        complain(f"optimizer_from_torch makes something else of {', '.join(wrong)}")
    return Exit.FAILED if wrong else Exit.PASSED
