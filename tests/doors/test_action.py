"""The GitHub action: its own shell, run here on a repository that is not ours."""

import os
import pathlib
import re
import subprocess
import sys

import pytest
import yaml

ROOT = pathlib.Path(__file__).parents[2]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
STEPS = {step.get("name", step.get("uses")): step for step in ACTION["runs"]["steps"]}

THEIRS = """
import optax, torch
schedule = optax.exponential_decay(0.1, 30, 0.5, staircase=True)
late = lambda k: schedule(k - 1)
def make():
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    return torch.optim.lr_scheduler.StepLR(optimizer, step_size=30, gamma=0.5)
def test_mine():
    from parity import assert_parity
    assert_parity(schedule, make, steps=100)
"""


def run(folder, **inputs):
    """The step that compares, with the inputs that it was given."""
    (folder / "test_theirs.py").write_text(THEIRS)
    given = {name: entry.get("default", "") for name, entry in ACTION["inputs"].items()} | inputs
    step = STEPS["Compare"]
    values = {
        name: re.sub(r"\$\{\{ inputs\.(\S+) \}\}", lambda found: given[found[1]], text)
        for name, text in step["env"].items()
    }
    summary = folder / "summary.md"
    environment = {
        **os.environ,
        **values,
        "PATH": f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "JAX_PLATFORMS": "cpu",
        "GITHUB_STEP_SUMMARY": str(summary),
        "GITHUB_ACTIONS": "true",
    }
    script = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
    return subprocess.run(script, cwd=folder, env=environment, capture_output=True, text=True), summary


def test_every_input_is_used_and_every_used_one_is_there():
    used = set(re.findall(r"inputs\.([\w-]+)", (ROOT / "action.yml").read_text()))
    assert used == set(ACTION["inputs"])


@pytest.mark.slow
def test_a_pair(tmp_path):
    done, summary = run(tmp_path, schedule="test_theirs:late", scheduler="test_theirs:make", steps="100")
    assert done.returncode == 1, done.stderr
    assert "1 count behind PyTorch: would agree if shifted by +1" in done.stdout
    assert "\n::error title=test_theirs%3Alate and" in done.stdout
    assert "1 count behind PyTorch" in summary.read_text()
    assert (tmp_path / "parity-report" / "report.json").exists()


def test_their_tests(tmp_path):
    done, summary = run(tmp_path, tests="-q test_theirs.py")
    assert done.returncode == 0, done.stdout
    assert "# Parity with PyTorch: passed" in summary.read_text()


def test_no_inputs(tmp_path):
    done, _ = run(tmp_path)
    assert done.returncode == 2
    assert "::error::parity needs the inputs" in done.stdout


@pytest.mark.parametrize("name", ["Install", "Compare"])
def test_inputs_reach_the_shell_as_variables_only(name):
    assert "${{" not in STEPS[name]["run"]
