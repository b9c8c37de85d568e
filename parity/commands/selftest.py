"""``parity selftest``: defects put in on purpose, each of which must be found and named."""

from __future__ import annotations

import argparse
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from .. import selftest
from ..devices import findings, selftest as on_devices
from ..training import selftest as of_twins
from ._common import Exit, parser

DESCRIPTION = """\
Puts defects into schedules and into references, one at a time, and looks whether the
comparison turns red and names the cause. Then does the same to trainings, whose batches,
initial weights, losses, gradients, learning rates, momenta, decays or optimizers are others,
and to programs that were compiled for a TPU and a GPU: one constant, operation, shift or
rounding is another. One that survives is a bug of the validator.
"""


def add(commands: Any) -> None:
    parser(commands, "selftest", DESCRIPTION)


def main(options: argparse.Namespace) -> int:
    console = Console()
    table = Table("", "defect", "what the comparison says", box=None, pad_edge=False)
    found = [(outcome.caught, outcome.defect.name, outcome.said) for outcome in selftest.run()]
    found += [(not each.same, change.name, findings.outcome(each)) for change, each in on_devices.run()]
    found += [(each.caught(result), each.name, of_twins.said(result)) for each, result in of_twins.run()]
    for caught, name, said in found:
        table.add_row("caught" if caught else "[bold red]SURVIVED[/]", name, escape(said))
    console.print(table, soft_wrap=not console.is_terminal)
    wrong = [name for name, comparison in selftest.controls().items() if not comparison.passed]
    wrong += [name for name, each in on_devices.controls().items() if not each.same]
    wrong += [name for name, each in of_twins.controls().items() if not each.passed]
    for name in wrong:
        console.print(f"FAILED without a defect: {name}", style="red", markup=False)
    survived = sum(not caught for caught, *_ in found)
    console.print(f"{len(found) - survived} of {len(found)} defects caught and named, {survived} survived")
    return Exit.FAILED if survived or wrong else Exit.PASSED
