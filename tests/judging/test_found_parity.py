"""What broke in the validator, and where new users stumbled: nothing compared is never green."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

import parity
from jaxsched import CosineAnnealingLR, PerEpoch, StepLR, _trajectories as trajectories
from parity import cli

MODULE = """
import math, os, sys
import jax.numpy as jnp, numpy as np, optax, torch
from torch.optim import lr_scheduler as lrs

def sgd(): return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)

def make(): return lrs.StepLR(sgd(), 30)
def make_whole(): return lrs.StepLR(sgd(), 30.0)
def make_nothing(): return None
def make_list(): return [make()]
def make_optimizer(): return sgd()
def make_plateau(): return lrs.ReduceLROnPlateau(sgd())
def make_raising(): raise RuntimeError("boom")
def make_exit(): sys.exit(0)
def make_hard_exit(): os._exit(0)
def make_of(optimizer): return lrs.StepLR(optimizer, 30)
class ExitsLater(lrs.StepLR):
    def step(self, *epoch):
        sys.exit(0) if self.last_epoch > 3 else super().step()
def make_exit_later(): return ExitsLater(sgd(), 30)

def right(k): return 0.1 * 0.1 ** (k // 30)
def plain(k):
    if k < 30:
        return 0.1
    return 0.1 * math.pow(0.1, k // 30)
def nothing(k): return None
def text(k): return "0.1"
def vector(k): return jnp.ones(3)
def one_element(k): return jnp.full(1, 0.1)
def complex_number(k): return 0.1 + 0j
def truth(k): return True
def exits(k): sys.exit(0)
def exits_hard(k): os._exit(0)
def exits_later(k):
    if int(k) == 40: sys.exit(0)
    return right(k)
def vanishes(k): return None if int(k) == 40 else right(k)
def raises(k): raise RuntimeError("bang")
def two(k, j): return 0.1
number = 0.1
optimizer = optax.sgd(0.1)
optax_cosine = optax.cosine_decay_schedule(0.1, 100)
def tensor(k): return torch.tensor(0.1)
def make_cosine(): return lrs.CosineAnnealingLR(sgd(), 100)
"""

DOOR = [
    ("mine:right", "mine:make_nothing", "mine:make_nothing must return a live PyTorch scheduler, got None"),
    ("mine:right", "mine:make_list", "must return a live PyTorch scheduler, got [<torch"),
    ("mine:right", "mine:make_optimizer", "which has no optimizer"),
    ("mine:right", "mine:make_plateau", "returns a ReduceLROnPlateau, whose step wants a metric"),
    ("mine:right", "mine:make_raising", "mine:make_raising failed: RuntimeError: boom, at "),
    ("mine:right", "mine:make_exit", "mine:make_exit failed: it calls sys.exit(0), at "),
    ("mine:right", "mine:make_hard_exit", "mine:make_hard_exit failed: it calls os._exit(0), at "),
    (
        "mine:right",
        "mine:make_exit_later",
        "mine:make_exit_later, stepped, failed: it calls sys.exit(0)",
    ),
    ("mine:right", "mine:make_of", "a function of no arguments that makes the optimizer, too"),
    ("mine:make", "mine:right", "it wants k. Are the sides swapped? The schedule comes first"),
    ("mine:nothing", "mine:make", "must return one real number at a count, got None at count 0"),
    ("mine:text", "mine:make", "must return one real number at a count, got '0.1' (str) at count 0"),
    ("mine:vector", "mine:make", "got an array of shape (3,) at count 0"),
    ("mine:one_element", "mine:make", "got an array of shape (1,) at count 0; take its element, as in [0]"),
    ("mine:complex_number", "mine:make", "got (0.1+0j) (complex) at count 0"),
    ("mine:tensor", "mine:make", "got tensor(0.1000) (Tensor) at count 0; give value.item()"),
    ("mine:truth", "mine:make", "got True (bool) at count 0"),
    ("mine:exits", "mine:make", "mine:exits at count 0 failed: it calls sys.exit(0), at "),
    ("mine:exits_hard", "mine:make", "mine:exits_hard at count 0 failed: it calls os._exit(0), at "),
    ("mine:exits_later", "mine:make", "mine:exits_later at count 40 failed: it calls sys.exit(0), at "),
    ("mine:vanishes", "mine:make", "must return one real number at a count, got None at count 40"),
    ("mine:raises", "mine:make", "mine:raises at count 0 failed: RuntimeError: bang, at "),
    ("mine:two", "mine:make", "mine:two must take one argument, the count; it wants k, j"),
    ("mine:number", "mine:make", "must be something to call, got mine:number = 0.1"),
    ("mine:optimizer", "mine:make", "must be something to call, got mine:optimizer = GradientTransf"),
    ("leaves:f", "mine:make", "leaves cannot be imported: it calls sys.exit(0), at "),
    ("leaves_hard:f", "mine:make", "leaves_hard cannot be imported: it calls os._exit(0), at "),
    ("broken:f", "mine:make", "broken cannot be imported: SyntaxError: "),
    ("lacking:f", "mine:make", "No module named 'nowhere_at_all'"),
]


@pytest.fixture
def there(tmp_path, monkeypatch):
    files = {
        "mine": MODULE, "leaves": "import sys; sys.exit(0)", "leaves_hard": "import os; os._exit(0)",
        "broken": "def f(:", "lacking": "import nowhere_at_all",
    }  # fmt: skip
    for name, text in files.items():
        (tmp_path / f"{name}.py").write_text(text)
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for name in files:
        sys.modules.pop(name, None)


@pytest.mark.parametrize(("schedule", "scheduler", "says"), DOOR, ids=range(len(DOOR)))
def test_what_cannot_be_compared_is_one_line(schedule, scheduler, says, there, capsys):
    assert cli.main(["compare", schedule, scheduler, "--steps", "60"]) == cli.Exit.USAGE
    said = capsys.readouterr()
    last = said.err.strip().splitlines()[-1]
    assert last.startswith("parity: compare: ")
    assert says in last
    assert "passed" not in said.out


@pytest.mark.parametrize("group", ["9", "-1"])
def test_a_group_that_is_not_there(group, there, capsys):
    command = ["compare", "mine:right", "mine:make", "--steps", "60", "--group", group]
    assert cli.main(command) == cli.Exit.USAGE
    assert f"group must be from 0 to 0, the parameter groups of mine:make's optimizer, got {group}" in (
        capsys.readouterr().err
    )


def test_a_plain_function_is_called_count_by_count(there, capsys):
    assert cli.main(["compare", "mine:plain", "mine:make", "--steps", "90"]) == 0
    said = capsys.readouterr()
    assert "mine:plain is called in Python, count by count: JAX cannot trace it (" in said.err
    assert "passed (90 of 90 values identical" in said.out


def test_a_function_of_arrays_is_one(there, capsys):
    (there / "arrays.py").write_text("def right(k): return 0.1 * 0.1 ** (k // 30).astype(float)")
    assert cli.main(["compare", "arrays:right", "mine:make", "--steps", "90", "--max-ulp", "8"]) == 0
    assert "count by count" not in capsys.readouterr().err


def test_in_python_the_same_door():
    def make():
        return torch.optim.lr_scheduler.StepLR(
            torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1), 30
        )

    def leaving(k):
        raise SystemExit(0)

    for wrong, says in [
        ({"schedule": leaving}, r"the schedule at count 0 failed: it calls sys.exit\(0\)"),
        ({"make_torch_scheduler": make()}, "make_torch_scheduler must be a function that returns a live"),
        ({"steps": 1.5}, "steps must be a whole number >= 0, got 1.5"),
        ({"group": -1}, "group must be from 0 to 0"),
        ({"group": True}, "group must be from 0 to 0"),
        ({"max_ulp": -1}, "max_ulp must be a finite number >= 0, got -1"),
    ]:
        given = {"schedule": StepLR(0.1, 30), "make_torch_scheduler": make, "steps": 10, **wrong}
        with pytest.raises(ValueError, match=says):
            parity.compare(given.pop("schedule"), given.pop("make_torch_scheduler"), **given)


def test_a_period_that_is_a_float_is_pytorchs_to_take(there, capsys):
    assert cli.main(["compare", "mine:right", "mine:make_whole", "--steps", "90"]) in (0, 1)
    assert "Traceback" not in capsys.readouterr().err


# A distance that is allowed -------------------------------------------------------------


def test_a_distance_is_allowed_and_said(there, capsys):
    pair = ["compare", "mine:optax_cosine", "mine:make_cosine", "--steps", "100"]
    assert cli.main(pair) == cli.Exit.FAILED
    capsys.readouterr()
    for option in (["--max-ulp", "1000"], ["--absolute", "2e-8"], ["--relative", "1e-4"]):
        assert cli.main([*pair, *option, "-o", "report"]) == 0
        assert ", as asked; other bits at " in capsys.readouterr().out
    for option in (["--max-ulp", "0.25"], ["--absolute", "1e-12"], ["--relative", "1e-12"]):
        assert cli.main([*pair, *option]) == cli.Exit.FAILED
    report = pathlib.Path("report")
    for form in ("report.html", "report.md", "junit.xml"):
        assert "as asked; other bits at " in (report / form).read_text()
    (case,) = json.loads((report / "report.json").read_text())["cases"]
    assert ", as asked; other bits at " in case["remark"]


def test_nan_is_in_no_distance():
    def make():
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
        return torch.optim.lr_scheduler.StepLR(optimizer, 30)

    found = parity.compare(lambda k: k * np.float32(np.nan), make, steps=9, absolute=1e9, max_ulp=1e30)
    assert not found.passed


# Updates beside epochs -----------------------------------------------------------------


def test_a_schedule_in_updates_beside_a_scheduler_in_epochs(there, capsys):
    (there / "late.py").write_text(
        "import jaxsched\n"
        "right = jaxsched.PerEpoch(jaxsched.StepLR(0.1, 30), 7)\n"
        "wrong = jaxsched.PerEpoch(jaxsched.StepLR(0.1, 30), 8)\n"
    )
    pair = ["mine:make", "--steps", "400", "--steps-per-epoch", "7"]
    assert cli.main(["compare", "late:right", *pair]) == 0
    assert "passed (400 of 400 values identical" in capsys.readouterr().out
    assert cli.main(["compare", "late:wrong", *pair]) == cli.Exit.FAILED
    values = "\n".join(repr(0.1 * 0.1 ** (k // 210)) for k in range(400))
    (there / "log.csv").write_text(values)
    assert cli.main(["compare", "log.csv", *pair]) == 0


def test_an_event_in_updates():
    def make():
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
        return torch.optim.lr_scheduler.StepLR(optimizer, 30)

    late = PerEpoch(StepLR(0.1, 30), 7)
    found = parity.compare(lambda k: late(k - 1), make, steps=400, steps_per_epoch=7)
    assert found.cause == "1 count behind PyTorch: would agree if shifted by +1"
    assert 30 * 7 in [event.count for event in found.curves.events]
    with pytest.raises(ValueError, match="steps_per_epoch must be a whole number >= 1, got 0"):
        parity.compare(late, make, steps=400, steps_per_epoch=0)


# Files that people have -----------------------------------------------------------------

COSINE = CosineAnnealingLR(0.1, T_max=100).on_host(np.arange(100)).tolist()
EVERY_TENTH = [(k, x) for k, x in enumerate(COSINE) if k % 10 == 0]
LOGS = {
    "wandb.csv": '"Step","run - lr","run - lr__MIN","run - lr__MAX"\n'
    + "".join(f'"{k}","{x!r}","{x!r}","{x!r}"\n' for k, x in EVERY_TENTH),
    "tensorboard.csv": "Wall time,Step,Value\n" + "".join(f"1.7e9,{k},{x!r}\n" for k, x in enumerate(COSINE)),
    "six.csv": "\n".join(f"{x:.6g}" for x in COSINE),
    "excel.csv": "\ufeffcount,lr\r\n" + "".join(f"{k},{x!r}\r\n" for k, x in enumerate(COSINE)),
    "two.csv": "step,a/lr,b/lr\n" + "".join(f"{k},{x!r},0\n" for k, x in enumerate(COSINE)),
    "triples.json": json.dumps([[1.7e9, k, x] for k, x in enumerate(COSINE)]),
    "lists.json": json.dumps({"lr": COSINE, "step": list(range(100))}),
    "history.json": json.dumps([{"step": k, "loss": 1.0, "lr": x} for k, x in EVERY_TENTH]),
    "trainer_state.json": json.dumps(
        {"log_history": [{"step": k, "loss": 1, "learning_rate": x} for k, x in EVERY_TENTH] + [{"step": 99}]}
    ),
}


@pytest.mark.parametrize("name", LOGS)
def test_logs_are_compared(name, there, capsys):
    (there / name).write_text(LOGS[name])
    where = f"{name}:a/lr" if name == "two.csv" else name
    assert cli.main(["compare", where, "mine:make_cosine", "--steps", "100"]) == 0
    said = capsys.readouterr()
    if "values identical" in said.out and (name.startswith(("wandb", "history", "trainer"))):
        assert "compared at 10 counts of 100: those that were logged" in said.err
    if name == "six.csv":
        assert "within the 6 digits that six.csv kept; other bits at " in said.out


def test_an_event_file(there, capsys):
    writer = pytest.importorskip("tensorboardX").SummaryWriter(".")
    for k, x in enumerate(COSINE):
        writer.add_scalar("train/lr", x, k)
        writer.add_scalar("loss", 1.0, k)
    writer.close()
    (file,) = there.glob("*tfevents*")
    assert cli.main(["compare", file.name, "mine:make_cosine", "--steps", "100"]) == 0
    assert trajectories.read(file, "loss").tolist() == [1.0] * 100


NOT_TAKEN = {
    "short.csv": ("\n".join(map(repr, COSINE[:20])), "which ends at count 19, got 100: give --steps 20"),
    "deep.json": ("[" * 100_000, "deep.json: must be JSON: nested too deeply"),
    "huge.csv": ("0.1\n0x1p999999999999\n", "huge.csv, line 2: must be a number, got '0x1p999999999999'"),
    "far.csv": ("0.1\n1e999\n", "far.csv, line 2: must be a number that float64 holds, got '1e999'"),
    "two.csv": (LOGS["two.csv"], "for the learning rate, got a/lr, b/lr. Name it: two.csv:a/lr"),
    "back.csv": ("step,lr\n5,0.1\n3,0.1\n", "line 3: counts must be 0, 1, 2, …, or ascend from 0"),
    "half.csv": ("step,lr\n0.5,0.1\n", "half.csv, line 2: count must be a whole number, got '0.5'"),
    "empty.csv": ("", "has no values"),
    "object.json": ('{"loss": 3}', "object.json: must be a list of values, got dict of loss"),
}  # fmt: skip


@pytest.mark.parametrize("name", NOT_TAKEN)
def test_files_that_are_not_taken(name, there, capsys):
    text, says = NOT_TAKEN[name]
    (there / name).write_text(text)
    for pair in ([name, "mine:make_cosine"], ["mine:right", name]):
        assert cli.main(["compare", *pair, "--steps", "100"]) == cli.Exit.USAGE
        assert says in capsys.readouterr().err


def test_a_folder_is_tried_before_the_run(there, capsys):
    (there / "file").write_text("")
    for command in (
        ["compare", "mine:make_hard_exit", "mine:make", "--steps", "5"],
        ["run", "-k", "StepLR(0.05"],
    ):
        assert cli.main([*command, "-o", "file"]) == cli.Exit.USAGE
        assert "--output file: " in capsys.readouterr().err


# The cause comes first ------------------------------------------------------------------


def test_the_first_line_is_the_cause(there, capsys):
    assert cli.main(["compare", "mine:right", "mine:make_cosine", "--steps", "100"]) == cli.Exit.FAILED
    first = capsys.readouterr().out.splitlines()[0]
    assert "e+0" not in first.partition("first at")[0]  # no distance that nobody can read
    assert "% of the peak" in first


@pytest.mark.parametrize(
    ("wrong", "cause"),
    [
        (lambda k: StepLR(0.1, 30)(k + 1), "failed: 1 count ahead of PyTorch"),
        (lambda k: StepLR(1.0, 30)(k + 1), "failed: 1 count ahead of PyTorch: would agree if shifted"),
        (lambda k: 0.1 + 0 * k, "failed: never moves: 0.1 at every count"),
        (lambda k: StepLR(1.0, 30)(k), "failed: 10 times PyTorch's at every count"),
    ],
)  # fmt: skip
def test_causes_come_first(wrong, cause):
    def make():
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
        return torch.optim.lr_scheduler.StepLR(optimizer, 30)

    assert str(parity.compare(wrong, make, steps=100)).startswith(cause)


# Interrupted ----------------------------------------------------------------------------


@pytest.mark.slow
def test_ctrl_c_ends_at_once_and_says_what_was_done(tmp_path):
    root = pathlib.Path(parity.__file__).parents[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "parity", "run", "--jobs", "2", "-o", str(tmp_path / "report")],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True, cwd=root,
    )  # fmt: skip
    time.sleep(20)
    os.killpg(process.pid, signal.SIGINT)
    start = time.monotonic()
    said, _ = process.communicate(timeout=60)
    assert time.monotonic() - start < 10
    assert process.returncode == 130
    assert "Traceback" not in said
    assert "cases were done, 0 of them failed; no report was written" in said
