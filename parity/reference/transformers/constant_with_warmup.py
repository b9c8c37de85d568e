"""constant_with_warmup."""

from __future__ import annotations

from ..arithmetic import Arithmetic, Counts, Number
from .shapes import warmed_up

THEIRS = "_get_constant_schedule_with_warmup_lr_lambda"


def factor(a: Arithmetic, k: Counts, *, num_warmup_steps: int) -> Number:
    return warmed_up(a, k, num_warmup_steps, a.number(1))
