"""Each defect put in is found and named, and nothing is found where there is none."""

import dataclasses

import pytest

from parity import selftest

DEFECTS = {defect.name: defect for defect in selftest.DEFECTS}


@pytest.mark.parametrize("name", DEFECTS)
def test_a_defect_is_caught_and_named(name):
    outcome = selftest.Outcome(DEFECTS[name], DEFECTS[name].compare())
    assert outcome.caught, outcome.said


def test_without_a_defect_everything_passes():
    found = selftest.controls()
    assert len(found) == len(selftest.PAIRS)
    assert [name for name, comparison in found.items() if not comparison.passed] == []


def test_there_are_enough():
    assert len(DEFECTS) == len(selftest.DEFECTS) >= 15


def test_a_defect_that_passes_survives():
    harmless = selftest._defect("none", selftest.COSINE, lambda right, k: right(k), ".*")
    outcome = selftest.Outcome(harmless, harmless.compare())
    assert (outcome.caught, outcome.said) == (False, "passed")


def test_a_defect_with_another_cause_survives():
    early = DEFECTS["one count early"]
    outcome = selftest.Outcome(dataclasses.replace(early, says="patience"), early.compare())
    assert not outcome.caught
