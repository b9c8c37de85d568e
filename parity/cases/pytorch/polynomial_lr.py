"""PolynomialLR: powers on both sides of 1, and past the end."""

from __future__ import annotations

import functools

import optax

import jaxsched

from ..by_count import Case, case
from ..deviation import Deviation, deviation
from ..equivalent import Equivalent
from ..far import LAST, REACHED, far
from ..member import member

OURS = jaxsched.PolynomialLR

_case = functools.partial(case, OURS.__name__)

CASES: tuple[Case, ...] = (
    _case(0.1, 10),
    _case(0.05, 20, total_iters=4, power=1.0),
    _case(0.1, 1_010, total_iters=1_000, power=0.9),
    _case(0.1, 1_010, total_iters=1_000, power=2.0),
    _case(0.1, 110, total_iters=100, power=0.5),
    _case(0.1, 110, total_iters=100, power=0.0),
    _case(0.1, 5, total_iters=1, power=3.0),
    _case(0.1, 10_010, total_iters=10_000, power=3.5),
    _case(0.1, 50_010, total_iters=50_000),
)

MEMBERS = {"polynomial": member("PolynomialLR", total_iters=25, power=1.5)}

FAR: tuple[Case, ...] = (
    far("PolynomialLR", total_iters=REACHED),
    far("PolynomialLR", total_iters=REACHED, power=0.9),
    far("PolynomialLR", total_iters=LAST, power=3.7),
)

_deviation = functools.partial(deviation, OURS.__name__)

DEVIATIONS: tuple[Deviation, ...] = (
    _deviation(
        5,
        "keeps base_lr for ever",
        "raises",
        "a decay over 0 updates has no value: PyTorch's own closed form divides by zero",
        total_iters=0,
    ),
)


def in_optax(case: Case, s: jaxsched.PolynomialLR) -> Equivalent:
    """Optax's schedule that is meant to do the same."""
    schedule = optax.polynomial_schedule(s.base_lr, 0.0, s.power, s.total_iters)
    return Equivalent("polynomial_schedule", schedule, case.steps)
