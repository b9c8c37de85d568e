"""Where the compilers are installed, no process complains of devices that are not there."""

import os
import subprocess
import sys

import pytest

from parity import _quiet
from parity.devices.compiler import ROOT
from parity.devices.targets import TARGETS, missing


@pytest.mark.parametrize(
    ("platforms", "installed", "there", "expected"),
    [
        (None, ["libtpu"], [], True),
        (None, ["jax_cuda12_plugin"], [], True),
        (None, [], [], False),
        ("cuda", ["libtpu"], [], False),
        (None, ["jax_cuda12_plugin"], ["/dev/nvidia*"], False),
        (None, ["libtpu"], ["/dev/accel*"], False),
    ],
)
def test_when_jax_need_not_look(monkeypatch, platforms, installed, there, expected):
    monkeypatch.delenv("JAX_PLATFORMS", raising=False)
    if platforms:
        monkeypatch.setenv("JAX_PLATFORMS", platforms)
    monkeypatch.setattr(_quiet.importlib.util, "find_spec", lambda name: name if name in installed else None)
    monkeypatch.setattr(_quiet.glob, "glob", lambda pattern: [pattern] if pattern in there else [])
    assert _quiet.only_compilers() is expected


@pytest.mark.skipif(missing(TARGETS) is not None, reason=str(missing(TARGETS)))
def test_a_command_says_nothing_but_what_it_has_to_say():
    environment = {name: value for name, value in os.environ.items() if name != "JAX_PLATFORMS"}
    done = subprocess.run(
        [sys.executable, "-m", "parity", "show", "StepLR(0.05, step_size=30)"],
        env={**environment, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0
    assert done.stderr == ""


@pytest.mark.skipif(missing(TARGETS) is not None, reason=str(missing(TARGETS)))
def test_what_else_is_said_is_kept(capfd):
    with _quiet.quietly():
        os.write(2, b"one\nI0000 cudart_stub.cc:31] Could not find cuda drivers on your machine\ntwo\n")
    assert capfd.readouterr().err == "one\ntwo\n"


SCRIPT = """
import parity, sys
def schedule(count):
    print("traced", file=sys.stderr)
    return count * 0.5
print(*parity.compare_devices(schedule, "cuda:h100", counts=[1, 2]).values())
"""


@pytest.mark.skipif(missing(TARGETS) is not None, reason=str(missing(TARGETS)))
@pytest.mark.skipif(any(map(_quiet.glob.glob, _quiet._DEVICES)), reason="JAX finds what it looks for")
def test_a_script_that_compares_says_nothing_but_what_its_own_code_says():
    environment = {name: value for name, value in os.environ.items() if name != "JAX_PLATFORMS"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={**environment, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0
    assert done.stdout.startswith("cuda:h100: same bits (")
    assert set(done.stderr.splitlines()) == {"traced"}
