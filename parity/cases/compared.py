"""Cases of schedules that are held against a live scheduler, value by value."""

from __future__ import annotations

import abc
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar, NamedTuple, Self, TypeAlias, TypeVar

import jaxsched

from ..answers import Plateau
from ..comparison import Comparison, Counts
from ..judge import Answers, judge
from ..reference.events import Event
from ..results import CaseResult
from ..stepped import Stepped
from . import ways
from .case import BaseCase, How
from .spec import BaseSpec

Stepping: TypeAlias = Callable[[int], None]
"""Is told how many more counts are done."""

Found = TypeVar("Found")


class Setup(NamedTuple):
    """What a scheduler is given, as a file of golden vectors keeps it."""

    spec: BaseSpec
    base_lr: float
    epochs: tuple[float, ...] | None = None
    metrics: tuple[str, tuple[float, ...]] | None = None
    """The name of the trace, and the trace."""
    beside: BaseSpec | None = None
    """What is on the same optimizer."""


class ComparedCase(BaseCase):
    """How theirs is stepped, and ours is asked."""

    shows_deviations: ClassVar[bool] = True

    @property
    def by_heart(self) -> tuple[Event, ...]:
        """Events that every case of the kind has, so that no file need keep them."""
        return ()

    @property
    @abc.abstractmethod
    def setup(self) -> Setup:
        """What a file keeps of it."""

    @abc.abstractmethod
    def step(self, progress: Stepping = lambda steps: None) -> Stepped:
        """What theirs does, alive."""

    @classmethod
    @abc.abstractmethod
    def answer_all(cls, cases: Sequence[Self], steppeds: Sequence[Stepped]) -> list[Answers]:
        """What ours of each answers; all are compiled in one program."""

    @abc.abstractmethod
    def ask(self, candidate: Callable[[Any], Any], stepped: Stepped) -> Answers:
        """What somebody else's answers."""

    def schedule(self) -> jaxsched.Schedule | None:
        """Ours, where it is a function of counts or epochs."""
        return None

    def machine(self) -> Plateau | None:
        """Ours, where it is told metrics."""
        return None

    def function(self) -> jaxsched.Schedule | None:
        """Ours, where it is a function of whole counts."""
        return None if self.setup.epochs else self.schedule()

    def turns(self) -> list[int]:
        """The counts of its events, those behind the last count included."""
        return []

    def inputs(self, counts: Counts) -> Counts:
        """What a schedule is asked for at those of its counts."""
        return counts

    @property
    def leaps(self) -> bool:
        """Whether a value can be had without those before it."""
        return self.function() is not None

    @property
    def calls_function(self) -> bool:
        """Whether a function of the user's is computed, and not only its values looked up."""
        return False

    def compare(self, progress: Stepping = lambda steps: None) -> Comparison:
        """Steps theirs and judges ours."""
        stepped = self.step(progress)
        (found,) = self.answer_all([self], [stepped])
        return judge(found, stepped)

    @classmethod
    def run_all(cls, cases: Sequence[Self], how: How) -> Sequence[CaseResult]:
        steppeds, stepping = _timed(lambda case: case.step(lambda n: how.progress(case, n)), cases)
        start = time.perf_counter()
        found = cls.answer_all(cases, steppeds)
        optax = ways.beside_optax(list(map(how.in_optax, cases)), steppeds)
        share = (time.perf_counter() - start) / len(cases)
        comparisons, judging = _timed(judge, found, steppeds)
        modes = ways.in_every_mode(
            [case.function() for case in cases] if how.in_every_mode else [None] * len(cases), comparisons
        )
        return [
            CaseResult(case, comparison, theirs, mine + share + judged, mine, modes=row)
            for case, comparison, theirs, mine, judged, row in zip(
                cases, comparisons, optax, stepping, judging, modes, strict=True
            )
        ]


def _timed(work: Callable[..., Found], *arguments: Iterable[Any]) -> tuple[list[Found], list[float]]:
    """What came of each call, and the seconds that it took."""
    found, seconds = [], []
    for each in zip(*arguments, strict=True):
        start = time.perf_counter()
        found.append(work(*each))
        seconds.append(time.perf_counter() - start)
    return found, seconds
