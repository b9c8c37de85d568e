"""ConstantLR: before, on and after the change; none; never."""

from __future__ import annotations

import functools

import optax

import jaxsched

from ..by_count import Case, case
from ..deviation import Deviation, deviation
from ..equivalent import Equivalent
from ..far import OFTEN, far
from ..member import member

OURS = jaxsched.ConstantLR

_case = functools.partial(case, OURS.__name__)

CASES: tuple[Case, ...] = (
    _case(0.1, 20),
    _case(0.05, 20, factor=0.5, total_iters=4),
    _case(0.1, 20, factor=1.0, total_iters=10),
    _case(0.1, 20, factor=0.1, total_iters=1),
    _case(3e-4, 2_000, factor=0.3, total_iters=1_000),
    _case(0.1, 50, factor=0.25, total_iters=100),
)

MEMBERS = {"constant": member("ConstantLR", factor=0.25, total_iters=12)}

FAR: tuple[Case, ...] = (far("ConstantLR", factor=1 / 3, total_iters=OFTEN),)

_deviation = functools.partial(deviation, OURS.__name__)

DEVIATIONS: tuple[Deviation, ...] = (
    _deviation(
        5,
        "keeps the factor for ever",
        "has no reduced phase",
        "PyTorch takes the factor away at total_iters, and does not look at count 0; "
        "its own closed form agrees with us",
        factor=0.5,
        total_iters=0,
    ),
    _deviation(
        5,
        "raises ZeroDivisionError",
        "goes on with base_lr",
        "PyTorch undoes the factor by dividing by it",
        factor=0.0,
        total_iters=5,
    ),
)


def in_optax(case: Case, s: jaxsched.ConstantLR) -> Equivalent:
    """Optax's schedule that is meant to do the same."""
    schedule = optax.piecewise_constant_schedule(s.base_lr * s.factor, {s.total_iters: 1 / s.factor})
    return Equivalent("piecewise_constant_schedule", schedule, case.steps)
