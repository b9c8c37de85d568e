"""The tables that Markdown and the page share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..deviations import Demonstration
from ..optimizers import ANOTHER, Beside
from ..results import CaseResult, Run
from ..training import Quantity, TrainingResult
from . import facts
from .document import Code, Span, Strong, StrongNumber, Table, joined, marked, table
from .wording import count, cycled, size, ulp


def by_scheduler(run: Run) -> Table:
    """One row for each class."""
    return table(
        ("scheduler", "cases", "failed", "steps", "identical", "correctly rounded where torch is not",
         "max ULP"),
        (
            (
                tally.scheduler,
                str(tally.cases),
                str(tally.failed),
                f"{tally.steps:,}",
                f"{tally.identical:,}",
                str(tally.correctly_rounded),
                ulp(tally.max_ulp),
            )
            for tally in run.by_scheduler()
        ),
    )  # fmt: skip


def cases(shown: Iterable[CaseResult]) -> Table:
    """One row for each case."""
    return table(
        ("case", "verdict", "steps", "identical", "max ULP", "first divergence"),
        (
            (
                Code(result.case.name),
                _verdict(result),
                f"{result.comparison.steps:,}",
                f"{result.comparison.identical:,}",
                ulp(result.comparison.max_ulp),
                count(result.comparison.first_divergence),
            )
            for result in shown
        ),
    )


def beside_optax(results: Iterable[CaseResult]) -> Table:
    """One row for each case that Optax has an equal of."""
    return table(
        ("case", "optax", "steps", "optax: max ULP", "at count", "of the peak", "jaxsched: max ULP"),
        (
            (
                Code(result.case.name),
                Code(result.optax.name),
                f"{result.optax.steps:,}",
                ulp(result.optax.max_ulp),
                count(result.optax.max_ulp_count),
                f"{result.optax.max_share:.1e}" if result.optax.max_share else "0",
                ulp(result.comparison.max_ulp),
            )
            for result in results
            if result.optax is not None
        ),
    )


def _verdict(result: CaseResult) -> Span:
    remark = result.comparison.remark
    if not result.passed:
        return Strong("failed")
    return "passed" if remark is None else f"passed: {remark}"


def training(results: Iterable[TrainingResult]) -> Table:
    """One row for each pair of twins."""
    return table(
        ("optimizer", "schedule", "verdict", "updates", "same learning rate", "before rounding", "momentum",
         "loss", "gradient norm", "weights", "reductions"),
        (
            (
                result.case.optimizer,
                joined(map(Code, result.case.schedules), " and "),
                "passed" if result.passed else (Strong("failed"), f": {result.problem}"),
                f"{result.case.steps:,}",
                _alike(result.find("learning rate"), "yes", "no"),
                size(result.lr_float64),
                _alike(cycled(result), "the same", "not the same"),
                *(size(result.furthest(name)) for name in ("loss", "gradient norm", "weights")),
                _reductions(result),
            )
            for result in results
        ),
    )  # fmt: skip


def quantities(results: Iterable[TrainingResult]) -> Table:
    """One row for each quantity of twins that somebody brought, who may tell whatever they like."""
    return table(
        ("twins", "quantity", "furthest apart", "at update", "too far from update"),
        (
            (
                Code(result.case.name),
                quantity.name,
                quantity.size,
                str(quantity.at),
                "–" if quantity.parts is None else Strong(str(quantity.parts)),
            )
            for result in results
            if result.case.brought
            for quantity in result.quantities
        ),
    )


def optimizers(found: Iterable[Beside]) -> Table:
    """One row for each of PyTorch's."""
    return table(
        (
            "torch.optim",
            "the obvious Optax",
            "apart",
            "what it does otherwise",
            "optimizer_from_torch: apart",
        ),
        (
            (
                Code(beside.row.name),
                Code(beside.row.obvious) if beside.row.obvious else "none",
                "–" if beside.obvious is None else _apart(beside.obvious, ANOTHER),
                beside.row.why,
                _apart(beside.right, beside.row.within),
            )
            for beside in found
        ),
    )


def _apart(apart: float, most: float) -> Span:
    told = f"{apart:.0e}" if apart else "0"
    return told if apart <= most else StrongNumber(told)


def _alike(quantity: Quantity | None, same: str, other: str) -> Span:
    if quantity is None:
        return "–"
    return same if quantity.parts is None else Strong(other)


def _reductions(result: TrainingResult) -> Span:
    ours, theirs = result.reductions
    if not ours and not theirs:
        return "–"
    return f"{len(ours)}, at the same updates" if ours == theirs else Strong(f"{len(ours)} and {len(theirs)}")


def deviations(shown: Iterable[Demonstration]) -> Table:
    """What each side does, and what it says today."""
    return table(
        ("when", "PyTorch", "jaxsched", "why", "PyTorch says", "jaxsched says", "since"),
        (
            (
                marked(one.deviation.when),
                marked(one.deviation.torch_does),
                marked(one.deviation.jaxsched_does),
                marked(one.deviation.reason),
                Code(one.torch),
                (Code(one.jaxsched), *(() if one.occurs else (" ", Strong("no longer occurs")))),
                f"torch {one.deviation.torch_version}",
            )
            for one in shown
        ),
    )


def modes(run: Run) -> Table:
    """In which ways schedules were called, and what came of it."""
    rows = ((each.mode, str(each.schedules), str(each.with_other_bits)) for each in facts.modes(run))
    return table(("mode", "schedules", "with other bits"), rows)


def arguments(run: Run) -> Table:
    """Which arguments were exercised."""
    return table(
        ("scheduler", "arguments"),
        (
            (scheduler, joined(((Code(name), f" ({values})") for name, values in mine.items()), ", "))
            for scheduler, mine in facts.arguments(run).items()
        ),
    )


def not_judged(results: Sequence[CaseResult]) -> Table:
    """One row for each event that the counts do not reach, or pass over."""
    return table(
        ("case", "event"),
        (
            (Code(result.case.name), f"{event.what} at count {event.count:,}")
            for result in results
            for event in result.comparison.not_judged
        ),
    )
