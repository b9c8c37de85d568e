"""How a command ends: its exit codes, and what it says when it cannot do its work."""

from __future__ import annotations

import enum
import sys


class Exit(enum.IntEnum):
    """Exit codes, as pytest has them."""

    PASSED = 0
    FAILED = 1
    USAGE = 2
    INTERNAL = 3
    NOTHING = 5


class UsageError(Exception):
    """What the command was given cannot be used; the text says what can."""


class Died(Exception):
    """What the work needs has ended with its process; the text is its own."""


def complain(text: str) -> None:
    print(f"parity: {text}", file=sys.stderr)
