"""Two reports, before and after."""

import copy
import json
import os

import pytest

from parity import cli, run as runner
from parity.cases import CASES
from parity.report import json_file as for_programs

STEP, LINEAR, COSINE = (
    next(case for case in CASES if case.scheduler == name)
    for name in ("StepLR", "LinearLR", "CosineAnnealingLR")
)


@pytest.fixture(scope="module")
def report():
    return json.loads(for_programs.render(runner.run([STEP, LINEAR, COSINE], profile=runner.Profile.QUICK)))


@pytest.fixture
def diff(tmp_path, monkeypatch, capsys, report):
    """Changes the second of two reports and runs the command on both."""
    monkeypatch.chdir(tmp_path)

    def run(change, *options, code):
        after = copy.deepcopy(report)
        change(after)
        (tmp_path / "old.json").write_text(json.dumps(report))
        (tmp_path / "new.json").write_text(json.dumps(after))
        assert cli.main(["diff", "old.json", "new.json", *options]) == code
        captured = capsys.readouterr()
        return captured.err if code == cli.Exit.USAGE else captured.out

    return run


def first(**values):
    """Changes figures of the first case, which is of StepLR."""
    return lambda report: report["cases"][0].update(values)


def test_the_same(diff):
    text = diff(lambda report: None, code=0)
    assert text.splitlines()[-1] == "0 worse, 0 better, 0 new, 0 gone, 3 same"
    assert STEP.name not in text
    everything = diff(lambda report: None, "--all", code=0)
    assert all(f"same: {case.name}" in everything for case in (STEP, LINEAR, COSINE))


def test_seconds_are_shown_and_not_judged(diff, report):
    slower = first(seconds=report["cases"][0]["seconds"] * 4)
    text = diff(slower, "--all", code=0)
    line = next(line for line in text.split(STEP.name)[1].splitlines() if "seconds" in line)
    assert line.split()[-1] == "4"
    assert "3 same" in text


@pytest.mark.parametrize(
    "change",
    [
        first(verdict="failed"),
        first(identical=119),
        first(max_ulp=1.0),
        first(max_ulp=None),  # not finite
        first(steps=60, identical=60),
    ],
)
def test_worse_exits_with_1(diff, change):
    text = diff(change, code=1)
    assert text.startswith(f"worse: {STEP.name}\n")
    assert text.splitlines()[-1] == "1 worse, 0 better, 0 new, 0 gone, 2 same"


def test_figures_before_and_after_with_their_ratio(diff, report):
    text = diff(
        first(verdict="failed", identical=90, max_ulp=None, seconds=report["cases"][0]["seconds"]), code=1
    )
    rows = [line.split() for line in text.splitlines()[1:7]]
    assert rows[:5] == [
        ["before", "after", "ratio"],
        ["verdict", "passed", "failed"],
        ["steps", "120", "120", "1"],
        ["identical", "120", "90", "0.75"],
        ["max_ulp", "0", "inf"],
    ]
    total = [line.split() for line in text.split("all cases\n")[1].splitlines()]
    steps = sum(case["steps"] for case in report["cases"])
    assert total[2] == ["steps", f"{steps:,}", f"{steps:,}", "1"]
    assert total[3][1:3] == [f"{steps:,}", f"{steps - 30:,}"]


def test_better(diff):
    text = diff(first(steps=240, identical=240), code=0)
    assert text.startswith(f"better: {STEP.name}\n")
    assert text.splitlines()[-1] == "0 worse, 1 better, 0 new, 0 gone, 2 same"


def test_what_is_worse_comes_first(diff):
    def change(after):
        after["cases"][0].update(steps=240, identical=240)
        after["cases"][2].update(verdict="failed")

    text = diff(change, code=1)
    assert text.index(f"worse: {COSINE.name}") < text.index(f"better: {STEP.name}")


def test_better_in_one_and_worse_in_another_is_worse(diff):
    assert diff(first(steps=240, identical=239), code=1).startswith("worse: ")


def test_new_and_gone(diff):
    def change(after):
        after["cases"][0]["name"] = "another"

    text = diff(change, code=0)
    assert text.index("new: another") < text.index(f"gone: {STEP.name}")
    assert text.splitlines()[-1] == "0 worse, 0 better, 1 new, 1 gone, 2 same"


def test_new_and_failed_is_worse(diff):
    assert diff(first(name="another", verdict="failed"), code=1).startswith("worse: another\n")


def test_nothing_in_common(diff):
    diff(lambda after: [case.update(name=f"my {case['name']}") for case in after["cases"]], code=5)
    diff(lambda after: after["cases"].clear(), code=5)


def test_for_programs(diff, tmp_path, report):
    text = diff(first(identical=90), "--json", "-", code=1)
    written = json.loads(text)
    assert written["schema_version"] == 1
    assert written["summary"] == {"worse": 1, "better": 0, "new": 0, "gone": 0, "same": 2}
    assert written["environment"]["after"] == report["environment"]
    case = written["cases"][0]
    assert (case["name"], case["change"]) == (STEP.name, "worse")
    assert case["ratio"]["identical"] == 0.75
    assert case["before"].keys() == {"verdict", "steps", "identical", "max_ulp", "seconds"}
    assert diff(first(identical=90), "--json", "diff.json", code=1).startswith("worse: ")
    assert json.loads((tmp_path / "diff.json").read_text()) == written
    assert sorted(os.listdir(tmp_path)) == ["diff.json", "new.json", "old.json"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            lambda after: after.update(schema_version=2),
            "new.json: schema_version must be 1, got 2. Take the parity that wrote it, or run it anew.",
        ),
        (lambda after: after.pop("summary"), "new.json: must be a report.json; `parity run` writes one"),
        (lambda after: after["cases"][1].pop("max_ulp"), "new.json: case 1 lacks max_ulp"),
    ],
)
def test_another_file(diff, change, says):
    assert f"parity: diff: NEW: {says}" in diff(change, code=2)


def test_no_report_at_all(tmp_path, capsys):
    (tmp_path / "text.json").write_text("[")
    for name, says in (("text.json", "must be JSON: "), ("nowhere.json", "No such file or directory")):
        assert cli.main(["diff", str(tmp_path / name), str(tmp_path / name)]) == cli.Exit.USAGE
        assert says in capsys.readouterr().err
