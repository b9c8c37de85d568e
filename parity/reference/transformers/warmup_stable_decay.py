"""warmup_stable_decay."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from ..arithmetic import Arithmetic, Counts, Number
from .shapes import share, wave

THEIRS = "_get_wsd_scheduler_lambda"


def factor(
    a: Arithmetic,
    k: Counts,
    *,
    num_warmup_steps: int,
    num_stable_steps: int,
    num_decay_steps: int,
    warmup_type: str,
    decay_type: str,
    min_lr_ratio: float,
    num_cycles: float,
) -> Number:
    up: Mapping[str, Callable[[Number], Number]] = {
        "linear": lambda p: p,
        "cosine": lambda p: (1 - a.cospi(p)) / 2,
        "1-sqrt": lambda p: 1 - a.power(1 - p, 0.5),
    }
    down: Mapping[str, Callable[[Number], Number]] = {
        "linear": lambda p: 1 - p,
        "cosine": lambda p: wave(a, num_cycles, p),
        "1-sqrt": lambda p: 1 - a.power(p, 0.5),
    }
    done = k - num_warmup_steps - num_stable_steps
    rising = up[warmup_type](share(a, np.minimum(k, num_warmup_steps), num_warmup_steps))
    falling = down[decay_type](share(a, np.clip(done, 0, num_decay_steps), num_decay_steps))
    way = a.where(done < 0, 1.0, a.where(done < num_decay_steps, falling, 0.0))
    way = a.where(k < num_warmup_steps, rising, way)
    floor = a.number(min_lr_ratio)
    return floor + (1 - floor) * way
