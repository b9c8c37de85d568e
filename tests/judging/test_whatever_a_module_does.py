"""Modules that end or spoil the process that imports them: no exit code is green but the verdict's."""

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


@pytest.mark.skipif(not hasattr(os, "fork"), reason="where nothing can be forked there is no guard")
def test_no_exit_code_is_green_but_the_verdicts(tmp_path):
    (tmp_path / "base.py").write_text(BASE)
    for name, (code, _, _) in MODULES.items():
        (tmp_path / f"{name}.py").write_text(f"from base import *\n{code}\n")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu", "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-m", "parity", "compare"]
    running = {
        name: subprocess.Popen(
            [*command, f"{name}:schedule", "base:make", "--steps", "100"],
            cwd=tmp_path, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )
        for name in MODULES
    }  # fmt: skip
    for name, process in running.items():
        said = process.communicate(timeout=120)[0]
        assert (process.returncode, MODULES[name][2] in said) == (MODULES[name][1], True), (name, said)
        assert "Traceback" not in said, (name, said)
