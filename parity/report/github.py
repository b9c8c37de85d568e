"""What GitHub shows of a run by itself: the step summary and annotations.

GitHub drops a summary of more than 1,024 KiB whole, and shows ten annotations of a step.
"""

import os
from collections.abc import Iterator, Mapping

from ..results import CaseResult, Run
from . import devices, markdown

LIMIT = 1024 * 1024
ANNOTATIONS = 10


def announce(run: Run, environment: Mapping[str, str] = os.environ) -> None:
    """Writes the step summary and prints annotations, where GitHub runs this."""
    path = environment.get("GITHUB_STEP_SUMMARY")
    if path:
        taken = os.path.getsize(path) if os.path.exists(path) else 0
        with open(path, "a", encoding="utf-8") as file:
            file.write(summary(run, LIMIT - taken))
    if environment.get("GITHUB_ACTIONS") == "true":
        for line in annotations(run):
            print(line)


def summary(run: Run, limit: int = LIMIT) -> str:
    """The report in Markdown, of at most so many bytes: passing rows go first, then failing ones."""
    results = sorted(run.results, key=lambda result: result.passed)
    for keep in _fewer(len(results)):
        text = markdown.render(run, results[:keep], picture=False)  # GitHub has no file beside it
        if len(text.encode()) <= limit:
            return text
    return "".join(f"{line}\n" for line in markdown.summaries(run))[: max(limit, 0)]


def _fewer(n: int) -> Iterator[int]:
    """How many cases to try to show: all, and then always fewer."""
    while n:
        yield n
        n = n * 3 // 4
    yield 0


def annotations(run: Run) -> list[str]:
    """Workflow commands for the worst failures."""
    failed = sorted(run.failed, key=_badness, reverse=True)
    said = [(result.case.name, _text(result)) for result in failed]
    said += [(twins.case.name, twins.problem or "") for twins in run.parted]
    rows = run.devices.refused if run.devices is not None else ()
    said += [(row.name, devices.problem(row) or "") for row in rows]
    return [f"::error title={_property(name)}::{_data(text)}" for name, text in said[:ANNOTATIONS]]


def _badness(result: CaseResult) -> float:
    return result.comparison.max_ulp if result.comparison.steps else float("inf")


def _text(result: CaseResult) -> str:
    return "\n".join([result.problem or "", *result.comparison.explanation()])


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
