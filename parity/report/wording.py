"""The words and numbers that the forms of the report share."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ..comparison import FAR
from ..deviations import Demonstration
from ..devices.table import Row
from ..optimizers import ANOTHER, BRIEF, Beside
from ..results import CaseResult, Run
from ..training import RELATIVE, Quantity, TrainingResult
from . import wording_devices
from .facts import Judged

DEVIATIONS = """\
What jaxsched does otherwise than PyTorch, on purpose: only where PyTorch raises without need,
divides by zero, or returns nonsense. What each of the two says is not copied here but asked of
them; a deviation that no longer occurs fails the run."""

BESIDE_OPTAX = """\
How far Optax's own schedule is from PyTorch's, for the same case, where Optax has an equal: the
greatest distance in ULP (of float32, at PyTorch's value; where that is 0 an ULP is 1.4e-45), the
count where that is, and the greatest difference as a share of the highest value (`inf` and `nan`:
Optax returns NaN). On the right, jaxsched."""

TRAINING = f"""\
One network trained twice, in PyTorch and in Flax, from the same weights and on the same batches, in
float64 on the CPU. Learning rate and momentum must be the same float32 numbers at every update;
losses, gradient norms and weights may be {RELATIVE:g} apart (each column shows the greatest relative
distance), since the two sum in orders of their own; those of Muon 0.1, as it computes in bfloat16. A
plateau's decisions depend on the losses that they lead to."""

BROUGHT = """\
Two trainings that somebody brought, update by update. Learning rates, momenta and decays must be the same
float32 numbers; all else may be as far apart as the precision of the two makes it by summing in another
order (each column shows the greatest relative distance, with a dash for what was not told)."""

OPTIMIZERS = f"""\
PyTorch's optimizers beside the function of Optax that people reach for, and beside what
`optimizer_from_torch` makes of each: {BRIEF} updates on the same random gradients in float64, and the
greatest difference of a parameter, relative to the largest. What is **further apart than {ANOTHER:.0e}**
trains something else. `parity optimizers` has the whole: 1,000 updates, float32, and clipping."""

MODES = """\
How many schedules were called in each way, and how many then gave other bits at any of 256 counts.
That is besides the two ways in which every value was compared: under jit and vmap, and eagerly."""

ARGUMENTS = "Every argument that was given, and with how many values."

NOT_JUDGED = """\
Events of a scheduler that come after the last count compared, or in a gap of a log. Nothing is
known of them."""


# A run


def title(run: Run) -> str:
    """What the run is about."""
    only_devices = run.devices is not None and not (run.results or run.training)
    return "Bits on devices" if only_devices else "Parity with PyTorch"


def training(run: Run) -> str:
    """What the twins of a run are, and what is compared of them."""
    return BROUGHT if any(result.case.brought for result in run.training) else TRAINING


def summaries(run: Run) -> list[str]:
    """A line for the schedules, one for the twins, and one for the devices, where there are any."""
    others = [run.training_summary()] if run.training else []
    others += [wording_devices.summary(run.devices)] if run.devices is not None else []
    return ([run.summary()] if run.results or not others else []) + others


def versions(run: Run, packages: Iterable[str]) -> str:
    """The versions of those packages that the run knows of."""
    named = (*packages, *wording_devices.PACKAGES)
    return ", ".join(f"{name} {run.environment[name]}" for name in named if name in run.environment)


def environment(run: Run) -> list[tuple[str, str]]:
    """What a figure of the run depends on, with a dash where there is nothing."""
    return [(name, value or "–") for name, value in run.environment.items()]


def verdict(passed: bool) -> str:
    return "passed" if passed else "failed"


# What has a verdict of its own


class Refusal(NamedTuple):
    """Something with which a run does not pass."""

    verdict: str
    name: str
    problem: str
    again: str
    """The command that does it once more."""

    cause: str | None = None
    who: str | None = None
    explanation: tuple[str, ...] = ()
    """Cause and culprit with their surroundings, in lines."""


def refusal(judged: Judged) -> Refusal:
    """Why a run does not pass with this."""
    if isinstance(judged, Row):
        verdict_here = wording_devices.row_verdict(judged)
        return Refusal(verdict_here, judged.name, problem(judged) or "", judged.again)
    stated = Refusal("failed", judged.case.name, judged.problem or "", judged.again)
    if isinstance(judged, TrainingResult):
        culprit = judged.comparison.culprit
        return stated._replace(
            cause=None if culprit is None else str(culprit), explanation=tuple(judged.comparison.why())
        )
    found = judged.comparison
    return stated._replace(cause=found.cause, who=found.who, explanation=tuple(found.explanation()))


def problem(judged: Judged) -> str | None:
    """Why it does not pass, in one sentence; None when it does."""
    return wording_devices.problem(judged) if isinstance(judged, Row) else judged.problem


def broken(run: Run) -> list[str]:
    """A line for each thing besides the cases that no longer holds."""
    return [*map(outdated, run.outdated), *map(_other_optimizer, run.other_optimizers)]


def _other_optimizer(beside: Beside) -> str:
    return (
        f"torch.optim.{beside.row.name}: what `optimizer_from_torch` makes of it is {beside.right:.1e} "
        f"apart, where {beside.row.within:g} is allowed; again: `parity optimizers -k {beside.row.cls}`"
    )


def outdated(shown: Demonstration) -> str:
    """Why a run does not pass with a deviation; prose of ours, with marks."""
    return f"{shown.deviation.when}: this deviation no longer occurs"


def in_full(judged: Judged) -> str:
    """All that is known of it, for a place that shows plain text only."""
    if isinstance(judged, Row):
        return wording_devices.in_full(judged)
    return _twins(judged) if isinstance(judged, TrainingResult) else _case(judged)


def _case(result: CaseResult) -> str:
    found = result.comparison
    lines = [str(found)]
    for each in found.distances:
        size = f"{each.max_ulp:.4g} ULP" if each.max_ulp < FAR else f"more than {FAR:,.0f} ULP"
        # The exact value is computed where the two differ, and at a sample of the others.
        where = "" if each.counts == found.steps else ", where that was computed"
        lines.append(
            f"{each.between}{where}: {each.identical:,} of {each.counts:,} alike, {size} apart at most, "
            f"at count {each.worst.count:g}"
        )
    if result.modes:
        lines.append(f"modes {', '.join(result.modes)}: {other_bits(result.modes) or 'the same bits in all'}")
    return "\n".join(lines)


def _twins(result: TrainingResult) -> str:
    found = result.comparison
    lines = [result.problem or f"the twins stay together for {found.steps:,} updates", *found.explained()]
    if any(result.reductions):
        for side, updates in zip(("Flax", "PyTorch"), result.reductions, strict=True):
            lines.append(f"reductions, {side}: before updates {', '.join(map(str, updates)) or 'none'}")
    return "\n".join(lines)


def beside(result: TrainingResult) -> list[str]:
    """What is to be said of twins besides their quantities: how the distance grows, what was not compared."""
    found = result.comparison
    growth = [f"growth: {found.growth}"] if found.growth is not None else []
    return [*growth, *(f"note: {note}" for note in found.notes)]


def other_bits(modes: Mapping[str, int]) -> str:
    """The modes in which a schedule answered otherwise, and at how many counts; empty where in none."""
    return ", ".join(f"{mode} ({n})" for mode, n in modes.items() if n)


def cycled(result: TrainingResult) -> Quantity | None:
    """The momentum of twins, where a schedule drives it."""
    return result.find("momentum")


# Numbers


def ulp(value: float) -> str:
    """A distance in ULP: plain while it is short, in powers of ten when it is not."""
    return f"{round(value):,}" if value < 1e6 else f"{value:.1e}"


def size(relative: float) -> str:
    """A relative distance, with a dash where nothing was compared."""
    return "–" if math.isnan(relative) else f"{relative:.1e}"


def count(value: float | None) -> str:
    return "–" if value is None else f"{value:g}"
