"""The one table of cases that the command line, the tests and the docs all read.

A case is a PyTorch scheduler with its arguments and how many counts to look at. Each class
stands here with its defaults, its edge values, and the hard spots that are known of it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import jax.numpy as jnp

import jaxsched


@dataclasses.dataclass(frozen=True)
class Case:
    """One comparison of a jaxsched schedule with PyTorch's scheduler of the same name."""

    scheduler: str
    """The class, in PyTorch and in jaxsched."""

    base_lr: float
    """The optimizer's learning rate. CyclicLR and OneCycleLR set one of their own."""

    arguments: Mapping[str, Any]
    """What PyTorch's class is given besides the optimizer."""

    steps: int
    quantity: str = "lr"

    fractions: tuple[float, ...] | None = None
    """Epochs for ``scheduler.step(epoch)``, instead of steps; each a float32."""

    traceable: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """Arguments written anew for JAX, where PyTorch's are Python functions."""

    @property
    def name(self) -> str:
        """The schedule as its call, which also makes it."""
        first = {} if self.sets_own_lr else {"": self.base_lr}
        shown = [
            f"{key}={value!r}" if key else repr(value)
            for key, value in {**first, **self.arguments}.items()
            if not callable(value)
        ]
        shown += [f"{key}={value.__name__}" for key, value in self.arguments.items() if callable(value)]
        what = "" if self.quantity == "lr" else f".{self.quantity}"
        return f"{self.scheduler}({', '.join(shown)}){what}{' by step(epoch)' if self.fractions else ''}"

    @property
    def sets_own_lr(self) -> bool:
        return self.scheduler in ("CyclicLR", "OneCycleLR")

    def schedule(self) -> jaxsched.Schedule:
        """Ours."""
        arguments = {**self.arguments, **self.traceable}
        first = () if self.sets_own_lr else (self.base_lr,)
        schedule: Any = getattr(jaxsched, self.scheduler)(*first, **arguments)
        return schedule if self.quantity == "lr" else schedule.momentum  # type: ignore[no-any-return]

    def make_torch_scheduler(self) -> Any:
        """PyTorch's, alive, with an SGD that has momentum."""
        import torch

        parameter = torch.nn.Parameter(torch.zeros(1))
        optimizer = torch.optim.SGD([parameter], lr=self.base_lr, momentum=0.9)
        return getattr(torch.optim.lr_scheduler, self.scheduler)(optimizer, **self.arguments)


def _case(scheduler: str, base_lr: float, steps: int, quantity: str = "lr", /, **arguments: Any) -> Case:
    return Case(scheduler, base_lr, arguments, steps, quantity)


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


def _lambda(function: Callable[[Any], Any], steps: int, traceable: Callable[[Any], Any] | None = None) -> Case:
    jax_arguments = {} if traceable is None else {"lr_lambda": traceable}
    return Case("LambdaLR", 0.1, {"lr_lambda": function}, steps, traceable=jax_arguments)


def _epochs(T_0: int, T_mult: int, fractions: tuple[float, ...], **arguments: Any) -> Case:
    arguments = {"T_0": T_0, "T_mult": T_mult, **arguments}
    return Case("CosineAnnealingWarmRestarts", 0.1, arguments, len(fractions), fractions=fractions)


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
        "CyclicLR", 0.1, 200, base_lr=0.01, max_lr=0.1, step_size_up=10, scale_fn=fade, scale_mode="iterations"
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
    _case("OneCycleLR", 0.1, 97, max_lr=0.01, total_steps=97, pct_start=0.25, div_factor=10.0, final_div_factor=100.0),
    _case("OneCycleLR", 0.1, 50, max_lr=0.1, total_steps=50, pct_start=0.0),
    _case("OneCycleLR", 0.1, 50, max_lr=0.1, total_steps=50, pct_start=1.0),
    _case("OneCycleLR", 0.1, 50, max_lr=0.1, total_steps=50, pct_start=0.5, three_phase=True),
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
    _lambda(warmup_then_inverse_sqrt, 2_000, warmup_then_inverse_sqrt_traceable),
)
