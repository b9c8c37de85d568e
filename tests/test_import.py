"""What `import jaxsched` costs, and what it gives."""

import importlib
import pathlib
import pkgutil
import shutil
import subprocess
import sys
import types

import pytest

import jaxsched
import jaxsched.schedulers

PACKAGE = pathlib.Path(jaxsched.__file__).parent
FORBIDDEN = ("torch", "flax", "matplotlib", "rich", "mpmath", "hypothesis", "pytest", "parity")


def written_in(package):
    """The class that each file holds, by the name of the file."""
    for file in pkgutil.iter_modules(package.__path__):
        if not file.name.startswith("_"):
            module = importlib.import_module(f"{package.__name__}.{file.name}")
            (found,) = (n for n in vars(module) if n.lower() == file.name.replace("_", ""))
            yield found


PUBLIC = {
    *written_in(jaxsched.schedulers),
    *written_in(jaxsched.composed),
    "ReduceLROnPlateau",
    "Affine",
    "Continues",
    "Multiplies",
    "PlateauState",
    "Schedule",
    "Wrapped",
    "by_group",
    "current_lr",
    "from_torch",
    "from_torch_state",
    "optax_code",
    "optimizer_from_torch",
    "optimizer_state_from_torch",
    "plot",
    "to_torch",
}


def loaded_by_importing(package, folder):
    """Which of the forbidden modules an import of the package loads, in a Python of its own."""
    program = (
        f"import sys; sys.path.insert(0, {str(folder)!r}); import {package}; "
        f"assert {package}.__file__.startswith({str(folder)!r}), {package}.__file__; "
        "print(*sys.modules)"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=folder
    )
    return {name.partition(".")[0] for name in result.stdout.split()}.intersection(FORBIDDEN)


def test_import_is_light():
    assert loaded_by_importing("jaxsched", PACKAGE.parent) == set()


@pytest.mark.parametrize(
    "where", ["_numerics/counts.py", "schedulers/step_lr.py", "interop/live_optimizer.py"]
)
def test_the_test_above_can_fail(tmp_path, where):
    # A stand-in, so that this takes no second and no installation.
    (tmp_path / "torch.py").touch()
    shutil.copytree(PACKAGE, tmp_path / "jaxsched")
    module = tmp_path / "jaxsched" / where
    first, future, rest = module.read_text().partition("from __future__ import annotations\n")
    module.write_text(f"{first}{future}import torch\n{rest}" if future else f"{first}\nimport torch\n")
    assert loaded_by_importing("jaxsched", tmp_path) == {"torch"}


def test_public_names():
    public = {
        name
        for name, value in vars(jaxsched).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    assert public == PUBLIC


def test_public_modules():
    modules = {
        name
        for name, value in vars(jaxsched).items()
        if not name.startswith("_") and isinstance(value, types.ModuleType)
    }
    assert modules == {"by_metric", "composed", "hugging_face", "interop", "optimizers", "schedulers", "timm"}


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_public_names_are_importable(name):
    scope = {}
    exec(f"from jaxsched import {name}", scope)
    value = scope[name]
    assert value.__name__ == name
    assert value.__module__ == "jaxsched"
    assert value.__doc__


def test_typed():
    assert (PACKAGE / "py.typed").exists()
    assert jaxsched.__version__.count(".") == 2
