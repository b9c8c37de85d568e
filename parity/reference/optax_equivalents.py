"""Optax's own schedule for a case, where it has one: what people use today."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import optax

from ..cases import Case


class Equivalent(NamedTuple):
    """An Optax schedule that is meant to do what a case's scheduler does."""

    name: str
    """The Optax function."""

    schedule: Callable[[Any], Any]

    steps: int
    """Counts for which Optax means the same; past the end its meaning differs."""


def of(case: Case) -> Equivalent | None:
    """Optax's schedule for the case; None where Optax has no equal."""
    if case.quantity != "lr" or case.fractions is not None:
        return None
    defaults = {f: getattr(case.schedule(), f) for f in _ARGUMENTS.get(case.scheduler, ())}
    make = _EQUIVALENTS.get(case.scheduler)
    return None if make is None else make(case, **defaults)


def _constant(case: Case, base_lr: float, factor: float, total_iters: int) -> Equivalent:
    schedule = optax.piecewise_constant_schedule(base_lr * factor, {total_iters: 1 / factor})
    return Equivalent("piecewise_constant_schedule", schedule, case.steps)


def _linear(
    case: Case, base_lr: float, start_factor: float, end_factor: float, total_iters: int
) -> Equivalent:
    schedule = optax.linear_schedule(base_lr * start_factor, base_lr * end_factor, total_iters)
    return Equivalent("linear_schedule", schedule, case.steps)


def _step(case: Case, base_lr: float, step_size: int, gamma: float) -> Equivalent | None:
    if gamma == 0:  # Optax takes a rate of 0 for "no decay"
        return None
    schedule = optax.exponential_decay(base_lr, step_size, gamma, staircase=True)
    return Equivalent("exponential_decay(staircase=True)", schedule, case.steps)


def _multi_step(case: Case, base_lr: float, milestones: tuple[int, ...], gamma: float) -> Equivalent:
    scales = {milestone: gamma**times for milestone, times in Counter(milestones).items()}
    return Equivalent(
        "piecewise_constant_schedule", optax.piecewise_constant_schedule(base_lr, scales), case.steps
    )


def _exponential(case: Case, base_lr: float, gamma: float) -> Equivalent | None:
    if gamma == 0:
        return None
    return Equivalent("exponential_decay", optax.exponential_decay(base_lr, 1, gamma), case.steps)


def _polynomial(case: Case, base_lr: float, total_iters: int, power: float) -> Equivalent:
    schedule = optax.polynomial_schedule(base_lr, 0.0, power, total_iters)
    return Equivalent("polynomial_schedule", schedule, case.steps)


def _cosine(case: Case, base_lr: float, T_max: int, eta_min: float) -> Equivalent:
    schedule = optax.cosine_decay_schedule(base_lr, T_max, alpha=eta_min / base_lr)
    return Equivalent("cosine_decay_schedule", schedule, min(case.steps, T_max + 1))


def _warm_restarts(case: Case, base_lr: float, T_0: int, T_mult: int, eta_min: float) -> Equivalent:
    lengths, boundaries = [T_0], [T_0]
    while boundaries[-1] < case.steps:
        lengths.append(lengths[-1] * T_mult)
        boundaries.append(boundaries[-1] + lengths[-1])
    cycles = [optax.cosine_decay_schedule(base_lr, length, alpha=eta_min / base_lr) for length in lengths]
    schedule = optax.join_schedules(cycles, boundaries[:-1])
    return Equivalent("join_schedules(cosine_decay_schedule, …)", schedule, case.steps)


def _one_cycle(
    case: Case,
    max_lr: float,
    total_steps: int,
    pct_start: float,
    anneal_strategy: str,
    div_factor: float,
    final_div_factor: float,
    three_phase: bool,
) -> Equivalent | None:
    # Optax's cosine one has two phases and no others, and its linear one is neither.
    if anneal_strategy != "cos" or three_phase or not 0 < int(pct_start * total_steps) < total_steps:
        return None
    schedule = optax.cosine_onecycle_schedule(total_steps, max_lr, pct_start, div_factor, final_div_factor)
    return Equivalent("cosine_onecycle_schedule", schedule, case.steps)


_EQUIVALENTS: dict[str, Callable[..., Equivalent | None]] = {
    "ConstantLR": _constant,
    "LinearLR": _linear,
    "StepLR": _step,
    "MultiStepLR": _multi_step,
    "ExponentialLR": _exponential,
    "PolynomialLR": _polynomial,
    "CosineAnnealingLR": _cosine,
    "CosineAnnealingWarmRestarts": _warm_restarts,
    "OneCycleLR": _one_cycle,
}

_ARGUMENTS: dict[str, tuple[str, ...]] = {
    name: tuple(make.__code__.co_varnames[1 : make.__code__.co_argcount])
    for name, make in _EQUIVALENTS.items()
}
