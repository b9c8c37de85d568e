"""Each change of a compiled program is found, and nothing is where there is none."""

import dataclasses

import pytest

from parity.devices import recorded, selftest

CHANGES = {change.name: change for change in selftest.CHANGES}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_found(name):
    found = CHANGES[name].find()
    assert not found.same
    assert found.differing or found.unknown


def test_without_a_change_every_bit_is_the_same():
    found = selftest.controls()
    assert set(found) == set(recorded.RECIPES) - {"linear_to_zero.tpu-v5e"}
    assert [name for name, finding in found.items() if not finding.same] == []


def test_there_are_enough_of_both_kinds():
    assert len(CHANGES) == len(selftest.CHANGES)
    for kind in ("TPU: ", "GPU: "):
        assert sum(name.startswith(kind) for name in CHANGES) >= 8


def test_the_fault_of_an_earlier_version_is_found_where_it_was():
    found = CHANGES["TPU: an earlier version, with 2**149 in its rounding"].find()
    first = found.first
    assert (first.at, first.device, first.host) == (10, "0x34c00000", "0x00000000")
    assert found.differing == found.compared - 10  # it stays there for ever


def test_what_changes_nothing_survives():
    (change, *_) = (each for each in selftest.CHANGES if each.program == "linear.tpu-v5e")
    harmless = dataclasses.replace(change, change=lambda texts: texts)
    assert harmless.find().same


def test_a_recorded_program_names_no_folder():
    for name in recorded.RECIPES:
        for text in recorded.load(name).texts.values():
            assert '"/' not in text
