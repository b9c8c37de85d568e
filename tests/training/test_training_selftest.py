"""Each culprit that is put into a real pair of twins is told from the others."""

import dataclasses

import pytest

from parity.training import by_flax, selftest, train

CHANGES = {change.name: change for change in selftest.CHANGES}


@pytest.mark.parametrize("name", CHANGES)
def test_a_culprit_is_named(name):
    change = CHANGES[name]
    found = train(change.case, ours=change.ours).comparison
    assert change.caught(found), f"{found.first}: {selftest.said(found)}"


def test_without_a_change_everything_stays_together():
    found = selftest.controls()
    assert len(found) == len({change.case.name for change in selftest.CHANGES}) >= 4
    assert [name for name, each in found.items() if not each.passed] == []


def test_all_culprits_are_put_in():
    assert selftest.names() == [
        "data order", "decay", "gradient", "initial weights", "learning rate", "loss", "momentum", "optimizer"
    ]  # fmt: skip
    assert len(CHANGES) == len(selftest.CHANGES)


@pytest.mark.parametrize(
    "other",
    [{"ours": by_flax}, {"culprit": "decay"}, {"at": 1}, {"first": "loss"}, {"says": "nobody says this"}],
)
def test_what_is_not_named_rightly_survives(other):
    change = dataclasses.replace(CHANGES["batches in another order"], **other)
    assert not change.caught(train(change.case, ours=change.ours).comparison)
