"""PyTorch itself: a live scheduler, stepped as a training loop steps it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

Live: TypeAlias = Any
"""A live scheduler of PyTorch's or of anybody's, with its optimizer; PyTorch is not imported for it."""

QUANTITIES = ("lr", "momentum")


class Trajectory(NamedTuple):
    """What PyTorch applied at count 0, 1, …"""

    values: npt.NDArray[np.float64]
    """The learning rate (or momentum) before each update, as PyTorch holds it."""

    ended: str | None
    """What PyTorch raised, if it did before the last count; then values are fewer."""


def read(scheduler: Live, quantity: str, group: int) -> float:
    """The learning rate, or momentum (``betas[0]``), now in force on the optimizer."""
    options = scheduler.optimizer.param_groups[group]
    if quantity == "lr":
        value = options["lr"]
    else:
        value = options["momentum"] if "momentum" in options else options["betas"][0]
    if isinstance(value, str):
        raise TypeError(f"the {quantity} of the optimizer is text, {value!r}")
    return float(value)


def trajectory(
    scheduler: Live,
    steps: int,
    *,
    quantity: str = "lr",
    group: int = 0,
    fractions: Sequence[float] | None = None,
    progress: Callable[[int], None] = lambda steps: None,
) -> Trajectory:
    """Steps the optimizer and the scheduler and notes what was applied.

    Args:
      scheduler: a live scheduler with its optimizer, at its start; it is used up.
      steps: how many counts to look at.
      quantity: ``"lr"`` or ``"momentum"``.
      group: which parameter group.
      fractions: for ``scheduler.step(epoch)``: the epochs to set, instead of ``steps``.
      progress: is told now and then how many counts have been done since it was told last.
    """
    values = np.empty(steps, np.float64)
    for k in range(steps):
        try:
            if fractions is not None or k:
                scheduler.optimizer.step()
                _step(scheduler, k, fractions)
        except (ValueError, ZeroDivisionError, OverflowError, NotImplementedError) as reason:
            return Trajectory(values[:k], f"{type(reason).__name__}: {reason}")
        values[k] = read(scheduler, quantity, group)
        if k % 1000 == 999:
            progress(1000)
    progress(steps % 1000)
    return Trajectory(values, None)


def _step(scheduler: Live, k: int, fractions: Sequence[float] | None) -> None:
    if hasattr(scheduler, "step_update"):  # timm's are told the count; one of the two does nothing
        scheduler.step(k)
        scheduler.step_update(k)
    else:
        scheduler.step(*(() if fractions is None else (fractions[k],)))
