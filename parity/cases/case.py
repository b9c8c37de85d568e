"""What is compared: a schedule with a live scheduler, for so many counts."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Mapping
from typing import Any, Self

import jaxsched

from ..reference.live import Live
from . import script
from .spec import BaseSpec, Spec


class BaseCase(abc.ABC):
    """What every kind of comparison knows of itself; each also has its ``steps`` and its ``quantity``."""

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

    def script(self) -> str | None:
        """The case as a script of its own; None where scripts cannot do it."""
        return None


@dataclasses.dataclass(frozen=True)
class Case(BaseCase):
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
        what = "" if self.quantity == "lr" else f".{self.quantity}"
        return f"{self.spec.call(self.base_lr)}{what}{' by step(epoch)' if self.fractions else ''}"

    @property
    def arguments(self) -> Mapping[str, Any]:
        return self.spec.arguments

    def shortened(self, steps: int) -> Self:
        fractions = self.fractions[:steps] if self.fractions else None
        return dataclasses.replace(self, steps=min(self.steps, steps), fractions=fractions)

    def script(self) -> str:
        what = "" if self.quantity == "lr" else f".{self.quantity}"
        return script.by_count(
            self.name,
            self.base_lr,
            [*self.spec.needs, *self.spec.functions()],
            torch=self.spec.torch_code(),
            ours=f"{self.spec.jaxsched_code(self.base_lr)}{what}",
            quantity=self.quantity,
            steps=self.steps,
            epochs=self.fractions,
        )

    def schedule(self) -> jaxsched.Schedule:
        """Ours."""
        schedule: Any = self.spec.schedule(self.base_lr)
        return schedule if self.quantity == "lr" else schedule.momentum  # type: ignore[no-any-return]

    def make_torch_scheduler(self) -> Live:
        """Theirs, alive, with an SGD that has momentum."""
        import torch

        parameter = torch.nn.Parameter(torch.zeros(1))
        return self.spec.torch(torch.optim.SGD([parameter], lr=self.base_lr, momentum=0.9))


def case(scheduler: str, base_lr: float, steps: int, quantity: str = "lr", /, **arguments: Any) -> Case:
    """A case of one of PyTorch's classes."""
    return Case(Spec(scheduler, arguments), base_lr, steps, quantity)
