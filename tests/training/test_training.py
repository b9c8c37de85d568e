"""`parity train`: twins that stay together, and what is said of those that do not."""

import dataclasses
import json
import pathlib

import jax
import jsonschema
import numpy as np
import pytest

import jaxsched
import parity
from jaxsched.interop.optimizer_rows import ROWS
from parity import cli, report
from parity.cases import MEMBERS, member
from parity.report import github
from parity.run import Profile, gathered, profiled, run
from parity.training import OPTIMIZERS, TRAINING_CASES, TrainingCase, by_flax, data, train

UPDATES = 24
STEP = TrainingCase("SGD with momentum", MEMBERS["step"], steps=UPDATES)


def short(case):
    return dataclasses.replace(case, steps=UPDATES)


@pytest.mark.parametrize(
    "case",
    [
        # One of each optimizer, a momentum that is cycled, groups, and a closed loop.
        short(next(c for c in TRAINING_CASES if c.optimizer == name and c.scheduler == scheduler))
        for name, scheduler in (
            ("SGD", "ReduceLROnPlateau"),
            ("SGD with momentum", "CyclicLR"),
            ("SGD with Nesterov", "StepLR"),
            ("Adam", "OneCycleLR"),
            ("AdamW", "SequentialLR"),
        )
    ]
    + [short(case) for case in TRAINING_CASES if len(case.base_lrs) > 1][:2]
    # And one of each that is read off a live one of PyTorch's.
    + [
        short(next(case for case in TRAINING_CASES if case.optimizer == name))
        for name, optimizer in OPTIMIZERS.items()
        if optimizer.optax is None
    ],
    ids=lambda case: f"{case.optimizer} {case.scheduler}",
)
def test_twins_stay_together(case):
    result = train(case)
    assert result.problem is None
    assert result["weights"].furthest < (0.1 if case.optimizer == "Muon" else 1e-13)
    assert result["loss"].furthest > 0, "losses that are the same to the last bit were not computed twice"
    theirs = result.loss[1]
    assert theirs[-4:].mean() < theirs[:4].mean()
    assert result.reductions[0] == result.reductions[1]


@pytest.mark.slow
@pytest.mark.parametrize("case", TRAINING_CASES, ids=lambda case: case.name)
def test_all_twins_stay_together(case):
    result = train(case)
    assert result.problem is None
    if case.scheduler == "ReduceLROnPlateau":
        assert result.reductions[0] == result.reductions[1]
        assert len(result.reductions[0]) > 5


def test_the_table_has_every_class_and_optimizer():
    schedulers = {n for n in dir(jaxsched) if n.endswith(("LR", "Restarts", "Scheduler", "Plateau"))}
    assert {case.scheduler for case in TRAINING_CASES} == schedulers
    assert {case.optimizer for case in TRAINING_CASES} == set(OPTIMIZERS)
    assert {case.steps for case in TRAINING_CASES} == {200}
    names = [case.name for case in TRAINING_CASES]
    assert len(set(names)) == len(names) >= 60
    torch_names = {OPTIMIZERS[case.optimizer].torch for case in TRAINING_CASES if case.optimizer in READ_OFF}
    assert torch_names == set(ROWS)


READ_OFF = {name for name, optimizer in OPTIMIZERS.items() if optimizer.optax is None}


# Where one twin is not like the other


def other(**changes):
    """A Flax twin that was made for another case."""
    return lambda case, given: by_flax(dataclasses.replace(case, **changes), given)


def test_a_step_too_late_is_found_at_its_update():
    late = other(spec=member("StepLR", step_size=8, gamma=0.6))
    result = train(STEP, ours=late)
    assert (result.first.name, result.first.parts) == ("learning rate", 7)
    assert result["weights"].parts == 7
    assert result["loss"].parts == 8
    assert result.problem.startswith("the twins part at update 7, by the learning rate, up to")
    assert result.problem.endswith("ULP apart; then loss at 8, gradient norm at 8, weights at 7")


def test_another_optimizer_parts_by_its_weights():
    result = train(STEP, ours=other(optimizer="SGD"))
    # The first update of a momentum is that of plain SGD.
    assert (result.first.name, result.first.parts) == ("weights", 1)
    assert result["learning rate"].parts is None


def test_a_momentum_that_follows_another_road_is_named():
    spec = member("CyclicLR", base_lr=0.01, max_lr=0.1, step_size_up=10)
    case = TrainingCase("SGD with momentum", spec, steps=UPDATES)
    altered = dataclasses.replace(spec, arguments={**spec.arguments, "base_momentum": 0.7})
    result = train(case, ours=other(spec=altered))
    assert (result.first.name, result.first.parts) == ("momentum", 1)


def test_a_plateau_with_another_patience_decides_otherwise():
    spec = member("ReduceLROnPlateau", factor=0.5, patience=2, threshold=0.05)
    impatient = dataclasses.replace(spec, arguments={**spec.arguments, "patience": 1})
    result = train(TrainingCase("SGD", spec, steps=UPDATES), ours=other(spec=impatient))
    ours, theirs = result.reductions
    assert ours[0] < theirs[0]
    assert (result.first.name, result.first.parts) == ("learning rate", ours[0])


def test_other_batches_are_told_by_themselves():
    def shuffled(case, given):
        return by_flax(case, given._replace(batches=given.batches[::-1]))

    found = train(STEP, ours=shuffled)
    assert found.first.name == "batch"
    assert found.comparison.culprit.names == ("data order",)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_is_never_together(value):
    def broken(case, given):
        for k, update in enumerate(by_flax(case, given)):
            yield update._replace(gradient=value) if k == 3 else update

    result = train(STEP, ours=broken)
    assert (result.first.name, result.first.parts) == ("gradient norm", 3)
    assert result.first.furthest == np.inf


def test_two_that_are_lost_are_not_together():
    huge = TrainingCase("SGD", member("ConstantLR", factor=1.0), (1e200,), steps=8)
    result = train(huge)
    assert not np.isfinite(result.loss[1][-1])
    assert result.problem is not None


def test_the_data_are_the_same_each_time():
    first, second = data(5), data(5)
    assert len(first.batches) == 5
    for a, b in zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("at", [0, 3])
def test_a_twin_of_ours_that_fails_is_a_failure(at, tmp_path):
    def broken(case, given):
        for k, update in enumerate(by_flax(case, given)):
            if k == at:
                raise ValueError("no such schedule")
            yield update

    result = train(STEP, ours=broken)
    assert result.problem.startswith(f"nothing was compared: Flax at update {at} failed: ValueError: no such")
    found = gathered([result])
    assert (found.passed, found.compared, found.verdict) == (False, True, "failed")
    paths = report.write(found, tmp_path)
    jsonschema.validate(json.loads((tmp_path / "report.json").read_text()), SCHEMA)
    assert all(path.stat().st_size for path in paths)


# Commands and reports


@pytest.fixture(scope="module")
def found():
    return run([short(STEP)], profile=Profile.FULL)


@pytest.fixture(scope="module")
def parted():
    late = other(spec=member("StepLR", step_size=8, gamma=0.6))
    return gathered([train(STEP, ours=late)], 1.0)


def test_a_run(found):
    assert found.passed
    assert found.results == ()
    assert found.deviations == ()  # StepLR has some, which its own cases show
    assert found.training_summary().startswith("training: 1 of 1 pairs of twins stay together; in 24 updates")


def test_twins_that_part_fail_the_run(parted):
    assert not parted.passed
    assert "0 of 1 pairs of twins stay together;" in parted.training_summary()


SCHEMA = json.loads((pathlib.Path(parity.__file__).parent / "report" / "schema.json").read_text())


def test_reports(parted, found, tmp_path):
    paths = report.write(parted, tmp_path)
    assert [path.name for path in paths] == [*report.FILES, "training.png"]
    assert (tmp_path / "training.png").read_bytes().startswith(b"\x89PNG")
    (twins,) = json.loads((tmp_path / "report.json").read_text())["training"]
    assert (twins["verdict"], twins["first"], twins["updates"]) == ("failed", "learning rate", UPDATES)
    for each in (parted, found):
        jsonschema.validate(json.loads(report.FILES["report.json"](each)), SCHEMA)
    for name in ("report.md", "report.html", "junit.xml"):
        text = (tmp_path / name).read_text()
        assert "the twins part at update 7, by the learning rate" in text, name
    assert 'failures="1"' in (tmp_path / "junit.xml").read_text()
    assert "![The losses of all twins, overlaid](training.png)" in (tmp_path / "report.md").read_text()
    summary = github.summary(parted)  # GitHub shows it where there are no files
    assert "the twins part at update 7, by the learning rate" in summary
    assert "training.png" not in summary


def test_command(tmp_path, capsys):
    arguments = ["--optimizer", "SGD", "-k", "constant", "--steps", "10", "--output", str(tmp_path)]
    assert cli.main(["train", *arguments]) == 0
    said = capsys.readouterr().out
    assert "SGD        ConstantLR       10      same bits" in said
    assert said.splitlines()[-1].startswith("training: 1 of 1 pairs of twins stay together")
    assert cli.main(["train", "-k", "there is none", "--output", str(tmp_path)]) == 5


def test_show(capsys):
    assert cli.main(["show", "SGD: ConstantLR"]) == 0
    said = capsys.readouterr().out
    assert "the twins stay together for 200 updates" in said
    assert "parity train -k" in said
    assert cli.main(["show", "SGD: ConstantLR", "--script"]) == 2


def test_the_full_profile_trains_and_the_quick_one_does_not():
    assert profiled(TRAINING_CASES, Profile.FULL) == list(TRAINING_CASES)
    assert profiled(TRAINING_CASES, Profile.QUICK) == []


def test_what_needs_more_room_is_summed_up_by_itself(found):
    muon = train(short(next(case for case in TRAINING_CASES if case.optimizer == "Muon")))
    said = gathered([*found.training, muon]).training_summary()
    assert said.endswith(f", and {muon.worst:.1e} where 0.1 is allowed")
    assert f"at most {found.training[0].worst:.1e} apart" in said
