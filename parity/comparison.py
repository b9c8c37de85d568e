"""What came of holding a schedule against PyTorch: how far apart, where first, and who is wrong."""

from __future__ import annotations

import dataclasses
import decimal
from collections.abc import Iterator, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from .reference.events import Event

Counts: TypeAlias = npt.NDArray[np.int32] | npt.NDArray[np.float64]
"""What a schedule is asked for: whole counts, or epochs."""


@dataclasses.dataclass(frozen=True)
class Row:
    """One count: what the schedule says, what PyTorch says, what is exact."""

    count: float
    ours: float
    torch: float
    exact: float | None
    """To float64; None where no formula for it is known."""


@dataclasses.dataclass(frozen=True)
class Difference(Row):
    """One count at which the schedule and PyTorch part."""

    ulp: float

    def __str__(self) -> str:
        text = f"count {self.count:g}: {bits(self.ours)} against PyTorch's {bits(self.torch)}"
        text += f", {self.ulp:.4g} ULP" if self.ulp < FAR else ""
        return text if self.exact is None else f"{text}; exact {bits(self.exact)}"


FAR = 1e4
"""From so many ULP on the number says nothing: a thousandth of the value. The share of the peak does."""


@dataclasses.dataclass(frozen=True)
class Allowed:
    """What somebody allows a schedule of theirs. A value passes that is within one of those given."""

    max_ulp: float | None = None
    """ULP of float32, at PyTorch's value."""
    relative: float | None = None
    """As a share of PyTorch's value."""
    absolute: float | None = None

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < np.inf:
                raise ValueError(f"{field.name} must be a finite number >= 0, got {value!r}")

    def __str__(self) -> str:
        names = {"max_ulp": "{:g} ULP", "relative": "{:g} of the value", "absolute": "{:g}"}
        given = {name: getattr(self, name) for name in names}
        return " or ".join(names[name].format(x) for name, x in given.items() if x is not None)

    def __bool__(self) -> bool:
        return any(getattr(self, field.name) is not None for field in dataclasses.fields(self))


@dataclasses.dataclass(frozen=True)
class Distance:
    """How far two of the three are apart, and where most."""

    between: str
    counts: int
    """At how many counts they were compared."""
    identical: int
    """At how many of these both round to the same float32."""
    max_ulp: float
    """Greatest distance of the unrounded values, in float32 ULP of the second."""
    worst: Row


@dataclasses.dataclass(frozen=True)
class Integrity:
    """What the schedule's values show by themselves: how many are of each kind."""

    returns: str
    """The dtype, and ``weak`` if a weakly typed one."""
    nan: int
    infinite: int
    negative: int
    negative_zero: int
    subnormal: int


@dataclasses.dataclass(frozen=True)
class Tolerance:
    """The least tolerances with which every value would have passed, however it was called."""

    absolute: float
    relative: float
    ulp: float

    def __str__(self) -> str:
        if not np.isfinite(self.absolute):
            return "nothing: a value is not finite"
        if self.absolute == 0:
            return "any tolerance, 0 too: −0 and 0 are other bits of the same number"
        least = [f"absolute {_up(self.absolute, 3)}"]
        least += [f"relative {_up(self.relative, 3)}"] if self.relative < 1 else []
        least += [f"{_up(self.ulp, 4)} ULP"] if self.ulp < FAR else []
        return ", or ".join(least)


def _up(value: float, digits: int) -> str:
    """Rounded up, since less would not do."""
    if float(f"{value:.{digits}g}") >= value:
        return f"{value:.{digits}g}"
    up = decimal.Context(prec=digits, rounding=decimal.ROUND_CEILING).create_decimal(value)
    return f"{float(up):.{digits}g}"


@dataclasses.dataclass(frozen=True, eq=False)
class Curves:
    """Both trajectories, for pictures."""

    counts: Counts
    ours: npt.NDArray[np.float32]
    torch: npt.NDArray[np.float64]
    events: tuple[Event, ...]


@dataclasses.dataclass(frozen=True)
class Comparison:
    """What came of stepping PyTorch beside a schedule. Values are compared as float32."""

    steps: int
    """How many counts were compared."""

    identical: int
    """How many values have the bits of PyTorch's value rounded to float32."""

    correctly_rounded: int
    """How many differ from PyTorch's, but are the float32 nearest to the exact value."""

    max_ulp: float
    """Greatest distance to PyTorch's value rounded to float32, in ULP of that value."""

    worst: Difference | None
    """Where that is; None when all are identical."""

    first_divergence: int | float | None
    """The first count whose value differs from PyTorch's."""

    first_failure: Difference | None
    """The first count at which the schedule is wrong; None when it never is."""

    eager: int
    """Counts evaluated once more, eagerly and one at a time."""

    problem: str | None
    """Why the comparison fails, in one sentence; None when it passes."""

    cause: str | None = None
    """What the difference looks like: ``1 count ahead of PyTorch: …``; None where all is well."""

    who: str | None = None
    """Who is wrong, by the exact value; None where neither is."""

    distances: tuple[Distance, ...] = ()
    """Schedule and PyTorch; where there is an exact value, schedule and exact, PyTorch and exact."""

    window: tuple[Row, ...] = ()
    """The first failure (or else the worst count), three counts before it and three after."""

    integrity: Integrity | None = None
    tolerance: Tolerance | None = None

    share: float = 0.0
    """Greatest difference to PyTorch's, as a share of PyTorch's highest value; NaN where one is NaN."""

    allowed: str | None = None
    """How far apart the two may be, in words; None for not at all."""

    within: int = 0
    """How many values are wrong, but within what was allowed."""

    unseen: tuple[Event, ...] = ()
    """Events of the scheduler that so many counts do not reach, so that nothing is known of them."""

    notes: tuple[str, ...] = ()
    """What to know of the reference, so as not to misread the verdict; a sentence each."""

    in_gaps: tuple[Event, ...] = ()
    """Events of the scheduler that lie where a log has gaps, so that nobody can see when they come."""

    reached: int = 0
    """How many counts the scheduler was stepped; more than were compared where a log has gaps."""

    read: tuple[str, ...] = ()
    """What was read of files that have other things, too, and what they do not show; in words."""

    curves: Curves | None = dataclasses.field(default=None, repr=False, compare=False)

    @property
    def passed(self) -> bool:
        """Whether every value is PyTorch's, or correctly rounded where PyTorch's is not."""
        return self.problem is None

    @property
    def not_judged(self) -> tuple[Event, ...]:
        """Events of which nothing is known, beyond the last count or between those that were logged."""
        return (*self.in_gaps, *self.unseen)

    @property
    def remark(self) -> str | None:
        """What was allowed, and how much of it was needed to pass, or what is beyond it."""
        if self.allowed is None or not (self.within or self.problem):
            return None
        others = f"other bits at {self.within:,} of {self.steps:,} counts"
        if self.within > self.steps - self.identical:  # which are those under jit
            others += ", under jit or when asked for one at a time"
        if self.passed:
            return f"within {self.allowed}; {others}"
        return f"beyond {self.allowed}" + (f"; within it {others}" if self.within else "")

    def __str__(self) -> str:
        if self.steps == 0:
            return f"failed: {self.problem}"
        share = f"{self.identical:,} of {self.steps:,} values identical to PyTorch's"
        if self.correctly_rounded:
            share += f", {self.correctly_rounded:,} correctly rounded where PyTorch's is not"
        facts = [
            *filter(None, [self.remark if self.passed else None]),
            share,
            f"greatest distance {self.distance}",
        ]
        if self.first_divergence is not None:
            facts.append(f"first divergence at count {self.first_divergence:g}")
        text = f"{'passed' if self.passed else f'failed: {self.problem}'} ({'; '.join(facts)})"
        return "\n".join([text, *self.explanation()])

    @property
    def distance(self) -> str:
        """How far apart the two are at most, in ULP where they are close, else as a share of the peak."""
        return f"{self.max_ulp:.4g} ULP" if self.max_ulp < FAR else of_the_peak(self.share)

    def explanation(self) -> list[str]:
        """Cause, culprit and surroundings of a failure, and what the run cannot judge."""
        lines = []
        if not self.passed:
            first = self.problem or ""  # which begins with the cause, where there is one to name
            lines += [f"cause: {self.cause}"] if self.cause and not first.startswith(self.cause) else []
            lines += [f"who: {self.who}"] if self.who else []
            lines += [self.remark] if self.remark else []
            lines += table(self.window) if self.first_failure else []
            lines += [f"would pass with: {self.tolerance}"] if self.tolerance is not None else []
        lines += [f"note: {note}" for note in self.notes]
        reached = self.reached or self.steps
        lines += [
            f"not judged: the {event.what} at count {event.count}, which {reached:,} counts do not reach"
            for event in self.unseen
        ]
        return [*lines, *_in_gaps(self.in_gaps), *self.read]


def _in_gaps(events: Sequence[Event]) -> Iterator[str]:
    """What a log cannot show, for having gaps; a line for each kind."""
    for what in dict.fromkeys(event.what for event in events):
        counts = [f"{event.count:,}" for event in events if event.what == what]
        more = f", … ({len(counts):,} in all)" if len(counts) > 6 else ""
        if len(counts) == 1:
            which = f"the {what} at {counts[0]} comes at its count"
        else:
            one, *rest = what.split(" ", 1)
            which = f"the {' '.join([f'{one}s', *rest])} at {', '.join(counts[:6])}{more} come at their count"
        yield f"not judged: whether {which}: the log has gaps there"


def of_the_peak(share: float) -> str:
    """A difference as a share of the highest value, in words."""
    if np.isnan(share):
        return "not a number"
    if np.isinf(share):  # of an infinity, or of PyTorch's zeros
        return "infinitely many times the peak"
    return f"{100 * share:.3g} % of the peak" if share < 10 else f"{share:.3g} times the peak"


def table(rows: Sequence[Row]) -> list[str]:
    """Counts side by side, with their bits; the lines of a plain table."""
    cells = [("count", "ours", "PyTorch", "exact")]
    for row in rows:
        exact_value = "" if row.exact is None else bits(row.exact)
        cells.append((f"{row.count:g}", bits(row.ours), bits(row.torch), exact_value))
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(f"{cell:>{width}}" for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    ]


def words(values: npt.ArrayLike) -> npt.NDArray[np.uint32]:
    """The bits of float32 values, as integers."""
    return np.asarray(values, np.float32).view(np.uint32)


def bits(value: float) -> str:
    """A value and its bits as float32."""
    return f"{value:.9g} (0x{int(words(value)):08x})"


Comparison.__module__ = "parity"
Difference.__module__ = "parity"  # so that pickles outlive the modules
