"""linear."""

from __future__ import annotations

from ..arithmetic import Arithmetic, Counts, Number
from .shapes import left, warmed_up

THEIRS = "_get_linear_schedule_with_warmup_lr_lambda"


def factor(a: Arithmetic, k: Counts, *, num_warmup_steps: int, num_training_steps: int) -> Number:
    return warmed_up(a, k, num_warmup_steps, left(a, k, num_warmup_steps, num_training_steps))
