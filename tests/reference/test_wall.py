"""The judge does not know whom it judges: nothing of `parity.reference` may come from jaxsched."""

import pathlib
import pkgutil
import re
import subprocess
import sys

import pytest

import parity.reference


def loads(modules: list[str], path: pathlib.Path) -> set[str]:
    """Which of jaxsched, PyTorch and transformers are loaded by importing modules from a folder."""
    code = (
        f"import sys; sys.path.insert(0, {str(path)!r})\n"
        f"for name in {modules!r}: __import__(name)\n"
        "print(*{'jaxsched', 'torch', 'transformers'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


ROOT = pathlib.Path(parity.reference.__file__).parents[2]
MODULES = [
    module.name
    for module in pkgutil.walk_packages(parity.reference.__path__, f"{parity.reference.__name__}.")
]


def test_nothing_of_the_reference_loads_jaxsched_or_whom_it_speaks_of():
    assert len(MODULES) > 30
    assert loads(MODULES, ROOT) == set()


def test_nor_when_it_is_asked_something():
    """An import inside a function would not show above."""
    files = [*pathlib.Path(parity.reference.__file__).parent.rglob("*.py")]
    named = re.compile(r"^\s*(from|import) (jaxsched|\.\.\.?(cases|compare|run|plateau))\b", re.M)
    assert named.search("def f():\n    import jaxsched\n")
    assert [file.name for file in files if named.search(file.read_text())] == []


@pytest.mark.parametrize("guilty", ["jaxsched", "torch"])
def test_it_would_be_seen(guilty, tmp_path):
    (tmp_path / "suspect.py").write_text(f"import parity.reference.exact, {guilty}\n")
    assert guilty in loads(["suspect"], tmp_path)
