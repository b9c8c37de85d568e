"""One list of all cases, and everything that runs cases reads it."""

import pytest

from benchmarks import accelerator
from parity.run import ALL_CASES


def asked_of_the_accelerator(monkeypatch, quick):
    """The cases that `make accelerator` would run."""
    asked = []

    class Stopped(Exception):
        pass

    def run(cases):
        asked.extend(cases)
        raise Stopped

    monkeypatch.setattr(accelerator, "run", run)
    with pytest.raises(Stopped):
        accelerator.parity(quick)
    return asked


def test_every_case_is_asked_of_the_accelerator(monkeypatch):
    assert [case.name for case in asked_of_the_accelerator(monkeypatch, quick=False)] == [
        case.name for case in ALL_CASES
    ]


def test_quick_is_a_part_with_every_family(monkeypatch):
    quick = asked_of_the_accelerator(monkeypatch, quick=True)
    assert 0 < len(quick) < len(ALL_CASES)
    assert {type(case) for case in quick} == {type(case) for case in ALL_CASES}
