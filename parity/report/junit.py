"""The report for CI servers: JUnit XML, the facts repeated in the text of each element."""

from __future__ import annotations

import math
import re
from xml.etree import ElementTree

from ..run import CaseResult, Run


def render(run: Run) -> str:
    """The run as JUnit XML: a suite for each scheduler, a test case for each case."""
    suites = ElementTree.Element(
        "testsuites",
        name="parity",
        tests=str(len(run.results)),
        failures=str(len(run.failed)),
        errors="0",
        time=f"{run.seconds:.3f}",
    )
    for tally in run.by_scheduler():
        mine = [result for result in run.results if result.case.scheduler == tally.scheduler]
        suite = ElementTree.SubElement(
            suites,
            "testsuite",
            name=tally.scheduler,
            tests=str(tally.cases),
            failures=str(tally.failed),
            errors="0",
            skipped="0",
            time=f"{sum(result.seconds for result in mine):.3f}",
            timestamp=run.environment["date"],
        )
        properties = ElementTree.SubElement(suite, "properties")
        for name, value in run.environment.items():
            ElementTree.SubElement(properties, "property", name=name, value=_legal(value))
        for result in mine:
            _case(suite, result)
    ElementTree.indent(suites)
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(suites, encoding="unicode") + "\n"
    )


def _case(suite: ElementTree.Element, result: CaseResult) -> None:
    case = ElementTree.SubElement(
        suite,
        "testcase",
        classname=f"parity.{result.case.scheduler}",
        name=_legal(result.case.name),
        time=f"{result.seconds:.3f}",
    )
    if result.problem is not None:
        failure = ElementTree.SubElement(case, "failure", message=_legal(result.problem), type="parity")
        failure.text = _legal(facts(result))
    ElementTree.SubElement(case, "system-out").text = _legal(facts(result))


def facts(result: CaseResult) -> str:
    """What is known of a case, for a place that shows plain text only."""
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


def _legal(text: str) -> str:
    """Without the characters that XML cannot hold at all."""
    return _ILLEGAL.sub("\ufffd", text)


_ILLEGAL = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
