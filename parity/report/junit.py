"""The report for CI servers: JUnit XML, the facts repeated in the text of each element."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TypeAlias
from xml.etree import ElementTree

from ..devices.table import Row
from ..results import CaseResult, Run
from ..training import TrainingResult
from . import devices

_Any: TypeAlias = CaseResult | TrainingResult | Row


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


def _suite(suites: ElementTree.Element, name: str, results: Sequence[_Any], run: Run) -> None:
    suite = ElementTree.SubElement(
        suites,
        "testsuite",
        name=name,
        tests=str(len(results)),
        failures=str(sum(not result.passed and not _skipped(result) for result in results)),
        errors="0",
        skipped=str(sum(map(_skipped, results))),
        time=f"{sum(result.seconds for result in results):.3f}",
        timestamp=run.environment["date"],
    )
    properties = ElementTree.SubElement(suite, "properties")
    for key, value in run.environment.items():
        ElementTree.SubElement(properties, "property", name=key, value=_legal(value))
    for result in results:
        _case(suite, result)


def _skipped(result: _Any) -> bool:
    """Whether a target is left on which nothing of it was compared, and which is no failure."""
    return isinstance(result, Row) and not result.passed and not result.failed


def _case(suite: ElementTree.Element, result: _Any) -> None:
    case_of = result if isinstance(result, Row) else result.case
    case = ElementTree.SubElement(
        suite,
        "testcase",
        classname=f"parity.{case_of.scheduler}",
        name=_legal(case_of.name),
        time=f"{result.seconds:.3f}",
    )
    problem = devices.problem(result) if isinstance(result, Row) else result.problem
    if problem is not None and not _skipped(result):
        failure = ElementTree.SubElement(case, "failure", message=_legal(problem), type="parity")
        failure.text = _legal(facts(result))
    if isinstance(result, Row) and _skipped(result):
        left_out = f"not compared on {', '.join(result.not_compared)}"
        ElementTree.SubElement(case, "skipped", message=left_out)
    ElementTree.SubElement(case, "system-out").text = _legal(facts(result))


def facts(result: _Any) -> str:
    """What is known of a case, for a place that shows plain text only."""
    if isinstance(result, Row):
        return devices.facts(result)
    if isinstance(result, TrainingResult):
        return _of_twins(result)
    found = result.comparison
    lines = [str(found)]
    for each in found.distances:
        ulp = f"{each.max_ulp:.4g}" if math.isfinite(each.max_ulp) else "infinitely many"
        lines.append(
            f"{each.between}: {each.identical:,} of {each.counts:,} alike, {ulp} ULP apart at most, "
            f"at count {each.worst.count:g}"
        )
    if result.modes:
        differing = ", ".join(f"{mode} ({n})" for mode, n in result.modes.items() if n)
        lines.append(f"modes {', '.join(result.modes)}: {differing or 'the same bits in all'}")
    return "\n".join(lines)


def _of_twins(result: TrainingResult) -> str:
    lines = [result.problem or f"the twins stay together for {result.case.steps:,} updates"]
    for quantity in result.quantities:
        parts = "" if quantity.parts is None else f"; too far from update {quantity.parts} on"
        size = f"{quantity.furthest:.3g} {'ULP' if quantity.unit == 'ULP' else '(relative)'}"
        lines.append(f"{quantity.name}: {size} apart at most, at update {quantity.at}{parts}")
    if any(result.reductions):
        for side, updates in zip(("Flax", "PyTorch"), result.reductions, strict=True):
            lines.append(f"reductions, {side}: before updates {', '.join(map(str, updates)) or 'none'}")
    return "\n".join(lines)


def _legal(text: str) -> str:
    """Without the characters that XML cannot hold at all."""
    return _ILLEGAL.sub("\ufffd", text)


_ILLEGAL = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
