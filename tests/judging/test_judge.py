"""The verdict, on arrays that nobody had to compute."""

import subprocess
import sys

import mpmath
import numpy as np
import pytest

from parity.comparison import Allowed
from parity.judge import Answers, asked_alone, judge, recorded
from parity.reference.events import Event, Kind
from parity.stepped import Stepped

RIGHT = np.linspace(0.1, 0.05, 50)
COUNTS = np.arange(50, dtype=np.int32)
STEPPED = Stepped(COUNTS, RIGHT, exact=lambda k: mpmath.mpf(float(RIGHT[int(k)])))


def changed(at, by):
    """The right values, but for one that is so many float32 numbers further."""
    values = RIGHT.astype(np.float32)
    values[at] = (values[at].view(np.int32) + by).view(np.float32)
    return values


def test_equal():
    found = judge(recorded(RIGHT, STEPPED), STEPPED)
    assert found.passed
    assert (found.identical, found.max_ulp, found.first_divergence) == (50, 0, None)
    assert found.integrity.returns == "float32"


@pytest.mark.parametrize("by", [-3, -1, 1, 3])
def test_one_value_is_wrong(by):
    found = judge(recorded(changed(17, by), STEPPED), STEPPED)
    assert "; wrong at 1 of 50 counts, most at count 17 (" in found.problem
    assert (found.first_failure.count, found.first_failure.ulp, found.max_ulp) == (17, abs(by), abs(by))
    assert found.who.startswith("the schedule is wrong: ")
    assert [row.count for row in found.window] == list(range(14, 21))


def test_rounding_of_the_references_own_is_excused():
    # The exact value lies just beyond halfway to the next float32, which the reference has drifted away from.
    right = np.float64(np.float32(0.1))
    halfway = right + np.spacing(np.float32(0.1)) / 2.0
    drifted = Stepped(
        COUNTS, np.full(50, halfway * (1 - 2e-16)), exact=lambda k: mpmath.mpf(float(halfway)) * (1 + 1e-20)
    )
    next_one = np.full(50, np.nextafter(np.float32(0.1), np.float32(1)))
    found = judge(recorded(next_one, drifted), drifted)
    assert found.passed
    assert (found.identical, found.correctly_rounded) == (0, 50)
    unknown = Stepped(drifted.counts, drifted.values)
    assert not judge(recorded(next_one, unknown), unknown).passed


@pytest.mark.parametrize(("beyond", "passes"), [(0, True), (9e-7, True), (1.2e-6, False)])
def test_at_a_tie_either_neighbour_is_right(beyond, passes):
    # As far as a schedule's promise reaches, half an ULP and a millionth, and no further.
    even = np.float64(np.float32(0.25))
    odd = np.nextafter(np.float32(0.25), np.float32(1))
    exact = even + np.spacing(np.float32(0.25)) * (0.5 - beyond)
    tie = Stepped(COUNTS, np.full(50, exact), exact=lambda k: mpmath.mpf(float(exact)))
    assert judge(recorded(np.full(50, even), tie), tie).identical == 50
    found = judge(recorded(np.full(50, odd), tie), tie)
    assert (found.passed, found.correctly_rounded) == (passes, 50 if passes else 0)


def test_another_value_alone_is_named():
    values = RIGHT.astype(np.float32)
    found = judge(Answers(values, np.array([3, 5]), changed(5, 1)[[3, 5]]), STEPPED)
    assert found.problem == ("1 value has other bits when evaluated eagerly than under jit, first at count 5")
    assert found.cause == "it depends on how it is called, and not on the count alone"
    assert found.eager == 2


def test_nothing_too_few_and_an_early_end():
    empty = Stepped(COUNTS[:0], RIGHT[:0])
    nothing = judge(recorded(RIGHT[:0], empty), empty)
    assert nothing.problem == "nothing was compared: there are no counts"
    assert (nothing.steps, nothing.identical, nothing.max_ulp, nothing.eager) == (0, 0, 0.0, 0)
    assert judge(recorded(RIGHT[:9], STEPPED), STEPPED).problem == "the schedule has 9 values for 50 counts"
    early = Stepped(COUNTS, RIGHT[:20], "ValueError: no more")
    found = judge(recorded(RIGHT, early), early)
    assert (found.steps, found.problem) == (20, "PyTorch ended at count 20 with ValueError: no more")


def test_events_are_asked_alone_with_their_neighbours():
    long = Stepped(np.arange(10_000, dtype=np.int32), np.ones(10_000), events=(Event(5_000, Kind.RESTART),))
    at = asked_alone(long)
    assert {0, 1, 4_999, 5_000, 5_001, 9_998, 9_999} <= set(at.tolist())
    assert (np.diff(at) > 0).all()
    assert asked_alone(Stepped(COUNTS[:0], RIGHT[:0])).tolist() == []


def test_counts_with_gaps_have_no_cause_but_a_place():
    made = COUNTS * 100
    sparse = Stepped(made, RIGHT, events=(Event(1_700, Kind.MILESTONE),), made=made)
    found = judge(recorded(changed(17, 90_000), sparse), sparse)
    assert found.cause == "first differs at the milestone at count 1700"


def loaded_by(module: str) -> set[str]:
    """Which packages are there once `module` of parity has been imported, in a Python of its own."""
    asked = f"import sys, parity.{module}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    return set(
        subprocess.run(
            [sys.executable, "-c", asked], capture_output=True, check=True, text=True
        ).stdout.split()
    )


@pytest.mark.parametrize("module", ["ulp", "comparison", "stepped", "causes", "judge"])
def test_the_judge_knows_no_jax(module):
    loaded = loaded_by(module)
    assert loaded.isdisjoint({"jax", "jaxsched", "optax", "flax", "torch"})
    assert {"parity", "numpy"} <= loaded


def test_what_answers_does_know_jax():
    assert "jax" in loaded_by("answers")


def stepped_at(values):
    values = np.asarray(values, np.float64)
    return Stepped(np.arange(len(values), dtype=np.int32), values)


def test_a_tolerance_counts_from_pytorchs_value_in_every_way_of_calling():
    torch = stepped_at([0.1, 0.1, 0.1])
    right, off = np.float32([0.1] * 3), np.float32([0.1009] * 3)
    twice = np.float32([0.1018] * 3)
    at, allowed = np.arange(3), Allowed(absolute=0.001)
    eagerly = judge(Answers(right, at, off), torch, allowed)
    assert eagerly.passed
    asked = "within 0.001, as asked; other bits at 3 of 3 counts"
    assert eagerly.remark == f"{asked}, under jit or when asked for one at a time"
    assert judge(Answers(off, at, off), torch, allowed).remark == asked
    assert not judge(Answers(right, at, off), torch).passed
    assert not judge(Answers(off, at, twice), torch, allowed).passed
    assert judge(Answers(off, at, off), torch, allowed).within == 3


def test_a_tolerance_with_which_0_would_pass_is_told():
    torch = stepped_at([0.1, 0.05, 0.0])
    ours = np.float32([0.1, 0.05, 0.0])
    note = "a schedule that is 0 at all of these counts would pass"
    for allowed, told in [
        (Allowed(absolute=0.11), f"0.11 is allowed: {note}"),
        (Allowed(absolute=0.09), None),
        (Allowed(relative=0.99), None),
        (Allowed(relative=1.0), f"1 of the value is allowed: {note}"),
        (None, None),
    ]:
        found = judge(Answers(ours, np.arange(3), ours), torch, allowed)
        assert found.passed
        assert found.notes == (() if told is None else (told,))
        assert (note in str(found)) == bool(told)


def test_the_furthest_is_the_furthest_by_the_measure_that_is_told():
    # In ULP that is the last one; as a share of the peak it is the first.
    torch = stepped_at([1, 0.5, 2.0**-10])
    ours = np.float32([1 + 2.0**-22, 0.5, 2.0**-10 * (1 + 9 * 2.0**-23)])
    found = judge(Answers(ours, np.arange(3), ours), torch)
    assert "most at count 2 (9 ULP)" in found.problem
    assert "greatest distance 9 ULP" in str(found)
    far = np.float32([1.5, 0.5, 0.0])
    found = judge(Answers(far, np.arange(3), far), torch)
    assert "most at count 0 (50 % of the peak)" in found.problem
    assert "greatest distance 50 % of the peak" in str(found)


def test_what_is_within_a_tolerance_is_neither_the_cause_nor_the_share():
    torch = stepped_at([1, 1e-3, 1e-3, 1e-3])
    ours = np.float32([1.5, 3e-3, 1e-3, 1e-3])
    found = judge(Answers(ours, np.arange(4), ours), torch, Allowed(relative=0.6))
    assert "wrong at 1 of 4 counts, most at count 1 (0.2 % of the peak)" in found.problem
    assert "1.49983" not in str(found)
    assert found.remark == "beyond 0.6 of the value, as asked; within it other bits at 1 of 4 counts"
    assert found.remark in str(found)
