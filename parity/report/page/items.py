"""What the page says of one case, and of one pair of twins."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence

from ... import modes
from ...comparison import FAR, Comparison, Integrity, of_the_peak
from ...reference.events import Event
from ...results import CaseResult
from ...training import TrainingResult
from .. import facts, wording
from ..document import Code, Table, Text, table
from ..json_file import Object
from ..tables import quantities
from . import cells, pictures

NAMED = 8
"""Events of a kind whose counts stand in the text, at most."""


@dataclasses.dataclass(frozen=True)
class Item:
    """Something that can be opened: a line, and behind it a picture, facts and tables."""

    scheduler: str
    passed: bool
    name: str
    size: str
    apart: str
    problem: str | None
    picture: Object | None
    facts: tuple[tuple[str, Text], ...]
    tables: tuple[Table, ...] = ()
    opened: bool = False

    @property
    def verdict(self) -> str:
        return wording.verdict(self.passed)


def case(result: CaseResult) -> Item:
    """One case, closed."""
    found = result.comparison
    return Item(
        scheduler=result.case.scheduler,
        passed=result.passed,
        name=result.case.name,
        size=f"{found.steps:,} counts",
        apart=apart(found) if found.steps else "",
        problem=result.problem,
        picture=pictures.trajectories(result),
        facts=tuple((name, text) for name, text in _facts(result) if text),
        tables=tuple(shown for shown in (_window(found), _three_ways(found)) if shown.rows),
    )


def twins(result: TrainingResult) -> Item:
    """One pair, open if it parts."""
    return Item(
        scheduler=result.case.scheduler,
        passed=result.passed,
        name=result.case.name,
        size=f"{result.case.steps:,} updates",
        apart=f"{result.worst:.1e} apart",
        problem=_with_culprit(result),
        picture=pictures.twins(result),
        facts=tuple(_twins_facts(result)),
        tables=(quantities([result]),) if result.case.brought else (),
        opened=not result.passed,
    )


def _with_culprit(result: TrainingResult) -> str | None:
    culprit = result.comparison.culprit
    return result.problem if culprit is None else f"{result.problem}. Culprit: {culprit}"


def _twins_facts(result: TrainingResult) -> Iterator[tuple[str, Text]]:
    found = result.comparison
    if found.growth is not None:
        yield "growth", str(found.growth)
    if found.notes:
        yield "note", "; ".join(found.notes)
    yield "again", Code(result.again)


def apart(found: Comparison) -> str:
    """How far it is from PyTorch's at most."""
    return f"{ulp(found.max_ulp)} ULP" if found.max_ulp < FAR else of_the_peak(found.share)


def ulp(value: float) -> str:
    return wording.ulp(value) if math.isfinite(value) else "∞"


def _facts(result: CaseResult) -> Iterator[tuple[str, Text]]:
    """Each with its name; those of which there is nothing to say are empty."""
    found = result.comparison
    yield "allowed", found.remark or ""
    yield "cause", found.cause or ""
    yield "who", found.who or ""
    yield "note", "; ".join(found.notes)
    yield "identical", f"{found.identical:,} of {found.steps:,} values"
    if found.correctly_rounded:
        yield "rounded", f"{found.correctly_rounded:,} correctly where PyTorch’s is not"
    yield "least tolerance", _tolerance(found)
    if found.integrity:
        yield "integrity", _integrity(found.integrity)
    if found.eager:
        yield "called", _called(result)
    yield "read", "; ".join(found.read)
    if found.curves:
        yield "events", _events(facts.turns(found.curves.events))
    yield "not judged", _events(found.not_judged)
    if result.optax:
        yield "Optax", f"{result.optax.name}: {ulp(result.optax.max_ulp)} ULP from PyTorch"
    yield "time", f"{result.seconds:.2f} s, of which PyTorch’s loop {result.torch_seconds:.2f} s"
    yield "again", Code(result.again)
    yield "link", cells.link("to this case alone", q=result.case.name)


def _tolerance(found: Comparison) -> str:
    """The least tolerance that each way of measuring would have needed."""
    least = found.tolerance
    if least is None:
        return ""
    return "none" if found.passed and least.absolute == 0 else str(least)


def _integrity(found: Integrity) -> str:
    kinds = {
        "NaN": found.nan,
        "infinite": found.infinite,
        "negative": found.negative,
        "−0": found.negative_zero,
        "subnormal": found.subnormal,
    }
    present = ", ".join(f"{n:,} {kind}" for kind, n in kinds.items() if n)
    return f"{found.returns}; {present or 'no value is ' + ', '.join(kinds)}"


def _called(result: CaseResult) -> str:
    """In which ways, besides the one that was compared."""
    ways = [f"at {result.comparison.eager:,} counts eagerly"]
    if result.modes:
        ways.append(f"at {modes.COUNTS} in each of the modes {', '.join(result.modes)}")
    differing = wording.other_bits(result.modes)
    return f"{'; '.join(ways)}: {f'other bits in {differing}' if differing else 'the same bits'}"


def _events(events: Sequence[Event]) -> str:
    """Each kind, and where it happens."""
    kinds: dict[str, list[str]] = {}
    for event in events:
        kinds.setdefault(event.what, []).append(f"{event.count:,}")
    return "; ".join(f"{what} at {_shortened(counts)}" for what, counts in kinds.items())


def _shortened(counts: Sequence[str]) -> str:
    """Their list; of many the first."""
    return ", ".join(counts[:NAMED]) + (f" and {len(counts) - NAMED:,} more" if len(counts) > NAMED else "")


def _window(found: Comparison) -> Table:
    """The surroundings of the first failure, or else of the worst count."""
    different = found.first_failure or found.worst
    where = f"Counts {found.window[0].count:g} to {found.window[-1].count:g}" if found.window else ""
    return table(
        ("count", "ours", "PyTorch", "exact"),
        ((f"{row.count:g}", *cells.values(row)) for row in found.window),
        "The first counts" if different is None else where,
    )


def _three_ways(found: Comparison) -> Table:
    return table(
        ("between", "alike", "max ULP", "at count", "ours", "PyTorch", "exact"),
        (
            (
                each.between,
                f"{each.identical:,} of {each.counts:,}",
                f"{each.max_ulp:.4g}" if math.isfinite(each.max_ulp) else "∞",
                f"{each.worst.count:g}",
                *cells.values(each.worst),
            )
            for each in found.distances
        ),
        "Three ways, where they are furthest apart",
    )
