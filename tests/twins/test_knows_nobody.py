"""Who judges trainings does not know jaxsched, and needs PyTorch and Flax only for twins made of them."""

import pathlib
import re
import subprocess
import sys

import parity

ROOT = pathlib.Path(parity.__file__).parents[1]
IMPORTED = re.compile(r"^\s*(?:from|import) (\w+)", re.M)


def loaded(module, then="pass"):
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); import {module}; {then}; "
        "print(*{'jaxsched', 'torch', 'flax'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_judge_of_trainings_loads_none_of_whom_it_judges():
    assert loaded("parity.twins") == set()
    assert loaded("parity.training") >= {"jaxsched"}  # so it would be seen


def test_twins_that_do_without_pytorch_do_not_load_it():
    twin = "lambda: iter([{'loss': 1.0}])"
    compared = f"parity.twins.compare_training({twin}, {twin}, steps=1)"
    assert loaded("parity.twins", f"assert {compared}.passed") == set()


def test_nor_does_it_import_jaxsched_when_it_is_asked_something():
    named = {
        name
        for file in (ROOT / "parity" / "twins").glob("*.py")
        for name in IMPORTED.findall(file.read_text())
    }
    assert "jaxsched" not in named
    assert {"numpy", "torch", "flax"} <= named
