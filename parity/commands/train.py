"""``parity train``: PyTorch and Flax train the same network side by side."""

from __future__ import annotations

import argparse
from typing import Any

from ..training import OPTIMIZERS, RELATIVE, TRAINING_CASES
from ._common import add_how, add_output, add_selection, parser, select
from .run import compare_and_report

DESCRIPTION = f"""\
Trains a small network twice, update by update, in float64 on the CPU: with PyTorch's optimizer and
scheduler, and with Flax, Optax and jaxsched, from the same weights and on the same batches.

The twins stay together while the learning rates (and momenta, where they are cycled) are the same
float32 numbers, and losses, gradient norms and weights are within {RELATIVE:g} of one another.
Where they part, it says at which update and by which quantity first.
"""

EPILOG = """\
examples:
  parity train                              all twins; the report goes to parity-report/
  parity train --optimizer AdamW            with one optimizer
  parity train --scheduler ReduceLROnPlateau --steps 50

exit codes: 0 all stay together, 1 a pair parts, 2 wrong usage, 3 internal error, 5 nothing compared
"""


def add(commands: Any) -> None:
    command = parser(commands, "train", DESCRIPTION, EPILOG)
    chosen = add_selection(command, TRAINING_CASES, "no more than N updates of each")
    chosen.add_argument("--optimizer", metavar="NAME", choices=OPTIMIZERS, help="with this one (%(choices)s)")
    add_how(command)
    add_output(command)


def main(options: argparse.Namespace) -> int:
    wanted = [case for case in TRAINING_CASES if options.optimizer in (None, case.optimizer)]
    return compare_and_report(select(options, wanted), options)
