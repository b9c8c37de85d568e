"""What was measured, in Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .measured import MOST, OURS, Found, Row
from .of_braintools import COMPILED_ANEW
from .peer import Peer

LEAD = """\
# Beside others

Who has which scheduler, and how far each is from the library whose scheduler it is: PyTorch,
transformers or timm, stepped beside it. Written by `parity peers` (`make peers` installs everybody),
with {versions}.

The cases are those of `parity list` that are about a learning rate, each for its first {most:,} counts
at most. A cell says how many values have the same float32 bits, and the greatest difference at any
count, as a share of the largest learning rate of that case: 1.0e+00 is as much as that, and “no
number” is NaN or infinity. Where a library has something that is
meant to do the same only up to its end (a cosine that stays, where PyTorch's comes up again), or
only for some arguments, only that is compared: *n of m cases*. “–”: it has nothing that is meant to
do the same. “its own”: the library is the reference. Optax and jaxsched are asked under `jit`,
braintools is stepped as its documentation does, and cannot be asked for a count; its SequentialLR
compiles a program at each step, and is stepped for {few} counts.
"""


def page(rows: Sequence[Row], peers: Sequence[Peer], versions: str) -> str:
    """The table, then where each is furthest."""
    asked = [peer for peer in peers if peer.version is not None]
    columns = [OURS, *(peer.name for peer in asked)]
    lines = [
        LEAD.format(versions=versions, most=MOST, few=COMPILED_ANEW),
        *(f"{peer.missing}.\n" for peer in peers if peer.version is None),
        f"| scheduler | cases | {' | '.join(columns)} |",
        f"| --- | --- | {' | '.join('---' for _ in columns)} |",
        *(
            f"| `{row.scheduler}` | {row.cases} | {' | '.join(_cell(row, name) for name in columns)} |"
            for row in rows
        ),
        "",
        "## Where each is furthest",
        "",
        "The greatest difference as a share of the largest learning rate: in the middle one of its cases,",
        "and in the worst, with its count. The worst is often a corner: a milestone at 0, a power of 0.",
        "",
        "| scheduler | library | in the middle case | in the worst | at count | of the case |",
        "| --- | --- | --- | --- | --- | --- |",
        *_furthest(rows),
        "",
    ]
    refused = list(_refused(rows))
    if refused:
        lines += ["## What could not be made", "", *refused, ""]
    return "\n".join(lines)


def short(row: Row, name: str) -> str:
    """A library's result in a few signs."""
    if name not in row.found:
        return "its own"
    found = row.found[name]
    if found is None:
        return "–"
    if not found.cases:
        return "refuses"
    return "100 %" if found.worst is None else f"{_percent(found)}, {_share(found.worst.share)}"


def _percent(found: Found) -> str:
    """Never 100 % where one value differs."""
    return f"{min(100 * found.identical / found.counts, 99.99):.4g} %"


def _share(share: float) -> str:
    if not share:
        return "0"
    return f"{share:.1e}" if share < float("inf") else "no number"


def _cell(row: Row, name: str) -> str:
    found = row.found.get(name)
    if found is None or name == OURS:
        return short(row, name)
    some = "" if found.cases == row.cases else f", {found.cases} of {row.cases} cases"
    return f"{', '.join(f'`{each}`' for each in found.names)}: {short(row, name)}{some}"


def _furthest(rows: Sequence[Row]) -> Iterator[str]:
    for row in rows:
        for name, found in row.found.items():
            if found is not None and found.worst is not None:
                worst = found.worst
                yield (
                    f"| `{row.scheduler}` | {name} | {_share(found.middle)} | {_share(worst.share)} "
                    f"| {worst.at:,} | `{worst.case}` |"
                )


def _refused(rows: Sequence[Row]) -> Iterator[str]:
    for row in rows:
        for name, found in row.found.items():
            for case, reason in found.refused if found else ():
                yield f"- {name}: `{case}`: {reason}"
