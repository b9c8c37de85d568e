"""The forms of the report: for programs, for CI servers, for GitHub."""

import copy
import io
import json
import pathlib
from xml.etree import ElementTree

import jax.numpy as jnp
import jsonschema
import pytest
from rich.console import Console

import parity
from parity import run as runner
from parity.api import compare
from parity.cases import CASES, Case
from parity.report import github, json_file as for_programs, junit_xml as junit, markdown, terminal
from parity.run import PairCase

SCHEMA = json.loads((pathlib.Path(parity.__file__).parent / "report" / "schema.json").read_text())


class Broken(Case):
    """A case whose schedule is NaN at one count, and whose name is not nice."""

    @property
    def name(self):
        return f"<script>alert('%')</script>\x00 & {super().name}"

    def schedule(self):
        right = super().schedule()
        return lambda k: jnp.where(k == 3, jnp.nan, right(k))


@pytest.fixture(scope="module")
def results():
    right = next(case for case in CASES if case.scheduler == "CyclicLR" and case.steps < 3000)
    return runner.run([right, Broken(right.spec, right.base_lr, right.steps)])


def test_json_follows_its_published_schema(results):
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    validator = jsonschema.Draft202012Validator(SCHEMA)
    written = json.loads(for_programs.render(results))
    validator.validate(written)
    assert [case["verdict"] for case in written["cases"]] == ["passed", "failed"]
    spoilt = copy.deepcopy(written)
    del spoilt["cases"][0]["max_ulp"]
    assert not validator.is_valid(spoilt)
    spoilt = {**written, "another": 1}
    assert not validator.is_valid(spoilt)


def test_junit(results):
    root = ElementTree.fromstring(junit.render(results))
    assert (root.get("tests"), root.get("failures")) == ("2", "1")
    first, second = root.iter("testcase")
    assert first.find("failure") is None
    failure = second.find("failure")
    assert "wrong at 1 of " in failure.get("message")
    assert "failed: NaN at count 3; wrong at 1 of " in failure.text
    assert second.get("name").startswith("<script>alert('%')</script>\ufffd & CyclicLR(")
    for case in (first, second):
        assert "modes jit, scan" in case.find("system-out").text


def test_annotations_are_ten_worst_first():
    def result(name, ulp):
        case = next(case for case in CASES if case.scheduler == "StepLR")
        found = compare(lambda k: case.schedule()(k) * (1 + ulp * 1e-6), case.make_torch_scheduler, steps=20)
        return runner.CaseResult(PairCase(name, "StepLR", 20), found, None, 0.0, 0.0)

    failing = [result(f"a:b,{i}%\n", i) for i in range(1, 13)]
    lines = github.annotations(runner.gathered(failing, 1.0))
    assert len(lines) == 10
    assert lines[0].startswith(
        "::error title=a%3Ab%2C12%25%0A::1.00001 times PyTorch's at every count: another base learning rate; "
        "wrong at "
    )
    assert "%0Awho: " in lines[0]
    assert not any("\n" in line for line in lines)


def test_a_summary_keeps_what_failed_and_fits(results):
    whole = github.summary(results)
    assert whole == markdown.render(results, sorted(results.results, key=lambda result: result.passed))
    many = runner.gathered(results.results * 2000, 1.0)
    assert len(markdown.render(many).encode()) > github.LIMIT
    text = github.summary(many)
    assert github.LIMIT / 2 < len(text.encode()) <= github.LIMIT
    assert text.count("**failed**") > text.count("| passed |")
    assert len(github.summary(many, 200).encode()) <= 200


def test_github_is_told_only_where_it_is_there(results, tmp_path, capsys):
    github.announce(results, {})
    assert capsys.readouterr().out == ""
    path = tmp_path / "summary.md"
    path.write_text("before\n")
    github.announce(results, {"GITHUB_STEP_SUMMARY": str(path), "GITHUB_ACTIONS": "true"})
    assert path.read_text().startswith("before\n# Parity with PyTorch: failed")
    assert capsys.readouterr().out.startswith("::error title=")


def test_the_terminal_says_an_equal_cause_once_worst_first():
    case = next(case for case in CASES if case.scheduler == "StepLR")

    def result(name, schedule):
        return runner.CaseResult(
            PairCase(name, "StepLR", 40),
            compare(schedule, case.make_torch_scheduler, steps=40),
            None,
            0.0,
            0.0,
        )

    right = case.schedule()
    little, late = (lambda k: right(k) * 1.01), (lambda k: right(k - 1))
    failing = [result("little", little), *(result(f"late {i}", late) for i in range(terminal.SHOWN + 3))]
    console = Console(file=io.StringIO(), width=80)
    terminal.show(runner.gathered(failing, 1.0), [pathlib.Path("report.html")], console)
    said = console.file.getvalue().splitlines()
    causes = [line for line in said if line.startswith("FAILED")]
    assert [line.split(":")[0].split()[1] for line in causes] == ["late", "little"]
    assert sum("the same: late" in line for line in said) == terminal.SHOWN
    assert "       the same: 2 more, all in report.html" in said
