"""The functions inside the schedules of transformers, read off a live LambdaLR."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .._schedule import Schedule
from ..hugging_face import (
    ConstantWithWarmup,
    CosineWarmupWithMinLR,
    CosineWithMinLR,
    CosineWithRestarts,
    CosineWithWarmup,
    InverseSqrt,
    LinearWithWarmup,
    PolynomialDecayWithWarmup,
    WarmupStableDecay,
)
from ..schedulers.constant_lr import ConstantLR

MODULE = "transformers.optimization"


def recognized(base_lr: float, function: Callable[[int], float]) -> Schedule | None:
    """The schedule that a function of transformers computes; None if it is not surely one.

    It is known by its module, its name and its keywords, and believed only where its values are
    those of the live function at counts around every number among the keywords.
    """
    keywords: Mapping[str, object] = {}
    known = function
    if isinstance(function, functools.partial):
        if function.args:
            return None
        known, keywords = function.func, function.keywords
    build = _BUILDERS.get(getattr(known, "__name__", ""))
    if build is None or getattr(known, "__module__", None) != MODULE:
        return None
    keywords = {name: _whole(value) if name.startswith("num_") else value for name, value in keywords.items()}
    try:
        schedule = build(base_lr, **keywords)
    except (TypeError, ValueError):  # arguments that this version does not have, or have otherwise
        return None
    return schedule if _agrees(schedule, base_lr, function, keywords) else None


def _whole(value: object) -> object:
    """transformers counts in floats, too; a whole one is meant as the integer."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _constant(base_lr: float) -> Schedule:
    return ConstantLR(base_lr, factor=1.0)


def _cosine(base_lr: float, min_lr_rate: float = 0.0, **keywords: Any) -> Schedule:
    # One function serves two names. Before min_lr_rate was there it was the cosine alone.
    if min_lr_rate == 0.0:
        return CosineWithWarmup(base_lr, **keywords)
    return CosineWithMinLR(base_lr, **keywords, min_lr_rate=min_lr_rate)


def _cosine_warmup(base_lr: float, min_lr_rate: float = 0.0, **keywords: Any) -> Schedule:
    return CosineWarmupWithMinLR(base_lr, **keywords, min_lr_rate=min_lr_rate)


def _polynomial(base_lr: float, lr_init: float, **keywords: Any) -> Schedule:
    return PolynomialDecayWithWarmup(base_lr, **keywords, lr_init=None if lr_init == base_lr else lr_init)


_BUILDERS: Mapping[str, Callable[..., Schedule]] = {
    "_get_constant_lambda": _constant,
    "_get_constant_schedule_with_warmup_lr_lambda": ConstantWithWarmup,
    "_get_linear_schedule_with_warmup_lr_lambda": LinearWithWarmup,
    "_get_cosine_schedule_with_warmup_lr_lambda": _cosine,
    "_get_cosine_with_min_lr_schedule_with_warmup_lr_rate_lambda": _cosine_warmup,
    "_get_cosine_with_hard_restarts_schedule_with_warmup_lr_lambda": CosineWithRestarts,
    "_get_polynomial_decay_schedule_with_warmup_lr_lambda": _polynomial,
    "_get_inverse_sqrt_schedule_lr_lambda": InverseSqrt,
    "_get_wsd_scheduler_lambda": WarmupStableDecay,
}


def _agrees(
    schedule: Schedule, base_lr: float, function: Callable[[int], float], keywords: Mapping[str, object]
) -> bool:
    counts = _samples(schedule, [n for n in keywords.values() if isinstance(n, int)])
    with np.errstate(all="ignore"):
        found = schedule.on_host(counts).tolist()
    try:
        wanted = [base_lr * float(function(k)) for k in counts.tolist()]
    except ZeroDivisionError:
        return False
    # Two roundings to float32 apart; next to a zero of a cosine theirs has few digits left.
    return all(
        abs(x - y) <= 1e-6 * max(abs(x), abs(y)) + 1e-12 * base_lr for x, y in zip(found, wanted, strict=True)
    )


def _samples(schedule: Schedule, numbers: list[int]) -> np.ndarray:
    """Counts around every number and every sum of some, and between them."""
    ends = {0, *numbers, sum(numbers), *(a + b for a in numbers for b in numbers if a != b)}
    last = max(ends) + 100
    near = {end + by for end in ends for by in range(-2, 3)}
    counts = np.array(
        sorted(k for k in near | set(np.linspace(0, 2 * last, 101).astype(int).tolist()) if k >= 0)
    )
    if isinstance(schedule, CosineWithRestarts):
        # At a restart theirs may be one update late, by a rounding error of the phase.
        gone = counts - schedule.num_warmup_steps
        per = max(schedule.num_training_steps - schedule.num_warmup_steps, 1)
        counts = counts[(gone <= 0) | (gone >= per) | (schedule.num_cycles * gone % per != 0)]
    return counts
