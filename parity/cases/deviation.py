"""What jaxsched does otherwise than PyTorch, on purpose.

Only where PyTorch raises without need, divides by zero, or returns nonsense. Each is demonstrated against
the PyTorch that is installed whenever the comparison runs: one that no longer occurs fails the run, so that
none can outlive its reason.
"""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Callable
from typing import Any

import jaxsched

from ..reference import live
from .by_count import Case
from .spec import BaseSpec, Spec


@dataclasses.dataclass(frozen=True)
class Deviation:
    """One thing that PyTorch does and jaxsched does not."""

    scheduler: str
    when: str
    """The call, and the count where it matters."""
    torch_does: str
    jaxsched_does: str
    reason: str
    torch_version: str
    """The PyTorch release on which it was first written down."""
    torch: Callable[[], str]
    """What PyTorch, as installed, says there."""
    jaxsched: Callable[[], str]
    """What jaxsched says there."""


@dataclasses.dataclass(frozen=True)
class Demonstration:
    """What a deviation looks like today."""

    deviation: Deviation
    torch: str
    jaxsched: str

    @property
    def occurs(self) -> bool:
        """Whether the two still differ."""
        return self.torch != self.jaxsched


def demonstrate(deviation: Deviation) -> Demonstration:
    """Runs both sides, on the real PyTorch."""
    return Demonstration(deviation, deviation.torch(), deviation.jaxsched())


def deviation(
    scheduler: str,
    count: int | float,
    torch_does: str,
    jaxsched_does: str,
    reason: str,
    /,
    **arguments: Any,
) -> Deviation:
    """One of PyTorch's classes alone, at a count or, if that is fractional, by ``step(epoch)``."""
    call = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
    when = f"`{scheduler}({call})` at {'epoch' if isinstance(count, float) else 'count'} {count:g}"
    return of_spec(Spec(scheduler, arguments), count, when, torch_does, jaxsched_does, reason)


def together(
    count: int, spec: Spec, when: str, torch_does: str, jaxsched_does: str, reason: str
) -> Deviation:
    """Several schedulers on one optimizer; ``when`` says what is special about them."""
    return of_spec(spec, count, f"{when}, at count {count}", torch_does, jaxsched_does, reason)


def of_spec(
    spec: BaseSpec, count: int | float, when: str, torch_does: str, jaxsched_does: str, reason: str
) -> Deviation:
    """Anything at a count, from a base learning rate of 0.1; ``when`` says of what."""
    case = Case(spec, 0.1, math.floor(count) + 1)
    return Deviation(
        spec.scheduler,
        when,
        torch_does,
        jaxsched_does,
        reason,
        "2.13.0",
        _said_by_torch(count, case),
        said_by_jaxsched(count, case.schedule),
    )


def _said_by_torch(count: int | float, case: Case) -> Callable[[], str]:
    """PyTorch's learning rate at a count; a fractional one by ``step(epoch)``."""

    def say() -> str:
        try:
            # PyTorch warns of steps that a scheduler makes by itself; they are deviations.
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "Detected call of `lr_scheduler.step")
                scheduler = case.make_torch_scheduler()
                if isinstance(count, float):
                    scheduler.step(count)
                    return shown(live.read(scheduler, "lr", 0))
                found = live.trajectory(scheduler, count + 1)
        except (ValueError, ZeroDivisionError, NotImplementedError) as reason:
            return type(reason).__name__
        return found.ended.split(":")[0] if found.ended else shown(found.values[count])

    return say


def said_by_jaxsched(count: int | float, make: Callable[[], jaxsched.Schedule]) -> Callable[[], str]:
    """The learning rate at a count; or the error that it takes to make the schedule."""

    def say() -> str:
        try:
            return shown(float(make().on_host(count)))
        except (ValueError, TypeError) as reason:
            return type(reason).__name__

    return say


def shown(lr: float) -> str:
    """A learning rate in a table of deviations."""
    return f"{lr:.6g}"
