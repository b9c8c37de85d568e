"""What an operation is here, and why one may be refused."""

from __future__ import annotations

from collections.abc import Callable

from ..program import Array

Run = Callable[..., Array]


class OpenError(Exception):
    """HLO does not say what this operation answers for one of these operands."""


class UnreadError(Exception):
    """The reader does not know this form of an operation."""
