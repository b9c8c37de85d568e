"""inverse_sqrt."""

from __future__ import annotations

import numpy as np

from ..arithmetic import Arithmetic, Counts, Number
from .shapes import warmed_up

THEIRS = "_get_inverse_sqrt_schedule_lr_lambda"


def factor(a: Arithmetic, k: Counts, *, num_warmup_steps: int, timescale: int) -> Number:
    since = a.number(np.maximum(k - num_warmup_steps, 0) + timescale)
    return warmed_up(a, k, num_warmup_steps, 1 / a.power(since / timescale, 0.5))
