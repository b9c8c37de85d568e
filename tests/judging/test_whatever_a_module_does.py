"""Modules that end or spoil the process that imports them: no exit code is green but the verdict's."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

import parity

ROOT = pathlib.Path(parity.__file__).parents[1]

BASE = """
import jaxsched, os, threading, time, torch
good = jaxsched.StepLR(0.1, step_size=30)
bad = jaxsched.StepLR(0.1, step_size=29)
def make():
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    return torch.optim.lr_scheduler.StepLR(optimizer, 30)
"""
MODULES = {
    "fine": ("schedule = good", 0, "passed (100 of 100"),
    "wrong": ("schedule = bad", 1, "failed: each step comes another 1 count earlier"),
    "by_posix": (
        "import posix\ndef schedule(k): posix._exit(0)",
        2,
        "ended with exit code 0 before there was",
    ),
    "by_exec": ("def schedule(k): os.execv('/bin/true', ['true'])", 2, "ended with exit code 0 before there"),
    "by_thread": (
        "import posix\ndef leave():\n    time.sleep(0.3); posix._exit(0)\n"
        "threading.Thread(target=leave, daemon=True).start()\ntime.sleep(5)\nschedule = bad",
        2,
        "ended with exit code 0 before there was a verdict",
    ),
    "at_exit": (
        "import atexit\natexit.register(lambda: os._exit(0))\nschedule = bad",
        1,
        "failed: each step",
    ),
    "by_signal": ("def schedule(k): os.kill(os.getpid(), 9)", 3, "ended by SIGKILL; no verdict"),
    "closes_stdout": (
        "import sys\nsys.stdout.close()\nschedule = good",
        3,
        "standard output has been closed",
    ),
    "not_an_exception": (
        "class Stop(BaseException): pass\ndef schedule(k): raise Stop('no')",
        2,
        "schedule at count 0 failed: Stop: no, at ",
    ),
    "no_words": (
        "class Odd(Exception):\n    def __str__(self): raise RuntimeError\ndef schedule(k): raise Odd",
        2,
        "schedule at count 0 failed: Odd, at ",
    ),
}


# What `python -m parity` loads, but parity and jaxsched, is loaded once: in each of these processes it would
# take longer than the work. PyTorch loads the last of it when its first optimizer is made.
ALL = """
import gc, importlib, json, os, runpy, sys
for name in ("jax", "jax.export", "optax", "flax.nnx", "torch", "torch._dynamo", "mpmath", "rich", "jinja2"):
    importlib.import_module(name)
sys.path[0] = ""  # as with python -m
gc.freeze()  # or each process would look through all of it once more when it ends
started = {}
for name in json.loads(sys.argv[1]):
    child = os.fork()
    if child == 0:
        said = os.open(f"{name}.said", os.O_WRONLY | os.O_CREAT)
        os.dup2(said, 1)
        os.dup2(said, 2)
        sys.argv[1:] = ["compare", f"{name}:schedule", "base:make", "--steps", "100"]
        runpy.run_module("parity", run_name="__main__", alter_sys=True)  # ends with SystemExit
    started[name] = child
codes = {name: os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for name, child in started.items()}
print(json.dumps(codes))
"""


@pytest.fixture(scope="module")
def ended(tmp_path_factory):
    """The exit code of every command, and what it said."""
    folder = tmp_path_factory.mktemp("modules")
    (folder / "base.py").write_text(BASE)
    for name, (code, _, _) in MODULES.items():
        (folder / f"{name}.py").write_text(f"from base import *\n{code}\n")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu", "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        [sys.executable, "-c", ALL, json.dumps(list(MODULES))],
        cwd=folder, env=environment, text=True, capture_output=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    codes = json.loads(done.stdout.splitlines()[-1])
    return {name: (code, (folder / f"{name}.said").read_text()) for name, code in codes.items()}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="where nothing can be forked there is no guard")
@pytest.mark.parametrize("name", MODULES)
def test_no_exit_code_is_green_but_the_verdicts(ended, name):
    code, said = ended[name]
    assert (code, MODULES[name][2] in said) == (MODULES[name][1], True), said
    assert "Traceback" not in said
