"""``parity selftest``: defects put in on purpose, each of which must be found and named."""

from __future__ import annotations

import argparse
from typing import Any

from rich.console import Console
from rich.table import Table

from .. import selftest
from ._common import Exit, parser

DESCRIPTION = """\
Puts defects into schedules and into references, one at a time, and looks whether the
comparison turns red and names the cause. One that survives is a bug of the validator.
"""


def add(commands: Any) -> None:
    parser(commands, "selftest", "put defects in; each must be found and named", DESCRIPTION)


def main(options: argparse.Namespace) -> int:
    console = Console()
    table = Table("", "defect", "what the comparison says", box=None, pad_edge=False)
    outcomes = selftest.run()
    for outcome in outcomes:
        mark = "caught" if outcome.caught else "[bold red]SURVIVED[/]"
        table.add_row(mark, outcome.defect.name, outcome.said)
    console.print(table, soft_wrap=not console.is_terminal)
    wrong = [name for name, found in selftest.controls().items() if not found.passed]
    for name in wrong:
        console.print(f"FAILED without a defect: {name}", style="red", markup=False)
    survived = sum(not outcome.caught for outcome in outcomes)
    console.print(
        f"{len(outcomes) - survived} of {len(outcomes)} defects caught and named, {survived} survived"
    )
    return Exit.FAILED if survived or wrong else Exit.PASSED
