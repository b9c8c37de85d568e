"""ReduceLROnPlateau: no function of the count, but of the metrics so far."""

from collections.abc import Sequence
from typing import Any

from ..arithmetic import Arithmetic
from ..known import Step
from ..live import Live


def rates(a: Arithmetic, s: Live, beside: Step | None, metrics: Sequence[float], base_lr: float) -> list[Any]:
    """The exact learning rate before each metric and after the last.

    Args:
      a: the arithmetic, whose numbers compare.
      s: a live ReduceLROnPlateau.
      beside: the step of the scheduler that is stepped before it, if there is one.
      metrics: as PyTorch is told them; they and the thresholds are float64, as PyTorch compares them.
      base_lr: the optimizer's.
    """
    lr: Any = a.number(base_lr)
    lr = lr if beside is None else beside(0, lr)
    factor, lowest = a.number(s.factor), a.number(s.min_lrs[0])
    sign = 1 if s.mode == "min" else -1
    best, bad, cooling, found = sign * float("inf"), 0, 0, [lr]
    for k, metric in enumerate(metrics, start=1):
        lr = lr if beside is None else beside(k, lr)
        relative = s.threshold_mode == "rel"
        bound = best * (1.0 - sign * s.threshold) if relative else best - sign * s.threshold
        if metric < bound if sign > 0 else metric > bound:
            best, bad = metric, 0
        else:
            bad += 1
        if cooling > 0:
            cooling, bad = cooling - 1, 0
        if bad > s.patience:
            reduced = max(lr * factor, lowest)
            lr = reduced if lr - reduced > s.eps else lr
            cooling, bad = s.cooldown, 0
        found.append(lr)
    return found
