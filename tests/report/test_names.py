"""Names that somebody chose stand in every form of report as they are, and are never taken for markup."""

import dataclasses
import io
import json
import pathlib
from xml.etree import ElementTree

import pytest
from hypothesis import given, strategies as st
from markdown_it import MarkdownIt
from parsed_page import Parsed
from rich.console import Console

import jaxsched
from parity import run as runner
from parity.api import compare
from parity.cases import CASES
from parity.deviations import Demonstration, Deviation
from parity.devices.findings import Finding, Unknown
from parity.devices.table import Row, Table
from parity.report import github, json_file, junit_xml, markdown, page, terminal
from parity.run import CaseResult, OptaxResult, PairCase

HOSTILE = (
    "</script><script>alert(1)</script>",
    "<!-- <script>",
    '"><img src=x onerror=alert(1)>',
    "' onfocus=alert(1) '",
    "&amp;&#60;b&gt;",
    "<b>bold</b>",
    "`code` and **two stars**",
    "``two`` `one",
    "a|b | c",
    "back\\slash \\n \\u003c",
    "{{ 7 * 7 }}{% raw %}{# no comment",
    "$title ${title} %s %(title)s {title}",
    "[bold]x[/] [/]",
    "]]> <![CDATA[",
    "<Übergröße> −1",
    "#1 _x_ ~y~ [a](javascript:alert)",
)


@pytest.fixture(scope="session")
def compared():
    case = next(case for case in CASES if case.name.startswith("MultiStepLR(0.05"))
    return compare(jaxsched.StepLR(0.05, 30), case.make_torch_scheduler, steps=40)


@pytest.fixture(scope="session")
def named(compared):
    """Makes a run in which a name stands wherever one can."""

    def make(name):
        found = dataclasses.replace(compared, problem=f"wrong {name}", cause=name, who=name)
        optax = OptaxResult(name, 40, 40, 0.0, None, 0.0)
        case = PairCase(name, name, 40, name)
        result = CaseResult(case, found, optax, 0.1, 0.0, f"again {name}", {f"mode {name}": 1})
        deviation = Deviation("StepLR", "`x`", "a", "b", "c", "2.0", lambda: name, lambda: name)
        shown = Demonstration(deviation, name, f"not {name}")
        unknown = Finding("tpu:v5e", "count", 0, 0, None, 1, (Unknown(name, name, None),), None, 0.1)
        row = Row(name, name, {"tpu:v5e": unknown}, name, {"tpu:v5e": unknown}, True, f"again {name}")
        where = {**runner.environment(), "XLA_FLAGS": name}
        return runner.Run((result,), (), (shown,), where, 1.0, devices=Table(("tpu:v5e",), (row,)))

    return make


def skeleton(text):
    """The elements of a page with the names of their attributes, without what they say."""
    return [(tag, sorted(attributes)) for tag, attributes, _ in Parsed(text).elements]


@pytest.mark.parametrize("name", HOSTILE)
def test_the_page(named, name):
    def twice(name):  # of one case the page shows no overview
        run = named(name)
        return page.render(dataclasses.replace(run, results=run.results * 2))

    text = twice(name)
    assert skeleton(text) == skeleton(twice("harmless name"))
    parsed = Parsed(text)
    assert parsed.texts("h3") == [name] * 2
    assert [a["title"] for a, _ in parsed.all("a") if "title" in a] == [name] * 2
    assert parsed.all("option", value=name)[0][1] == name
    codes = parsed.texts("code")
    assert codes.count(name) == 4 + 2 + 1  # beside Optax: the case and the function; devices; a deviation
    assert codes.count(f"again {name}") == 2
    assert codes.count(f"not {name}") == 1
    assert f"{name} for {name}" in codes
    picture, _ = (json.loads(said) for a, said in parsed.all("script") if "type" in a)
    assert picture["panels"][0]["title"] == name


@given(name=st.text())
def test_no_name_changes_what_the_page_is_made_of(named, name):
    assert skeleton(page.render(named(f"n{name}"))) == skeleton(page.render(named("n")))


@pytest.mark.parametrize("name", HOSTILE)
def test_markdown(named, name):
    def blocks(text):
        return MarkdownIt("commonmark").enable("table").parse(text)

    tokens = blocks(markdown.render(named(name)))
    assert [token.type for token in tokens] == [
        token.type for token in blocks(markdown.render(named("harmless name")))
    ]
    codes = [
        child.content for token in tokens for child in token.children or () if child.type == "code_inline"
    ]
    assert codes.count(name) >= 5
    assert codes.count(f"again {name}") == 2


@pytest.mark.parametrize("name", HOSTILE)
def test_the_others(named, name):
    run = named(name)
    assert json.loads(json_file.render(run))["cases"][0]["name"] == name
    first, second = ElementTree.fromstring(junit_xml.render(run)).iter("testcase")
    assert (first.get("name"), second.get("name")) == (name, name)
    assert not any("\n" in line for line in github.annotations(run))
    console = Console(width=400, record=True, file=io.StringIO())
    terminal.show(run, [pathlib.Path("report.html")], console)
    text = console.export_text()
    assert f"FAILED {name}: wrong {name}" in text
    assert text.splitlines()[1].startswith(f"{name} ")


def test_the_first_failure_stands_first_and_one_case_alone(named):
    run = named("x")
    alone = page.render(run)
    assert "By scheduler" not in alone
    assert '<form id="filter" role="search" hidden>' in alone
    many = page.render(dataclasses.replace(run, results=run.results * 2))
    assert not run.passed
    order = [many.index(part) for part in ('<h2 id="cases">', "Worst first", '<h2 id="by-scheduler">')]
    assert order == sorted(order)
