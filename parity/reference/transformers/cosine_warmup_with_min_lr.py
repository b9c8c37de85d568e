"""cosine_warmup_with_min_lr."""

from __future__ import annotations

from ..arithmetic import Arithmetic, Counts, Number
from .shapes import share, wave

THEIRS = "_get_cosine_with_min_lr_schedule_with_warmup_lr_rate_lambda"


def factor(
    a: Arithmetic,
    k: Counts,
    *,
    num_warmup_steps: int,
    num_training_steps: int,
    num_cycles: float,
    min_lr_rate: float = 0.0,
    warmup_lr_rate: float | None = None,
) -> Number:
    if warmup_lr_rate is None:
        up = share(a, k + 1, num_warmup_steps)
    else:
        first = a.number(warmup_lr_rate)
        up = first + (1 - first) * share(a, k, num_warmup_steps - 1)
    floor = a.number(min_lr_rate)
    progress = share(a, k - num_warmup_steps + 1, num_training_steps - num_warmup_steps)
    return a.where(k < num_warmup_steps, up, floor + (1 - floor) * wave(a, num_cycles, progress))
