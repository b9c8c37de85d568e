"""CosineAnnealingLR: next to the end, and up again past it."""

from __future__ import annotations

import functools

import optax

import jaxsched

from ..by_count import Case, case
from ..deviation import Deviation, deviation
from ..equivalent import Equivalent
from ..far import LAST, OFTEN, REACHED, far
from ..member import member

OURS = jaxsched.CosineAnnealingLR

_case = functools.partial(case, OURS.__name__)

CASES: tuple[Case, ...] = (
    *(_case(0.1, 6 * T_max, T_max=T_max) for T_max in (1, 2, 5)),
    _case(0.1, 4_500, T_max=1_000),
    _case(0.1, 10_002, T_max=10_000),
    _case(0.1, 150_000, T_max=100_000),
    _case(0.1, 250, T_max=100, eta_min=1e-4),
    _case(0.01, 250, T_max=100, eta_min=0.1),
    _case(0.1, 100, T_max=30, eta_min=0.1),
    _case(3e-4, 5_000, T_max=2_500, eta_min=3e-5),
)

MEMBERS = {
    "cosine": member("CosineAnnealingLR", T_max=14),
    "cosine to": member("CosineAnnealingLR", T_max=13, eta_min=0.01),
}

FAR: tuple[Case, ...] = (
    far("CosineAnnealingLR", T_max=REACHED),
    far("CosineAnnealingLR", T_max=LAST, eta_min=1e-5),
    far("CosineAnnealingLR", 3e-4, T_max=OFTEN, eta_min=3e-5),
    far("CosineAnnealingLR", T_max=41, eta_min=0.7),
)

_deviation = functools.partial(deviation, OURS.__name__)

DEVIATIONS: tuple[Deviation, ...] = (
    _deviation(
        5,
        "raises ZeroDivisionError while training",
        "raises when made, with the reason",
        "an error belongs where the argument is",
        T_max=0,
    ),
)


def in_optax(case: Case, s: jaxsched.CosineAnnealingLR) -> Equivalent:
    """Optax's schedule that is meant to do the same."""
    schedule = optax.cosine_decay_schedule(s.base_lr, s.T_max, alpha=s.eta_min / s.base_lr)
    return Equivalent("cosine_decay_schedule", schedule, min(case.steps, int(s.T_max) + 1))
