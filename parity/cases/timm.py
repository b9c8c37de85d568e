"""The cases of timm: every scheduler, every argument, epochs and updates, the hard spots."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
from collections.abc import Iterator
from typing import Any, final

import jaxsched.timm

from ..reference import timm
from ..reference.live import Live
from .by_count import Case
from .spec import BaseSpec, arguments_code

FILES = {
    "CosineLRScheduler": "cosine_lr",
    "MultiStepLRScheduler": "multistep_lr",
    "PolyLRScheduler": "poly_lr",
    "StepLRScheduler": "step_lr",
    "TanhLRScheduler": "tanh_lr",
}
"""In which file of timm's each is."""


@final
@dataclasses.dataclass(frozen=True)
class TimmSpec(BaseSpec):
    """One of timm's classes, and its arguments. ``t_in_epochs`` is timm's alone: it says what a count is."""

    @property
    def _ours(self) -> dict[str, Any]:
        return {name: value for name, value in self.arguments.items() if name != "t_in_epochs"}

    def call(self, base_lr: float) -> str:
        return f"timm.{self.scheduler}({base_lr!r}{arguments_code(self.arguments)})"

    def torch(self, optimizer: Any) -> Live:
        made = getattr(timm.module(FILES[self.scheduler]), self.scheduler)
        with _without_advice():
            return made(optimizer, **self.arguments)

    def schedule(self, base_lr: float) -> jaxsched.Schedule:
        made: jaxsched.Schedule = getattr(jaxsched.timm, self.scheduler)(base_lr, **self._ours)
        return made

    def torch_code(self) -> str:
        return f"timm.scheduler.{self.scheduler}(optimizer{arguments_code(self.arguments)})"

    def jaxsched_code(self, base_lr: float) -> str:
        return f"jaxsched.timm.{self.scheduler}({base_lr!r}{arguments_code(self._ours)})"

    @property
    def needs(self) -> tuple[str, ...]:
        return ("import timm.scheduler\n",)


@contextlib.contextmanager
def _without_advice() -> Iterator[None]:
    """timm's cosine logs that ``t_initial=1`` does nothing: a case is tried because somebody may write it."""
    logger = logging.getLogger("timm.scheduler")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def _case(name: str, base_lr: float, steps: int, **arguments: Any) -> Case:
    return Case(TimmSpec(name, arguments), base_lr, steps)


_UP = {"warmup_t": 5, "warmup_lr_init": 1e-6}

CASES: tuple[Case, ...] = (
    _case("CosineLRScheduler", 0.05, 120, t_initial=100),
    _case("CosineLRScheduler", 5e-4, 310, t_initial=300, lr_min=1e-5, **_UP),
    _case("CosineLRScheduler", 5e-4, 320, t_initial=300, lr_min=1e-5, warmup_prefix=True, **_UP),
    _case("CosineLRScheduler", 0.1, 400, t_initial=50, cycle_limit=7, cycle_decay=0.5),
    _case("CosineLRScheduler", 0.1, 400, t_initial=10, cycle_mul=2.0, cycle_limit=5, cycle_decay=0.8),
    _case("CosineLRScheduler", 0.1, 400, t_initial=20, cycle_mul=1.5, cycle_limit=4, lr_min=1e-3),
    _case("CosineLRScheduler", 0.1, 120, t_initial=100, k_decay=1.5),
    _case("CosineLRScheduler", 0.1, 120, t_initial=100, k_decay=0.5, lr_min=1e-4),
    _case("CosineLRScheduler", 1e-3, 20_100, t_initial=20_000, warmup_t=500, t_in_epochs=False),
    _case("CosineLRScheduler", 0.1, 5, t_initial=1),
    _case("CosineLRScheduler", 0.1, 12, t_initial=3, warmup_t=8),
    _case("CosineLRScheduler", 0.1, 12, t_initial=3, cycle_limit=0),
    _case("TanhLRScheduler", 0.05, 120, t_initial=100),
    _case("TanhLRScheduler", 0.05, 120, t_initial=100, lb=-6.0, ub=4.0, lr_min=1e-5, **_UP),
    _case("TanhLRScheduler", 0.05, 120, t_initial=100, warmup_prefix=True, **_UP),
    _case("TanhLRScheduler", 0.1, 400, t_initial=10, cycle_mul=2.0, cycle_limit=5, cycle_decay=0.8),
    _case("PolyLRScheduler", 0.05, 120, t_initial=100),
    _case("PolyLRScheduler", 0.05, 120, t_initial=100, power=0.9, lr_min=1e-5, **_UP),
    _case("PolyLRScheduler", 0.05, 120, t_initial=100, power=2.0, k_decay=1.5, warmup_prefix=True, **_UP),
    _case("PolyLRScheduler", 0.1, 400, t_initial=10, power=1.0, cycle_mul=2.0, cycle_limit=5),
    _case("StepLRScheduler", 0.1, 200, decay_t=30, decay_rate=0.5),
    _case("StepLRScheduler", 0.1, 200, decay_t=7, decay_rate=0.97, **_UP),
    _case("StepLRScheduler", 0.1, 200, decay_t=7, decay_rate=0.97, warmup_prefix=False, **_UP),
    _case("MultiStepLRScheduler", 0.1, 200, decay_t=[30, 60, 150], decay_rate=0.1),
    _case("MultiStepLRScheduler", 0.1, 200, decay_t=[30, 30, 60], decay_rate=0.5, **_UP),
    _case("MultiStepLRScheduler", 0.1, 200, decay_t=[3, 60], decay_rate=0.5, warmup_prefix=False, **_UP),
)  # fmt: skip
"""Nothing of these is compared where timm is not installed."""
