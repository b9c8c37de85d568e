"""``parity list``: the names of the cases."""

from __future__ import annotations

import argparse
from typing import Any

from ..catalogue import ALL_CASES
from ..training import TRAINING_CASES
from ._common import Exit, add_selection, complain, parser, select


def add(commands: Any) -> None:
    add_selection(parser(commands, "list", "Prints the names of the cases."))


def main(options: argparse.Namespace) -> int:
    cases = select(options, (*ALL_CASES, *TRAINING_CASES))
    if not cases:
        complain("no case matches; `parity list` without options prints all")
        return Exit.NOTHING
    print("\n".join(case.name for case in cases))
    return Exit.PASSED
