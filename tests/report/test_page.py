"""The report as a page: what it says, that nothing in it is taken for HTML, and its filter, in a browser."""

import base64
import dataclasses
import hashlib
import json
import re
import shutil
import subprocess

import jax.numpy as jnp
import numpy as np
import pytest
from parsed_page import Parsed

from parity import run as runner
from parity.api import compare
from parity.cases import CASES, Case
from parity.report import page as report
from parity.report.document import Code, Strong, StrongNumber, table
from parity.report.page import cells, pictures
from parity.run import PairCase

NASTY = "<script>alert('%')</script> & <!-- </script> \"quoted\" $script \\ `code` **bold** a|b {{ 7 }} {#"

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


class Broken(Case):
    """A case whose schedule is NaN at one count, and whose name is not nice."""

    @property
    def name(self):
        return f"{NASTY} {super().name}"

    def schedule(self):
        right = super().schedule()
        return lambda k: jnp.where(k == 3, jnp.nan, right(k))


def find(start):
    return next(case for case in CASES if case.name.startswith(start))


@pytest.fixture(scope="module")
def run():
    """Some cases: all right, rounded otherwise, wrong, not a number, and nothing at all."""
    cyclic = find("CyclicLR(base_lr=0.001")
    cases = [
        find("StepLR(0.05, step_size=30)"),
        dataclasses.replace(find("CosineAnnealingLR(0.1, T_max=100000)"), steps=100_010),
        Broken(cyclic.spec, cyclic.base_lr, cyclic.steps),
    ]
    found = runner.run(cases)
    multi = find("MultiStepLR(0.05, milestones=[30, 80])")
    late = compare(lambda k: multi.schedule()(jnp.maximum(k - 1, 0)), multi.make_torch_scheduler, steps=120)
    nothing = compare(multi.schedule(), multi.make_torch_scheduler, steps=0)
    pairs = [
        runner.CaseResult(PairCase("late", "MultiStepLR", 120), late, None, 0.1, 0.0, "pytest late"),
        runner.CaseResult(
            PairCase("late: nothing", "MultiStepLR", 0), nothing, None, 0.1, 0.0, "pytest empty"
        ),
    ]
    return dataclasses.replace(found, results=(*found.results, *pairs))


@pytest.fixture(scope="module")
def page(run):
    return report.render(run)


def test_every_case_is_there_worst_first(run, page):
    parsed = Parsed(page)
    names = parsed.texts("h3")
    assert sorted(names) == sorted(result.case.name for result in run.results)
    assert [name.split(" ")[0].split("(")[0] for name in names] == [
        "<script>alert", "late:", "late", "CosineAnnealingLR", "StepLR",
    ]  # fmt: skip
    assert [attributes["data-verdict"] for attributes, _ in parsed.all("li")] == ["failed"] * 3 + [
        "passed"
    ] * 2
    assert [("open" in attributes) for attributes, _ in parsed.all("details")] == [True] + [False] * 4


def test_what_a_case_says(run, page):
    late = next(text for text in Parsed(page).texts("li") if "pytest late" in text)
    for said in (
        "1 count behind PyTorch: would agree if shifted by +1; wrong at 2 of 120 counts, most at count 30",
        "1 count behind PyTorch: would agree if shifted by +1",
        "the schedule is wrong",
        "118 of 120 values",
        "absolute 0.0451",
        "milestone at 30, 80",
        "Counts 27 to 33",
        "0.0500000007 0x3d4ccccd0.005 0x3ba3d70a",
        "schedule and exact",
    ):
        assert said in late, said
    rounded = next(text for text in Parsed(page).texts("li") if "100,010 counts" in text)
    assert "PyTorch is wrong" in rounded
    assert "other bits" not in rounded


def test_numbers_stand_on_the_right():
    numbers = ("1,234", "−0.5", "1.0e-07", cells.FailedNumber("3"), StrongNumber("4"), "∞", "–", "nan")
    for cell in numbers:
        assert cells.numbers(table(("a",), [[cell], ["7"]])) == [True], cell
    for cell in ("", (), "0 of 7", Code("7"), ("7", " ULP"), Strong("7")):
        assert cells.numbers(table(("a",), [[cell], ["7"]])) == [False], cell
    assert cells.numbers(table(("a", "b"), [])) == [False, False]


def test_nothing_is_taken_for_html(page):
    parsed = Parsed(page)
    assert [attributes.get("type") for attributes, _ in parsed.all("script")].count(None) == 2
    assert any(NASTY in name for name in parsed.texts("h3"))
    assert any(NASTY in (attributes.get("title") or "") for attributes, _ in parsed.all("a"))
    assert page.count("<!--") == 0
    assert page.count("</script>") == len(parsed.all("script"))
    assert not any(name.startswith("on") for _, attributes, _ in parsed.elements for name in attributes)


def test_the_page_loads_nothing(page):
    parsed = Parsed(page)
    for _, attributes, _ in parsed.elements:
        assert "src" not in attributes
        assert attributes.get("href", "#").startswith("#")
    styles, scripts = parsed.texts("style"), [text for a, text in parsed.all("script") if "type" not in a]
    assert (len(styles), len(scripts)) == (1, 2)
    for style in styles:
        assert not re.search(r"@import|url\(", style)
    for script in scripts:
        assert not re.search(r"\bfetch\b|XMLHttpRequest|\bimport\b|WebSocket|innerHTML|\beval\b", script)
    (policy,) = (a["content"] for a, _ in parsed.all("meta") if "http-equiv" in a)
    allowed = dict(re.findall(r"([\w-]+) ([^;]*)", policy))
    assert allowed["default-src"] == "'none'"
    for kind, sources in (("style-src", styles), ("script-src", scripts)):
        assert allowed[kind].split() == [f"'sha256-{sha256(source)}'" for source in sources]


def sha256(source):
    return base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()


def test_the_curves_are_json_that_keeps_what_matters(run, page):
    curves = [
        json.loads(text) for a, text in Parsed(page).all("script") if a.get("type") == "application/json"
    ]
    assert len(curves) == 4  # nothing was compared in one of five
    by_steps = {data["k"][-1] + 1: data for data in curves}
    long = by_steps[100_010]
    assert len(long["k"]) <= pictures.POINTS
    assert long["k"] == sorted(set(long["k"]))
    assert {0, 99_999, 100_000, 100_009} <= set(long["k"])
    assert [100_000, "turn of the cosine"] in long["events"]
    distance = long["panels"][2]["distance"]
    assert max(distance) == 1
    assert long["k"][distance.index(1)] == long["at"] == 99_999
    broken = next(data for data in curves if "nan" in data["panels"][0]["ours"])
    assert (broken["k"][broken["panels"][0]["ours"].index("nan")], broken["failure"]) == (3, 3)
    assert broken["panels"][2]["distance"][3] == "inf"


def test_events_and_extremes_are_drawn():
    flat, spike = np.zeros((2, 100_000), np.float32)
    spike[500] = -1
    chosen = pictures.chosen(flat, flat, spike, flat, {776, 777})
    assert {0, 500, 776, 777, 99_999} <= set(chosen.tolist())
    assert len(chosen) <= pictures.POINTS
    for signals in ((spike, flat), (flat, spike), (-spike, flat)):
        assert 500 in pictures.chosen(*signals, flat, flat, set())
    assert 500 in pictures.chosen(flat, flat, flat, -spike, set())


def test_long_failing_cases_stay_small(run):
    """250 of them would be under 5 MB."""
    (long,) = (result for result in run.results if result.comparison.steps > 100_000)
    curves = long.comparison.curves
    wrong = dataclasses.replace(curves, ours=curves.ours * jnp.float32(1.01).item())
    found = dataclasses.replace(long.comparison, curves=wrong, problem="wrong")
    ten = runner.gathered([dataclasses.replace(long, comparison=found)] * 10, 1.0)
    one = runner.gathered(ten.results[:1], 1.0)
    assert (len(report.render(ten)) - len(report.render(one))) / 9 < 20_000


DRIVER = """
<!doctype html><title>drives the report</title>
<iframe width=%(width)s height=900 src="report.html%(address)s"></iframe>
<pre></pre><script>
const frame = document.querySelector("iframe");
const errors = [];
frame.contentWindow.addEventListener("error", (event) => errors.push(event.message));
frame.addEventListener("load", async () => {
  const page = frame.contentDocument, form = page.getElementById("filter");
  const next = () => new Promise((done) => setTimeout(done, 50));
  const look = () => ({
    names: [...page.querySelectorAll("#list > li:not([hidden]) h3")].map((name) => name.textContent),
    open: page.querySelectorAll("#list > li:not([hidden]) details[open]").length,
    says: form.querySelector("output").value,
    address: frame.contentWindow.location.hash,
    values: [form.q.value, form.scheduler.value, form.verdict.value],
    drawn: page.querySelectorAll("#list > li:not([hidden]) svg").length,
    wide: page.documentElement.scrollWidth > page.documentElement.clientWidth,
  });
  const type = (name, value) => {
    form[name].value = value;
    form[name].dispatchEvent(new frame.contentWindow.Event("input", { bubbles: true }));
  };
  const seen = [];
  const see = async () => (await next(), seen.push(look()));
  try {
    %(does)s
  } catch (error) {
    errors.push(String(error));
  }
  document.querySelector("pre").textContent = JSON.stringify({ seen, errors });
});
</script>
"""


@pytest.fixture
def drive(page, tmp_path):
    """Does things in the page, in a browser; gives what was there whenever ``see`` was called."""
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed")

    def do(does, address="", width=1200):
        (tmp_path / "report.html").write_text(page, encoding="utf-8")
        driver = tmp_path / "driver.html"
        driver.write_text(DRIVER % {"does": does, "address": address, "width": width}, encoding="utf-8")
        options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files"]
        options += [f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=10000", "--dump-dom"]
        done = subprocess.run(
            [CHROMIUM, *options, driver.as_uri()], capture_output=True, text=True, timeout=60, check=True
        )
        (said,) = Parsed(done.stdout).texts("pre")
        found = json.loads(said)
        assert found["errors"] == []
        return found["seen"]

    return do


def test_an_address_names_a_view(drive, run):
    (seen,) = drive("await see();", "#q=Wrong+COUNTS&scheduler=MultiStepLR&verdict=failed")
    assert seen["names"] == ["late"]
    assert seen["values"] == ["Wrong COUNTS", "MultiStepLR", "failed"]
    assert seen["says"] == f"1 of {len(run.results)} cases"
    assert (seen["open"], seen["drawn"]) == (1, 1)  # the only one is opened at once


def test_search_and_filter(drive):
    everything, failed, multi, none, cleared = drive(
        """
        await see();
        type("verdict", "failed"); await see();
        type("scheduler", "MultiStepLR"); await see();
        type("q", "cosine"); await see();
        page.querySelector("form a").click(); await see();
        """
    )
    assert len(everything["names"]) == 5
    assert [name.split()[0] for name in failed["names"]] == ["<script>alert('%')</script>", "late:", "late"]
    assert failed["address"] == "#verdict=failed"
    assert multi["names"] == ["late: nothing", "late"]
    assert (none["names"], none["says"]) == ([], "0 of 5 cases")
    assert none["address"] == "#q=cosine&scheduler=MultiStepLR&verdict=failed"
    assert cleared["names"] == everything["names"]
    assert cleared["values"] == ["", "", ""]


def test_links_lead_to_cases(drive, run):
    scheduler, square, alone, nasty = drive(
        """
        [...page.querySelectorAll("td a")].find((a) => a.textContent === "MultiStepLR").click(); await see();
        page.querySelector(".squares a.rounded").click(); await see();
        for (const end of ["q=late", "step_size_up%3D5%29"]) {
          [...page.querySelectorAll("dd a")].find((a) => a.href.endsWith(end)).click(); await see();
        }
        """
    )
    assert scheduler["names"] == ["late: nothing", "late"]
    assert square["names"] == ["CosineAnnealingLR(0.1, T_max=100000)"]
    assert alone["names"] == ["late"]  # though another has it in its name
    assert [name.startswith(NASTY) for name in nasty["names"]] == [True]


def test_pictures_are_drawn_when_a_case_is_opened_and_read_by_keyboard(drive):
    before, after, *said = drive(
        """
        type("q", "LR("); await see();
        for (const details of page.querySelectorAll("details")) details.open = true;
        await see();
        for (const figure of page.querySelectorAll("li:not([hidden]) figure")) {
          const says = figure.querySelector("output"), svg = figure.querySelector("svg"), first = says.value;
          const press = (key) => {
            svg.dispatchEvent(new frame.contentWindow.KeyboardEvent("keydown", { key }));
            return says.value;
          };
          const paths = [...svg.querySelectorAll("path")].map((path) => path.getAttribute("d")).join("");
          const ours = svg.querySelector("path.ours").getAttribute("d");
          const marks = svg.querySelectorAll(".event").length;
          seen.push({ first, next: press("ArrowRight"), end: press("End"), paths, ours, marks });
        }
        """,
        width=390,
    )
    assert (before["drawn"], after["drawn"]) == (1, 3)
    assert not after["wide"]  # nothing is cut off on a phone
    broken, cosine, step = said
    assert "count 3: ours NaN (0x7fc00000), PyTorch 0.0604000017 (0x3d7765fe)" in broken["first"]
    assert broken["ours"].count("M") == 2  # interrupted
    assert cosine["first"].startswith("count 99999: ours 2.46740111e-11 (0x2dd908ef), PyTorch 2.46740128e-11")
    assert cosine["first"].endswith("; 1 ULP")
    assert cosine["next"].startswith("count 100000: ours 0 (0x00000000)")
    assert cosine["end"].startswith("count 100009: ")
    assert cosine["marks"] == 1
    assert step["first"].startswith("Point at the picture")
    assert step["next"].startswith(
        "count 0: ours 0.0500000007 (0x3d4ccccd), PyTorch 0.0500000007 (0x3d4ccccd)"
    )
    assert step["marks"] == 3
    for picture in said:
        assert "NaN" not in picture["paths"]
