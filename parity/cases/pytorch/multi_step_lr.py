"""MultiStepLR: twice the same, out of order, at 0, none at all."""

from __future__ import annotations

import functools
from collections import Counter

import optax

import jaxsched

from ..by_count import Case, case
from ..deviation import Deviation, deviation
from ..equivalent import Equivalent
from ..far import LAST, OFTEN, REACHED, far
from ..member import member

OURS = jaxsched.MultiStepLR

_case = functools.partial(case, OURS.__name__)

CASES: tuple[Case, ...] = (
    _case(0.05, 120, milestones=[30, 80]),
    _case(0.1, 120, milestones=[30, 80, 80], gamma=0.5),
    _case(0.1, 120, milestones=[80, 30], gamma=0.3),
    _case(0.1, 20, milestones=[0, 10], gamma=0.1),
    _case(0.1, 20, milestones=[], gamma=0.1),
    _case(0.1, 500, milestones=list(range(10, 410, 10)), gamma=0.9),
    _case(0.1, 50_000, milestones=[15_000, 30_000, 40_000], gamma=0.2),
)

MEMBERS = {"multi": member("MultiStepLR", milestones=[4, 11, 11, 30], gamma=0.5)}

FAR: tuple[Case, ...] = (
    far("MultiStepLR", milestones=[80, 30, 30, OFTEN, REACHED, LAST], gamma=0.3),
    far("MultiStepLR", milestones=list(range(OFTEN, REACHED + OFTEN, OFTEN)), gamma=0.9),
)

_deviation = functools.partial(deviation, OURS.__name__)

DEVIATIONS: tuple[Deviation, ...] = (
    _deviation(
        5,
        "never reaches the milestone",
        "raises when made",
        "PyTorch looks the count up among the milestones, and no count equals a number that is not whole",
        milestones=[3.0000000000000004],
    ),
)


def in_optax(case: Case, s: jaxsched.MultiStepLR) -> Equivalent:
    """Optax's schedule that is meant to do the same."""
    scales = {milestone: s.gamma**times for milestone, times in Counter(s.milestones).items()}
    schedule = optax.piecewise_constant_schedule(s.base_lr, scales)
    return Equivalent("piecewise_constant_schedule", schedule, case.steps)
