"""The README is run, not believed."""

import contextlib
import io
import pathlib
import re

import jax
import pytest

from benchmarks import readme

ROOT = pathlib.Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("code", BLOCKS, ids=range(len(BLOCKS)))
def test_block_runs_and_prints_what_it_says(code):
    names = {}
    printed = io.StringIO()
    # As users have it: Optax does not work under strict promotion.
    with contextlib.redirect_stdout(printed), jax.numpy_dtype_promotion("standard"):
        exec(compile(code, "README.md", "exec"), names)
        for name, value in names.items():
            if name.startswith("test_"):
                value()
    said = re.findall(r"^print\(.*\)  # (.*)$", code, re.MULTILINE)
    assert printed.getvalue().splitlines() == said


def test_there_is_something_to_run():
    assert len(BLOCKS) == 8
    assert "print(" in BLOCKS[0]


def test_every_scheduler_stands_in_the_table():
    assert readme.completed(README) == README, "make docs writes the lines that are missing"
    row = "| `ExponentialLR` | `gamma` |\n"
    assert README.count(row) == 1
    assert readme.completed(README.replace(row, "")).count(row) == 1


def test_figures_are_those_of_the_report():
    # Both come from `make docs`; a figure that was typed would not be in the report.
    report = (ROOT / "docs" / "report.md").read_text()
    devices = (ROOT / "docs" / "devices-report.md").read_text()
    rows = re.findall(r"^\| `.*\|$", README.split("## What a schedule is")[0], re.MULTILINE)
    assert len(rows) >= 8
    for row in rows:
        case, function, ulp, _, tpu, gpu = (cell.strip() for cell in row.strip("|").split("|"))
        line = next(line for line in report.splitlines() if line.startswith(f"| {case} | {function} |"))
        assert f"| {ulp} |" in line
        line = next(line for line in devices.splitlines() if line.startswith(f"| {case}: {function} |"))
        for said, there in zip((tpu, gpu), line.split(" | ")[1::2], strict=True):
            if said.startswith("its own"):
                assert there.startswith(f"not compared: {said.removeprefix('its own ')}")
            else:
                assert there.startswith("same bits" if said == "0" else f"{said} of ")
    summary = report.splitlines()[2].rstrip(".")
    assert summary in README


def test_what_make_parity_says_is_what_the_report_says():
    report = (ROOT / "docs" / "report.md").read_text()
    table = report.split("\n\n")[3].splitlines()[2:]
    rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in table]
    said = README.split("What `make parity` says:")[1].split("```")[1].splitlines()
    assert [line.split() for line in said[2 : 2 + len(rows)]] == [row[:5] + row[6:] for row in rows]
    deviations = report.split("## Deviations")[1].split("\n## ")[0].splitlines()
    count = sum(line.startswith("| ") for line in deviations) - 2  # the head, and the line below it
    assert f"deviations from PyTorch: {count}, all as listed" in said
