"""What every kind of case knows of itself, and what it takes to run some."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeAlias

from .equivalent import Equivalent

if TYPE_CHECKING:
    from ..results import CaseResult
    from ..training import TrainingResult
    from .compared import ComparedCase

    AnyResult: TypeAlias = CaseResult | TrainingResult

QUICK = 2_000
"""Of at most so many counts are the cases that a quick run looks at."""


@dataclasses.dataclass(frozen=True)
class How:
    """How cases are run."""

    progress: Callable[[BaseCase, int], None]
    """Is told of each case how many more counts are done."""

    in_every_mode: bool
    """Whether each schedule is called in every way there is."""

    in_optax: Callable[[ComparedCase], Equivalent | None]
    """Finds what Optax has for a case."""


class BaseCase(abc.ABC):
    """One line of the table."""

    shows_deviations: ClassVar[bool] = False
    """Whether a run with it shows what ours does otherwise than its scheduler, on purpose."""

    if TYPE_CHECKING:  # a field or computed, as it suits the kind

        @property
        def steps(self) -> int:
            """For how many counts."""

        @property
        def quantity(self) -> str:
            """Of what there are curves."""

    @property
    @abc.abstractmethod
    def scheduler(self) -> str:
        """Under which name it is counted and chosen."""

    @property
    @abc.abstractmethod
    def name(self) -> str:
        """The schedule as its call, and what else there is to say; no two cases have the same."""

    @property
    @abc.abstractmethod
    def arguments(self) -> Mapping[str, Any]:
        """What theirs is given, by name."""

    @abc.abstractmethod
    def shortened(self, steps: int) -> Self:
        """The same for no more than so many counts."""

    @classmethod
    @abc.abstractmethod
    def run_all(cls, cases: Sequence[Self], how: How) -> Sequence[AnyResult]:
        """What comes of each; together, since what they have in common is done once."""

    @property
    def quick(self) -> bool:
        """Whether a quick run looks at it."""
        return self.steps <= QUICK

    def script(self) -> str | None:
        """The case as a script of its own; None where scripts cannot do it."""
        return None
