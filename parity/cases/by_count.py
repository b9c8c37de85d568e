"""Schedulers that are functions of the count: a schedule with a live scheduler, for so many counts."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self, final

import numpy as np

import jaxsched

from .. import answers, stepped
from ..comparison import Counts
from ..judge import Answers
from ..reference import events
from ..reference.live import Live
from ..stepped import Stepped
from . import script
from .compared import ComparedCase, Setup, Stepping
from .spec import BaseSpec, Spec


@final
@dataclasses.dataclass(frozen=True)
class Case(ComparedCase):
    """One comparison of a jaxsched schedule with the live scheduler of the same name, count by count."""

    spec: BaseSpec

    base_lr: float
    """The optimizer's learning rate. CyclicLR and OneCycleLR set one of their own."""

    steps: int
    quantity: str = "lr"

    fractions: tuple[float, ...] | None = None
    """Epochs for ``scheduler.step(epoch)``, instead of steps; each a float32."""

    @property
    def scheduler(self) -> str:
        return self.spec.scheduler

    @property
    def name(self) -> str:
        """The schedule as its call."""
        return f"{self.spec.call(self.base_lr)}{self._what}{' by step(epoch)' if self.fractions else ''}"

    @property
    def _what(self) -> str:
        return "" if self.quantity == "lr" else f".{self.quantity}"

    @property
    def arguments(self) -> Mapping[str, Any]:
        return self.spec.arguments

    @property
    def setup(self) -> Setup:
        return Setup(self.spec, self.base_lr, self.fractions)

    def shortened(self, steps: int) -> Self:
        fractions = self.fractions[:steps] if self.fractions else None
        return dataclasses.replace(self, steps=min(self.steps, steps), fractions=fractions)

    def script(self) -> str:
        return script.by_count(
            self.name,
            self.base_lr,
            [*self.spec.needs, *self.spec.functions()],
            torch=self.spec.torch_code(),
            ours=f"{self.spec.jaxsched_code(self.base_lr)}{self._what}",
            quantity=self.quantity,
            steps=self.steps,
            epochs=self.fractions,
        )

    def schedule(self) -> jaxsched.Schedule:
        """Ours."""
        schedule: Any = self.spec.schedule(self.base_lr)
        return schedule if self.quantity == "lr" else schedule.momentum  # type: ignore[no-any-return]

    def turns(self) -> list[int]:
        live = self.make_torch_scheduler()
        found = (*events.told_by(live, self.steps), *events.never_reached(live, self.steps))
        return [event.count for event in found]

    def inputs(self, counts: Counts) -> Counts:
        return counts if self.fractions is None else np.asarray(self.fractions, np.float64)

    @property
    def calls_function(self) -> bool:
        return self.spec.calls_function

    def make_torch_scheduler(self) -> Live:
        """Theirs, alive, with an SGD that has momentum."""
        import torch

        parameter = torch.nn.Parameter(torch.zeros(1))
        return self.spec.torch(torch.optim.SGD([parameter], lr=self.base_lr, momentum=0.9))

    def step(self, progress: Stepping = lambda steps: None) -> Stepped:
        return stepped.step(
            self.make_torch_scheduler(),
            self.steps,
            quantity=self.quantity,
            fractions=self.fractions,
            progress=progress,
        )

    @classmethod
    def answer_all(cls, cases: Sequence[Self], steppeds: Sequence[Stepped]) -> list[Answers]:
        return answers.answer_all([case.schedule() for case in cases], steppeds)

    def ask(self, candidate: Callable[[Any], Any], stepped: Stepped) -> Answers:
        return answers.answer(candidate, stepped)


def case(scheduler: str, base_lr: float, steps: int, quantity: str = "lr", /, **arguments: Any) -> Case:
    """A case of one of PyTorch's classes."""
    return Case(Spec(scheduler, arguments), base_lr, steps, quantity)
