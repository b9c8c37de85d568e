"""polynomial."""

from __future__ import annotations

from ..arithmetic import Arithmetic, Counts, Number
from .shapes import left, warmed_up

THEIRS = "_get_polynomial_decay_schedule_with_warmup_lr_lambda"


def factor(
    a: Arithmetic,
    k: Counts,
    *,
    num_warmup_steps: int,
    num_training_steps: int,
    lr_end: float,
    power: float,
    lr_init: float,
) -> Number:
    first, last = a.number(lr_init), a.number(lr_end)
    way = a.power(left(a, k, num_warmup_steps, num_training_steps), power)
    down = a.where(k > num_training_steps, last, last + (first - last) * way)
    return warmed_up(a, k, num_warmup_steps, down / first)
