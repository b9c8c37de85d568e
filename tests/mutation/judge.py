"""Judges one mutant: exits with 0 when the tests and the comparison with PyTorch still pass.

What is run depends on the file that differs from the last commit; the quickest to notice
comes first.
"""

import pathlib
import re
import subprocess
import sys

SCHEDULES = [
    "test_parity_laws.py",
    "test_laws.py",
    "test_arguments.py",
    "test_value.py",
    "test_accuracy.py",
    "test_modes.py",
    "test_units.py",
    "test_interop.py",
]
PLATEAU = ["test_plateau.py", "test_reading.py"]
VALIDATOR = [
    "test_judge.py",
    "test_ulp.py",
    "test_parity_compare.py",
    "test_selftest.py",
    "test_reports.py",
    "test_parity_command.py",
]


NOTHING_COMPARED = 5  # a class of ours that PyTorch has no equal of


def main() -> int:
    diff = subprocess.run(["git", "diff", "--name-only"], capture_output=True, text=True, check=True)
    (path,) = map(pathlib.Path, diff.stdout.split())
    if path.parts[0] == "parity":
        return passes(*pytest(VALIDATOR))
    # The cases that have the broken class in them, if it is one class that is broken.
    cases = re.findall(r"^@final\nclass (\w+)", path.read_text(), flags=re.MULTILINE) or [""]
    tests = PLATEAU if path.stem == "reduce_lr_on_plateau" else SCHEDULES
    return passes(*(parity(name) for name in cases), *pytest(tests))


def parity(name: str) -> list[str]:
    """The quick profile."""
    return ["-m", "parity", "run", "--profile", "quick", "--fail-fast", "--jobs", "1", "-k", name]


def pytest(files: list[str]) -> list[list[str]]:
    return [["-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *(f"tests/{name}" for name in files)]]


def passes(*commands: list[str]) -> int:
    for command in commands:
        code = subprocess.run([sys.executable, *command]).returncode
        if code not in (0, NOTHING_COMPARED):
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
