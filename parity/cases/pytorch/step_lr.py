"""StepLR: the boundaries at which float32 arithmetic steps late."""

from __future__ import annotations

import functools

import optax

import jaxsched

from ..by_count import Case, case
from ..deviation import Deviation, deviation
from ..equivalent import Equivalent
from ..far import OFTEN, far
from ..member import member

OURS = jaxsched.StepLR

_case = functools.partial(case, OURS.__name__)

CASES: tuple[Case, ...] = (
    _case(0.05, 120, step_size=30),
    *(_case(0.1, 20 * size, step_size=size, gamma=0.9) for size in (41, 47, 55, 61)),
    _case(0.1, 200, step_size=1, gamma=0.95),
    _case(0.1, 100, step_size=7, gamma=1.0),
    _case(0.1, 100, step_size=10, gamma=2.0),
    _case(0.1, 40, step_size=10, gamma=0.0),
    _case(0.1, 100_000, step_size=1_000, gamma=0.9),
)

MEMBERS = {"step": member("StepLR", step_size=7, gamma=0.6)}

FAR: tuple[Case, ...] = (
    far("StepLR", step_size=41, gamma=0.999_999),
    far("StepLR", step_size=OFTEN, gamma=0.9),
)

_deviation = functools.partial(deviation, OURS.__name__)

DEVIATIONS: tuple[Deviation, ...] = (
    _deviation(
        5,
        "raises ZeroDivisionError while training",
        "raises when made, with the reason",
        "an error belongs where the argument is",
        step_size=0,
    ),
)


def in_optax(case: Case, s: jaxsched.StepLR) -> Equivalent | None:
    """Optax's schedule that is meant to do the same."""
    if s.gamma == 0:  # Optax takes a rate of 0 for "no decay"
        return None
    schedule = optax.exponential_decay(s.base_lr, s.step_size, s.gamma, staircase=True)
    return Equivalent("exponential_decay(staircase=True)", schedule, case.steps)
