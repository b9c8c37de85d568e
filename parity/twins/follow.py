"""Two twins, an update of each in turn, and what is kept of both."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from . import distances
from .door import Numbers, Told, Twin, alike
from .quantities import BATCH, GRADIENT, SETTINGS, START, WEIGHTS, WORDS, place, unit_of

Floats = npt.NDArray[np.float64]


class Around(NamedTuple):
    """The weights around the first update after which they are too far apart."""

    ours: Numbers
    theirs: Numbers
    before: Numbers | None
    """PyTorch's before that update; None where nobody knows them."""

    last: Numbers | None
    """PyTorch's before the update before."""

    gradients: tuple[Numbers, Numbers] | None = None
    """Of which that update was made; None where they are not told."""


@dataclasses.dataclass
class Record:
    """What there is of two trainings. Pairs are the JAX twin's, then PyTorch's."""

    names: tuple[str, str]
    """What to call the two."""

    relative: float
    precision: str
    steps: int = 0
    apart: dict[str, list[float]] = dataclasses.field(default_factory=dict)
    """The distance at each update, by the key of the quantity."""

    values: dict[str, tuple[list[Floats], list[Floats]]] = dataclasses.field(default_factory=dict)
    """What is small enough to be kept: all but arrays."""

    batches: tuple[list[str], list[str]] = dataclasses.field(default_factory=lambda: ([], []))
    greatest: dict[str, float] = dataclasses.field(default_factory=dict)
    """The size of single numbers of PyTorch's so far."""

    start: dict[str, float] = dataclasses.field(default_factory=dict)
    """How far apart the initial weights are, by array."""

    gradients: dict[str, float] = dataclasses.field(default_factory=dict)
    """How far apart the gradients are at the first update at which they part, by array."""

    around: Around | None = None
    silent: set[str] | None = None
    """The arrays whose gradient has been nothing but rounding in both twins at each update so far; None where
    it is not told."""

    loud_apart: list[float] = dataclasses.field(default_factory=list)
    """How far apart the weights without those are, at each update."""

    loud_around: Around | None = None
    """These around the first update after which they are too far apart."""

    one_sided: dict[str, str] = dataclasses.field(default_factory=dict)
    """Keys that only one of the two tells, and which."""

    missing: str | None = None
    """Which of the two stops telling what, where; in words."""

    ended: tuple[str, int] | None = None
    """Which of the two has ended too soon, after so many updates."""

    not_finite: dict[str, tuple[int, str]] = dataclasses.field(default_factory=dict)
    """The first update at which a quantity is not finite, and whose, in words."""

    seconds: tuple[float, float] = (0.0, 0.0)

    def parts(self, key: str) -> int | None:
        """The first update at which a quantity is too far."""
        most = self.relative if unit_of(key) == "relative" else 0.0
        return next((k for k, apart in enumerate(self.apart[key]) if apart > most), None)

    def without_silent(self) -> Record:
        """The same of the weights that have a gradient, where that is known of all updates."""
        if len(self.loud_apart) != len(self.apart.get(WEIGHTS, ())):
            return self
        return dataclasses.replace(
            self, apart={**self.apart, WEIGHTS: self.loud_apart}, around=self.loud_around
        )

    @property
    def first_is_summed(self) -> bool:
        """Whether nothing that nobody sums, such as a learning rate, parts before what is summed does."""
        parted = [(k, key) for key in self.compared if (k := self.parts(key)) is not None]
        first = min((k for k, _ in parted), default=None)
        return not any(k == first and unit_of(key) != "relative" for k, key in parted)

    @property
    def compared(self) -> list[str]:
        """The keys of what was compared, in the order in which it comes about."""
        return sorted(self.apart, key=place)


def follow(
    ours: Twin,
    theirs: Twin,
    steps: int,
    *,
    relative: float | None = None,
    progress: Callable[[int], None] = lambda updates: None,
) -> Record:
    """Both, update by update.

    Args:
      ours: the JAX twin.
      theirs: PyTorch's.
      steps: of how many updates.
      relative: how far apart may be what is summed; if None, as the precision of the two wants it.
      progress: is told how many more updates are done.

    Raises:
      NotComparable: one of the two fails, or tells what cannot be compared.
    """
    record = Record((ours.name, theirs.name), np.inf if relative is None else relative, "")
    trail: list[Numbers] = []  # PyTorch's weights before this update, and before the last
    for k in range(steps):
        there, here = theirs.update(k), ours.update(k)
        if here is None or there is None:
            gone = [twin.name for twin, each in ((theirs, there), (ours, here)) if each is None]
            record.ended = (" and ".join(gone), k)
            break
        if k == 0:
            _begin(record, here, there, ours.digits | theirs.digits, relative)
        if not _is_whole(record, here, there, k):
            break
        for key in here.keys & there.keys - record.one_sided.keys():
            if key == BATCH:
                _compare_batches(record, here.batch or "", there.batch or "")
            else:
                _compare(record, key, here.numbers[key], there.numbers[key], k)
        if WEIGHTS in record.apart:
            _look_around(record, here, there, k, trail)
        record.steps = k + 1
        progress(1)
    record.seconds = (ours.seconds, theirs.seconds)
    return record


def _begin(record: Record, here: Told, there: Told, digits: set[int], relative: float | None) -> None:
    bits = min(digits - {0}, default=53)
    record.precision = distances.NAMES[bits]
    record.relative = distances.ALLOWED[bits] if relative is None else relative
    for key in sorted(here.keys ^ there.keys):
        record.one_sided[key] = record.names[0] if key in here.keys else record.names[1]


def _is_whole(record: Record, here: Told, there: Told, k: int) -> bool:
    """Whether each tells what it told at the first update, and nothing else."""
    wanted = set(record.apart) - {START}
    if k == 0:
        return True
    for name, told in zip(record.names, (here, there), strict=True):
        lacking = sorted(wanted - told.keys)
        if lacking:
            record.missing = f"{name} does not tell {', '.join(lacking)} at update {k}"
            return False
        other = sorted(key for key in told.keys if key not in wanted and key not in record.one_sided)
        if other:
            record.missing = f"{name} tells {', '.join(other)} at update {k}, and not before"
            return False
    return True


def _compare_batches(record: Record, ours: str, theirs: str) -> None:
    ours, theirs = alike(ours, theirs)
    record.batches[0].append(ours)
    record.batches[1].append(theirs)
    record.apart.setdefault(BATCH, []).append(0.0 if ours == theirs else np.inf)


def _compare(record: Record, key: str, ours: Numbers, theirs: Numbers, k: int) -> None:
    if key in SETTINGS:
        ours, theirs = distances.by_group(ours, theirs)
    distances.check_alike(key, ours, theirs, record.names[::-1], k)
    lost = [
        name
        for name, numbers in zip(record.names, (ours, theirs), strict=True)
        if not all(np.isfinite(each).all() for each in numbers.values())
    ]
    if lost and key not in record.not_finite:
        record.not_finite[key] = (k, f"{WORDS.get(key, key)} of {' and of '.join(lost)}")
    if key in SETTINGS:
        apart = distances.in_ulp(ours, theirs)
    else:
        single = theirs.keys() == {""} and theirs[""].size == 1
        by_array = distances.by_array(ours, theirs, record.greatest.get(key, 0.0))
        if single and np.isfinite(theirs[""]).all():
            record.greatest[key] = max(record.greatest.get(key, 0.0), abs(theirs[""].item()))
        if key == START:
            record.start = by_array
        if key == GRADIENT and len(by_array) > 1:  # terms that cancel leave their rounding
            by_array |= dict.fromkeys(distances.next_to_none((ours, theirs), record.relative), 0.0)
        apart = max(by_array.values())
        if key == GRADIENT and apart > record.relative and not record.gradients:
            record.gradients = by_array
    record.apart.setdefault(key, []).append(apart)
    if key not in (START, WEIGHTS, GRADIENT) and ours.keys() == {""} and ours[""].size <= 64:
        both = record.values.setdefault(key, ([], []))
        both[0].append(np.ravel(ours[""]))
        both[1].append(np.ravel(theirs[""]))


def _look_around(record: Record, here: Told, there: Told, k: int, trail: list[Numbers]) -> None:
    """Keeps the weights of the first update after which they part, and goes on."""
    ours, theirs = here.numbers[WEIGHTS], there.numbers[WEIGHTS]
    if k == 0:
        start = there.numbers.get(START)
        if start is not None and start.keys() == theirs.keys():
            trail.append(start)
    gradients = (here.numbers[GRADIENT], there.numbers[GRADIENT]) if GRADIENT in record.apart else None
    before, last = (trail[-1] if trail else None), (trail[-2] if len(trail) > 1 else None)
    around = Around(ours, theirs, before, last, gradients)
    if record.around is None and record.apart[WEIGHTS][-1] > record.relative:
        record.around = around
    if gradients is not None:
        _look_at_loud(record, around, gradients)
    trail.append(theirs)
    del trail[:-2]


def _look_at_loud(record: Record, around: Around, gradients: tuple[Numbers, Numbers]) -> None:
    """Keeps the same of the weights whose gradient is more than rounding."""
    silent = distances.next_to_none(gradients, record.relative)
    record.silent = silent if record.silent is None else record.silent & silent
    apart = record.apart[WEIGHTS][-1]
    if apart > record.relative and record.silent:
        by_array = distances.by_array(around.ours, around.theirs)
        apart = max((each for name, each in by_array.items() if name not in record.silent), default=0.0)
    record.loud_apart.append(apart)
    if record.loud_around is None and apart > record.relative:
        hidden = record.silent
        loud = [_without(each, hidden) for each in around[:4]]
        record.loud_around = Around(loud[0] or {}, loud[1] or {}, loud[2], loud[3], gradients)


def _without(numbers: Numbers | None, hidden: set[str]) -> Numbers | None:
    if numbers is None:
        return None
    return {name: each for name, each in numbers.items() if name not in hidden}


def pair_of(record: Record, key: str) -> tuple[Floats, Floats]:
    """What was kept of a quantity: updates by numbers."""
    return tuple(np.asarray(side) for side in record.values[key])  # type: ignore[return-value]


def shown(names: Sequence[str]) -> str:
    """Keys in words, as a list."""
    return ", ".join(WORDS.get(name, name) for name in names)
