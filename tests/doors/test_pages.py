"""Every block of code in the README and in docs/ is run, or read by what would read it."""

import contextlib
import importlib.util
import json
import pathlib
import re
import shlex
import tomllib

import pytest
import yaml

from docs._pages import blocks
from parity import cli
from parity.devices.targets import find, missing

ROOT = pathlib.Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])
ELSEWHERE = {
    "recipes.md": "doors/test_recipes.py",
    "loops.md": "doors/test_loops.py",
    "golden-vectors.md": "commands/test_golden.py",
}
"""Pages whose blocks have tests of their own, which run them by sections or hand them something."""

FOUND = {page.name: blocks.blocks(page.read_text()) for page in PAGES}
TOLD = re.compile(r"^print\(.*\)  # (.*)$", re.MULTILINE)


def has(page, *languages):
    return any(block.language in languages for block in FOUND[page])


def expected(block):
    """What a block says that it prints: below it, or behind each ``print``."""
    if block.printed is not None:
        return block.printed.splitlines()
    return TOLD.findall(block.code)


def cannot_run(code):
    """What a block needs that is not installed everywhere."""
    if "compare_devices" in code and missing(find(["cuda:h100"])):
        return "the compiler for a GPU is not installed"
    if "hugging_face" in code and importlib.util.find_spec("transformers") is None:
        return "transformers is not installed"
    return None


@pytest.mark.parametrize("page", [p for p in FOUND if p not in ELSEWHERE and has(p, "python")])
def test_blocks_run_and_print_what_they_say(page, monkeypatch):
    monkeypatch.chdir(ROOT)
    names = {}
    for block in FOUND[page]:
        if block.language != "python":
            continue
        if cannot_run(block.code):
            continue
        printed = blocks.run(block.code, names, page)
        assert printed.rstrip().splitlines() == expected(block), f"{page}: {block.code}"
        for name in [name for name in names if name.startswith("test_")]:
            names.pop(name)()


def test_pages_with_tests_of_their_own_have_them():
    for page, test in ELSEWHERE.items():
        assert has(page, "python")
        assert page in (ROOT / "tests" / test).read_text()


def test_languages_are_those_that_are_read_here():
    assert {block.language for found in FOUND.values() for block in found} <= {
        *("python", "sh", "json", "yaml", "c", "js", "mermaid")
    }


@pytest.mark.parametrize("page", [p for p in FOUND if has(p, "json", "yaml")])
def test_data_can_be_read(page):
    for block in FOUND[page]:
        if block.language == "json":
            json.loads(block.code)
        elif block.language == "yaml":
            assert yaml.safe_load(block.code)


TARGETS = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]


def would_work(line):
    """Whether a command of a shell has what it names; read, not run."""
    words = shlex.split(line, comments=True)
    if not words:
        return
    program, *rest = words
    if program == "python" and rest[0] == "-m":
        program, *rest = rest[1:]
    if program == "parity":
        with contextlib.suppress(SystemExit):
            cli.parse([word for word in rest if word != "…"])
            return
        raise AssertionError(f"parity does not take: {line}")
    if program == "make":
        assert set(rest) & set(TARGETS), line
    elif program == "python":
        assert (ROOT / rest[0]).exists(), line
    elif program in ("pip", "pytest"):
        for extras in re.findall(r"\[([\w,-]+)\]", line):
            assert set(extras.split(",")) <= set(EXTRAS), line
    else:
        raise AssertionError(f"nothing here knows the command {program}: {line}")


@pytest.mark.parametrize("page", [p for p in FOUND if has(p, "sh")])
def test_commands_name_what_there_is(page):
    for block in FOUND[page]:
        if block.language == "sh":
            for line in block.code.replace("\\\n", " ").splitlines():
                would_work(line)


def test_a_wrong_command_is_seen():
    for line in (
        "parity comparre a b --steps 3",
        "make sight",
        "pip install 'jaxsched[plott]'",
        "python x.py",
    ):
        with pytest.raises(AssertionError):
            would_work(line)
