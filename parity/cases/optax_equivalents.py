"""Optax's own schedule for a case, where it has one: what people use today."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .compared import ComparedCase
from .equivalent import Equivalent as Equivalent
from .tried import TRIED

_IN_OPTAX: dict[type, Callable[[Any, Any], Equivalent | None]] = {
    tried.OURS: tried.in_optax for tried in TRIED
}


def equivalent(case: ComparedCase) -> Equivalent | None:
    """Optax's schedule for the case; None where Optax has no equal."""
    schedule = case.function() if case.quantity == "lr" else None
    find = _IN_OPTAX.get(type(schedule))
    return None if find is None else find(case, schedule)
