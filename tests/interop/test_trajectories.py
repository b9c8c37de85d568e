"""A trajectory out of a file can be either side of a comparison."""

import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

import parity
from jaxsched import StepLR, _trajectories as trajectories
from parity import cli

VALUES = StepLR(0.1, step_size=3).on_host(np.arange(10)).tolist()

FORMS = {
    "values.csv": "\n".join(map(repr, VALUES)),
    "heading.csv": "lr\n" + "\n".join(map(repr, VALUES)) + "\n",
    "counts.csv": "count,lr\n" + "\n".join(f"{k},{x!r}" for k, x in enumerate(VALUES)),
    "hex.csv": "\n".join(x.hex() for x in VALUES),
    "values.json": json.dumps(VALUES),
    "hex.json": json.dumps([x.hex() for x in VALUES]),
}


@pytest.mark.parametrize("name", FORMS)
def test_forms(name, tmp_path):
    (tmp_path / name).write_text(FORMS[name])
    assert trajectories.read(tmp_path / name).tolist() == VALUES


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.csv", "0.1\nx\n", "a.csv, line 2: must be a number, got 'x'"),
        ("a.csv", "1,2,3\n", "a.csv, line 1: must be a value, or count,value"),
        (
            "a.csv",
            "0,0.1\n2,0.1\n1,0.1\n",
            "a.csv, line 3: counts must be 0, 1, 2, …, or ascend from 0, got 1 after 2",
        ),
        ("a.json", "{}", "a.json: must be a list of values, got dict"),
        ("a.json", "[", "a.json: must be JSON: "),
        ("a.json", "[null]", "a.json: value 0: must be a number, got 'None'"),
    ],
)
def test_what_cannot_be_read(name, text, says, tmp_path, capsys):
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match="must be") as caught:
        trajectories.read(tmp_path / name)
    assert says in str(caught.value)
    path = str(tmp_path / name)
    assert cli.main(["compare", path, path, "--steps", "5"]) == cli.Exit.USAGE
    assert says in capsys.readouterr().err


def test_two_files_are_compared(tmp_path, capsys):
    mine, theirs = tmp_path / "mine.csv", tmp_path / "theirs.json"
    theirs.write_text(json.dumps(VALUES))
    mine.write_text("\n".join(map(repr, VALUES[1:] + VALUES[-1:])))
    assert cli.main(["compare", str(theirs), str(theirs), "--steps", "10"]) == 0
    assert cli.main(["compare", str(mine), str(theirs), "--steps", "10"]) == cli.Exit.FAILED
    assert "1 count ahead of PyTorch: would agree if shifted by −1" in capsys.readouterr().out


WITHOUT = """
import importlib.machinery, sys

class Without(importlib.machinery.PathFinder):
    gone = {"torch", "flax", "transformers"}

    @classmethod
    def find_spec(cls, name, *where):
        return None if name.partition(".")[0] in cls.gone else super().find_spec(name, *where)

    @classmethod
    def find_distributions(cls, context):
        return [each for each in super().find_distributions(context) if each.name not in cls.gone]

sys.meta_path = [Without if each is importlib.machinery.PathFinder else each for each in sys.meta_path]
from parity.cli import main
sys.exit(main(sys.argv[1:]))
"""


def test_files_need_neither_torch_nor_flax(tmp_path):
    for name in ("mine.csv", "theirs.json"):
        (tmp_path / name).write_text("[0.1, 0.2]" if name.endswith("json") else "0.1\n0.3\n")
    command = [sys.executable, "-c", WITHOUT, "compare", "mine.csv", "theirs.json", "--steps", "2"]
    root = pathlib.Path(parity.__file__).parent.parent
    environment = {**os.environ, "PYTHONPATH": str(root), "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        [*command, "--output", "found"], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == cli.Exit.FAILED, done.stderr
    assert "wrong at 1 of 2 counts, most at count 1 (50 % of the peak); first at count 1" in done.stdout
    written = json.loads((tmp_path / "found" / "report.json").read_text())
    assert "jax" in written["environment"]
    assert "torch" not in written["environment"]
