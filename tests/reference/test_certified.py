"""The arbiter, held against balls that are certain to hold the exact value: Arb's, by another library."""

import types

import flint
import numpy as np
import pytest

from parity.catalogue import ALL_CASES
from parity.reference import exact
from parity.reference.arithmetic import fifty_digits
from parity.reference.pytorch import known

RECURSION = 300
"""Counts to which a case that has no formula is followed; each costs all before it."""


def number(x):
    return x if isinstance(x, flint.arb) else flint.arb(fifty_digits._plain(x))


def power(x, y):
    x, y = number(x), number(y)
    whole = y.unique_fmpz()
    if whole is not None:
        return x ** int(whole)
    if x.contains(0):  # of a number that may be 0, and is not negative
        return flint.arb(0, abs(x).upper() ** y)
    return x**y


BALLS = types.SimpleNamespace(
    number=number,
    where=lambda condition, x, y: number(x if condition else y),
    power=power,
    exp=lambda x: number(x).exp(),
    cospi=lambda x: number(x).cos_pi(),
)
"""The arithmetic of parity.reference over balls. All that the formulas ask of one is here."""


@pytest.fixture(autouse=True)
def seventy_digits():
    before, flint.ctx.dps = flint.ctx.dps, 70
    yield
    flint.ctx.dps = before


def in_balls(case):
    """From a count to a ball that holds what is exact."""
    facts = known(case.make_torch_scheduler())
    formula = facts.formula(BALLS, case.quantity)
    if formula is not None:
        return formula
    step, values = facts.step(BALLS), []

    def value(k):
        while len(values) <= k:
            last = values[-1] if values else number(float(facts.options["initial_lr"]))
            values.append(number(step(len(values), last)))
        return values[int(k)]

    return value


def counts(case):
    """Ends, events with their neighbours, and some others."""
    if case.fractions:
        return list(case.fractions[:12])
    facts = known(case.make_torch_scheduler())
    steps = case.steps if facts.formula(BALLS, case.quantity) is not None else min(case.steps, RECURSION)
    near = {turn + by for turn in case.turns()[:6] for by in (-1, 0, 1)}
    others = np.random.default_rng(steps).integers(steps, size=8).tolist()
    return sorted(k for k in {0, 1, steps - 1, *near, *others} if 0 <= k < steps)


@pytest.mark.parametrize(
    "case", [case for case in ALL_CASES if case.schedule() is not None], ids=lambda case: case.name
)
def test_fifty_digits_are_in_a_certified_ball(case):
    certain = in_balls(case)
    arbiter = exact.formula_of(case.make_torch_scheduler(), case.quantity)
    for k in counts(case):
        ball, value = number(certain(k)), arbiter(k)
        if not ball.is_finite():  # a ratio of two that may be 0, behind the end of a decay to 0
            assert value == 0
            continue
        there = flint.arb(fifty_digits.mp.nstr(value, 60))
        away = abs(ball - there)
        assert away < 1e-45 * max(abs(float(value)), case.setup.base_lr), (k, ball, value)


def test_a_digit_that_is_wrong_is_outside():
    ball = number(1) / 3
    assert not abs(ball - flint.arb("0.33333333333333333333333333333333333333333334")) < 1e-45
