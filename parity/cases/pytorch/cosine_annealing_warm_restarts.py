"""CosineAnnealingWarmRestarts: every restart; fractions of an epoch."""

from __future__ import annotations

import functools
from typing import Any

import optax

import jaxsched

from ..by_count import Case, case
from ..deviation import Deviation, deviation
from ..equivalent import Equivalent
from ..far import OFTEN, far
from ..member import member
from ..spec import Spec

OURS = jaxsched.CosineAnnealingWarmRestarts

_case = functools.partial(case, OURS.__name__)


def _epochs(T_0: int, T_mult: int, fractions: tuple[float, ...], **arguments: Any) -> Case:
    """By ``scheduler.step(epoch)``."""
    spec = Spec("CosineAnnealingWarmRestarts", {"T_0": T_0, "T_mult": T_mult, **arguments})
    return Case(spec, 0.1, len(fractions), fractions=fractions)


CASES: tuple[Case, ...] = (
    _case(0.1, 20, T_0=1),
    _case(0.1, 100, T_0=10),
    _case(0.1, 1_300, T_0=10, T_mult=2),
    _case(0.1, 2_000, T_0=5, T_mult=3, eta_min=1e-3),
    _case(0.1, 600, T_0=1, T_mult=2),
    _case(0.1, 20_000, T_0=1_000, T_mult=1, eta_min=1e-5),
    _case(0.1, 60_000, T_0=2_000, T_mult=4),
    _epochs(10, 1, tuple(i / 16 for i in range(800))),
    _epochs(10, 2, tuple(i / 8 for i in range(1_200)), eta_min=1e-3),
    _epochs(7, 3, tuple(i / 4 for i in range(1_200))),
)

MEMBERS = {"restarts": member("CosineAnnealingWarmRestarts", T_0=6, T_mult=2, eta_min=0.001)}

FAR: tuple[Case, ...] = (
    far("CosineAnnealingWarmRestarts", T_0=41, T_mult=2),
    far("CosineAnnealingWarmRestarts", T_0=7, T_mult=3, eta_min=1e-3),
    far("CosineAnnealingWarmRestarts", T_0=OFTEN, eta_min=1e-5),
)

_deviation = functools.partial(deviation, OURS.__name__)

DEVIATIONS: tuple[Deviation, ...] = (
    _deviation(
        1210.0,
        "returns eta_min",
        "returns base_lr: it is a restart",
        "PyTorch finds the cycle of step(epoch) from a rounded logarithm",
        T_0=10,
        T_mult=3,
    ),
)


def in_optax(case: Case, s: jaxsched.CosineAnnealingWarmRestarts) -> Equivalent:
    """Optax's schedule that is meant to do the same."""
    lengths, boundaries = [s.T_0], [s.T_0]
    while boundaries[-1] < case.steps:
        lengths.append(lengths[-1] * s.T_mult)
        boundaries.append(boundaries[-1] + lengths[-1])
    alpha = s.eta_min / s.base_lr
    cycles = [optax.cosine_decay_schedule(s.base_lr, length, alpha=alpha) for length in lengths]
    schedule = optax.join_schedules(cycles, boundaries[:-1])
    return Equivalent("join_schedules(cosine_decay_schedule, …)", schedule, case.steps)
