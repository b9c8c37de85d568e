"""The exact value of the schedules of transformers: their formulas in 50-digit arithmetic.

Written from the source of transformers, with its names, as `exact` is from PyTorch's; nothing
here may come from ``jaxsched``. A formula is known by the function in a LambdaLR, and takes what
that function was given.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import mpmath

mp = mpmath.mp.clone()
mp.dps = 50


def of(function: Callable[[int], float]) -> Callable[[float], Any] | None:
    """The factor at a count; None for a function that is not known."""
    if not isinstance(function, functools.partial):
        return None
    formula = _FACTORS.get(function.func.__name__)
    if formula is None or function.func.__module__ != "transformers.optimization":
        return None
    return lambda k: formula(int(k), **function.keywords)


def _share(k: int, length: int) -> Any:
    return mp.mpf(k) / max(1, length)


def _wave(cycles: float, progress: Any) -> Any:
    return (1 + mp.cospi(2 * mp.mpf(cycles) * progress)) / 2


def _constant(k: int, *, num_warmup_steps: int) -> Any:
    return min(_share(k, num_warmup_steps), mp.mpf(1)) if num_warmup_steps else mp.mpf(1)


def _linear(k: int, *, num_warmup_steps: int, num_training_steps: int) -> Any:
    if k < num_warmup_steps:
        return _share(k, num_warmup_steps)
    return _share(max(num_training_steps - k, 0), num_training_steps - num_warmup_steps)


def _cosine(
    k: int, *, num_warmup_steps: int, num_training_steps: int, num_cycles: float, min_lr_rate: float = 0.0
) -> Any:
    if k < num_warmup_steps:
        return _share(k, num_warmup_steps)
    floor = mp.mpf(min_lr_rate)
    progress = _share(k - num_warmup_steps, num_training_steps - num_warmup_steps)
    return floor + (1 - floor) * _wave(num_cycles, progress)


def _cosine_warmup(
    k: int,
    *,
    num_warmup_steps: int,
    num_training_steps: int,
    num_cycles: float,
    min_lr_rate: float = 0.0,
    warmup_lr_rate: float | None = None,
) -> Any:
    if k < num_warmup_steps:
        if warmup_lr_rate is None:
            return _share(k + 1, num_warmup_steps)
        first = mp.mpf(warmup_lr_rate)
        return first + (1 - first) * _share(k, num_warmup_steps - 1)
    floor = mp.mpf(min_lr_rate)
    progress = _share(k - num_warmup_steps + 1, num_training_steps - num_warmup_steps)
    return floor + (1 - floor) * _wave(num_cycles, progress)


def _restarts(k: int, *, num_warmup_steps: int, num_training_steps: int, num_cycles: int) -> Any:
    if k < num_warmup_steps:
        return _share(k, num_warmup_steps)
    length = max(1, num_training_steps - num_warmup_steps)
    done = k - num_warmup_steps
    if done >= length:
        return mp.mpf(0)
    return (1 + mp.cospi(mp.mpf(num_cycles * done % length) / length)) / 2


def _polynomial(
    k: int,
    *,
    num_warmup_steps: int,
    num_training_steps: int,
    lr_end: float,
    power: float,
    lr_init: float,
) -> Any:
    if k < num_warmup_steps:
        return _share(k, num_warmup_steps)
    first, last = mp.mpf(lr_init), mp.mpf(lr_end)
    if k > num_training_steps:
        return last / first
    left = _share(max(num_training_steps - k, 0), num_training_steps - num_warmup_steps)
    return (last + (first - last) * left ** mp.mpf(power)) / first


def _inverse_sqrt(k: int, *, num_warmup_steps: int, timescale: int) -> Any:
    if k < num_warmup_steps:
        return _share(k, num_warmup_steps)
    return 1 / mp.sqrt(mp.mpf(k + timescale - num_warmup_steps) / timescale)


def _stable(
    k: int,
    *,
    num_warmup_steps: int,
    num_stable_steps: int,
    num_decay_steps: int,
    warmup_type: str,
    decay_type: str,
    min_lr_ratio: float,
    num_cycles: float,
) -> Any:
    floor = mp.mpf(min_lr_ratio)
    done = k - num_warmup_steps - num_stable_steps
    if k < num_warmup_steps:
        p = _share(k, num_warmup_steps)
        way = {"linear": p, "cosine": (1 - mp.cospi(p)) / 2, "1-sqrt": 1 - mp.sqrt(1 - p)}[warmup_type]
    elif done < 0:
        way = mp.mpf(1)
    elif done < num_decay_steps:
        p = _share(done, num_decay_steps)
        way = {"linear": 1 - p, "cosine": _wave(num_cycles, p), "1-sqrt": 1 - mp.sqrt(p)}[decay_type]
    else:
        way = mp.mpf(0)
    return floor + (1 - floor) * way


_FACTORS: dict[str, Callable[..., Any]] = {
    "_get_constant_schedule_with_warmup_lr_lambda": _constant,
    "_get_linear_schedule_with_warmup_lr_lambda": _linear,
    "_get_cosine_schedule_with_warmup_lr_lambda": _cosine,
    "_get_cosine_with_min_lr_schedule_with_warmup_lr_rate_lambda": _cosine_warmup,
    "_get_cosine_with_hard_restarts_schedule_with_warmup_lr_lambda": _restarts,
    "_get_polynomial_decay_schedule_with_warmup_lr_lambda": _polynomial,
    "_get_inverse_sqrt_schedule_lr_lambda": _inverse_sqrt,
    "_get_wsd_scheduler_lambda": _stable,
}
