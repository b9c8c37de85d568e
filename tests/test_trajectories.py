"""A trajectory out of a file can be either side of a comparison."""

import json

import numpy as np
import pytest

from jaxsched import StepLR
from parity import cli, trajectories

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
        ("a.csv", "0,0.1\n2,0.1\n", "a.csv, line 2: counts must be 0, 1, 2, …, got 2 for 1"),
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
