"""`parity peers`: who else has a schedule, and how far each is from the real one."""

import importlib.metadata

import numpy as np
import pytest

from parity import catalogue, cli, peers
from parity.peers import libraries, measured
from parity.peers.peer import Candidate, Peer


def cases(scheduler, **given):
    return [
        case
        for case in measured.chosen(catalogue.ALL_CASES)
        if case.scheduler == scheduler and given.items() <= dict(case.arguments).items()
    ]


def library(find, name="numpy", own=()):
    """One that is installed, with something of ours in it."""
    return Peer("theirs", name, f"pip install {name}", find, frozenset(own))


def values_of(change):
    """What PyTorch applies, changed."""
    return lambda case: Candidate("made", case.steps, lambda n: change(case.step().values[:n].copy()))


def found(scheduler, peer, **given):
    (row,) = peers.measure(cases(scheduler, **given)[:2], [peer])
    return row


def test_every_scheduler_is_a_row():
    names = {case.scheduler for case in catalogue.ALL_CASES}
    assert {case.scheduler for case in measured.chosen(catalogue.ALL_CASES)} == names
    assert all(case.steps <= measured.MOST for case in measured.chosen(catalogue.ALL_CASES))


def test_one_value_that_is_wrong_is_found_at_its_count():
    def wrong(values):
        values[7] += 0.25 * values.max()
        return values

    row = found("StepLR", library(values_of(wrong)), step_size=30)
    theirs = row.found["theirs"]
    assert theirs.worst.at == 7
    assert theirs.worst.share == pytest.approx(0.25, rel=1e-6)
    assert theirs.counts - theirs.identical == theirs.cases
    assert row.found["jaxsched"].identical == row.counts
    same = found("StepLR", library(values_of(lambda values: values)), step_size=30)
    assert same.found["theirs"].worst is None
    assert peers.short(same, "theirs") == "100 %"


def test_no_number_and_what_is_raised_are_said():
    def nan(values):
        values[3] = np.nan
        return values

    def raises(values):
        raise ValueError("not for these\narguments")

    row = found("StepLR", library(values_of(nan)), step_size=30)
    assert "no number" in peers.short(row, "theirs")
    row = found("StepLR", library(values_of(raises)), step_size=30)
    assert peers.short(row, "theirs") == "refuses"
    name, reason = row.found["theirs"].refused[0]
    assert name.startswith("StepLR(")
    assert reason == "ValueError: not for these"
    assert f"- theirs: `{name}`: {reason}" in peers.page([row], [library(values_of(raises))], "")


def test_what_is_not_there_and_what_is_its_own():
    row = found("StepLR", library(lambda case: None), step_size=30)
    assert peers.short(row, "theirs") == "–"
    row = found("StepLR", library(lambda case: None, own=["StepLR"]), step_size=30)
    assert peers.short(row, "theirs") == "its own"


def test_a_shorter_trajectory_is_no_agreement():
    row = found("StepLR", library(values_of(lambda values: values[:-1])), step_size=30)
    assert row.found["theirs"].refused[0][1].startswith("ValueError: ")
    assert row.found["theirs"].cases == 0


@pytest.mark.parametrize(
    ("peer", "scheduler"),
    [
        ("Optax", "CosineAnnealingLR"),
        ("Optax", "ReduceLROnPlateau"),
        ("Optax", "cosine"),
        ("Optax", "linear"),
        ("Optax", "MultiStepLRScheduler"),
        ("transformers", "CosineAnnealingLR"),
        ("transformers", "ReduceLROnPlateau"),
        ("timm", "StepLR"),
        ("timm", "cosine"),
    ],
)
def test_they_mean_the_same(peer, scheduler):
    """In the middle case they are near: theirs is made with the arguments of the case, in their places."""
    (asked,) = (each for each in libraries.PEERS if each.name == peer)
    with_one = [case for case in cases(scheduler) if asked.find(case) is not None][:3]
    (row,) = peers.measure(with_one, [asked])
    assert row.found[peer].cases == len(with_one)
    assert row.found[peer].middle < 1e-5


@pytest.mark.skipif(
    libraries.PEERS[1].version is None, reason="braintools is not installed: `make peers` has it in a venv"
)
def test_braintools():
    (row,) = peers.measure(cases("StepLR")[:2], libraries.PEERS[1:2])
    assert row.found["braintools"].middle < 1e-5


def test_the_command(capsys, tmp_path, monkeypatch):
    missing = Peer("nobody", "nobody_has_this", "pip install nobody", lambda case: None)
    monkeypatch.setattr(peers, "PEERS", (libraries.PEERS[0], missing))
    page = tmp_path / "peers.md"
    assert cli.main(["peers", "-k", "StepLR(0.05, step_size=30", "--page", str(page)]) == 0
    said = capsys.readouterr()
    assert "nobody is not installed: pip install nobody" in said.err
    assert "100 %" in said.out
    text = page.read_text()
    assert "nobody is not installed: pip install nobody.\n" in text
    assert f"optax {importlib.metadata.version('optax')}" in text
    assert "| `StepLR` | 1 | 100 % | `exponential_decay(staircase=True)`: " in text
    assert cli.main(["peers", "-k", "zzz"]) == cli.Exit.NOTHING
    assert cli.main(["peers", "--page", str(tmp_path)]) == cli.Exit.USAGE
