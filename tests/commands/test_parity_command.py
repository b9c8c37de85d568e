"""The command: what it prints, writes and exits with."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import jax
import pytest

import jaxsched
import parity
from parity import cli, deviations, modes, report, run as runner
from parity.cases import CASES, Case, Spec, transformers
from parity.cases.deviation import deviation
from parity.catalogue import ALL_CASES
from parity.training import TRAINING_CASES

ROOT = pathlib.Path(parity.__file__).parent.parent


def command(*arguments, cwd, python_path=ROOT):
    """`python -m parity …` in a process of its own, as `make parity` runs it."""
    environment = {**os.environ, "PYTHONPATH": str(python_path), "JAX_PLATFORMS": "cpu", "COLUMNS": "100"}
    return subprocess.run(
        [sys.executable, "-m", "parity", *arguments], cwd=cwd, env=environment, capture_output=True, text=True
    )


def test_passes_and_writes_the_report(tmp_path):
    done = command("run", "--scheduler", "StepLR", "-k", "step_size=41", cwd=tmp_path)
    assert done.returncode == cli.Exit.PASSED, done.stderr
    last = done.stdout.splitlines()[-1]
    assert last == (
        "1 passed, 0 failed: 820 of 820 values (100 %) identical to PyTorch's, "
        "0 correctly rounded where PyTorch's are not"
    )
    assert "\x1b" not in done.stdout  # plain when it is not a terminal
    written = json.loads((tmp_path / "parity-report" / "report.json").read_text())
    assert written["schema_version"] == 1
    assert written["summary"]["passed"] == 1
    assert written["summary"]["failed"] == 0
    assert {"torch", "jax", "optax", "numpy", "python", "device"} <= set(written["environment"])
    (case,) = written["cases"]
    assert (case["name"], case["scheduler"], case["verdict"]) == (
        "StepLR(0.1, step_size=41, gamma=0.9)",
        "StepLR",
        "passed",
    )
    assert (case["steps"], case["identical"], case["max_ulp"]) == (820, 820, 0)
    assert case["optax"]["max_ulp"] > 1e5  # late by a step, compiled
    text = (tmp_path / "parity-report" / "report.md").read_text()
    assert "# Parity with PyTorch: passed" in text
    assert sorted(p.name for p in (tmp_path / "parity-report").iterdir()) == [
        "junit.xml",
        "report.html",
        "report.json",
        "report.md",
    ]


def broken_copy(folder, file, old, new):
    """A copy of both packages with one line of a schedule changed."""
    for package in ("jaxsched", "parity"):
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    path = folder / "jaxsched" / "schedulers" / file
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))
    return folder


def test_a_schedule_broken_by_one_step_is_named(tmp_path):
    old = "decays, _ = nx.divmod_count(k, self.step_size)"
    new = old.replace("k,", "k + 1,")
    copy = broken_copy(tmp_path, "step_lr.py", old, new)
    done = command("run", "-k", "LR(0.05, st", cwd=copy, python_path=copy)
    assert done.returncode == cli.Exit.FAILED, done.stderr
    assert (
        "FAILED StepLR(0.05, step_size=30): 1 count ahead of PyTorch: would agree if shifted by −1; wrong at "
        in done.stdout
    )
    assert "first at count 29: 0.00499999989 (0x3ba3d70a) against PyTorch's 0.05 (0x3d4ccccd)" in done.stdout
    assert "parity run -k 'StepLR(0.05, step_size=30)'" in done.stdout
    assert "FAILED LinearLR" not in done.stdout
    written = json.loads((copy / "parity-report" / "report.json").read_text())
    case = next(case for case in written["cases"] if case["name"] == "StepLR(0.05, step_size=30)")
    assert (case["verdict"], case["first_divergence"], case["first_failure"]["count"]) == ("failed", 29, 29)
    assert (written["summary"]["passed"], written["summary"]["failed"]) == (1, 1)
    assert (
        "- `StepLR(0.05, step_size=30)`: 1 count ahead of PyTorch"
        in (copy / "parity-report" / "report.md").read_text()
    )


def test_a_schedule_that_raises_is_an_internal_error_and_writes_nothing(tmp_path):
    copy = broken_copy(
        tmp_path, "step_lr.py", "decays, _ = nx.divmod_count(", "decays, _ = nx.no_such_thing("
    )
    done = command("run", "-k", "StepLR(0.05, step_size=30)", cwd=copy, python_path=copy)
    assert done.returncode == cli.Exit.INTERNAL
    assert "not a verdict" in done.stderr
    assert not (copy / "parity-report").exists()


def test_exit_codes_of_wrong_use(tmp_path, monkeypatch, capsys):
    assert command("walk", cwd=tmp_path).returncode == cli.Exit.USAGE
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match="2"):
        cli.main(["run", "--scheduler", "NoSuchLR"])
    assert "must be a class that is compared, got 'NoSuchLR'" in capsys.readouterr().err
    assert cli.main(["run", "-k", "no such case"]) == cli.Exit.NOTHING
    assert "nothing compared: no case matches" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_installed_is_said(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(transformers, "INSTALLED", False)
    arguments = ["run", "-k", "StepLR(0.05, step_size=30)", "--profile", "quick", "--output", str(tmp_path)]
    assert cli.main(arguments) == cli.Exit.PASSED
    assert "transformers is not installed: its schedules are left out" in capsys.readouterr().err


def test_help_teaches(capsys):
    with pytest.raises(SystemExit) as end:
        cli.main(["--help"])
    assert end.value.code == 0
    text = capsys.readouterr().out
    for line in ("parity run --scheduler OneCycleLR", "exit codes: 0 all passed", "There is no tolerance"):
        assert line in text


@pytest.mark.parametrize("command", ["run", "compare", "devices", "train", "record"])
def test_what_writes_is_told_where_in_the_same_words(command, capsys):
    with pytest.raises(SystemExit):
        cli.main([command, "--help"])
    assert re.search(r"-o \w+, --output \w+", capsys.readouterr().out)


def test_list(capsys):
    assert cli.main(["list"]) == 0
    names = capsys.readouterr().out.splitlines()
    assert names == [case.name for case in (*ALL_CASES, *TRAINING_CASES)]
    assert cli.main(["list", "--scheduler", "OneCycleLR", "-k", "THREE_phase"]) == 0
    names = capsys.readouterr().out.splitlines()
    assert names
    assert all("OneCycleLR" in name and "three_phase" in name for name in names)
    assert cli.main(["list", "-k", "no such case"]) == cli.Exit.NOTHING


def test_a_report_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    result = runner.run([case for case in CASES if case.scheduler == "ConstantLR"][:1])
    report.write(result, tmp_path)
    before = (tmp_path / "report.json").read_text()
    monkeypatch.setattr(os, "replace", lambda *paths: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        report.write(result, tmp_path)
    assert (tmp_path / "report.json").read_text() == before
    assert len(list(tmp_path.iterdir())) == len(report.FILES)


def test_numbers_that_are_not_finite_stay_valid_json(tmp_path):
    ours = {"lr_lambda": lambda k: k * float("nan")}
    case = Case(Spec("LambdaLR", {"lr_lambda": lambda k: 1.0 + 0 * k}, ours), 0.1, 5)
    result = runner.run([case])
    report.write(result, tmp_path)
    (written,) = json.loads((tmp_path / "report.json").read_text())["cases"]
    assert written["verdict"] == "failed"
    assert written["max_ulp"] is None


@pytest.mark.parametrize("entry", deviations.DEVIATIONS, ids=lambda entry: entry.when)
def test_deviation_occurs(entry):
    shown = deviations.demonstrate(entry)
    assert shown.occurs, shown


def test_a_deviation_that_no_longer_occurs_fails_the_run(monkeypatch):
    gone = deviation("StepLR", 0, "says 1", "says 2", "none", step_size=3)
    monkeypatch.setattr(deviations, "DEVIATIONS", (gone,))
    result = runner.run([case for case in CASES if case.scheduler == "StepLR"][:1])
    assert not result.failed
    assert not result.passed
    assert "no longer occurs" in report.markdown.render(result)


def test_the_docs_print_the_table_of_deviations(capsys):
    assert cli.main(["deviations"]) == 0
    assert (ROOT / "docs" / "deviations.md").read_text() == capsys.readouterr().out, "run `make docs`"


def test_schedules_of_cases_print_as_their_names():
    for case in CASES:
        assert isinstance(case.schedule(), jaxsched.Schedule)
        assert repr(case.schedule()).startswith(f"{case.scheduler}(")


# Other commands -------------------------------------------------------------------------

MINE = """
import optax, torch
schedule = optax.cosine_decay_schedule(0.1, 100)
early = lambda k: schedule(k + 1)
number = 3
def make_torch_scheduler():
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    return torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=100)
def make_nothing():
    return None
"""


@pytest.fixture
def mine(tmp_path, monkeypatch):
    (tmp_path / "mine_of_test.py").write_text(MINE)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    sys.modules.pop("mine_of_test", None)


def test_a_pair_from_outside_is_compared_and_the_shift_is_named(mine, capsys):
    pair = ["compare", "mine_of_test:early", "mine_of_test:make_torch_scheduler", "--steps", "90"]
    assert cli.main(pair) == cli.Exit.FAILED
    text = capsys.readouterr().out
    assert "failed: 1 count ahead of PyTorch: would agree if shifted by −1" in text
    assert "who: the schedule is wrong" in text
    assert "PyTorch and exact, where that was computed: " in text
    assert not (mine / "parity-report").exists()
    assert cli.main([*pair, "--output", "found"]) == cli.Exit.FAILED
    (case,) = json.loads((mine / "found" / "report.json").read_text())["cases"]
    assert case["scheduler"] == "CosineAnnealingLR"
    assert case["again"] == f"parity {' '.join(pair)}"


@pytest.mark.parametrize(
    ("schedule", "scheduler", "says"),
    [
        ("nowhere:schedule", "mine_of_test:make_nothing", "compare: SCHEDULE: No module named 'nowhere'"),
        ("mine_of_test", "mine_of_test:make_nothing", "SCHEDULE must be module:name, or a file"),
        ("mine_of_test:number", "mine_of_test:make_nothing", "SCHEDULE must be something to call"),
        ("mine_of_test:no", "mine_of_test:make_nothing", "has no attribute 'no'"),
        (
            "mine_of_test:early",
            "mine_of_test:make_nothing",
            "must return a live PyTorch scheduler, got None, which has no step",
        ),
    ],
)
def test_wrong_use_of_compare(mine, capsys, schedule, scheduler, says):
    assert cli.main(["compare", schedule, scheduler, "--steps", "9"]) == cli.Exit.USAGE
    assert says in capsys.readouterr().err


def test_show(capsys):
    assert cli.main(["show", "StepLR(0.05, step_size=30)"]) == 0
    text = capsys.readouterr().out
    assert "passed (120 of 120 values identical" in text
    assert "modes jit, scan, resumed, uint32, x64: the same bits in all" in text
    assert "again: parity run -k 'StepLR(0.05, step_size=30)'" in text
    assert cli.main(["show", "T_max"]) == cli.Exit.USAGE
    assert "'T_max' is in the names of" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ("show zzz", 2, "no case has 'zzz' in its name; `parity list` prints all"),
        ("show StepLR", 2, "and 52 more"),
        ("list -k zzz", 5, "no case matches"),
        ("run --scheduler steplr", 2, "got 'steplr': did you mean StepLR?"),
    ],
)
def test_a_name_that_is_none_or_several(words, code, says, capsys):
    try:
        found = cli.main(words.split())
    except SystemExit as left:
        found = left.code
    assert found == code
    assert says in capsys.readouterr().err


@pytest.mark.parametrize("columns", [40, 50])
def test_a_narrow_terminal_shows_what_matters(columns, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", str(columns))
    words = [
        "run",
        "-k",
        "StepLR(0.05, step_size=30)",
        "--profile",
        "quick",
        "--jobs",
        "1",
        "-o",
        str(tmp_path),
    ]
    assert cli.main(words) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].split() == ["scheduler", "failed", "max", "ULP"]
    assert said[1].split()[:2] == ["StepLR", "0"]
    assert all("…" not in line for line in said)


SCRIPTED = [
    "StepLR(0.05, step_size=30)",
    "scale_fn=fade",
    "by step(epoch)",
    "cosine_by_hand), SWALR",
    ".momentum",
    "MultiplicativeLR(0.1, lr_lambda=every_third)",
    "ReduceLROnPlateau(CosineAnnealingLR",
    "ReduceLROnPlateau(0.1",
]


@pytest.mark.parametrize("text", SCRIPTED)
def test_a_script_does_the_case_without_parity(text, capsys):
    case = next(case for case in ALL_CASES if text in case.name)
    assert "parity" not in case.script()
    with jax.numpy_dtype_promotion("standard"):
        exec(compile(case.script(), case.name, "exec"), {"__name__": "__main__"})
    assert capsys.readouterr().out.splitlines()[-1] == f"0 of {case.steps} counts differ"


def test_every_case_has_a_script_that_compiles():
    for case in ALL_CASES:
        compile(case.script(), case.name, "exec")


def test_cases_are_chosen_by_their_arguments(capsys):
    def names(*arguments):
        cli.main(["list", *arguments])
        return capsys.readouterr().out.splitlines()

    chosen = names("--param", "T_max=1000")
    assert chosen
    assert all("T_max=1000" in name for name in chosen)
    assert set(chosen) < set(names("--param", "T_max"))
    assert names("--param", "T_max", "--param", "gamma") == []


def test_fewer_steps_and_output_for_programs(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["run", "-k", "StepLR(0.05, st", "--steps", "40", "--json", "-"]) == 0
    captured = capsys.readouterr()
    (case,) = json.loads(captured.out)["cases"]
    assert case["steps"] == 40
    assert case["modes"] == dict.fromkeys(("jit", "scan", "resumed", "uint32", "x64"), 0)
    assert case["not_judged"] == []
    assert "1 passed, 0 failed" in captured.err


def test_a_device_that_is_not_there(capsys):
    done = command("run", "-k", "StepLR(0.05, st", "--device", "tpu", cwd=ROOT)
    assert done.returncode == cli.Exit.USAGE
    assert "--device tpu: JAX finds none here" in done.stderr


@pytest.mark.slow
def test_processes_share_the_work(tmp_path):
    cases = [case for case in CASES if case.scheduler == "StepLR" and case.steps < 1000][:2]
    alone, shared = runner.run(cases), runner.run(cases, jobs=2)
    assert [r.case.name for r in alone.results] == [r.case.name for r in shared.results]
    assert [r.comparison for r in alone.results] == [r.comparison for r in shared.results]
    assert shared.passed


def test_a_schedule_with_other_bits_in_one_mode_fails(monkeypatch):
    monkeypatch.setattr(modes, "matrix", lambda schedules, curves: [{"jit": 0, "scan": 3}] * len(schedules))
    case = next(case for case in CASES if case.scheduler == "StepLR")
    (result,) = runner.run([case]).results
    assert not result.passed
    assert result.problem == "other bits than under vmap, at so many of 256 counts: scan (3)"
