"""What every form of report says of devices."""

import dataclasses
import html
import io
import json
import pathlib
import re
from xml.etree import ElementTree

import jsonschema
import pytest
from rich.console import Console

import parity
from parity import run as runner
from parity.devices import findings
from parity.devices.findings import Difference, Finding, Unknown
from parity.devices.subjects import BY_XLA
from parity.devices.table import Row, Table
from parity.report import (
    github,
    json_file as for_programs,
    junit_xml as junit,
    markdown,
    page,
    tables_devices,
    terminal,
    wording,
    wording_devices,
)

SCHEMA = json.loads((pathlib.Path(parity.__file__).parent / "report" / "schema.json").read_text())
TARGETS = ("tpu:v5e", "cuda:h100")


def finding(target, differing=0, unknown=(), error=None, compared=100_005, leaf="", at=4096, place="count"):
    replayed = compared if not unknown and error is None else 0
    first = Difference(at, leaf, "0x34c00000", "0x00000000", "3.5762787e-07", "0.0", 3) if differing else None
    furthest = first and dataclasses.replace(first, at=9_999, ulp=12_000)
    instructions = None if error else 1234
    measure = BY_XLA if place == "step" else "host"
    return Finding(
        target, place, replayed, differing, first, instructions, unknown, error, 0.25, 0, furthest, measure
    )


COSINE = Unknown("cosine", "only the device knows its last bit", "/usr/lib/site-packages/optax/_s.py:12")


def row(name, scheduler="StepLR", tpu=None, cuda=None, optax=None, strict=True):
    tpu, cuda = tpu or finding("tpu:v5e"), cuda or finding("cuda:h100")
    theirs = {} if optax is None else {"tpu:v5e": optax, "cuda:h100": finding("cuda:h100", 12)}
    return Row(
        name,
        scheduler,
        {"tpu:v5e": tpu, "cuda:h100": cuda},
        optax and "cosine",
        theirs,
        strict,
        f"again {name}",
    )


RIGHT = row("right | <b>", optax=finding("tpu:v5e", unknown=(COSINE,)))
WRONG = row("wrong", cuda=finding("cuda:h100", 3, leaf=".lr", place="step"))
LEFT = row("left to the device", tpu=finding("tpu:v5e", unknown=(COSINE,)))
THEIRS = row("theirs", tpu=finding("tpu:v5e", unknown=(COSINE,)), strict=False)
REFUSED = row("refused", cuda=finding("cuda:h100", error="not compiled: XlaError: no such thing\nand more"))


def run(*rows):
    return runner.Run((), (), (), runner.environment(), 3.0, devices=Table(TARGETS, rows))


@pytest.fixture(scope="module")
def failed():
    return run(RIGHT, WRONG, LEFT, THEIRS, REFUSED)


def test_what_passes():
    assert run(RIGHT).passed
    assert run(RIGHT, THEIRS).passed
    for wrong in (WRONG, LEFT, REFUSED):
        assert not run(RIGHT, wrong).passed
    nothing = row("none", tpu=finding("tpu:v5e", compared=0), cuda=finding("cuda:h100", compared=0))
    assert not run(nothing).passed
    assert not run(nothing).compared
    assert not run().compared
    only_theirs = row("t", tpu=finding("tpu:v5e", unknown=(COSINE,)), strict=False)
    assert run(only_theirs).passed  # on the other target it was compared
    assert not run(row("t", tpu=finding("tpu:v5e", 1), strict=False)).passed


NEITHER = row(
    "neither",
    "LambdaLR",
    finding("tpu:v5e", unknown=(COSINE,)),
    finding("cuda:h100", error="no"),
    None,
    False,
)


def test_nothing_compared_is_neither_passed_nor_failed():
    assert (NEITHER.passed, NEITHER.failed) == (False, False)
    result = run(RIGHT, NEITHER)
    assert result.passed
    assert (
        "1 schedule passed, 0 failed, 1 not compared (on tpu:v5e, cuda:h100); 200,010 of 200,010"
        in wording_devices.summary(result.devices)
    )
    assert not run(NEITHER).passed
    root = ElementTree.fromstring(junit.render(result))
    assert [suite.get("skipped") for suite in root] == ["1"]
    written = json.loads(for_programs.render(result))
    jsonschema.Draft202012Validator(SCHEMA).validate(written)
    assert [each["verdict"] for each in written["devices"]["schedules"]] == ["passed", "not compared"]


def test_what_was_compared_on_one_target_only_is_not_counted_as_passed():
    result = run(RIGHT, THEIRS)
    assert (THEIRS.passed, THEIRS.failed, THEIRS.accepted) == (False, False, True)
    assert wording_devices.summary(result.devices).startswith(
        "tpu:v5e, cuda:h100: 1 schedule passed, 0 failed, 1 not compared (on tpu:v5e); 300,015 of"
    )
    assert "schedules the same on tpu:v5e, cuda:h100</dt><dd><b>1</b> of 2" in page.render(result)
    _, theirs = ElementTree.fromstring(junit.render(result)).iter("testcase")
    assert theirs.find("failure") is None
    assert theirs.find("skipped").get("message") == "not compared on tpu:v5e"
    assert wording_devices.summary(run(RIGHT, THEIRS, NEITHER).devices).startswith(
        "tpu:v5e, cuda:h100: 1 schedule passed, 0 failed, 2 not compared (2 on tpu:v5e, 1 on cuda:h100); "
    )


BROUGHT = dataclasses.replace(THEIRS, name="mine:cosine", again="again mine:cosine", brought=True)


def test_what_was_brought_and_not_compared_is_not_green():
    result = run(RIGHT, BROUGHT)
    assert (result.compared, result.passed) == (True, False)
    assert (BROUGHT.failed, wording_devices.row_verdict(BROUGHT)) == (False, "not compared")
    why = "tpu:v5e: not compared: cosine, only the device knows its last bit, at optax/_s.py:12"
    assert wording_devices.problem(BROUGHT) == why
    assert result.verdict == "not compared"
    assert markdown.render(result).startswith("# Bits on devices: not compared\n")
    assert "\n## Failed, or not compared\n" in markdown.render(result)
    assert "<title>Bits on devices: not compared</title>" in page.render(result)
    assert (run(BROUGHT, WRONG).verdict, run(RIGHT).verdict) == ("failed", "passed")
    text = shown(result)
    assert f"NOT COMPARED mine:cosine: {why}" in text
    assert "       again: again mine:cosine" in text
    assert f"- `mine:cosine`: {why}" in markdown.render(result)
    assert github.annotations(result)[0].startswith("::error title=mine%3Acosine::tpu:v5e: not compared")
    _, theirs = ElementTree.fromstring(junit.render(result)).iter("testcase")
    assert theirs.find("failure") is None
    assert theirs.find("skipped").get("message") == "not compared on tpu:v5e"
    written = json.loads(for_programs.render(result))
    jsonschema.Draft202012Validator(SCHEMA).validate(written)
    assert written["summary"]["verdict"] == "failed"
    assert written["summary"]["schedules_on_devices_failed"] == 0
    assert written["summary"]["schedules_on_devices_not_compared"] == 1
    assert written["devices"]["schedules"][1]["problem"] == why


def test_of_nothing_compared_no_values_are_counted():
    assert wording_devices.summary(run(NEITHER).devices) == (
        "tpu:v5e, cuda:h100: 0 schedules passed, 0 failed, 1 not compared (on tpu:v5e, cuda:h100)"
    )


def test_the_words():
    assert findings.outcome(finding("tpu:v5e")) == "same bits"
    assert findings.outcome(WRONG.findings["cuda:h100"]) == (
        "3 of 100,005 steps differ, first at step 4,096: .lr, device 0x34c00000 = 3.5762787e-07, "
        "XLA's CPU program 0x00000000 = 0.0, 3 ULP apart; at most 12,000 ULP, at step 9,999"
    )
    assert findings.outcome(finding("tpu:v5e", 1, at=0.5)) == (
        "1 of 100,005 counts differ, first at count 0.5: device 0x34c00000 = 3.5762787e-07, "
        "host 0x00000000 = 0.0, 3 ULP apart; at most 12,000 ULP, at count 9,999"
    )
    one = finding("tpu:v5e", 1)
    beyond = dataclasses.replace(one.first, ulp=float("inf"))
    only = dataclasses.replace(one, first=beyond, furthest=beyond, notes=("the answer is int32",))
    assert findings.outcome(only).startswith(
        "1 of 100,005 counts differ, the answer is int32, first at count 4,096"
    )
    assert findings.outcome(only).endswith("infinitely many ULP apart; at most infinitely many ULP")
    assert str(only) == f"tpu:v5e: {findings.outcome(only)} (1,234 instructions)"
    assert findings.outcome(LEFT.findings["tpu:v5e"]) == (
        "not compared: cosine, only the device knows its last bit, at optax/_s.py:12"
    )
    refused = findings.outcome(REFUSED.findings["cuda:h100"])
    assert refused == "not compared: not compiled: XlaError: no such thing"
    assert findings.outcome(finding("tpu:v5e", compared=0)) == "not compared"
    assert wording_devices.problem(RIGHT) is None
    assert wording_devices.problem(LEFT).startswith("tpu:v5e: not compared")
    here = pathlib.Path.cwd() / "mine.py"
    assert findings.short(f"{here}:3") == "mine.py:3"


def test_the_summary(failed):
    assert wording.summaries(failed) == [
        "tpu:v5e, cuda:h100: 1 schedule passed, 3 failed, 1 not compared (on tpu:v5e); "
        "700,032 of 700,035 values have the CPU's bits"
    ]
    assert "0 passed" not in "".join(wording.summaries(run(RIGHT)))


def test_an_infinite_distance_is_null_in_json():
    wrong = finding("tpu:v5e", 1)
    first = dataclasses.replace(wrong.first, ulp=float("inf"))
    written = json.loads(for_programs.render(run(row("w", tpu=dataclasses.replace(wrong, first=first)))))
    jsonschema.Draft202012Validator(SCHEMA).validate(written)
    assert written["devices"]["schedules"][0]["targets"][0]["first"]["ulp"] is None


def test_whose_bits_are_the_measure():
    foreign = row(
        "mine:f",
        tpu=dataclasses.replace(finding("tpu:v5e"), measure=BY_XLA),
        cuda=dataclasses.replace(finding("cuda:h100"), measure=BY_XLA),
    )
    of_mine, of_both, of_ours = (run(*rows) for rows in ((foreign,), (foreign, RIGHT), (RIGHT,)))
    assert wording_devices.summary(of_mine.devices).endswith(" values have the bits of XLA's CPU program")
    assert wording_devices.summary(of_both.devices).endswith(" values have the CPU's bits")
    assert wording_devices.summary(of_ours.devices).endswith(" values have the host's bits")
    assert "values with the bits of XLA’s CPU program" in page.render(of_mine)
    assert "`on_host`" not in wording_devices.lead(of_mine.devices)
    assert "the bits that XLA's CPU program gives" in " ".join(wording_devices.lead(of_mine.devices).split())


def test_the_words_are_explained_where_they_occur():
    plain = wording_devices.lead(run(row("r")).devices)
    everything = wording_devices.lead(
        run(RIGHT, WRONG, row("u", tpu=dataclasses.replace(finding("tpu:v5e"), undecided=3))).devices
    )
    for text in ("plateau", "48 bits", "**Not compared**"):
        assert text not in plain
        assert text in everything
    gpu = Table(("cuda:h100",), (dataclasses.replace(RIGHT, findings={"cuda:h100": finding("cuda:h100")}),))
    assert "subnormal" in plain
    assert "subnormal" not in wording_devices.lead(gpu)


def test_json_follows_its_published_schema(failed):
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    validator = jsonschema.Draft202012Validator(SCHEMA)
    written = json.loads(for_programs.render(failed))
    validator.validate(written)
    assert written["summary"]["verdict"] == "failed"
    assert written["summary"]["schedules_on_devices"] == 5
    assert written["summary"]["schedules_on_devices_failed"] == 3
    right, wrong, *_ = written["devices"]["schedules"]
    assert (right["verdict"], wrong["verdict"]) == ("passed", "failed")
    assert right["optax"]["targets"][0]["unknown"][0]["operation"] == "cosine"
    assert right["optax"]["targets"][1]["differing"] == 12
    assert wrong["targets"][1]["first"] == {
        "at": 4096, "leaf": ".lr", "device": "0x34c00000", "host": "0x00000000",
        "device_value": "3.5762787e-07", "host_value": "0.0", "ulp": 3,
    }  # fmt: skip
    assert (wrong["targets"][1]["furthest"]["at"], wrong["targets"][1]["furthest"]["ulp"]) == (9999, 12000)
    assert (right["targets"][0]["measure"], right["targets"][0]["notes"]) == ("host", [])
    del right["targets"][0]["instructions"]
    assert not validator.is_valid(written)


def test_without_devices_there_is_no_section():
    result = runner.Run((), (), (), runner.environment(), 1.0)
    assert json.loads(for_programs.render(result))["devices"] is None
    assert "Devices" not in markdown.render(result)
    assert 'id="devices"' not in page.render(result)


def test_markdown(failed):
    text = markdown.render(failed)
    assert text.startswith("# Bits on devices: failed\n")
    assert "PyTorch's own loops" not in text
    _, _, section = text.partition("## Devices\n")
    assert re.search(r"\| `right \\\| <b>` \| same bits \| 1,234 \| same bits \| 1,234 \|", section)
    assert section.index("`wrong`") < section.index("`right")  # worst first
    assert "**3 of 100,005 steps differ, first at step 4,096: .lr, device 0x34c00000" in section
    _, _, optax = text.partition("## Optax on devices\n")
    assert "not compared: cosine" in optax
    assert "**" not in optax.split("## ")[0].partition("| case")[2]  # it does not fail the run
    assert "- `wrong`: cuda:h100: 3 of" in text
    assert "again: `again wrong`" in text


def test_html(failed):
    text = page.render(failed)
    assert "<title>Bits on devices: failed</title>" in text
    assert '<h2 id="devices">' in text
    assert '<h2 id="optax-on-devices">' in text
    assert html.escape("right | <b>") in text
    assert "right | <b>" not in text
    assert "<b>1</b> of 5" in text


def test_junit(failed):
    root = ElementTree.fromstring(junit.render(failed))
    assert (root.get("tests"), root.get("failures")) == ("5", "3")
    right, wrong, *_ = root.iter("testcase")
    assert right.find("failure") is None
    assert "Optax's cosine on tpu:v5e: not compared" in right.find("system-out").text
    assert "3 of 100,005 steps differ" in wrong.find("failure").get("message")


def test_annotations(failed):
    lines = github.annotations(failed)
    assert len(lines) == 3
    assert lines[0].startswith("::error title=wrong::cuda%3Ah100") or "3 of 100,005 steps" in lines[0]


def shown(result):
    console = Console(width=300, record=True, file=io.StringIO())
    terminal.show(result, [pathlib.Path("report.html")], console)
    return console.export_text()


def test_the_terminal_has_a_line_for_each_schedule(failed):
    text = shown(failed)
    assert re.search(r"^right \| <b> +same bits \(1,234 instructions\) +same bits \(1,234 instr", text, re.M)
    assert re.search(
        r"^  Optax's cosine +not compared: cosine, .*optax/_s.py:12 +12 of 100,005 counts", text, re.M
    )
    assert "FAILED wrong: cuda:h100: 3 of 100,005 steps differ" in text
    assert "again: again wrong" in text


def test_the_terminal_has_a_line_for_each_class_of_many():
    others = [row(f"cosine {i}", "CosineAnnealingLR") for i in range(tables_devices.SHOWN)]
    text = shown(run(RIGHT, WRONG, *others))
    assert re.search(
        r"^StepLR \(2\) +same bits \(1,234 instructions\) +1 same bits, 1 differ \(1,234", text, re.M
    )
    assert re.search(r"^CosineAnnealingLR \(40\) +same bits \(1,234 instructions\) +same bits", text, re.M)
    assert re.search(r"^Optax's cosine \(1\) +1 not compared \(1,234 instructions\) +1 differ", text, re.M)
    assert "cosine 7" not in text
    assert "Optax's cosine, 1 on tpu:v5e: not compared: cosine, only the device knows its last bit" in text
