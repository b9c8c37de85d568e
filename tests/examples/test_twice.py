"""Every example, run again in the same folder: no file of the first run is in its way."""

import importlib
import pathlib

import common
import pytest

FOLDER = pathlib.Path(common.__file__).parent
ITS_OWN = {"digits_lenet", "minimal", "multihost", "ionosphere"}
"""Those that tests of their own run again, or that write nothing."""

# As small as each may be. What it computes is tested elsewhere.
SMALL = {
    "gallery": ["--steps", "5", "--only", "StepLR"],
    "linen_trainstate": ["--epochs", "2", "--warmup", "1"],
    "lr_range_test": ["--updates", "20"],
    "momentum_cycling": ["--epochs", "1"],
    "snapshot_ensemble": ["--runs", "2", "--cycle", "2"],
    "sweep": ["--epochs", "1"],
    "transformer_lm": ["--updates", "10", "--width", "8"],
    "warmup_plateau": ["--epochs", "2", "--warmup", "1"],
}


def test_none_is_forgotten():
    scripts = {path.stem for path in FOLDER.glob("*.py")} - {"common"}
    assert scripts == {*SMALL, *ITS_OWN}


QUICK = ("gallery", "linen_trainstate", "lr_range_test")


@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in SMALL]
)
def test_twice(name, tmp_path):
    for _ in range(2):
        importlib.import_module(name).main([*SMALL[name], "--out", str(tmp_path)])
    assert all(path.stat().st_size for path in tmp_path.rglob("*"))
    assert not [path for path in tmp_path.rglob(".*")]  # no half of a file
