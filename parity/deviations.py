"""The one table of what jaxsched does otherwise than PyTorch, on purpose.

Only where PyTorch raises without need, divides by zero, or returns nonsense. Every entry is
demonstrated against the PyTorch that is installed whenever the comparison runs: one that no
longer occurs fails the run, so that the table cannot outlive its reasons.
"""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Callable
from typing import Any

import jaxsched

from .cases import BaseSpec, Case, Spec
from .cases.transformers import INSTALLED, HuggingFaceSpec
from .reference import pytorch


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


def _torch(count: int | float, case: Case) -> Callable[[], str]:
    """PyTorch's learning rate at a count; a fractional one by ``step(epoch)``."""

    def say() -> str:
        try:
            # PyTorch warns of steps that a scheduler makes by itself; they are deviations.
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "Detected call of `lr_scheduler.step")
                live = case.make_torch_scheduler()
                if isinstance(count, float):
                    live.step(count)
                    return f"{pytorch.read(live, 'lr', 0):.6g}"
                found = pytorch.trajectory(live, count + 1)
        except (ValueError, ZeroDivisionError, NotImplementedError) as reason:
            return type(reason).__name__
        return found.ended.split(":")[0] if found.ended else f"{found.values[count]:.6g}"

    return say


def _ours(count: int | float, make: Callable[[], jaxsched.Schedule]) -> Callable[[], str]:
    def say() -> str:
        try:
            return f"{float(make().on_host(count)):.6g}"
        except (ValueError, TypeError) as reason:
            return type(reason).__name__

    return say


def _of_spec(
    spec: BaseSpec, count: int | float, when: str, torch_does: str, jaxsched_does: str, reason: str
) -> Deviation:
    """A deviation at a count, from a base learning rate of 0.1; ``when`` says of what."""
    case = Case(spec, 0.1, math.floor(count) + 1)
    return Deviation(
        spec.scheduler,
        when,
        torch_does,
        jaxsched_does,
        reason,
        "2.13.0",
        _torch(count, case),
        _ours(count, case.schedule),
    )


def _deviation(
    scheduler: str,
    count: int | float,
    torch_does: str,
    jaxsched_does: str,
    reason: str,
    /,
    **arguments: Any,
) -> Deviation:
    """A deviation of one of PyTorch's classes."""
    call = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
    when = f"`{scheduler}({call})` at {'epoch' if isinstance(count, float) else 'count'} {count:g}"
    return _of_spec(Spec(scheduler, arguments), count, when, torch_does, jaxsched_does, reason)


def _cyclic_after_another() -> str:
    """PyTorch's first CyclicLR value on an optimizer that another scheduler has used."""
    import torch

    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.5, momentum=0.9)
    torch.optim.lr_scheduler.StepLR(optimizer, 10)
    live = torch.optim.lr_scheduler.CyclicLR(optimizer, base_lr=0.01, max_lr=0.1)
    return f"{pytorch.read(live, 'lr', 0):.6g}"


def _composite(
    count: int, spec: Spec, when: str, torch_does: str, jaxsched_does: str, reason: str
) -> Deviation:
    """A deviation of several schedulers on one optimizer."""
    return _of_spec(spec, count, f"{when}, at count {count}", torch_does, jaxsched_does, reason)


def _sequence(*members: Spec, milestones: list[int]) -> Spec:
    return Spec("SequentialLR", {"schedulers": members, "milestones": milestones})


def _averaging(swa_lr: float) -> Spec:
    return Spec("SWALR", {"swa_lr": swa_lr, "anneal_epochs": 5, "anneal_strategy": "linear"})


_LINEAR = Spec("LinearLR", {"start_factor": 0.1, "total_iters": 9})
_STEP = Spec("StepLR", {"step_size": 4})
_EXPONENTIAL = Spec("ExponentialLR", {"gamma": 0.9})
_INNER = _sequence(_LINEAR, _EXPONENTIAL, milestones=[9])
_CHAIN = Spec("ChainedScheduler", {"schedulers": (_STEP, _EXPONENTIAL)})


def _hugging_face(
    count: int, name: str, torch_does: str, jaxsched_does: str, reason: str, /, **arguments: int
) -> Deviation:
    """A deviation from transformers."""
    spec = HuggingFaceSpec(name, arguments)
    return _of_spec(spec, count, f"`{spec.call(0.1)}` at count {count}", torch_does, jaxsched_does, reason)


def _of_hugging_face() -> tuple[Deviation, ...]:
    return (
        _hugging_face(
            5,
            "cosine_with_restarts",
            "has 0 for one update",
            "starts again from base_lr",
            "49 times a 49th is a little less than 1 in floats, so that theirs is at the end of a cycle",
            num_warmup_steps=4,
            num_training_steps=53,
            num_cycles=49,
        ),
        _hugging_face(
            10,
            "polynomial",
            "divides by zero",
            "is at lr_end",
            "a decay of no updates has ended",
            num_warmup_steps=10,
            num_training_steps=10,
        ),
        _hugging_face(
            10,
            "warmup_stable_decay",
            "starts in the middle of its decay",
            "raises when made",
            "no run has a negative number of updates in its middle",
            num_warmup_steps=10,
            num_training_steps=25,
            num_decay_steps=30,
        ),
    )


DEVIATIONS: tuple[Deviation, ...] = (
    _deviation(
        "ConstantLR",
        5,
        "keeps the factor for ever",
        "has no reduced phase",
        "PyTorch takes the factor away at total_iters, and does not look at count 0; "
        "its own closed form agrees with us",
        factor=0.5,
        total_iters=0,
    ),
    _deviation(
        "ConstantLR",
        5,
        "raises ZeroDivisionError",
        "goes on with base_lr",
        "PyTorch undoes the factor by dividing by it",
        factor=0.0,
        total_iters=5,
    ),
    _deviation(
        "LinearLR",
        5,
        "stays at start_factor for ever",
        "has no ramp: end_factor at once",
        "PyTorch's recursion starts at count 1, which is past the end; its own closed form divides by zero",
        start_factor=0.5,
        total_iters=0,
    ),
    _deviation(
        "PolynomialLR",
        5,
        "keeps base_lr for ever",
        "raises",
        "a decay over 0 updates has no value: PyTorch's own closed form divides by zero",
        total_iters=0,
    ),
    _deviation(
        "StepLR",
        5,
        "raises ZeroDivisionError while training",
        "raises when made, with the reason",
        "an error belongs where the argument is",
        step_size=0,
    ),
    _deviation(
        "CosineAnnealingLR",
        5,
        "raises ZeroDivisionError while training",
        "raises when made, with the reason",
        "an error belongs where the argument is",
        T_max=0,
    ),
    _deviation(
        "ExponentialLR",
        400,
        "grows to infinity",
        "stays at 3.402e38, next to float32's largest number",
        "an infinite learning rate is nobody's plan, and on a TPU a product that overflows is NaN",
        gamma=10.0,
    ),
    _deviation(
        "MultiStepLR",
        5,
        "never reaches the milestone",
        "raises when made",
        "PyTorch looks the count up among the milestones, and no count equals a number that is not whole",
        milestones=[3.0000000000000004],
    ),
    _deviation(
        "CosineAnnealingWarmRestarts",
        1210.0,
        "returns eta_min",
        "returns base_lr: it is a restart",
        "PyTorch finds the cycle of step(epoch) from a rounded logarithm",
        T_0=10,
        T_mult=3,
    ),
    _deviation(
        "CyclicLR",
        5,
        "raises ZeroDivisionError",
        "raises when made, with the reason",
        "a way up of 0 updates has no slope",
        base_lr=0.01,
        max_lr=0.1,
        step_size_up=0,
        step_size_down=5,
    ),
    Deviation(
        "CyclicLR",
        "`CyclicLR(base_lr=0.01, max_lr=0.1)` on an optimizer that another scheduler has used, at count 0",
        "starts from the initial_lr which that scheduler left behind",
        "starts from base_lr",
        "PyTorch sets its own base_lr only after the first step",
        "2.13.0",
        _cyclic_after_another,
        _ours(0, lambda: jaxsched.CyclicLR(0.01, max_lr=0.1)),
    ),
    _deviation(
        "OneCycleLR",
        20,
        "extrapolates one update past the end, to a negative learning rate",
        "stays at the last value",
        "nobody plans an update that climbs the loss",
        max_lr=0.1,
        total_steps=20,
        anneal_strategy="linear",
    ),
    _deviation(
        "OneCycleLR",
        21,
        "raises ValueError two updates past the end",
        "stays at the last value",
        "a compiled program cannot raise; a run that goes on is better off with its last learning rate",
        max_lr=0.1,
        total_steps=20,
    ),
    _deviation(
        "OneCycleLR",
        0,
        "raises ZeroDivisionError where pct_start * total_steps is 1",
        "starts at the peak",
        "the way up has no length then, and the peak is where it would have ended",
        max_lr=0.1,
        total_steps=2,
        pct_start=0.5,
    ),
    _composite(
        8,
        _sequence(_INNER, _EXPONENTIAL, milestones=[20]),
        "`SequentialLR` with a `SequentialLR` first in it",
        "hands over one step early: making it advances the inner one",
        "hands over at the milestone",
        "PyTorch undoes the first step of plain members only",
    ),
    _composite(
        20,
        _sequence(_EXPONENTIAL, _INNER, milestones=[20]),
        "`SequentialLR` with a `SequentialLR` later in it",
        "raises NotImplementedError",
        "starts the inner one anew",
        "a composition that has a meaning should have a value",
    ),
    _composite(
        0,
        _sequence(_CHAIN, _LINEAR, milestones=[20]),
        "`SequentialLR` with a `ChainedScheduler` first in it",
        "starts one step ahead: making it advances the chain",
        "starts at count 0",
        "PyTorch undoes the first step of plain members only",
    ),
    _composite(
        20,
        _sequence(_EXPONENTIAL, _CHAIN, milestones=[20]),
        "`SequentialLR` with a `ChainedScheduler` later in it",
        "raises NotImplementedError",
        "starts the chain anew",
        "a composition that has a meaning should have a value",
    ),
    _composite(
        0,
        _sequence(_LINEAR, Spec("OneCycleLR", {"max_lr": 0.3, "total_steps": 200}), milestones=[9]),
        "`SequentialLR` with a `OneCycleLR` in it that starts elsewhere than the optimizer",
        "lets its first learning rate replace the optimizer's for the other members",
        "keeps base_lr for them",
        "PyTorch's OneCycleLR overwrites the initial_lr that all members share",
    ),
    _composite(
        0,
        Spec(
            "ChainedScheduler",
            {"schedulers": (_EXPONENTIAL, Spec("CyclicLR", {"base_lr": 0.02, "max_lr": 0.2}))},
        ),
        "`ChainedScheduler` with a `CyclicLR` behind another, with another base_lr than the optimizer's",
        "starts from the initial_lr which the other left behind",
        "starts from base_lr",
        "PyTorch sets its own base_lr only after the first step",
    ),
    _composite(
        5,
        _sequence(_averaging(0.3), _averaging(0.02), milestones=[8]),
        "Two `SWALR` on one optimizer, with different swa_lr",
        "lets the second one's swa_lr replace the first one's",
        "lets each go to its own; `from_torch` gives what PyTorch will do",
        "PyTorch keeps the goal in the parameter group, where there is room for one",
    ),
    _composite(
        12,
        _sequence(_LINEAR, _EXPONENTIAL, _STEP, milestones=[9, 5]),
        "`SequentialLR` with milestones out of order",
        "goes on",
        "raises when made",
        "which scheduler is meant cannot be told",
    ),
)

if INSTALLED:
    DEVIATIONS += _of_hugging_face()
