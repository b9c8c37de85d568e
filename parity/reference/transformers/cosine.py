"""cosine, and cosine_with_min_lr, which has a floor."""

from __future__ import annotations

from ..arithmetic import Arithmetic, Counts, Number
from .shapes import share, warmed_up, wave

THEIRS = "_get_cosine_schedule_with_warmup_lr_lambda"


def factor(
    a: Arithmetic,
    k: Counts,
    *,
    num_warmup_steps: int,
    num_training_steps: int,
    num_cycles: float,
    min_lr_rate: float = 0.0,
) -> Number:
    floor = a.number(min_lr_rate)
    progress = share(a, k - num_warmup_steps, num_training_steps - num_warmup_steps)
    return warmed_up(a, k, num_warmup_steps, floor + (1 - floor) * wave(a, num_cycles, progress))
