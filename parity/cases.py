"""The one table of cases that the command line, the tests and the docs all read.

A case is a PyTorch scheduler with its arguments and how many counts to look at. Each class
stands here with its defaults, its edge values, and the hard spots that are known of it.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any

import jax.numpy as jnp

import jaxsched


@dataclasses.dataclass(frozen=True)
class Spec:
    """A scheduler and its arguments, apart from PyTorch and JAX; it can make both."""

    scheduler: str
    """The class, in PyTorch and in jaxsched."""

    arguments: Mapping[str, Any]
    """What PyTorch's class is given besides the optimizer; members are specs themselves."""

    ours: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """Arguments for jaxsched on top: a horizon, or a function written anew for JAX."""

    @property
    def sets_own_lr(self) -> bool:
        """Whether the learning rate is among the arguments, and not the optimizer's."""
        return self.scheduler in ("CyclicLR", "OneCycleLR", "SequentialLR", "ChainedScheduler")

    def call(self, base_lr: float) -> str:
        """The schedule as its call."""
        first = [] if self.sets_own_lr else [repr(base_lr)]
        named = [f"{name}={_show(value, base_lr)}" for name, value in self.arguments.items()]
        return f"{self.scheduler}({', '.join(first + named)})"

    def torch(self, optimizer: Any) -> Any:
        """PyTorch's, alive."""
        import torch

        arguments = {n: _each(v, lambda spec: spec.torch(optimizer)) for n, v in self.arguments.items()}
        if self.scheduler == "SWALR":
            return torch.optim.swa_utils.SWALR(optimizer, **arguments)
        make = getattr(torch.optim.lr_scheduler, self.scheduler)
        return make(**arguments) if self.scheduler == "ChainedScheduler" else make(optimizer, **arguments)

    def schedule(self, base_lr: float) -> jaxsched.Schedule:
        """Ours."""
        given = {**self.arguments, **self.ours}
        arguments = {n: _each(v, lambda spec: spec.schedule(base_lr)) for n, v in given.items()}
        first = () if self.sets_own_lr else (base_lr,)
        made: jaxsched.Schedule = getattr(jaxsched, self.scheduler)(*first, **arguments)
        return made


def _each(value: Any, convert: Callable[[Spec], Any]) -> Any:
    """Members of a composite converted, everything else as it is."""
    if isinstance(value, tuple):
        return [convert(member) for member in value]
    return value


def _show(value: Any, base_lr: float) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(spec.call(base_lr) for spec in value)}]"
    return value.__name__ if callable(value) else repr(value)


@dataclasses.dataclass(frozen=True)
class Case:
    """One comparison of a jaxsched schedule with PyTorch's scheduler of the same name."""

    spec: Spec

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

    def schedule(self) -> jaxsched.Schedule:
        """Ours."""
        schedule: Any = self.spec.schedule(self.base_lr)
        return schedule if self.quantity == "lr" else schedule.momentum  # type: ignore[no-any-return]

    def make_torch_scheduler(self) -> Any:
        """PyTorch's, alive, with an SGD that has momentum."""
        import torch

        parameter = torch.nn.Parameter(torch.zeros(1))
        return self.spec.torch(torch.optim.SGD([parameter], lr=self.base_lr, momentum=0.9))


def _case(scheduler: str, base_lr: float, steps: int, quantity: str = "lr", /, **arguments: Any) -> Case:
    return Case(Spec(scheduler, arguments), base_lr, steps, quantity)


# Functions for LambdaLR and for CyclicLR's scale_fn; each as people write it for PyTorch,
# and once more for JAX where Python's `if` and `min` stand in the way.


def decay_95(k: int) -> float:
    return 0.95**k


def inverse_time(k: int) -> float:
    return 1 / (1 + 0.01 * k)


def warmup_then_inverse_sqrt(k: int) -> float:
    return (k + 1) / 100 if k < 100 else (100 / (k + 1)) ** 0.5


def warmup_then_inverse_sqrt_traceable(k: Any) -> Any:
    return jnp.where(k < 100, (k + 1) / 100, jnp.sqrt(100 / (k + 1)))


def ten_epochs_each(k: int) -> float:
    return 0.5 ** (k // 10)


def halve(x: int) -> float:
    return 1 / (2.0 ** (x - 1))


def fade(x: int) -> float:
    return 0.999**x


def every_third(k: int) -> float:
    return 0.7 if k % 3 == 0 else 1.0


def cool(k: int) -> float:
    return 0.97


def cosine_by_hand(k: int) -> float:
    return 0.5 * (1 + math.cos(math.pi * min(k, 80) / 80))


def _lambda(function: Callable[[Any], Any], steps: int, **ours: Any) -> Case:
    return Case(Spec("LambdaLR", {"lr_lambda": function}, ours), 0.1, steps)


def _epochs(T_0: int, T_mult: int, fractions: tuple[float, ...], **arguments: Any) -> Case:
    arguments = {"T_0": T_0, "T_mult": T_mult, **arguments}
    return Case(Spec("CosineAnnealingWarmRestarts", arguments), 0.1, len(fractions), fractions=fractions)


# Members, by short names, for sequences and chains.

HORIZON = 160


def member(scheduler: str, /, **arguments: Any) -> Spec:
    """A spec; with a horizon where jaxsched needs one for a function."""
    looks = arguments.get("lr_lambda") in (every_third, cosine_by_hand)
    return Spec(scheduler, arguments, {"total_steps": HORIZON} if looks else {})


MEMBERS: Mapping[str, Spec] = {
    "constant": member("ConstantLR", factor=0.25, total_iters=12),
    "linear": member("LinearLR", start_factor=0.1, total_iters=9),
    "step": member("StepLR", step_size=7, gamma=0.6),
    "multi": member("MultiStepLR", milestones=[4, 11, 11, 30], gamma=0.5),
    "exponential": member("ExponentialLR", gamma=0.93),
    "polynomial": member("PolynomialLR", total_iters=25, power=1.5),
    "cosine": member("CosineAnnealingLR", T_max=14),
    "cosine to": member("CosineAnnealingLR", T_max=13, eta_min=0.01),
    "restarts": member("CosineAnnealingWarmRestarts", T_0=6, T_mult=2, eta_min=0.001),
    # These two set the optimizer's learning rate for everybody: here, to what it is anyway.
    "cyclic": member("CyclicLR", base_lr=0.1, max_lr=0.2, step_size_up=5, mode="triangular2"),
    "one cycle": member("OneCycleLR", max_lr=2.5, total_steps=200),
    "lambda": member("LambdaLR", lr_lambda=decay_95),
    "lambda by hand": member("LambdaLR", lr_lambda=cosine_by_hand),
    "multiplicative": member("MultiplicativeLR", lr_lambda=every_third),
    "cool": member("MultiplicativeLR", lr_lambda=cool),
    "swa": member("SWALR", swa_lr=0.05, anneal_epochs=8),
    "swa linear": member("SWALR", swa_lr=0.04, anneal_epochs=5, anneal_strategy="linear"),
    "swa at once": member("SWALR", swa_lr=0.03, anneal_epochs=0),
}


def sequence(milestones: tuple[int, ...], *names: str) -> Spec:
    """A SequentialLR of members named above."""
    members = tuple(MEMBERS[name] for name in names)
    return Spec("SequentialLR", {"schedulers": members, "milestones": list(milestones)})


def chain(*names: str) -> Spec:
    """A ChainedScheduler of members named above; the horizon is given to all, and used by some."""
    members = tuple(MEMBERS[name] for name in names)
    return Spec("ChainedScheduler", {"schedulers": members}, {"total_steps": HORIZON})


def _composite(spec: Spec, base_lr: float = 0.1, steps: int = 150) -> Case:
    return Case(spec, base_lr, steps)


def _both_orders(*names: str) -> tuple[Case, Case]:
    return _composite(chain(*names)), _composite(chain(*reversed(names)))


CASES: tuple[Case, ...] = (
    # ConstantLR: before, on and after the change; none; never.
    _case("ConstantLR", 0.1, 20),
    _case("ConstantLR", 0.05, 20, factor=0.5, total_iters=4),
    _case("ConstantLR", 0.1, 20, factor=1.0, total_iters=10),
    _case("ConstantLR", 0.1, 20, factor=0.1, total_iters=1),
    _case("ConstantLR", 3e-4, 2_000, factor=0.3, total_iters=1_000),
    _case("ConstantLR", 0.1, 50, factor=0.25, total_iters=100),
    # LinearLR: warm-up, decay, decay to zero, one step, past the end.
    _case("LinearLR", 0.1, 20),
    _case("LinearLR", 0.05, 20, start_factor=0.5, total_iters=4),
    _case("LinearLR", 0.1, 50, start_factor=1.0, end_factor=0.3, total_iters=10),
    _case("LinearLR", 0.1, 50, start_factor=1.0, end_factor=0.5, total_iters=30),
    _case("LinearLR", 1e-3, 20, start_factor=1.0, end_factor=0.0, total_iters=10),
    _case("LinearLR", 0.1, 5, start_factor=0.1, total_iters=1),
    _case("LinearLR", 6e-4, 3_000, start_factor=1e-8, total_iters=2_000),
    _case("LinearLR", 0.1, 10_100, start_factor=1.0, end_factor=1e-3, total_iters=10_000),
    # StepLR: the boundaries at which float32 arithmetic steps late.
    _case("StepLR", 0.05, 120, step_size=30),
    *(_case("StepLR", 0.1, 20 * size, step_size=size, gamma=0.9) for size in (41, 47, 55, 61)),
    _case("StepLR", 0.1, 200, step_size=1, gamma=0.95),
    _case("StepLR", 0.1, 100, step_size=7, gamma=1.0),
    _case("StepLR", 0.1, 100, step_size=10, gamma=2.0),
    _case("StepLR", 0.1, 40, step_size=10, gamma=0.0),
    _case("StepLR", 0.1, 100_000, step_size=1_000, gamma=0.9),
    # MultiStepLR: twice the same, out of order, at 0, none at all.
    _case("MultiStepLR", 0.05, 120, milestones=[30, 80]),
    _case("MultiStepLR", 0.1, 120, milestones=[30, 80, 80], gamma=0.5),
    _case("MultiStepLR", 0.1, 120, milestones=[80, 30], gamma=0.3),
    _case("MultiStepLR", 0.1, 20, milestones=[0, 10], gamma=0.1),
    _case("MultiStepLR", 0.1, 20, milestones=[], gamma=0.1),
    _case("MultiStepLR", 0.1, 500, milestones=list(range(10, 410, 10)), gamma=0.9),
    _case("MultiStepLR", 0.1, 50_000, milestones=[15_000, 30_000, 40_000], gamma=0.2),
    # ExponentialLR: long runs, growth, down through the subnormal numbers to 0.
    _case("ExponentialLR", 0.05, 50, gamma=0.1),
    _case("ExponentialLR", 0.1, 500, gamma=0.95),
    _case("ExponentialLR", 0.1, 100_000, gamma=0.9999),
    _case("ExponentialLR", 0.1, 20_000, gamma=0.99999),
    _case("ExponentialLR", 1e-6, 2_000, gamma=1.01),
    _case("ExponentialLR", 0.1, 100, gamma=1.0),
    _case("ExponentialLR", 1.0, 170, gamma=0.5),
    _case("ExponentialLR", 0.1, 5, gamma=0.0),
    # PolynomialLR: powers on both sides of 1, and past the end.
    _case("PolynomialLR", 0.1, 10),
    _case("PolynomialLR", 0.05, 20, total_iters=4, power=1.0),
    _case("PolynomialLR", 0.1, 1_010, total_iters=1_000, power=0.9),
    _case("PolynomialLR", 0.1, 1_010, total_iters=1_000, power=2.0),
    _case("PolynomialLR", 0.1, 110, total_iters=100, power=0.5),
    _case("PolynomialLR", 0.1, 110, total_iters=100, power=0.0),
    _case("PolynomialLR", 0.1, 5, total_iters=1, power=3.0),
    _case("PolynomialLR", 0.1, 10_010, total_iters=10_000, power=3.5),
    _case("PolynomialLR", 0.1, 50_010, total_iters=50_000),
    # CosineAnnealingLR: next to the end, and up again past it.
    *(_case("CosineAnnealingLR", 0.1, 6 * T_max, T_max=T_max) for T_max in (1, 2, 5)),
    _case("CosineAnnealingLR", 0.1, 4_500, T_max=1_000),
    _case("CosineAnnealingLR", 0.1, 10_002, T_max=10_000),
    _case("CosineAnnealingLR", 0.1, 150_000, T_max=100_000),
    _case("CosineAnnealingLR", 0.1, 250, T_max=100, eta_min=1e-4),
    _case("CosineAnnealingLR", 0.01, 250, T_max=100, eta_min=0.1),
    _case("CosineAnnealingLR", 0.1, 100, T_max=30, eta_min=0.1),
    _case("CosineAnnealingLR", 3e-4, 5_000, T_max=2_500, eta_min=3e-5),
    # CosineAnnealingWarmRestarts: every restart; fractions of an epoch.
    _case("CosineAnnealingWarmRestarts", 0.1, 20, T_0=1),
    _case("CosineAnnealingWarmRestarts", 0.1, 100, T_0=10),
    _case("CosineAnnealingWarmRestarts", 0.1, 1_300, T_0=10, T_mult=2),
    _case("CosineAnnealingWarmRestarts", 0.1, 2_000, T_0=5, T_mult=3, eta_min=1e-3),
    _case("CosineAnnealingWarmRestarts", 0.1, 600, T_0=1, T_mult=2),
    _case("CosineAnnealingWarmRestarts", 0.1, 20_000, T_0=1_000, T_mult=1, eta_min=1e-5),
    _case("CosineAnnealingWarmRestarts", 0.1, 60_000, T_0=2_000, T_mult=4),
    _epochs(10, 1, tuple(i / 16 for i in range(800))),
    _epochs(10, 2, tuple(i / 8 for i in range(1_200)), eta_min=1e-3),
    _epochs(7, 3, tuple(i / 4 for i in range(1_200))),
    # CyclicLR: the four scales, uneven sides, and momentum against it.
    _case("CyclicLR", 0.1, 9_000, base_lr=0.01, max_lr=0.1),
    _case("CyclicLR", 0.1, 100, base_lr=0.001, max_lr=0.1, step_size_up=5),
    _case("CyclicLR", 0.1, 100, base_lr=0.001, max_lr=0.1, step_size_up=3, step_size_down=8),
    _case("CyclicLR", 0.1, 20, base_lr=0.0, max_lr=0.1, step_size_up=1),
    _case("CyclicLR", 0.1, 200, base_lr=0.01, max_lr=0.1, step_size_up=10, mode="triangular2"),
    _case("CyclicLR", 0.1, 3_000, base_lr=0.01, max_lr=0.1, step_size_up=50, mode="exp_range", gamma=0.999),
    _case("CyclicLR", 0.1, 200, base_lr=0.01, max_lr=0.1, step_size_up=10, scale_fn=halve),
    _case(
        "CyclicLR",
        0.1,
        200,
        base_lr=0.01,
        max_lr=0.1,
        step_size_up=10,
        scale_fn=fade,
        scale_mode="iterations",
    ),
    _case("CyclicLR", 0.1, 100, base_lr=0.01, max_lr=0.1, step_size_up=10, cycle_momentum=False),
    _case("CyclicLR", 0.1, 9_000, "momentum", base_lr=0.01, max_lr=0.1),
    _case("CyclicLR", 0.1, 200, "momentum", base_lr=0.01, max_lr=0.1, step_size_up=10, mode="triangular2"),
    _case(
        "CyclicLR",
        0.1,
        1_000,
        "momentum",
        base_lr=0.01,
        max_lr=0.1,
        step_size_up=20,
        step_size_down=30,
        mode="exp_range",
        gamma=0.99,
        base_momentum=0.5,
        max_momentum=0.95,
    ),
    # OneCycleLR: both shapes, two and three phases, tiny runs, ends of phases off the grid.
    _case("OneCycleLR", 0.1, 100, max_lr=0.1, total_steps=100),
    _case("OneCycleLR", 0.1, 50, max_lr=0.1, epochs=5, steps_per_epoch=10),
    _case("OneCycleLR", 0.1, 20, max_lr=0.1, total_steps=20),
    _case("OneCycleLR", 0.1, 100, max_lr=0.1, total_steps=100, anneal_strategy="linear"),
    _case("OneCycleLR", 0.1, 100, max_lr=0.1, total_steps=100, three_phase=True),
    _case("OneCycleLR", 0.1, 101, max_lr=0.1, total_steps=101, three_phase=True, anneal_strategy="linear"),
    _case(
        "OneCycleLR",
        0.1,
        97,
        max_lr=0.01,
        total_steps=97,
        pct_start=0.25,
        div_factor=10.0,
        final_div_factor=100.0,
    ),
    _case("OneCycleLR", 0.1, 50, max_lr=0.1, total_steps=50, pct_start=0.0),
    _case("OneCycleLR", 0.1, 50, max_lr=0.1, total_steps=50, pct_start=1.0),
    _case("OneCycleLR", 0.1, 50, max_lr=0.1, total_steps=50, pct_start=0.5, three_phase=True),
    _case("OneCycleLR", 0.1, 50, max_lr=0.1, total_steps=50, cycle_momentum=False),
    _case("OneCycleLR", 0.1, 2, max_lr=0.1, total_steps=2),
    _case("OneCycleLR", 0.1, 1, max_lr=0.1, total_steps=1),
    _case("OneCycleLR", 0.1, 100_000, max_lr=0.1, total_steps=100_000),
    _case("OneCycleLR", 0.1, 50_000, max_lr=0.3, total_steps=50_000, anneal_strategy="linear", pct_start=0.1),
    _case("OneCycleLR", 0.1, 100, "momentum", max_lr=0.1, total_steps=100),
    _case("OneCycleLR", 0.1, 100, "momentum", max_lr=0.1, total_steps=100, three_phase=True),
    _case(
        "OneCycleLR",
        0.1,
        70,
        "momentum",
        max_lr=0.1,
        total_steps=70,
        anneal_strategy="linear",
        base_momentum=0.8,
        max_momentum=0.99,
    ),
    # LambdaLR: as people write it.
    _lambda(decay_95, 300),
    _lambda(inverse_time, 1_000),
    _lambda(ten_epochs_each, 200),
    _lambda(warmup_then_inverse_sqrt, 2_000, lr_lambda=warmup_then_inverse_sqrt_traceable),
    _lambda(cosine_by_hand, 120, total_steps=120),
    # MultiplicativeLR: what does not look at the count, and what does.
    _composite(MEMBERS["cool"], steps=500),
    _composite(MEMBERS["multiplicative"], steps=HORIZON),
    # SWALR: alone.
    _composite(MEMBERS["swa"], steps=20),
    _composite(MEMBERS["swa linear"], steps=20),
    _composite(MEMBERS["swa at once"], steps=5),
    # SequentialLR: each class after a warm-up and before one; three and four phases.
    *(_composite(sequence((9,), "linear", name)) for name in MEMBERS if name not in ("linear", "constant")),
    *(_composite(sequence((6,), name, "exponential")) for name in MEMBERS if name != "exponential"),
    _composite(sequence((9, 40), "linear", "cosine", "swa")),
    _composite(sequence((5, 6), "constant", "multi", "cyclic")),
    _composite(sequence((0,), "constant", "exponential")),
    _composite(sequence((1,), "linear", "polynomial")),
    _composite(sequence((10, 10), "linear", "step", "cosine to")),
    _composite(sequence((9, 40, 90), "linear", "cosine to", "restarts", "swa linear")),
    _composite(sequence((10, 30, 60), "exponential", "multiplicative", "cool", "swa")),
    _composite(sequence((20, 50, 80), "lambda by hand", "swa at once", "cool", "one cycle")),
    _composite(
        Spec(
            "SequentialLR",
            {
                "schedulers": (
                    member("LinearLR", start_factor=0.001, total_iters=1_000),
                    member("CosineAnnealingLR", T_max=19_000, eta_min=1e-5),
                ),
                "milestones": [1_000],
            },
        ),
        3e-4,
        20_001,
    ),
    # ChainedScheduler: two to four, in both orders; what multiplies, pulls and overwrites.
    *_both_orders("constant", "exponential"),
    *_both_orders("linear", "step"),
    *_both_orders("multi", "polynomial"),
    *_both_orders("cosine", "exponential"),
    *_both_orders("cosine to", "step"),
    *_both_orders("cosine", "linear"),
    *_both_orders("swa", "step"),
    *_both_orders("restarts", "step"),
    *_both_orders("cyclic", "exponential"),
    *_both_orders("one cycle", "linear"),
    *_both_orders("lambda", "multi"),
    *_both_orders("multiplicative", "exponential"),
    *_both_orders("cool", "constant", "linear"),
    *_both_orders("linear", "cosine to", "step"),
    *_both_orders("constant", "lambda", "multi", "exponential"),
    # What grows and what shrinks: each alone soon leaves float32's range.
    _composite(
        Spec(
            "ChainedScheduler",
            {"schedulers": (member("ExponentialLR", gamma=1.03), member("ExponentialLR", gamma=0.97))},
        ),
        steps=8_001,
    ),
    _composite(
        Spec(
            "ChainedScheduler",
            {
                "schedulers": (
                    member("MultiStepLR", milestones=list(range(2, 11)), gamma=1e-5),
                    member("MultiStepLR", milestones=list(range(1, 10)), gamma=1e5),
                )
            },
        )
    ),
    *_both_orders("polynomial", "step", "cool", "linear"),
    # A sequence in a chain.
    _composite(
        Spec(
            "ChainedScheduler",
            {"schedulers": (sequence((8,), "constant", "exponential"), MEMBERS["step"])},
            {"total_steps": HORIZON},
        )
    ),
    _composite(
        Spec(
            "ChainedScheduler",
            {"schedulers": (sequence((8, 30), "linear", "cosine to", "swa"), MEMBERS["exponential"])},
            {"total_steps": HORIZON},
        )
    ),
    _composite(
        Spec(
            "ChainedScheduler",
            {"schedulers": (chain("step", "exponential"), MEMBERS["linear"])},
            {"total_steps": HORIZON},
        )
    ),
)
