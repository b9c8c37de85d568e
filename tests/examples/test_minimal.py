"""The example for copying: what it says, and that it stays a page."""

import pathlib
import re
import runpy

import jaxsched

FILE = pathlib.Path(__file__).parents[2] / "examples" / "minimal.py"


def test_it_trains_with_pytorchs_schedule(capsys):
    made = runpy.run_path(str(FILE))
    assert made["schedule"] == jaxsched.CosineAnnealingLR(0.1, T_max=200)
    assert made["losses"][-1] < made["losses"][0] / 4
    assert re.fullmatch(
        r"CosineAnnealingLR\(0\.1, T_max=200\): loss 1\.\d+ -> 0\.\d+ in 200 updates\n",
        capsys.readouterr().out,
    )


def test_it_has_thirty_lines():
    assert len(FILE.read_text().splitlines()) <= 30
