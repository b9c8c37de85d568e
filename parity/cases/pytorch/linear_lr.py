"""LinearLR: warm-up, decay, decay to zero, one step, past the end."""

from __future__ import annotations

import functools

import optax

import jaxsched

from ..by_count import Case, case
from ..deviation import Deviation, deviation
from ..equivalent import Equivalent
from ..far import LAST, REACHED, far
from ..member import member

OURS = jaxsched.LinearLR

_case = functools.partial(case, OURS.__name__)

CASES: tuple[Case, ...] = (
    _case(0.1, 20),
    _case(0.05, 20, start_factor=0.5, total_iters=4),
    _case(0.1, 50, start_factor=1.0, end_factor=0.3, total_iters=10),
    _case(0.1, 50, start_factor=1.0, end_factor=0.5, total_iters=30),
    _case(1e-3, 20, start_factor=1.0, end_factor=0.0, total_iters=10),
    _case(0.1, 5, start_factor=0.1, total_iters=1),
    _case(6e-4, 3_000, start_factor=1e-8, total_iters=2_000),
    _case(0.1, 10_100, start_factor=1.0, end_factor=1e-3, total_iters=10_000),
)

MEMBERS = {"linear": member("LinearLR", start_factor=0.1, total_iters=9)}

FAR: tuple[Case, ...] = (
    far("LinearLR", start_factor=1e-8, total_iters=REACHED),
    far("LinearLR", 6e-4, start_factor=1.0, end_factor=0.0, total_iters=LAST),
)

_deviation = functools.partial(deviation, OURS.__name__)

DEVIATIONS: tuple[Deviation, ...] = (
    _deviation(
        5,
        "stays at start_factor for ever",
        "has no ramp: end_factor at once",
        "PyTorch's recursion starts at count 1, which is past the end; its own closed form divides by zero",
        start_factor=0.5,
        total_iters=0,
    ),
)


def in_optax(case: Case, s: jaxsched.LinearLR) -> Equivalent:
    """Optax's schedule that is meant to do the same."""
    start, end = s.base_lr * s.start_factor, s.base_lr * s.end_factor
    return Equivalent("linear_schedule", optax.linear_schedule(start, end, s.total_iters), case.steps)
