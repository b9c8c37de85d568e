"""One more kind of case: a scheduler and an optimizer that train a network."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any, Self

from ..cases import BaseCase, Spec
from ..cases.case import How
from .result import TrainingResult
from .side_by_side import train
from .twins import KINDS, OPTIMIZERS


@dataclasses.dataclass(frozen=True)
class TrainingCase(BaseCase):
    """A scheduler and an optimizer, for so many updates."""

    optimizer: str
    spec: Spec
    base_lrs: tuple[float, ...] = (0.1,)
    """Of the optimizer's parameter groups: all weights, or the hidden layer and the last one."""

    steps: int = 200

    @property
    def scheduler(self) -> str:
        return self.spec.scheduler

    @property
    def name(self) -> str:
        """The optimizer, and the schedule of each group as its call."""
        return f"{self.optimizer}: {' and '.join(self.schedules)}"

    @property
    def kinds(self) -> tuple[str, ...]:
        """What each layer has."""
        return ("weight",) if OPTIMIZERS[self.optimizer].torch == "Muon" else KINDS

    @property
    def brought(self) -> bool:
        """Whether somebody brought it, so that there is no more than one, and nobody knows its parts."""
        return False

    @property
    def schedules(self) -> tuple[str, ...]:
        """The schedule of each group, as its call."""
        return tuple(map(self.spec.call, self.base_lrs))

    @property
    def arguments(self) -> Mapping[str, Any]:
        return self.spec.arguments

    def shortened(self, steps: int) -> Self:
        return dataclasses.replace(self, steps=min(self.steps, steps))

    @property
    def quantity(self) -> str:
        return "training"

    @property
    def quick(self) -> bool:
        return False

    @classmethod
    def run_all(cls, cases: Sequence[Self], how: How) -> Sequence[TrainingResult]:
        return [train(case, functools.partial(how.progress, case)) for case in cases]
