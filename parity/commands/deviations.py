"""``parity deviations``: what jaxsched does otherwise than PyTorch, shown anew."""

from __future__ import annotations

import argparse
from typing import Any

from ..deviations import DEVIATIONS, demonstrate
from ..report import markdown
from ._common import Exit, parser


def add(commands: Any) -> None:
    parser(
        commands,
        "deviations",
        "Shows, as Markdown, what jaxsched does otherwise than PyTorch; each is demonstrated on both.",
    )


def main(options: argparse.Namespace) -> int:
    shown = [demonstrate(deviation) for deviation in DEVIATIONS]
    print(markdown.deviations_page(shown), end="")
    return Exit.PASSED if all(one.occurs for one in shown) else Exit.FAILED
