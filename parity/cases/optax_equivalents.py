"""Optax's own schedule for a case, where it has one: what people use today."""

from __future__ import annotations

from .case import Case
from .equivalent import Equivalent as Equivalent
from .tried import TRIED

_IN_OPTAX = {tried.OURS: tried.in_optax for tried in TRIED}


def of(case: Case) -> Equivalent | None:
    """Optax's schedule for the case; None where Optax has no equal."""
    if case.quantity != "lr" or case.fractions is not None:
        return None
    schedule = case.schedule()
    find = _IN_OPTAX.get(type(schedule))
    return None if find is None else find(case, schedule)
