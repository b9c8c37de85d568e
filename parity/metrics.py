"""The one table of metric traces for ReduceLROnPlateau: what a validation loop might report.

Every metric is a float32 number, so that PyTorch and JAX see the same one.
"""

from __future__ import annotations

import dataclasses
import math
import struct
from collections.abc import Iterable, Mapping
from typing import Any


@dataclasses.dataclass(frozen=True)
class MetricCase:
    """A ReduceLROnPlateau with its arguments, alone or after another scheduler, and what it is told."""

    name: str
    metrics: tuple[float, ...]

    arguments: Mapping[str, Any]
    """What PyTorch's class is given besides the optimizer."""

    base_lr: float = 0.1

    scheduler: str | None = None
    """The class of a scheduler on the same optimizer, stepped before the plateau is."""

    scheduler_arguments: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def float32(values: Iterable[float]) -> tuple[float, ...]:
    """Each rounded to float32."""
    return tuple(struct.unpack("f", struct.pack("f", value))[0] for value in values)


def _noise(seed: int, steps: int) -> list[float]:
    """Numbers in [-1, 1), the same everywhere: a linear congruential generator."""
    state, values = seed, []
    for _ in range(steps):
        state = (1664525 * state + 1013904223) % 2**32
        values.append(state / 2**31 - 1)
    return values


def noisy(base: Iterable[float], size: float, seed: int) -> tuple[float, ...]:
    """Each with noise of some size, rounded to float32."""
    base = list(base)
    return float32(x + size * noise for x, noise in zip(base, _noise(seed, len(base)), strict=True))


def _decay(rate: float, steps: int, floor: float = 0.0) -> list[float]:
    return [floor + rate**k for k in range(steps)]


def _with(values: Iterable[float], changes: Mapping[int, float]) -> tuple[float, ...]:
    values = list(values)
    for at, value in changes.items():
        values[at] = value
    return tuple(values)


NAN, INF = math.nan, math.inf
FLAT = (1.0,) * 60
IMPROVING = float32(_decay(0.9, 60))
STALLING = float32(_decay(0.7, 60, floor=0.25))
WORSENING = float32(1 + 0.125 * k for k in range(60))
NOISY = noisy(_decay(0.95, 120, floor=0.3), 0.1, seed=1)
ACCURACY = noisy((1 - 0.9 * 0.93**k for k in range(120)), 0.02, seed=2)
SAWTOOTH = float32(1 - 0.01 * (k // 7) + 0.05 * (k % 7) for k in range(80))
# Next to a threshold: exactly on it, one float32 below, one above.
QUARTERS = (1.0, 0.75, 0.75 - 2**-24, 0.5625, 0.5625 - 2**-24, 0.5625 + 2**-24, 0.25, 0.0, 0.0, -0.0)


def _case(
    name: str,
    metrics: tuple[float, ...],
    scheduler: tuple[str, dict[str, Any]] | None = None,
    /,
    **arguments: Any,
) -> MetricCase:
    base_lr = arguments.pop("base_lr", 0.1)
    other, others = scheduler or (None, {})
    return MetricCase(name, metrics, arguments, base_lr, other, others)


METRIC_CASES: tuple[MetricCase, ...] = (
    # Improving and flat, with the defaults and at the edges of patience and cooldown.
    _case("improving", IMPROVING),
    _case("flat", FLAT),
    _case("flat, patience 0", FLAT, patience=0, factor=0.9),
    _case("improving, patience 0", IMPROVING, patience=0),
    _case("flat, patience 1, cooldown 1", FLAT, patience=1, cooldown=1, factor=0.7),
    _case("flat, patience 0, cooldown 3", FLAT, patience=0, cooldown=3, factor=0.7),
    _case("flat, patience 3, cooldown 5", FLAT, patience=3, cooldown=5, factor=0.5),
    _case("stalling", STALLING, patience=4, factor=0.3),
    _case("worsening", WORSENING, patience=2, factor=0.8),
    _case("slower than the threshold", float32(1 - 2e-5 * k for k in range(60)), patience=3),
    _case("one metric", (1.0,), patience=0),
    # Noise.
    _case("noisy", NOISY, patience=3, factor=0.7),
    _case("noisy, patience 0", NOISY, patience=0, factor=0.9, cooldown=1),
    _case("noisy, cooldown", NOISY, patience=2, factor=0.8, cooldown=4),
    _case("sawtooth", SAWTOOTH, patience=6, factor=0.5),
    _case("sawtooth, patience 5", SAWTOOTH, patience=5, factor=0.5),
    # Thresholds.
    _case("on the relative threshold", QUARTERS, patience=0, threshold=0.25, factor=0.9),
    _case(
        "on the absolute threshold", QUARTERS, patience=0, threshold=0.25, threshold_mode="abs", factor=0.9
    ),
    _case("threshold 0", QUARTERS, patience=0, threshold=0.0, factor=0.9),
    _case("threshold 1", STALLING, patience=2, threshold=1.0),
    _case("noisy, absolute", NOISY, patience=3, threshold=0.05, threshold_mode="abs", factor=0.6),
    # Maximising.
    _case("accuracy", ACCURACY, mode="max", patience=4, factor=0.5),
    _case(
        "accuracy, absolute",
        ACCURACY,
        mode="max",
        patience=4,
        threshold=0.01,
        threshold_mode="abs",
        factor=0.5,
    ),
    _case("accuracy, cooldown", ACCURACY, mode="max", patience=1, factor=0.9, cooldown=2),
    _case("flat from 0, max", (0.0,) * 20, mode="max", patience=2),
    # Negative: with a relative threshold, flat is better and nothing is ever reduced.
    _case("negative, flat", (-1.0,) * 40, patience=2),
    _case("negative, flat, max", (-1.0,) * 40, mode="max", patience=2),
    _case("negative, flat, absolute", (-1.0,) * 40, patience=2, threshold_mode="abs"),
    _case("negative, slowly worsening", float32(-1 + 2e-5 * k for k in range(40)), patience=2, factor=0.5),
    _case("through 0", float32(1 - 0.1 * k for k in range(30)) + (-2.0,) * 30, patience=3, factor=0.5),
    _case("negative, noisy, max", noisy([-1.0] * 80, 0.3, seed=3), mode="max", patience=3, factor=0.5),
    # Not numbers.
    _case("all NaN", (NAN,) * 20, patience=3, factor=0.5),
    _case(
        "NaN now and then", _with(NOISY, {0: NAN, 5: NAN, 40: NAN, 41: NAN, 42: NAN}), patience=2, factor=0.9
    ),
    _case("NaN at last", IMPROVING + (NAN,) * 20, patience=4, factor=0.5),
    _case("infinite", _with(STALLING, {0: INF, 1: INF, 9: -INF}), patience=2, factor=0.5),
    _case("infinite, max", _with(ACCURACY, {0: -INF, 30: INF}), mode="max", patience=2, factor=0.5),
    # The floor and the smallest reduction.
    _case("min_lr", FLAT, patience=1, factor=0.5, min_lr=0.011),
    _case("min_lr above the learning rate", FLAT, patience=1, factor=0.5, min_lr=0.2),
    _case("min_lr near the learning rate", FLAT, patience=0, factor=0.5, min_lr=0.1 - 2e-8),
    _case("eps stops it", FLAT, patience=0, factor=0.1),
    _case("large eps", FLAT, patience=0, factor=0.5, eps=0.01),
    _case("eps is the reduction", FLAT, base_lr=1.0, patience=0, factor=0.5, eps=0.125),
    _case("eps 0", FLAT, patience=0, factor=0.5, eps=0.0),
    _case("factor 0", FLAT, patience=2, factor=0.0),
    _case("factor next to 1", (1.0,) * 400, patience=0, factor=0.999, eps=0.0),
    _case("learning rate 0", FLAT, base_lr=0.0, patience=1),
    # Compounds: whatever multiplies the learning rate keeps the reductions.
    _case("StepLR", NOISY, ("StepLR", {"step_size": 20, "gamma": 0.5}), patience=3, factor=0.7),
    _case(
        "StepLR, flat", FLAT, ("StepLR", {"step_size": 7, "gamma": 0.9}), patience=4, min_lr=0.01, factor=0.5
    ),
    _case(
        "MultiStepLR", NOISY, ("MultiStepLR", {"milestones": [30, 30, 80]}), patience=3, factor=0.7, eps=0.0
    ),
    _case("ExponentialLR", NOISY, ("ExponentialLR", {"gamma": 0.97}), patience=3, factor=0.7),
    _case(
        "ExponentialLR, growing",
        FLAT,
        ("ExponentialLR", {"gamma": 1.05}),
        patience=2,
        factor=0.8,
        min_lr=0.05,
    ),
    _case("CosineAnnealingLR", NOISY, ("CosineAnnealingLR", {"T_max": 121}), patience=3, factor=0.7),
    _case(
        "CosineAnnealingLR, eta_min",
        STALLING,
        ("CosineAnnealingLR", {"T_max": 50, "eta_min": 0.01}),
        patience=2,
        factor=0.5,
        cooldown=3,
    ),
    _case(
        "CosineAnnealingLR, rising again", NOISY, ("CosineAnnealingLR", {"T_max": 30}), patience=3, factor=0.7
    ),
    _case(
        "PolynomialLR", NOISY, ("PolynomialLR", {"total_iters": 100, "power": 2.0}), patience=3, factor=0.7
    ),
    _case(
        "warm-up", STALLING, ("LinearLR", {"start_factor": 0.1, "total_iters": 10}), patience=3, factor=0.5
    ),
    _case(
        "plateau during warm-up",
        FLAT,
        ("LinearLR", {"start_factor": 0.01, "total_iters": 30}),
        patience=1,
        factor=0.5,
        cooldown=2,
    ),
    _case("ConstantLR", ACCURACY, ("ConstantLR", {"total_iters": 9}), mode="max", patience=2, factor=0.5),
    # Compounds that overwrite it: a reduction lasts until the next step.
    _case("OneCycleLR", FLAT, ("OneCycleLR", {"max_lr": 0.3, "total_steps": 61}), patience=2, factor=0.5),
    _case(
        "CyclicLR",
        FLAT,
        ("CyclicLR", {"base_lr": 0.1, "max_lr": 0.3, "step_size_up": 7}),
        patience=2,
        factor=0.5,
    ),
)
