"""What several schedules of transformers share, over any arithmetic."""

from __future__ import annotations

import numpy as np

from ..arithmetic import Arithmetic, Counts, Number


def share(a: Arithmetic, k: Counts, length: int) -> Number:
    """``k`` of ``length`` steps; a length of 0 is taken for 1."""
    return a.number(k) / max(1, length)


def warmed_up(a: Arithmetic, k: Counts, num_warmup_steps: int, then: Number) -> Number:
    """From 0 to 1 in a straight line, and after the warm-up something else."""
    return a.where(k < num_warmup_steps, share(a, k, num_warmup_steps), then)


def left(a: Arithmetic, k: Counts, num_warmup_steps: int, num_training_steps: int) -> Number:
    """How much of the training after the warm-up is left."""
    return share(a, np.maximum(num_training_steps - k, 0), num_training_steps - num_warmup_steps)


def wave(a: Arithmetic, cycles: float, progress: Number) -> Number:
    """So many periods of a cosine between 1 and 0."""
    return (1 + a.cospi(2 * a.number(cycles) * progress)) / 2
