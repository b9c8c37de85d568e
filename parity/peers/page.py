"""What was measured, in Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .measured import OURS, Found, Row
from .peer import Peer

LEAD = """\
# Beside others

Who has which scheduler, and how far each is from the library whose scheduler it is: PyTorch,
transformers or timm, stepped beside it. Written by `parity peers` (`make peers` installs everybody),
with {versions}.

The cases are those of `parity list` that are about a learning rate and have at most 2,000 counts. A cell
says how many values have the same float32 bits, and the greatest difference at any count, as a share of
the largest learning rate of that case. Where a library has something that is meant to do the same only
up to its end (a cosine that stays, where PyTorch's comes up again), or only for some arguments, only
that is compared: *n of m cases*. “–”: it has nothing that is meant to do the same. “its own”: the
library is the reference. Optax and jaxsched are asked under `jit`, braintools is stepped as its
documentation does, and cannot be asked for a count; its SequentialLR compiles a program at each step,
and is stepped for 60 counts.
"""


def page(rows: Sequence[Row], peers: Sequence[Peer], versions: str) -> str:
    """The table, then where each is furthest."""
    asked = [peer for peer in peers if peer.version is not None]
    columns = [OURS, *(peer.name for peer in asked)]
    lines = [
        LEAD.format(versions=versions),
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
        "| scheduler | library | of the largest | at count | of the case |",
        "| --- | --- | --- | --- | --- |",
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
    some = "" if found.cases == row.cases else f", {found.cases} of {row.cases} cases"
    return f"{_percent(found)}, {_share(found)}{some}"


def _percent(found: Found) -> str:
    """Never 100 % where one value differs."""
    if found.identical == found.counts:
        return "100 %"
    return f"{min(100 * found.identical / found.counts, 99.99):.4g} %"


def _share(found: Found) -> str:
    if found.worst is None:
        return "0"
    return f"{found.worst.share:.1e}" if found.worst.share < float("inf") else "no number"


def _cell(row: Row, name: str) -> str:
    found = row.found.get(name)
    if found is None or name == OURS:
        return short(row, name)
    return f"{', '.join(f'`{each}`' for each in found.names)}: {short(row, name)}"


def _furthest(rows: Sequence[Row]) -> Iterator[str]:
    for row in rows:
        for name, found in row.found.items():
            if found is not None and found.worst is not None:
                worst = found.worst
                yield (
                    f"| `{row.scheduler}` | {name} | {_share(found)} | {worst.at:,} "
                    f"| `{worst.case.replace('|', chr(92) + '|')}` |"
                )


def _refused(rows: Sequence[Row]) -> Iterator[str]:
    for row in rows:
        for name, found in row.found.items():
            for each in found.refused if found else ():
                case, _, reason = each.rpartition(": ") if each.count(": ") == 1 else each.partition("): ")
                yield f"- {name}: `{case}{')' if '): ' in each else ''}`: {reason}"
