"""What was measured, in Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from .measured import UPDATES, Distance, Measured, Ulps
from .rows import RATE, Clipped

LEAD = """\
# torch.optim beside Optax, measured

Written by `parity optimizers`, with {versions}: the same {most:,} random gradients, a learning
rate of {rate}, float64, and in each line the greatest difference of a parameter after {after}
updates, relative to the largest one. What is **further apart than {another:.0e}** at the end trains
something else. The right counterpart is what [`optimizer_from_torch`](optimizers.md) makes; `optax_code`
writes it down. In float32: how far that is from PyTorch after {most:,} updates, at most and on average, in
ULP; and beside it how far PyTorch's own `foreach` is from its loop.
"""


def page(found: Sequence[Measured], clipped: Sequence[tuple[Clipped, float]], versions: str) -> str:
    """The table of optimizers, and that of clipping."""
    after = " / ".join(f"{n:,}" for n in UPDATES)
    lines = [
        LEAD.format(
            versions=versions,
            most=UPDATES[-1],
            rate=f"1/{round(1 / RATE)}",
            after=after.replace(" /", ",", 1).replace("/", "and"),
            another=ANOTHER,
        ),
        f"| torch.optim | the obvious Optax | apart after {after} | what it does otherwise "
        f"| the right one is of | apart after {after} | in float32 | `foreach` |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
        *map(_line, found),
        "",
        "## Clipping",
        "",
        "Gradients that are clipped, 100 random ones: the greatest difference relative to the largest.",
        "",
        "| torch.nn.utils | Optax | apart | what it does otherwise |",
        "| --- | --- | --- | --- |",
        *(f"| `{row.theirs}` | `optax.{row.ours}` | {_told(apart)} | {row.why} |" for row, apart in clipped),
    ]
    return "\n".join(lines) + "\n"


def _line(one: Measured) -> str:
    obvious = f"`{one.row.obvious}`" if one.row.obvious else "none"
    functions = ", ".join(f"`{name}`" for name in dict.fromkeys(one.functions))
    return (
        f"| `{one.row.name}` | {obvious} | {_distance(one.obvious)} | {one.row.why} "
        f"| {functions} | {_distance(one.right)} | {_ulps(one.float32)} | {_ulps(one.foreach)} |"
    )


def _ulps(apart: Ulps | None) -> str:
    return "" if apart is None else f"{apart.most:.0f} ({apart.mean:.1f})"


def _distance(apart: Distance | None) -> str:
    if apart is None:
        return ""
    told = " / ".join(map(_told, apart))
    return f"**{told}**" if apart[-1] > ANOTHER else told


def _told(apart: float) -> str:
    return f"{apart:.0e}" if apart else "0"


ANOTHER = 1e-6
"""What is further apart after all updates trains something else."""
