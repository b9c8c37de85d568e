"""cosine_with_restarts."""

from __future__ import annotations

from ..arithmetic import Arithmetic, Counts, Number
from .shapes import share, warmed_up, wave

THEIRS = "_get_cosine_with_hard_restarts_schedule_with_warmup_lr_lambda"


def factor(
    a: Arithmetic, k: Counts, *, num_warmup_steps: int, num_training_steps: int, num_cycles: int
) -> Number:
    length = max(1, num_training_steps - num_warmup_steps)
    done = k - num_warmup_steps
    down = wave(a, 0.5, share(a, num_cycles * done % length, length))
    return warmed_up(a, k, num_warmup_steps, a.where(done >= length, 0.0, down))
