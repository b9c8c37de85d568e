"""The exact value: what a live PyTorch scheduler does, in 50-digit arithmetic.

The arbiter between PyTorch and a JAX schedule when the two differ. The formulas and steps are those of
`reference.pytorch`; there is an arbiter for any scheduler of PyTorch's that somebody hands us.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .arithmetic import fifty_digits
from .arithmetic.fifty_digits import mp as mp, to_float32 as to_float32
from .known import Step
from .live import Live
from .pytorch import known
from .pytorch.reduce_lr_on_plateau import rates

Exact = Callable[[float], Any]
"""From a count to the value, a 50-digit number."""


def formula_of(scheduler: Live, quantity: str = "lr", group: int = 0) -> Exact | None:
    """The exact value of what a live PyTorch scheduler does; None where none is known."""
    facts = known(scheduler, group)
    formula = facts.formula(fifty_digits, quantity) if quantity in facts.quantities else None
    if formula is not None:
        return formula
    step = facts.step(fifty_digits) if quantity == "lr" else None
    return None if step is None else _recursion(step, mp.mpf(float(facts.options["initial_lr"])))


def _recursion(step: Step, start: Any) -> Exact:
    values: list[Any] = []

    def value(k: float) -> Any:
        while len(values) <= k:
            values.append(step(len(values), values[-1] if values else start))
        return values[int(k)]

    return value


def plateau(scheduler: Live, beside: Live | None, metrics: Sequence[float], base_lr: float) -> list[Any]:
    """The exact learning rate before each metric and after the last.

    Args:
      scheduler: a live ReduceLROnPlateau.
      beside: the scheduler stepped before it, or None.
      metrics: what the plateau is told.
      base_lr: the optimizer's learning rate.
    """
    other = None if beside is None else known(beside).step(fifty_digits)
    return rates(fifty_digits, scheduler, other, metrics, base_lr)
