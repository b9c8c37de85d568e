"""ExponentialLR: long runs, growth, down through the subnormal numbers to 0."""

from __future__ import annotations

import functools

import optax

import jaxsched

from ..by_count import Case, case
from ..deviation import Deviation, deviation
from ..equivalent import Equivalent
from ..far import far
from ..member import member

OURS = jaxsched.ExponentialLR

_case = functools.partial(case, OURS.__name__)

CASES: tuple[Case, ...] = (
    _case(0.05, 50, gamma=0.1),
    _case(0.1, 500, gamma=0.95),
    _case(0.1, 100_000, gamma=0.9999),
    _case(0.1, 20_000, gamma=0.99999),
    _case(1e-6, 2_000, gamma=1.01),
    _case(0.1, 100, gamma=1.0),
    _case(1.0, 170, gamma=0.5),
    _case(0.1, 5, gamma=0.0),
)

MEMBERS = {"exponential": member("ExponentialLR", gamma=0.93)}

FAR: tuple[Case, ...] = (
    # Through the subnormal numbers to 0; still on its way at the last count; growing.
    far("ExponentialLR", gamma=0.999_99),
    far("ExponentialLR", gamma=0.999_999_99),
    far("ExponentialLR", 1e-6, gamma=1.000_000_01),
)

_deviation = functools.partial(deviation, OURS.__name__)

DEVIATIONS: tuple[Deviation, ...] = (
    _deviation(
        400,
        "grows to infinity",
        "stays at 3.402e38, next to float32's largest number",
        "an infinite learning rate is nobody's plan, and on a TPU a product that overflows is NaN",
        gamma=10.0,
    ),
)


def in_optax(case: Case, s: jaxsched.ExponentialLR) -> Equivalent | None:
    """Optax's schedule that is meant to do the same."""
    if s.gamma == 0:  # Optax takes a rate of 0 for "no decay"
        return None
    return Equivalent("exponential_decay", optax.exponential_decay(s.base_lr, 1, s.gamma), case.steps)
