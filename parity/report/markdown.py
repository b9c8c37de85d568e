"""The report for people who read it in a browser, and for docs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from ..deviations import Demonstration
from ..devices.table import Table as Devices
from ..results import CaseResult, Run
from . import facts, tables, tables_devices, wording, wording_devices
from .document import Code, Section, Span, Strong, Table, Text, joined, marked, spans, table
from .facts import Judged

PICTURE = "training.png"
"""Written beside the report by `report.write`."""


def render(run: Run, shown: Sequence[CaseResult] | None = None, *, picture: bool = True) -> str:
    """The run as Markdown; what failed comes first.

    Args:
      run: what to report.
      shown: the results that get rows of their own, where not all of them have room.
      picture: whether the picture of the twins lies beside the text.
    """
    shown = run.results if shown is None else shown
    parts = [
        f"# {wording.title(run)}: {run.verdict}",
        *(f"{line}." for line in wording.summaries(run)),
        *_failures(run, shown),
        *(part for section in _sections(run, shown, picture) for part in _section(section)),
        _took(run),
    ]
    return "\n\n".join(parts) + "\n"


def deviations_page(shown: Sequence[Demonstration]) -> str:
    """The table of deviations as a page of its own, for docs."""
    return f"# Deviations from PyTorch\n\n{wording.DEVIATIONS}\n\n{_table(tables.deviations(shown))}\n"


def _sections(run: Run, shown: Sequence[CaseResult], picture: bool) -> Iterator[Section]:
    """Those that may have rows, in their order."""
    yield Section("By scheduler", "", tables.by_scheduler(run))
    yield Section("Beside Optax", marked(wording.BESIDE_OPTAX), tables.beside_optax(shown))
    losses = f"![The losses of all twins, overlaid]({PICTURE})" if picture else ""
    yield Section("Training", wording.training(run), tables.training(run.training), losses)
    said = joined(
        ((Code(each.case.name), f": {line}") for each in run.training for line in wording.beside(each)),
        "\n\n",
    )
    yield Section("What the twins tell", "", tables.quantities(run.training), said)
    yield Section("Optimizers", marked(wording.OPTIMIZERS), tables.optimizers(run.optimizers))
    if run.devices is not None:
        yield from _devices(run.devices)
    yield Section("Deviations", wording.DEVIATIONS, tables.deviations(run.deviations))
    yield Section("Modes", wording.MODES, tables.modes(run))
    yield Section("Arguments", wording.ARGUMENTS, tables.arguments(run))
    part = "" if len(shown) == len(run.results) else f"{len(shown)} of {len(run.results)}, failures first."
    yield Section("Cases", part, tables.cases(shown))
    yield Section("Not judged", wording.NOT_JUDGED, tables.not_judged(shown))
    yield Section("Environment", "", table(("what", "value"), wording.environment(run)))


def _devices(found: Devices) -> Iterator[Section]:
    yield Section("Devices", marked(wording_devices.lead(found)), tables_devices.by_class(found))
    yield Section("Every schedule on devices", "", tables_devices.each_schedule(found))
    yield Section("Optax on devices", marked(wording_devices.OPTAX), tables_devices.optax_by_function(found))
    yield Section("Every case of Optax's on devices", "", tables_devices.each_of_optax(found))


def _section(section: Section) -> Iterator[str]:
    """Its parts; none if its table has no rows."""
    if section.table.rows:
        parts = (_text(section.lead), _table(section.table), _text(section.below))
        yield from (f"## {section.title}", *filter(None, parts))


def _failures(run: Run, shown: Iterable[CaseResult]) -> list[str]:
    rows = facts.refused_rows(run)
    refused: list[Judged] = [*(result for result in shown if not result.passed), *run.parted, *rows]
    lines = []
    for judged in refused:
        why = wording.refusal(judged)
        lines.append(f"- {_span(Code(why.name))}: {why.problem}")
        lines += [f"  - cause: {why.cause}"] if why.cause else []
        lines += [f"  - who: {why.who}"] if why.who else []
        lines.append(f"  - again: {_span(Code(why.again))}")
    lines += [f"- {line}" for line in wording.broken(run)]
    heading = "## Failed" if all(row.failed for row in rows) else "## Failed, or not compared"
    return [heading, "\n".join(lines)] if lines else []


def _took(run: Run) -> str:
    if not run.torch_seconds:
        return f"{run.seconds:.1f} s."
    return f"{run.seconds:.1f} s; PyTorch's own loops took {run.torch_seconds:.1f} s of it, in all processes."


# Markdown


def _table(shown: Table) -> str:
    lines = [shown.columns, ["---"] * len(shown.columns), *(map(_text, row) for row in shown.rows)]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)


def _cell(text: str) -> str:
    """On one line, and not taken for two cells."""
    return " ".join(text.splitlines()).replace("|", "\\|")


def _text(text: Text) -> str:
    return "".join(map(_span, spans(text)))


def _span(span: Span) -> str:
    if isinstance(span, Code):
        return _code(span.text)
    return f"**{span.text}**" if isinstance(span, Strong) else span if isinstance(span, str) else span.text


def _code(text: str) -> str:
    """Between more backticks than stand together in it."""
    longest = max(map(len, re.findall("`+", text)), default=0)
    if not longest:
        return f"`{text}`"
    fence = "`" * (longest + 1)
    return f"{fence} {text} {fence}"
