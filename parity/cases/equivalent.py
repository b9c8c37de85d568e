"""Optax's own schedule for a case: what people use today."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple


class Equivalent(NamedTuple):
    """An Optax schedule that is meant to do what a case's scheduler does."""

    name: str
    """The Optax function."""

    schedule: Callable[[Any], Any]

    steps: int
    """Counts for which Optax means the same; past the end its meaning differs."""
