"""OneCycleLR: both shapes, two and three phases, tiny runs, ends of phases off the grid."""

from __future__ import annotations

import functools

import optax

import jaxsched

from ..by_count import Case, case
from ..deviation import Deviation, deviation
from ..equivalent import Equivalent
from ..far import LAST, REACHED, far
from ..member import member

OURS = jaxsched.OneCycleLR

_case = functools.partial(case, OURS.__name__)

CASES: tuple[Case, ...] = (
    _case(0.1, 100, max_lr=0.1, total_steps=100),
    _case(0.1, 50, max_lr=0.1, epochs=5, steps_per_epoch=10),
    _case(0.1, 20, max_lr=0.1, total_steps=20),
    _case(0.1, 100, max_lr=0.1, total_steps=100, anneal_strategy="linear"),
    _case(0.1, 100, max_lr=0.1, total_steps=100, three_phase=True),
    _case(0.1, 101, max_lr=0.1, total_steps=101, three_phase=True, anneal_strategy="linear"),
    _case(
        0.1,
        97,
        max_lr=0.01,
        total_steps=97,
        pct_start=0.25,
        div_factor=10.0,
        final_div_factor=100.0,
    ),
    _case(0.1, 50, max_lr=0.1, total_steps=50, pct_start=0.0),
    _case(0.1, 50, max_lr=0.1, total_steps=50, pct_start=1.0),
    _case(0.1, 50, max_lr=0.1, total_steps=50, pct_start=0.5, three_phase=True),
    _case(0.1, 50, max_lr=0.1, total_steps=50, cycle_momentum=False),
    _case(0.1, 2, max_lr=0.1, total_steps=2),
    _case(0.1, 1, max_lr=0.1, total_steps=1),
    _case(0.1, 100_000, max_lr=0.1, total_steps=100_000),
    _case(0.1, 50_000, max_lr=0.3, total_steps=50_000, anneal_strategy="linear", pct_start=0.1),
    _case(0.1, 100, "momentum", max_lr=0.1, total_steps=100),
    _case(0.1, 100, "momentum", max_lr=0.1, total_steps=100, three_phase=True),
    _case(
        0.1,
        70,
        "momentum",
        max_lr=0.1,
        total_steps=70,
        anneal_strategy="linear",
        base_momentum=0.8,
        max_momentum=0.99,
    ),
)

MEMBERS = {
    # It sets the optimizer's learning rate for everybody: here, to what it is anyway.
    "one cycle": member("OneCycleLR", max_lr=2.5, total_steps=200),
}

FAR: tuple[Case, ...] = (
    far("OneCycleLR", max_lr=0.1, total_steps=REACHED),
    far("OneCycleLR", max_lr=0.3, total_steps=LAST, anneal_strategy="linear", three_phase=True),
    far("OneCycleLR", max_lr=0.1, total_steps=LAST, pct_start=0.37, three_phase=True),
    far("OneCycleLR", 0.1, "momentum", max_lr=0.1, total_steps=REACHED),
)

_deviation = functools.partial(deviation, OURS.__name__)

DEVIATIONS: tuple[Deviation, ...] = (
    _deviation(
        20,
        "extrapolates one update past the end, to a negative learning rate",
        "stays at the last value",
        "nobody plans an update that climbs the loss",
        max_lr=0.1,
        total_steps=20,
        anneal_strategy="linear",
    ),
    _deviation(
        21,
        "raises ValueError two updates past the end",
        "stays at the last value",
        "a compiled program cannot raise; a run that goes on is better off with its last learning rate",
        max_lr=0.1,
        total_steps=20,
    ),
    _deviation(
        0,
        "raises ZeroDivisionError where pct_start * total_steps is 1",
        "starts at the peak",
        "the way up has no length then, and the peak is where it would have ended",
        max_lr=0.1,
        total_steps=2,
        pct_start=0.5,
    ),
)


def in_optax(case: Case, s: jaxsched.OneCycleLR) -> Equivalent | None:
    """Optax's schedule that is meant to do the same."""
    # Optax's cosine one has two phases and no others, and its linear one is neither.
    assert s.total_steps is not None
    two_phases = not s.three_phase and 0 < int(s.pct_start * s.total_steps) < s.total_steps
    if s.anneal_strategy != "cos" or not two_phases:
        return None
    schedule = optax.cosine_onecycle_schedule(
        s.total_steps, s.max_lr, s.pct_start, s.div_factor, s.final_div_factor
    )
    return Equivalent("cosine_onecycle_schedule", schedule, case.steps)
