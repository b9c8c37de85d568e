"""One schedule of every class and mode: the table that the tests run over."""

import dataclasses
from typing import Any

import jax.numpy as jnp
import numpy as np

import jaxsched.hugging_face as hf
from jaxsched import (
    SWALR,
    ChainedScheduler,
    ConstantLR,
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    CyclicLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    MultiplicativeLR,
    MultiStepLR,
    OneCycleLR,
    PerEpoch,
    PolynomialLR,
    Recorded,
    Schedule,
    SequentialLR,
    SetAt,
    StartingAt,
    StepLR,
    Warmup,
)
from parity.cases import MEMBERS


# At module level, so that they pickle.
def inverse(cycle):
    return 1 / cycle


def halving(k):
    return 0.5 ** (k // 16)


def warm_up(k):
    return jnp.where(k < 10, (k + 1) / 10, 1.0)


def by_a_tenth(k):
    return 0.9


def every_eighth(k):
    return 0.5 if k % 8 == 7 else 1.0


# Every phase, peak, restart, milestone and end lies below count 100.
CATALOGUE: dict[str, Schedule] = {
    "constant": ConstantLR(0.1, factor=0.3, total_iters=41),
    "linear": LinearLR(0.1, start_factor=0.3, end_factor=0.7, total_iters=49),
    "linear-down": LinearLR(0.1, start_factor=0.9, end_factor=0.0, total_iters=47),
    "step": StepLR(0.1, step_size=41, gamma=0.3),
    "multi-step": MultiStepLR(0.1, milestones=[80, 0, 30, 30, 55], gamma=0.7),
    "multi-step-long": MultiStepLR(0.1, milestones=list(range(5, 90, 4)), gamma=0.9),
    "exponential": ExponentialLR(0.1, gamma=0.97),
    "polynomial-1": PolynomialLR(0.1, total_iters=60),
    "polynomial-0.9": PolynomialLR(0.1, total_iters=60, power=0.9),
    "polynomial-2": PolynomialLR(0.1, total_iters=60, power=2.0),
    "cosine": CosineAnnealingLR(0.1, T_max=41),
    "cosine-eta-min": CosineAnnealingLR(0.1, T_max=41, eta_min=0.003),
    "cosine-rising": CosineAnnealingLR(0.1, T_max=41, eta_min=0.7),
    "restarts-1": CosineAnnealingWarmRestarts(0.1, T_0=19, eta_min=0.003),
    "restarts-2": CosineAnnealingWarmRestarts(0.1, T_0=7, T_mult=2),
    "restarts-3": CosineAnnealingWarmRestarts(0.1, T_0=7, T_mult=3, eta_min=0.003),
    "triangular": CyclicLR(0.01, max_lr=0.3, step_size_up=7, step_size_down=19),
    "triangular2": CyclicLR(0.01, max_lr=0.3, step_size_up=13, mode="triangular2"),
    "exp-range": CyclicLR(0.01, max_lr=0.3, step_size_up=11, step_size_down=5, mode="exp_range", gamma=0.99),
    "cyclic-scale-cycle": CyclicLR(0.01, max_lr=0.3, step_size_up=9, step_size_down=14, scale_fn=inverse),
    "cyclic-scale-iterations": CyclicLR(
        0.01, max_lr=0.3, step_size_up=9, scale_fn=halving, scale_mode="iterations"
    ),
    "cyclic-momentum": CyclicLR(
        0.01, max_lr=0.3, step_size_up=7, mode="triangular2", base_momentum=0.7
    ).momentum,
    "one-cycle": OneCycleLR(0.3, total_steps=89),
    "one-cycle-linear": OneCycleLR(0.3, total_steps=90, pct_start=0.41, anneal_strategy="linear"),
    "one-cycle-three": OneCycleLR(0.3, total_steps=90, pct_start=0.37, three_phase=True),
    "one-cycle-three-linear": OneCycleLR(
        0.3, epochs=7, steps_per_epoch=13, anneal_strategy="linear", three_phase=True, div_factor=10
    ),
    "one-cycle-momentum": OneCycleLR(0.3, total_steps=89).momentum,
    "lambda": LambdaLR(0.1, warm_up),
    "lambda-table": LambdaLR(0.1, every_eighth, total_steps=100),
    "multiplicative": MultiplicativeLR(0.1, by_a_tenth),
    "multiplicative-table": MultiplicativeLR(0.1, every_eighth, total_steps=100),
    "swa": SWALR(0.1, swa_lr=0.03, anneal_epochs=37),
    "swa-linear": SWALR(0.1, swa_lr=0.3, anneal_epochs=41, anneal_strategy="linear"),
    "warmup-constant": hf.ConstantWithWarmup(0.1, 23),
    "warmup-linear": hf.LinearWithWarmup(0.1, 23, 97),
    "warmup-cosine": hf.CosineWithWarmup(0.1, 23, 97),
    "warmup-cosine-cycles": hf.CosineWithWarmup(0.1, 23, 97, num_cycles=1.3),
    "warmup-cosine-min": hf.CosineWithMinLR(0.1, 23, 97, min_lr=0.003),
    "warmup-cosine-min-rate": hf.CosineWithMinLR(0.1, 23, 97, num_cycles=0.75, min_lr_rate=0.07),
    "warmup-cosine-warm": hf.CosineWarmupWithMinLR(0.1, 23, 97, min_lr_rate=0.07, warmup_lr_rate=0.3),
    "warmup-restarts": hf.CosineWithRestarts(0.1, 23, 97, num_cycles=3),
    "warmup-polynomial": hf.PolynomialDecayWithWarmup(0.1, 23, 97, lr_end=0.003, power=1.7, lr_init=0.5),
    "warmup-inverse-sqrt": hf.InverseSqrt(0.1, 23, timescale=31),
    "warmup-stable": hf.WarmupStableDecay(0.1, 23, 29, num_stable_steps=41, min_lr_ratio=0.07),
    "warmup-stable-sqrt": hf.WarmupStableDecay(
        0.1, 23, 29, num_stable_steps=41, warmup_type="1-sqrt", decay_type="1-sqrt", min_lr_ratio=0.07
    ),
    "per-epoch": PerEpoch(CosineAnnealingLR(0.1, T_max=17, eta_min=0.003), steps_per_epoch=3),
    "per-epoch-fractional": PerEpoch(
        CosineAnnealingWarmRestarts(0.1, T_0=2, T_mult=2), steps_per_epoch=11, fractional=True
    ),
    "set-at": SetAt(CosineAnnealingLR(0.1, T_max=41, eta_min=0.003), 17, 0.3),
    "set-at-in-a-sequence": SetAt(
        SequentialLR([LinearLR(0.1, 0.1, total_iters=29), ExponentialLR(0.1, 0.97)], [29]), 11, 0.3
    ),
    "warmup": Warmup(PerEpoch(StepLR(0.1, 2, 0.5), 17), 41, 0.003),
    "recorded": Recorded([0.1, 0.05, 0.3, 0.0, 1e-9, 0.7, 1 / 3]),
    "chain-of-cosine": ChainedScheduler(
        [LinearLR(0.1, total_iters=50), CosineAnnealingLR(0.1, T_max=19), StepLR(0.1, 41, 0.3)]
    ),
    "starting-at": StartingAt(OneCycleLR(0.3, total_steps=139), 50),
    "sequence": SequentialLR(
        [
            LinearLR(0.1, start_factor=0.1, total_iters=7),
            CyclicLR(0.01, max_lr=0.3, step_size_up=5),
            SWALR(0.1, swa_lr=0.05, anneal_epochs=13),
            MultiplicativeLR(0.1, by_a_tenth),
        ],
        milestones=[7, 31, 61],
    ),
    "chain-factors": ChainedScheduler(
        [LinearLR(0.1, total_iters=9), MultiStepLR(0.1, [30, 70], 0.3), ExponentialLR(0.1, 0.97)]
    ),
    "chain-overwriting": ChainedScheduler(
        [ExponentialLR(0.1, 0.9), CosineAnnealingWarmRestarts(0.1, T_0=19), StepLR(0.1, 41, 0.3)]
    ),
    "chain-table": ChainedScheduler(
        [CosineAnnealingLR(0.1, T_max=41, eta_min=0.02), ExponentialLR(0.1, 0.99)], total_steps=100
    ),
    "chain-of-sequences": ChainedScheduler(
        [
            SequentialLR([LinearLR(0.1, 0.1, total_iters=7), ExponentialLR(0.1, 0.97)], [7]),
            ConstantLR(0.1, 0.3, 47),
        ],
        total_steps=100,
    ),
    "chain-of-wrapped-factors": ChainedScheduler(
        [
            StartingAt(LinearLR(0.1, start_factor=0.3, total_iters=29), 5),
            PerEpoch(ExponentialLR(0.1, 0.9), 7),
            SequentialLR([MultiStepLR(0.1, [30, 70], 0.3)], []),
        ]
    ),
    "chain-of-wrapped": ChainedScheduler(
        [
            StartingAt(OneCycleLR(0.3, total_steps=139), 50),
            PerEpoch(StepLR(0.1, 11, 0.7), 3),
            StartingAt(ExponentialLR(0.1, 0.97), 17),
            StartingAt(CosineAnnealingLR(0.1, T_max=41, eta_min=0.003), 9),
        ]
    ),
}

# Of a class that is not among them, what is tried of it in sequences and chains.
_there = {type(schedule).__name__ for schedule in CATALOGUE.values()}
CATALOGUE |= {name: spec.schedule(0.1) for name, spec in MEMBERS.items() if spec.scheduler not in _there}

# Without those that differ from another in a number only: given as data, they are the same program.
DISTINCT = {
    name: schedule
    for name, schedule in CATALOGUE.items()
    if name not in ("linear-down", "polynomial-1", "polynomial-2", "cosine", "cosine-rising")
}

COUNTS = np.arange(121)  # fits int8; not a multiple of any vector width


def has_function(schedule: Schedule) -> bool:
    """Whether a function of the user's takes part, whose rounding is not ours to promise."""
    values = list(arguments(schedule).values())
    members = [x for value in values for x in (value if isinstance(value, tuple) else [value])]
    return any(has_function(x) if isinstance(x, Schedule) else callable(x) for x in members)


def arguments(schedule: Schedule) -> dict[str, Any]:
    return {field.name: getattr(schedule, field.name) for field in dataclasses.fields(schedule)}


def as_data(schedule: Schedule, dtype: type = np.float32) -> Schedule:
    """The same schedule with its numbers given as arrays, where arrays are allowed."""
    if isinstance(schedule, ChainedScheduler) and schedule.total_steps is not None:
        return schedule  # its trajectory is computed on the host
    if isinstance(schedule, CosineAnnealingLR) and schedule._rises:
        return dataclasses.replace(schedule, base_lr=jnp.asarray(schedule.base_lr, dtype))  # in a chain
    if isinstance(schedule, SetAt):
        return dataclasses.replace(schedule, lr=jnp.asarray(schedule.lr, dtype))
    if isinstance(schedule, Recorded):
        return Recorded(jnp.asarray(schedule.values.array, dtype))
    changes: dict[str, Any] = {}
    for name, value in arguments(schedule).items():
        checker = schedule._checkers.get(name)
        if isinstance(value, Schedule):
            changes[name] = as_data(value, dtype)
        elif isinstance(value, tuple) and value and isinstance(value[0], Schedule):
            changes[name] = [as_data(member, dtype) for member in value]
        elif isinstance(value, float):
            changes[name] = jnp.asarray(value, dtype)
        elif isinstance(value, int) and getattr(checker, "array", False):
            changes[name] = jnp.asarray(value, np.int32)
    return dataclasses.replace(schedule, **changes)
