"""What GitHub shows of a run by itself: the step summary and annotations.

GitHub drops a summary of more than 1,024 KiB whole, and shows ten annotations of a step.
"""

import os
import sys
from collections.abc import Iterator, Mapping

from ..results import Run
from . import facts, markdown, wording
from .facts import Judged

LIMIT = 1024 * 1024
ANNOTATIONS = 10


def announce(run: Run, environment: Mapping[str, str] = os.environ) -> None:
    """Writes the step summary and prints annotations, where GitHub runs this."""
    path = environment.get("GITHUB_STEP_SUMMARY")
    if path:
        try:
            taken = os.path.getsize(path) if os.path.exists(path) else 0
            with open(path, "a", encoding="utf-8", errors="backslashreplace") as file:
                file.write(summary(run, LIMIT - taken))
        except OSError as reason:  # the verdict does not hang on it
            print(f"parity: GITHUB_STEP_SUMMARY: {reason}", file=sys.stderr)
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
    return "".join(f"{line}\n" for line in wording.summaries(run))[: max(limit, 0)]


def _fewer(n: int) -> Iterator[int]:
    """How many cases to try to show: all, and then always fewer."""
    while n:
        yield n
        n = n * 3 // 4
    yield 0


def annotations(run: Run) -> list[str]:
    """Workflow commands for the worst failures."""
    refused: list[Judged] = [*facts.worst_first(run.failed), *run.parted, *facts.refused_rows(run)]
    return [_annotation(wording.refusal(judged)) for judged in refused[:ANNOTATIONS]]


def _annotation(why: wording.Refusal) -> str:
    text = "\n".join([why.problem, *why.explanation])
    return f"::error title={_property(why.name)}::{_data(text)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
