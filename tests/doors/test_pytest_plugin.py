"""The plugin, in a pytest of its own."""

import json
import os
import pathlib
import subprocess
import sys
import types

import pytest

from parity import pytest_plugin

ROOT = pathlib.Path(__file__).parents[2]

TESTS = """
import jaxsched, torch
from parity import assert_parity, assert_training_parity

def twin(lr=0.1):
    return lambda: ({"loss": 0.5**k, "lr": lr} for k in range(9))

def test_twins():
    assert_training_parity(twin(), twin(), steps=9)

def test_unlike_twins():
    assert_training_parity(twin(), twin(lr=0.2), steps=9)

def make():
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    return torch.optim.lr_scheduler.StepLR(optimizer, step_size=30)

def test_right():
    assert_parity(jaxsched.StepLR(0.1, step_size=30), make, steps=100)
    assert_parity(jaxsched.StepLR(0.1, step_size=30), make, steps=50)

def test_wrong():
    assert_parity(jaxsched.StepLR(0.1, step_size=31), make, steps=100)

def test_other():
    pass
"""


def pytest_in(folder, *arguments):
    (folder / "test_mine.py").write_text(TESTS)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"}
    environment.pop("PYTEST_ADDOPTS", None)
    command = [sys.executable, "-m", "pytest", "-p", "parity.pytest_plugin", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize(
    "workers", [[], pytest.param(["-n", "2"], marks=pytest.mark.slow)], ids=["alone", "with workers"]
)
def test_a_report_of_what_was_asserted(tmp_path, workers):
    done = pytest_in(tmp_path, "--parity-report=found", *workers)
    assert done.returncode == 1
    assert "3 passed" in done.stdout
    assert (
        "Error: failed: 1 count behind PyTorch" in done.stdout
        or "Error: failed: each step comes" in done.stdout
    )
    assert "culprit: learning rate: 0.2 where PyTorch's is 0.1 at update 0: 2 times PyTorch's" in done.stdout
    assert "training: 1 of 2 pairs of twins stay together" in done.stdout
    assert "api.py" not in done.stdout
    assert "compare.py" not in done.stdout  # the frame is hidden, the facts are not
    written = json.loads((tmp_path / "found" / "report.json").read_text())
    assert {case["name"]: case["verdict"] for case in written["cases"]} == {
        "test_mine.py::test_right": "passed",
        "test_mine.py::test_right #2": "passed",
        "test_mine.py::test_wrong": "failed",
    }
    assert (written["summary"]["passed"], written["summary"]["failed"]) == (2, 1)
    assert {twins["name"]: twins["verdict"] for twins in written["training"]} == {
        "test_mine.py::test_twins": "passed",
        "test_mine.py::test_unlike_twins": "failed",
    }


@pytest.mark.slow
def test_nothing_asserted(tmp_path):
    done = pytest_in(tmp_path, "--parity-report=found", "-k", "other")
    assert done.returncode == 0
    assert "no assert_parity was called" in done.stdout
    assert not (tmp_path / "found").exists()


@pytest.mark.slow
def test_without_the_option_nothing_is_written(tmp_path):
    done = pytest_in(tmp_path, "-k", "right")
    assert done.returncode == 0, done.stdout
    assert sorted(p.name for p in tmp_path.iterdir() if not p.name.startswith((".", "_"))) == ["test_mine.py"]


@pytest.mark.parametrize("left", [{}, {"workeroutput": {}}])
def test_a_worker_that_has_crashed_leaves_nothing(left, tmp_path):
    recorder = pytest_plugin.Recorder(tmp_path)
    recorder.pytest_testnodedown(types.SimpleNamespace(**left))
    assert recorder.results == []
