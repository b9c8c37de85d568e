"""`parity compare` of a live scheduler with the logs of real runs: what they show, and what they cannot."""

import csv
import json
import pathlib

import jsonschema
import numpy as np
import pytest

import parity
from parity import cli

SCHEMA = pathlib.Path(parity.__file__).parent / "report" / "schema.json"

MODULE = """
import jax.numpy as jnp, numpy as np, torch
from torch.optim import lr_scheduler as lrs

def sgd(lr=0.1): return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)
def step(): return lrs.StepLR(sgd(), 30, gamma=0.5)
def epochs(): return lrs.StepLR(sgd(), 3)
def late(): return lrs.MultiStepLR(sgd(), [35], gamma=0.5)
def exponential(): return lrs.ExponentialLR(sgd(), 0.99)
def ends(): return lrs.OneCycleLR(sgd(), max_lr=0.1, total_steps=50)
def warm():
    optimizer = sgd()
    first = lrs.LinearLR(optimizer, 0.01, total_iters=10)
    return lrs.SequentialLR(optimizer, [first, lrs.CosineAnnealingLR(optimizer, 90)], [10])
def curve(k): return jnp.where(k < 10, 0.001 + 0.0099 * k, 0.05 * (1 + jnp.cos(jnp.pi * (k - 10) / 90)))
def behind(k): return curve(jnp.maximum(k - 1, 0))
def half_and_behind(k): return 0.5 * behind(k)
def early(k): return 0.1 * 0.5 ** ((k + 1) // 30)
def in_python(k): return float(behind(int(k)))
def breaks(k): return curve(k) + 0.01 if k % 10 == 0 else None
"""


@pytest.fixture
def mine(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(MODULE)
    monkeypatch.delitem(__import__("sys").modules, "mine", raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return __import__("mine")


def stepped(make, counts):
    """What a live scheduler applies at counts 0, 1, …"""
    scheduler, values = make(), []
    for _ in range(counts):
        values.append(scheduler.optimizer.param_groups[0]["lr"])
        scheduler.optimizer.step()
        scheduler.step()
    return values


def logged(name, rows, heading=("step", "lr")):
    with open(name, "w", newline="") as file:
        csv.writer(file).writerows([heading, *rows])


def said(capsys, *words):
    code = cli.main(["compare", *map(str, words)])
    captured = capsys.readouterr()
    return code, captured.out + captured.err


# What gaps hide -------------------------------------------------------------------------


def test_an_event_in_a_gap_is_not_judged(mine, tmp_path, capsys):
    ahead = stepped(mine.step, 121)[1:]
    logged("st10.csv", [(k, ahead[k]) for k in range(0, 111, 10) if (k + 1) % 30])
    code, text = said(capsys, "st10.csv", "mine:step", "--steps", 111, "-o", "report")
    assert code == 0
    assert "not judged: whether the decays at 30, 60, 90 come at their count: the log has gaps there" in text
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    (case,) = report["cases"]
    assert case["not_judged"] == [{"count": count, "what": "decay"} for count in (30, 60, 90)]
    jsonschema.validate(report, json.loads(SCHEMA.read_text()))
    assert "decay at 30, 60, 90" in (tmp_path / "report" / "report.html").read_text()


def test_an_event_is_judged_where_its_count_and_the_one_before_were_logged(mine, capsys):
    values = stepped(mine.step, 111)
    logged("a.csv", [(k, values[k]) for k in sorted({*range(0, 111, 10), 29, 89})])
    _, text = said(capsys, "a.csv", "mine:step", "--steps", 111)
    assert "not judged: whether the decay at 60 comes at its count: the log has gaps there" in text
    logged("b.csv", list(enumerate(values)))
    _, text = said(capsys, "b.csv", "mine:step", "--steps", 111)
    assert "not judged" not in text


def test_of_many_events_in_gaps_the_first_are_named(mine, capsys):
    values = stepped(mine.epochs, 100)
    logged("a.csv", [(k, values[k]) for k in range(0, 100, 5)])
    _, text = said(capsys, "a.csv", "mine:epochs", "--steps", 100)
    assert "the decays at 3, 6, 9, 12, 15, 18, … (33 in all) come at their count" in text


def test_epochs_in_gaps_are_updates(mine, capsys):
    values = np.repeat(stepped(mine.epochs, 10), 10)
    logged("a.csv", [(k, values[k]) for k in range(0, 100, 4)])
    words = ("a.csv", "mine:epochs", "--steps", 100, "--steps-per-epoch", 10)
    code, text = said(capsys, *words)
    assert (code, "whether the decays at 30, 60, 90 come" in text) == (0, True), text


def test_a_log_in_the_place_of_the_scheduler_has_gaps_too(mine, tmp_path, capsys):
    values = stepped(mine.step, 111)
    logged("st10.csv", [(k, values[k]) for k in range(0, 111, 10)])
    code, text = said(capsys, "mine:early", "st10.csv", "--steps", 111, "-o", "report")
    line = "not judged: at which count a value changes between those that were logged"
    assert (code, line in text) == (0, True), text
    (case,) = json.loads((tmp_path / "report" / "report.json").read_text())["cases"]
    assert case["remark"] == line


def test_a_log_of_other_counts_is_refused(mine, capsys):
    logged("a.csv", [(k, 0.1) for k in range(1000, 1010)])
    code, text = said(capsys, "a.csv", "mine:step", "--steps", 100)
    assert (code, "compare: a.csv has no count below 100" in text) == (2, True), text


def test_one_count_is_one(mine, capsys):
    logged("a.csv", [(k, 0.1) for k in (0, 10, 20)])
    _, text = said(capsys, "a.csv", "mine:step", "--steps", 10)
    assert "compared at 1 count of 10: the one that was logged" in text
    assert "not judged: the decay at count 30, which 10 counts do not reach" in text


def test_a_scheduler_that_ends_says_at_which_count(mine, capsys):
    values = stepped(mine.ends, 49)
    logged("a.csv", [(k, values[k] if k < 49 else 0.1) for k in range(0, 80, 8)])
    code, text = said(capsys, "a.csv", "mine:ends", "--steps", 73)
    assert (code, "PyTorch ended at count 51 with ValueError" in text) == (1, True), text


# Causes ---------------------------------------------------------------------------------

AHEAD = "1 count ahead of PyTorch: would agree if shifted by −1"
BEHIND = "1 count behind PyTorch: would agree if shifted by +1"
CAUSES = {
    "twice": ("warm", lambda y, k: 2 * y[k], "2 times PyTorch's at every count: another base learning rate"),
    "ahead": ("warm", lambda y, k: y[k + 1], f"{AHEAD};"),
    "behind": ("warm", lambda y, k: y[max(k - 1, 0)], f"{BEHIND};"),
    "record": ("exponential", lambda y, k: y[k + 10], "10 counts ahead of PyTorch"),
    "both": ("warm", lambda y, k: 0.5 * y[k + 1], f"{AHEAD}, and 0.5 times PyTorch's"),
    "steps": (
        "step",
        lambda y, k: y[max(k - 3, 0)],
        f"{BEHIND}, or by up to +10: what lies between was not logged",
    ),
    "gamma": ("step", lambda y, k: 0.1 * 0.4 ** (k // 30), "0.8 times PyTorch's from the first decay on"),
    "pace": ("warm", lambda y, k: y[k] * 1.001**k, "1.001 times PyTorch's from count 1 on"),
    "nan": ("warm", lambda y, k: y[k] if k != 20 else float("nan"), "NaN at count 20"),
    "sign": ("warm", lambda y, k: y[k] if k < 20 else -y[k], "wrong at 8 counts, first at count 20"),
    "still": ("warm", lambda y, k: 0.1, "never moves: 0.1 at every count"),
    "affine": ("warm", lambda y, k: 0.01 + 0.9 * y[k], "the same course between other values: 0.0109 to 0.1"),
    "float32": ("warm", lambda y, k: y[k] * (1 + 3e-7), "rounding: nowhere further off than"),
    "event": (
        "late",
        lambda y, k: y[k] if k < 40 else 0.02 + k * k / 1e5,
        "first differs at count 40, the first that was logged after the milestone at count 35",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CAUSES)
def test_a_log_with_gaps_has_a_cause(name, mine, capsys):
    make, wrong, says = CAUSES[name]
    values = stepped(getattr(mine, make), 130)
    logged("a.csv", [(k, wrong(values, k)) for k in range(0, 100, 10)])
    code, text = said(capsys, "a.csv", f"mine:{make}", "--steps", 100)
    assert code == 1
    assert says in text


def test_the_log_of_transformers_off_by_one(mine, capsys):
    values = stepped(mine.warm, 101)
    history = [
        {"epoch": k / 20, "learning_rate": values[k - 1], "loss": 1.0, "step": k} for k in range(10, 101, 10)
    ]
    with open("trainer_state.json", "w") as file:
        json.dump({"log_history": [*history, {"eval_loss": 1.1, "step": 100}]}, file)
    code, text = said(capsys, "trainer_state.json", "mine:warm", "--steps", 100)
    assert (code, BEHIND in text) == (1, True), text


@pytest.mark.parametrize(
    ("schedule", "says"),
    [
        ("behind", f"{BEHIND};"),
        ("in_python", f"{BEHIND};"),
        ("half_and_behind", f"{BEHIND}, and 0.5 times PyTorch's"),
        ("breaks", "the same course between other values: 0.011 to 0.11"),
    ],
)
def test_a_schedule_beside_a_log_with_gaps(schedule, says, mine, capsys):
    values = stepped(mine.warm, 100)
    logged("a.csv", [(k, values[k]) for k in range(0, 100, 10)])
    code, text = said(capsys, f"mine:{schedule}", "a.csv", "--steps", 100)
    assert (code, says in text) == (1, True), text


def test_a_log_beside_a_log_is_shifted_by_whole_records(mine, capsys):
    values = stepped(mine.warm, 120)
    logged("a.csv", [(k, values[k + 10]) for k in range(0, 100, 10)])
    logged("b.csv", [(k, values[k]) for k in range(0, 100, 10)])
    _, text = said(capsys, "a.csv", "b.csv", "--steps", 100)
    assert "10 counts ahead of PyTorch: would agree if shifted by −10;" in text
    logged("a.csv", [(k, 0.1 if k != 8 else 0.2) for k in (0, 1, 2, 8, 16, 24, 30, 38)])
    logged("b.csv", [(k, 0.1) for k in (0, 1, 2, 8, 16, 24, 30, 38)])
    for pair in (("a.csv", "b.csv"), ("b.csv", "a.csv")):
        _, text = said(capsys, *pair, "--steps", 39)
        assert "shifted" not in text


def test_of_a_log_no_event_is_said_to_be_near(mine, capsys):
    values = stepped(mine.warm, 10)
    logged("a.csv", list(enumerate(values)))
    logged("b.csv", [(k, x if k != 4 else 0.3) for k, x in enumerate(values)])
    _, text = said(capsys, "a.csv", "b.csv", "--steps", 10)
    assert "cause: first differs at count 4; agrees from count 5 on\n" in text


def test_a_log_that_numbers_its_updates_from_1_is_said_to_begin_there(mine, capsys):
    values = stepped(mine.warm, 30)
    note = "note: the first count that was logged is 1. Where that was the first update, its count is 0"
    for first, said_so in ((1, True), (0, False)):
        logged("a.csv", [(k + first, x if k < 20 else 2 * x) for k, x in enumerate(values)])
        code, text = said(capsys, "a.csv", "mine:warm", "--steps", 30)
        assert code == 1
        assert (note in text) == said_so
    logged("a.csv", list(enumerate(values))[1:])  # it begins at 1, and rightly
    code, text = said(capsys, "a.csv", "mine:warm", "--steps", 30)
    assert code == 0
    assert note not in text


# What a live scheduler knows ------------------------------------------------------------


def test_a_log_of_every_count_is_judged_as_a_schedule_is(mine, capsys):
    values = stepped(mine.step, 111)
    logged("a.csv", [(k, x if k < 60 else 0.7 * x) for k, x in enumerate(values)])
    code, text = said(capsys, "a.csv", "mine:step", "--steps", 111)
    assert code == 1
    assert "from the decay at count 60 on, 0.7 times PyTorch's" in text
    assert "who: the schedule is wrong: the schedule is far from the exact value" in text
    assert "schedule and exact, where that was computed: " in text


def test_mere_rounding_is_named_in_a_log_too(mine, capsys):
    values = np.float32(stepped(mine.warm, 100)) * np.float32(1 + 3e-7)
    logged("a.csv", list(enumerate(values.tolist())))
    code, text = said(capsys, "a.csv", "mine:warm", "--steps", 100)
    assert (code, "failed: rounding: nowhere further off than" in text) == (1, True), text
    assert "no formula for the exact value is known here" not in text


# Digits ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "keeps", "option"),
    [
        ("%.4f", "keeps 4 decimals", "--absolute 5e-05"),
        ("%.1f", "keeps 1 decimal:", "--absolute 0.0505"),
        ("%.2e", "keeps 3 significant digits", "--relative 0.005"),
    ],
)
def test_digits_that_are_too_few_are_named(form, keeps, option, mine, capsys):
    values = stepped(mine.warm, 100)
    logged("a.csv", [(k, form % x) for k, x in enumerate(values)])
    code, text = said(capsys, "a.csv", "mine:warm", "--steps", 100)
    assert code == 1
    assert f"failed: a.csv {keeps}" in text
    assert "cause: " not in text
    assert "too few to judge by themselves" in text
    assert f"{option} allows it" in text
    assert "who:" not in text
    code, text = said(capsys, "a.csv", "mine:warm", "--steps", 100, *option.split())
    assert code == 0, text


def test_digits_are_the_cause_before_any_other(mine, capsys):
    logged("a.csv", [(k, f"{x:.3f}") for k, x in enumerate(stepped(mine.step, 100))])
    code, text = said(capsys, "a.csv", "mine:step", "--steps", 100)
    assert code == 1
    assert "failed: a.csv keeps 3 decimals" in text
    assert "times PyTorch's" not in text
    assert cli.main(["compare", "a.csv", "mine:step", "--steps", "100", "--absolute", "0.000505"]) == 0


def test_what_is_further_off_than_the_digits_is_not_put_down_to_them(mine, capsys):
    values = stepped(mine.warm, 101)
    logged("a.csv", [(k, f"{values[k + 1]:.4f}") for k in range(100)])
    code, text = said(capsys, "a.csv", "mine:warm", "--steps", 100)
    assert (code, "too few to judge" in text) == (1, False), text


# What was read --------------------------------------------------------------------------


def test_what_was_read_is_in_the_output_and_in_the_report(mine, tmp_path, capsys):
    values = stepped(mine.warm, 20)
    logged("a.csv", [(k, 2.3, x) for k, x in enumerate(values)], ("step", "loss", "lr"))
    code, text = said(capsys, "a.csv", "mine:warm", "--steps", 20, "-o", "report")
    assert (code, "\na.csv: read column 'lr' by 'step'\n" in text) == (0, True), text
    (case,) = json.loads((tmp_path / "report" / "report.json").read_text())["cases"]
    assert case["remark"] == "a.csv: read column 'lr' by 'step'"
    assert "read column" in (tmp_path / "report" / "report.html").read_text()
