"""Judges one mutant: exits with 0 when the tests and the comparison with PyTorch still pass.

What is run depends on the room of the file that differs from the last commit; the quickest to notice
comes first.
"""

import pathlib
import re
import subprocess
import sys

SCHEDULES = [
    "schedulers/test_laws.py",
    "schedulers",
    "numerics",
    "laws",
    "cases/test_parity_laws.py",
    "test_value.py",
    "composed",
]
TESTS = {
    "jaxsched/schedulers": SCHEDULES,
    "jaxsched/composed": [*SCHEDULES, "interop"],
    "jaxsched/_numerics": ["numerics", "schedulers"],
    "jaxsched/hugging_face": ["hugging_face", "test_timm.py"],
    "jaxsched/interop": ["interop", "test_timm.py", "hugging_face"],
    "parity/reference": [
        "reference",
        "judging/test_selftest.py",
        "cases",
        "by_metric",
        "test_timm.py",
        "training",
    ],
    "parity": ["judging", "report", "commands/test_parity_command.py", "commands/test_golden.py"],
}
"""By room; the first that fits is taken."""

NOTHING_COMPARED = 5  # a class of ours that PyTorch has no equal of


def main() -> int:
    diff = subprocess.run(["git", "diff", "--name-only"], capture_output=True, text=True, check=True)
    (path,) = map(pathlib.Path, diff.stdout.split())
    tests = next(files for room, files in TESTS.items() if str(path).startswith(f"{room}/"))
    commands = [pytest(tests)]
    if path.parts[:2] in (("jaxsched", "schedulers"), ("jaxsched", "composed")):
        # The cases that have the broken class in them, if it is one class that is broken.
        cases = re.findall(r"^@final\nclass (\w+)", path.read_text(), flags=re.MULTILINE) or [""]
        commands = [*map(parity, cases), *commands]
    return passes(*commands)


def parity(name: str) -> list[str]:
    """The quick profile."""
    return ["-m", "parity", "run", "--profile", "quick", "--fail-fast", "--jobs", "1", "-k", name]


def pytest(files: list[str]) -> list[str]:
    return ["-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *(f"tests/{name}" for name in files)]


def passes(*commands: list[str]) -> int:
    for command in commands:
        code = subprocess.run([sys.executable, *command]).returncode
        if code not in (0, NOTHING_COMPARED):
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
