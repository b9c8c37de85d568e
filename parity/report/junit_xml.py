"""The report for CI servers: JUnit XML, the facts repeated in the text of each element."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree

from ..devices.table import Row
from ..results import Run
from .facts import Judged, left_out
from .wording import in_full, problem


def render(run: Run) -> str:
    """The run as JUnit XML: a suite for each scheduler, a test case for each case."""
    on_devices = run.devices.rows if run.devices is not None else ()
    suites = ElementTree.Element(
        "testsuites",
        name="parity",
        tests=str(len(run.results) + len(run.training) + len(on_devices)),
        failures=str(len(run.failed) + len(run.parted) + sum(row.failed for row in on_devices)),
        errors="0",
        time=f"{run.seconds:.3f}",
    )
    for scheduler in dict.fromkeys(result.case.scheduler for result in run.results):
        _suite(
            suites, scheduler, [result for result in run.results if result.case.scheduler == scheduler], run
        )
    if run.training:
        _suite(suites, "training", run.training, run)
    if on_devices:
        _suite(suites, "devices", on_devices, run)
    ElementTree.indent(suites)
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(suites, encoding="unicode") + "\n"
    )


def _suite(suites: ElementTree.Element, name: str, results: Sequence[Judged], run: Run) -> None:
    suite = ElementTree.SubElement(
        suites,
        "testsuite",
        name=name,
        tests=str(len(results)),
        failures=str(sum(not result.passed and not left_out(result) for result in results)),
        errors="0",
        skipped=str(sum(map(left_out, results))),
        time=f"{sum(result.seconds for result in results):.3f}",
        timestamp=run.environment["date"],
    )
    properties = ElementTree.SubElement(suite, "properties")
    for key, value in run.environment.items():
        ElementTree.SubElement(properties, "property", name=key, value=_legal(value))
    for result in results:
        _case(suite, result)


def _case(suite: ElementTree.Element, result: Judged) -> None:
    case_of = result if isinstance(result, Row) else result.case
    case = ElementTree.SubElement(
        suite,
        "testcase",
        classname=f"parity.{case_of.scheduler}",
        name=_legal(case_of.name),
        time=f"{result.seconds:.3f}",
    )
    why = problem(result)
    if why is not None and not left_out(result):
        failure = ElementTree.SubElement(case, "failure", message=_legal(why), type="parity")
        failure.text = _legal(in_full(result))
    if isinstance(result, Row) and left_out(result):
        targets = ", ".join(result.not_compared)
        ElementTree.SubElement(case, "skipped", message=f"not compared on {targets}")
    ElementTree.SubElement(case, "system-out").text = _legal(in_full(result))


def _legal(text: str) -> str:
    """Without the characters that XML cannot hold at all."""
    return _ILLEGAL.sub("\ufffd", text)


_ILLEGAL = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
