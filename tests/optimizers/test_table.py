"""`parity optimizers`: torch.optim beside what people reach for, and beside what does the same."""

import dataclasses
import json
import pathlib

import jax
import jsonschema
import optax
import pytest
import torch

import parity
from parity import cli, optimizers, run as runner
from parity.cases import CASES
from parity.commands import optimizers as command
from parity.report import json_file, markdown, page


@pytest.fixture(autouse=True)
def as_people_use_it():
    """Optax relies on JAX's own promotion."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


@pytest.fixture(scope="module")
def found():
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        return optimizers.measure(optimizers.ROWS)


def test_every_optimizer_is_in_the_table():
    classes = {
        name
        for name, cls in vars(torch.optim).items()
        if isinstance(cls, type)
        and issubclass(cls, torch.optim.Optimizer)
        and cls is not torch.optim.Optimizer
    }
    assert classes - {row.cls for row in optimizers.ROWS} == {"SparseAdam", "LBFGS"}


def test_the_right_one_is_pytorchs(found):
    assert [one.row.name for one in found if not one.passed] == []
    assert all(one.right[0] <= 1e-15 for one in found)


def test_what_trains_something_else_has_a_reason_and_nothing_else_has(found):
    for one in found:
        if one.obvious is not None and one.obvious[-1] > optimizers.ANOTHER:
            assert one.row.why, one.row.name
            assert one.obvious[-1] > 1e-3
    another = {one.row.cls for one in found if one.obvious and one.obvious[-1] > optimizers.ANOTHER}
    assert another == {"SGD", "Adam", "AdamW", "NAdam", "RMSprop", "Adagrad", "Rprop", "Adafactor", "Muon"}


def test_what_is_named_is_what_it_is_made_of(found):
    functions = {one.row.name: one.functions for one in found}
    assert functions["AdamW()"] == ("optax.adamw",)
    assert functions["Adam(weight_decay=0.01)"] == ("optax.add_decayed_weights", "optax.adam")
    assert functions["NAdam()"] == ("jaxsched.optimizers.nadam",)


def test_clipping():
    (norm, by_norm), (_, by_value) = optimizers.clipping()
    assert "norm" in norm.theirs
    assert 0 < by_norm <= 1e-6
    assert by_value == 0


def test_the_command(capsys):
    assert cli.main(["optimizers", "-k", "adamax"]) == 0
    said = capsys.readouterr().out
    assert "| `Adamax()` | `adamax(lr)` | 0 / " in said
    assert "`optax.clip_by_global_norm(1.0)`" in said
    assert cli.main(["optimizers", "-k", "zzz"]) == cli.Exit.USAGE
    assert "got 'zzz'; there are SGD, Adam" in capsys.readouterr().err


def test_another_optimizer_fails_it(capsys, monkeypatch):
    row = next(row for row in optimizers.ROWS if row.cls == "Adamax")
    wrong = lambda live: optax.adam(optimizers.RATE)  # noqa: E731
    monkeypatch.setattr("jaxsched.optimizer_from_torch", wrong)
    monkeypatch.setattr(command.optimizers, "ROWS", (dataclasses.replace(row),))
    assert cli.main(["optimizers"]) == cli.Exit.FAILED
    assert "optimizer_from_torch makes something else of Adamax()" in capsys.readouterr().err


def test_the_cut_of_a_run_says_what_the_whole_says(found):
    cut = optimizers.brief()
    assert [beside.row for beside in cut] == [one.row for one in found]
    assert all(beside.passed for beside in cut)
    other = [one.row.name for one in found if one.obvious and one.obvious[-1] > optimizers.ANOTHER]
    assert [beside.row.name for beside in cut if (beside.obvious or 0) > optimizers.ANOTHER] == other


def test_a_run_reports_them_and_fails_with_another():
    schema = json.loads((pathlib.Path(parity.__file__).parent / "report" / "schema.json").read_text())
    (good,) = optimizers.brief([row for row in optimizers.ROWS if row.name == "AdamW()"])
    case = next(case for case in CASES if case.steps < 300)
    for beside in (good, dataclasses.replace(good, right=0.5)):
        run = dataclasses.replace(runner.run([case]), optimizers=(beside,))
        assert run.passed == beside.passed == (beside is good)
        written = json.loads(json_file.render(run))
        jsonschema.validate(written, schema)
        assert written["summary"]["optimizers_failed"] == len(run.other_optimizers)
        for text in (markdown.render(run), page.render(run)):
            assert "adamw(lr)" in text
            assert "decays by 1e-4, PyTorch by 1e-2" in text
            assert "has the whole" in text
            assert ("is 5.0e-01 apart, where 1e-12 is allowed" in text) is not beside.passed
