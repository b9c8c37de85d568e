"""The words for what `parity devices` finds."""

from __future__ import annotations

import collections
import textwrap
from collections.abc import Iterator

from ..devices.findings import Finding, outcome, outcome_and_size
from ..devices.subjects import BY_XLA
from ..devices.table import Row, Table
from .facts import refused_on

PACKAGES = ("libtpu", "jax-cuda12-plugin", "jax-cuda12-pjrt")
"""The compilers."""

OPTAX = """\
Optax's own schedules, where they are an equal, compiled and executed in the same way, beside the program
that XLA makes of them for a CPU. What only the device knows, the last bit of its cosine, is not guessed:
nothing was compared there."""


def lead(table: Table) -> str:
    """What the table shows, and what its words mean, of those that are in it."""
    found = [*_findings(table), *(each for row in table.rows for each in row.optax_findings.values())]
    tpu = any(target.startswith("tpu") for target in table.targets)
    gives = "`on_host` gives" if "host" in _measures(table) else f"{BY_XLA} gives"
    sentences = [
        "Each schedule was compiled for each device, without one, and the compiled program was executed "
        "operation by operation, each as IEEE 754 or the instruction set defines it.",
        f"**Same bits**: at every count the program gives the bits that {gives}"
        + (" (a subnormal number counts as 0 on a TPU, which has none)." if tpu else "."),
    ]
    if len(_measures(table)) == 2:
        sentences.append(f"Of what has no `on_host`, {BY_XLA} is the measure.")
    if any(each.place == "step" for each in found):
        sentences.append(
            "For a plateau, whose step is a function of a state and a metric, the CPU's own steps are the "
            "measure."
        )
    if any(not each.compared for each in found):
        sentences.append(
            "**Not compared**: for the reason beside it, which most often is that a value depends on an "
            "operation whose last bit only the device knows."
        )
    sentences.append("Beside it, how many instructions the program has.")
    if any(each.undecided for each in found):
        sentences.append(
            "**But at so many**: a TPU's float64 has 48 bits of the 53. There a value next to halfway "
            "between two float32 numbers may become the other one, and a state machine may decide otherwise "
            "by a last bit; so does the host's own when its numbers change by as little."
        )
    return textwrap.fill(" ".join(sentences), 107)


def whose(table: Table) -> str:
    """Whose bits are the right ones."""
    measures = _measures(table)
    if len(measures) == 2:
        return "the CPU's bits"
    return "the host's bits" if "host" in measures else f"the bits of {BY_XLA}"


def _measures(table: Table) -> set[str]:
    return {finding.measure for finding in _findings(table)}


def _findings(table: Table) -> Iterator[Finding]:
    for row in table.rows:
        yield from row.findings.values()


def problem(row: Row) -> str | None:
    """Why the run does not pass with this row, in one sentence; None when it does."""
    if row.accepted:
        return None
    return "; ".join(f"{target}: {outcome(finding)}" for target, finding in refused_on(row).items())


def in_full(row: Row) -> str:
    """All that is known of it, in lines."""
    lines = [f"{target}: {outcome_and_size(finding)}" for target, finding in row.findings.items()]
    lines += [
        f"Optax's {row.optax} on {target}: {outcome_and_size(finding)}"
        for target, finding in row.optax_findings.items()
    ]
    return "\n".join(lines)


def row_verdict(row: Row) -> str:
    """In two words at most."""
    return "failed" if row.failed else "passed" if row.passed else "not compared"


def summary(table: Table) -> str:
    """One line."""
    counted = collections.Counter(map(row_verdict, table.rows))
    passed = f"{counted['passed']} schedule{'' if counted['passed'] == 1 else 's'} passed"
    text = f"{', '.join(table.targets)}: {passed}, {counted['failed']} failed"
    if counted["not compared"]:
        text += f", {counted['not compared']} not compared ({_left_out_on(table)})"
    if table.compared:
        text += f"; {table.same:,} of {table.compared:,} values have {whose(table)}"
    return f"{text}, {table.undecided:,} hang on bits that 48 do not hold" if table.undecided else text


def _left_out_on(table: Table) -> str:
    """On which targets nothing was compared of the rows that have not failed for it."""
    rows = [row for row in table.rows if row_verdict(row) == "not compared"]
    if len(rows) == 1:
        return f"on {', '.join(rows[0].not_compared)}"
    on = collections.Counter(target for row in rows for target in row.not_compared)
    return ", ".join(f"{on[target]} on {target}" for target in table.targets if on[target])
