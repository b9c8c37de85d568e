"""``parity peers``: who else has these schedulers, and how far each is from PyTorch."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from rich.console import Console
from rich.table import Table

from .. import peers
from ..catalogue import ALL_CASES
from ..environment import environment
from ..peers.measured import OURS, chosen
from ..report import write_file
from ._common import Exit, a_path, add_selection, check_file, complain, nothing, parser, select

DESCRIPTION = """\
Asks Optax, braintools, transformers and timm, where they are installed, for the schedulers of PyTorch,
transformers and timm, and says how far each is from the real one, stepped beside it: the share of values with
the same float32 bits, and the greatest difference as a share of the peak. Two minutes, and
five with braintools.
"""

EPILOG = """\
exit codes: 0 measured, 2 wrong usage, 5 nothing measured. It passes no verdict: `parity run` does.
"""


def add(commands: Any) -> None:
    command = parser(commands, "peers", DESCRIPTION, EPILOG)
    add_selection(command)
    command.add_argument("--page", metavar="FILE", type=a_path, help="write it as Markdown to FILE, too")


def main(options: argparse.Namespace) -> int:
    if options.page:
        check_file("--page", options.page)
    cases = chosen(select(options, ALL_CASES))
    if nothing(cases):
        return Exit.NOTHING
    for peer in peers.PEERS:
        if peer.version is None:
            complain(peer.missing)
    console = Console()
    with Console(file=sys.stderr).status("") as status:
        rows = peers.measure(cases, peers.PEERS, status.update)
    console.print(_table(rows))
    if options.page:
        versions = ", ".join(f"{name} {version}" for name, version in _versions().items())
        console.print(f"page: {write_file(options.page, peers.page(rows, peers.PEERS, versions))}")
    return Exit.PASSED


def _table(rows: list[peers.Row]) -> Table:
    columns = [OURS, *(peer.name for peer in peers.PEERS if peer.version is not None)]
    table = Table(
        box=None, pad_edge=False, caption="values with the same float32 bits, greatest difference by the peak"
    )
    table.add_column("scheduler", no_wrap=True)
    for name in columns:
        table.add_column(name)
    for row in rows:
        table.add_row(row.scheduler, *(peers.short(row, name) for name in columns))
    return table


def _versions() -> dict[str, str]:
    where = environment()
    found = {name: where[name] for name in ("torch", "jax", "jaxsched")}
    return found | {peer.module: peer.version for peer in peers.PEERS if peer.version is not None}
