"""What came of comparing two trainings."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from .culprit import Culprit, rounding
from .follow import Record, shown
from .growth import Growth, growth
from .quantities import START, WEIGHTS, WORDS, Quantity, unit_of

Floats = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class TrainingComparison:
    """What came of training two twins side by side."""

    steps: int
    """How many updates were compared."""

    quantities: tuple[Quantity, ...]
    """In the order in which they come about within an update."""

    problem: str | None
    """Why the comparison fails, in one sentence; None when it passes."""

    culprit: Culprit | None
    """What is likely to blame; None where nothing parts."""

    growth: Growth | None
    """How the distance grows; None where nothing parts that has one."""

    relative: float
    """How far apart may be what is summed in another order. Learning rates may not be at all."""

    precision: str
    """In what the twins compute, as far as their first update shows it."""

    notes: tuple[str, ...]
    """What was not compared, a sentence each."""

    names: tuple[str, str]
    """What the two are called: the JAX twin, then PyTorch's."""

    seconds: tuple[float, float]
    """What each of the two took."""

    values: dict[str, tuple[Floats, Floats]] = dataclasses.field(repr=False, compare=False)
    """The JAX twin's and PyTorch's, by the key of a quantity: float64, updates by numbers; not of arrays."""

    distances: dict[str, Floats] = dataclasses.field(repr=False, compare=False)
    """By the key of a quantity, one for each update."""

    @property
    def passed(self) -> bool:
        """Whether anything was compared, and nothing parts, is missing or ends too soon."""
        return self.problem is None

    @property
    def first(self) -> Quantity | None:
        """What parts first; within an update, what comes about first."""
        parted = [quantity for quantity in self.quantities if quantity.parts is not None]
        return min(parted, key=lambda quantity: quantity.parts or 0, default=None)

    def __getitem__(self, name: str) -> Quantity:
        """The quantity of a name, in words or as the twins give it."""
        name = WORDS.get(name, name)
        for quantity in self.quantities:
            if quantity.name == name:
                return quantity
        raise KeyError(name)

    def __str__(self) -> str:
        if self.passed:
            return "\n".join(
                [f"passed: the twins stay together for {self.steps:,} updates", *self.explained()]
            )
        return "\n".join([f"failed: {self.problem}", *self.explained()])

    def explained(self) -> list[str]:
        """Culprit, growth, all quantities, what was allowed and what was not compared, in lines."""
        return [*self.why(), *self.facts()]

    def facts(self) -> list[str]:
        """All quantities, what was allowed, and what was not compared, in lines."""
        lines = list(map(said, self.quantities))
        if self.quantities:
            lines.append(
                f"allowed: {self.relative:g} of what is summed in another order, as the twins compute in "
                f"{self.precision}; nothing of learning rates, momenta and decays"
            )
        notes = self.notes if self.quantities else ()  # of which the problem has spoken
        return [*lines, *(f"note: {note}" for note in notes)]

    def why(self) -> list[str]:
        """Culprit and growth, in lines."""
        lines = [f"culprit: {self.culprit}"] if self.culprit else []
        return [*lines, *([f"growth: {self.growth}"] if self.growth else [])]


def said(quantity: Quantity) -> str:
    """One line on a quantity."""
    if quantity.unit == "the same":
        where = "at every update" if quantity.parts is None else f"until update {quantity.parts}"
        return f"{quantity.name}: the same {where}"
    parts = "" if quantity.parts is None else f"; too far from update {quantity.parts} on"
    return f"{quantity.name}: {quantity.size} apart at most, at update {quantity.at}{parts}"


def refused(names: tuple[str, str], reason: str) -> TrainingComparison:
    """What came of twins of which one cannot be trained, where that is a failure and no wrong usage."""
    problem = f"nothing was compared: {reason}"
    return TrainingComparison(0, (), problem, None, None, 0.0, "", (), names, (0.0, 0.0), {}, {})


def judged(record: Record, steps: int, culprit: Culprit | None) -> TrainingComparison:
    """The verdict on two trainings that were to have so many updates."""
    quantities = tuple(_quantity(record, key) for key in record.compared)
    notes = tuple(
        f"not compared: {shown([key])}, which only {name} tells" for key, name in record.one_sided.items()
    )
    found = TrainingComparison(
        steps=record.steps,
        quantities=quantities,
        problem=None,
        culprit=culprit,
        growth=_growth(record.without_silent()) or _growth(record),
        relative=record.relative,
        precision=record.precision,
        notes=notes,
        names=record.names,
        seconds=record.seconds,
        values={key: (np.asarray(ours), np.asarray(theirs)) for key, (ours, theirs) in record.values.items()},
        distances={key: np.asarray(apart) for key, apart in record.apart.items()},
    )
    return dataclasses.replace(found, problem=_problem(record, found, steps))


def _problem(record: Record, found: TrainingComparison, steps: int) -> str | None:
    problems = []
    if first := found.first:
        others = [q for q in found.quantities if q.parts is not None and q is not first]
        then = "; then " + ", ".join(f"{q.name} at {q.parts}" for q in others) if others else ""
        by = "" if first.unit == "the same" else f", up to {first.size} apart"
        problems.append(f"the twins part at update {first.parts}, by the {first.name}{by}{then}")
        key = next(key for key in record.compared if WORDS.get(key, key) == first.name)
        if key in record.not_finite:
            at, whose = record.not_finite[key]
            problems.append(f"the {whose} is not finite at update {at}")
    if record.ended is not None:
        who, after = record.ended
        verb = "have" if " and " in who else "has"
        problems.append(f"{who} {verb} ended after {after:,} of {steps:,} updates")
    if record.missing is not None:
        problems.append(f"{record.missing}, so that {record.steps:,} of {steps:,} updates were compared")
    if not record.steps or not set(record.apart) - {START}:
        only = f": {'; '.join(found.notes)}" if found.notes else ""
        problems.append(f"nothing was compared{only}")
    return "; ".join(problems) or None


def _quantity(record: Record, key: str) -> Quantity:
    apart = record.apart[key]
    worst = int(np.argmax(apart))
    return Quantity(WORDS.get(key, key), unit_of(key), float(apart[worst]), worst, record.parts(key))


def measured(record: Record) -> str | None:
    """The key of the quantity whose growth is looked at: the weights, or else the first that parts."""
    relative = [key for key in record.compared if unit_of(key) == "relative" and key != START]
    parted = [key for key in relative if record.parts(key) is not None]
    return WEIGHTS if WEIGHTS in parted else next(iter(parted), None)


def _growth(record: Record, in_float64: float | None = None) -> Growth | None:
    """How the distance grows; not where the first to part is a number that nobody sums."""
    key = measured(record)
    if key is None:
        return None
    parts = record.parts(key)
    assert parts is not None
    if not np.isfinite(record.apart[key][parts]):
        return None  # what is not finite has not grown
    return growth(WORDS.get(key, key), record.apart[key], parts, record.precision, in_float64)


def with_float64(found: TrainingComparison, record: Record, other: Record) -> TrainingComparison:
    """The same, with what the same twins did in float64."""
    key = measured(record)
    if key is None or key not in other.apart:
        return found
    parts = record.parts(key)
    assert parts is not None
    if parts >= len(other.apart[key]):
        return found
    grown = _growth(record, other.apart[key][parts])
    blamed = found.culprit
    if grown is not None and grown.is_rounding and blamed is not None and record.first_is_summed:
        blamed = rounding(other.apart[key][parts])
    return dataclasses.replace(found, growth=grown, culprit=blamed)


TrainingComparison.__module__ = "parity"  # so that pickles outlive the modules
