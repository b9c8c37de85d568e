"""How the cost grows: with phases, milestones, parameter groups, cycles, and with the count."""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import optax

import jaxsched
import parity.cases
from parity.cases import optax_equivalents

from . import compile
from .compile import cold
from .harness import OURS, Goal, Race, Side, calls
from .host import reading
from .trajectories import torch_loop

SCAN = 10_000
"""Counts in the loop that the time per step is taken from."""

LENGTH = 1_000
"""Counts of a phase, a cycle, or between milestones."""

# Why a goal is missed, where it is.
WHY = {
    "different phases": (
        "Every phase is evaluated at every count, in float64 and with one rounding at the end, where Optax's "
        "are in float32; both grow by the phase."
    ),
    "groups": compile.OPERATIONS + " A step of 16 groups costs dispatch, the same for both.",
}

Schedules = dict[str, Callable[[Any], Any]]

# What grows, and to what size; the last is what the goals are about.
SIZES = {
    "phases": (2, 5, 10, 25, 50),
    "different phases": (2, 10, 50),
    "milestones": (1, 10, 100, 1_000),
    "cycles": (1, 3, 10, 30, 100),
    "groups": (1, 2, 4, 8, 16),
    "count": (10, 1_000, 100_000, 10_000_000, 1_000_000_000),
}
QUICK = {
    "phases": (2, 3),
    "different phases": (2, 3),
    "milestones": (1, 3),
    "cycles": (1, 3),
    "groups": (1, 2),
    "count": (10, 100),
}
TORCH_COUNT = 100_000
"""The largest count that PyTorch is stepped to; each of its steps takes the same."""


def races(quick: bool) -> Iterator[tuple[str, Callable[[], Race]]]:
    for what, sizes in (QUICK if quick else SIZES).items():
        for size in sizes:
            last = size == sizes[-1] and what != "count"
            goals = [Goal("optax", 1.0, WHY.get(what, ""))] if last else []
            for figure, make in _FIGURES[what].items():
                yield (
                    _name(what, figure, size),
                    functools.partial(_race, what, figure, size, goals, make),
                )


def _name(what: str, figure: str, size: int) -> str:
    return f"growth {what} {size:,} {figure}"


def _race(
    what: str, figure: str, size: int, goals: list[Goal], make: Callable[[int], dict[str, Side]]
) -> Race:
    growth: dict[str, str | int] = {"what": what, "figure": figure, "size": size}
    return Race(
        _name(what, figure, size), make(size), goals, turns=3 if figure == "to compile" else 7, growth=growth
    )


def _different(n: int) -> Schedules:
    """The same, each of another length and peak."""
    sizes = [LENGTH + 7 * i for i in range(n)]
    rates = [0.1 * 0.97**i for i in range(n)]
    ours = [
        jaxsched.CosineAnnealingLR(lr, T_max=size) if i % 2 else jaxsched.LinearLR(lr, total_iters=size)
        for i, (lr, size) in enumerate(zip(rates, sizes, strict=True))
    ]
    theirs = [
        optax.cosine_decay_schedule(lr, size) if i % 2 else optax.linear_schedule(lr / 3, lr, size)
        for i, (lr, size) in enumerate(zip(rates, sizes, strict=True))
    ]
    milestones = [sum(sizes[:i]) for i in range(1, n)]
    return {OURS: jaxsched.SequentialLR(ours, milestones), "optax": optax.join_schedules(theirs, milestones)}


def _phases(n: int) -> Schedules:
    """Linear and cosine by turns, all alike."""
    ours = [
        jaxsched.CosineAnnealingLR(0.1, T_max=LENGTH) if i % 2 else jaxsched.LinearLR(0.1, total_iters=LENGTH)
        for i in range(n)
    ]
    theirs = [
        optax.cosine_decay_schedule(0.1, LENGTH) if i % 2 else optax.linear_schedule(0.1 / 3, 0.1, LENGTH)
        for i in range(n)
    ]
    milestones = [LENGTH * i for i in range(1, n)]
    return {OURS: jaxsched.SequentialLR(ours, milestones), "optax": optax.join_schedules(theirs, milestones)}


def _milestones(n: int) -> Schedules:
    milestones = [LENGTH * i for i in range(1, n + 1)]
    return {
        OURS: jaxsched.MultiStepLR(0.1, milestones=milestones, gamma=0.99),
        "optax": optax.piecewise_constant_schedule(0.1, dict.fromkeys(milestones, 0.99)),
    }


def _cycles(n: int) -> Schedules:
    spec = parity.cases.Spec("CosineAnnealingWarmRestarts", {"T_0": LENGTH})
    case = parity.cases.Case(spec, 0.1, n * LENGTH)
    equivalent = optax_equivalents.equivalent(case)
    assert equivalent is not None
    return {OURS: case.schedule(), "optax": equivalent.schedule}


def _tracing(make: Callable[[int], Schedules], n: int) -> dict[str, Side]:
    count = jax.ShapeDtypeStruct((), jnp.int32)

    def compiling(schedule: Callable[[Any], Any]) -> Side:
        # A function of its own: Optax's schedules may be kept by what they close over.
        return cold(lambda: jax.jit(lambda k: schedule(k)).lower(count).compile() and None)

    return {name: compiling(schedule) for name, schedule in make(n).items()}


def _stepping(make: Callable[[int], Schedules], n: int) -> dict[str, Side]:
    def looping(schedule: Callable[[Any], Any]) -> Side:
        def loop(first: jax.Array) -> jax.Array:
            counts = first + jnp.arange(SCAN, dtype=jnp.int32)
            return jax.lax.scan(lambda total, k: (total + schedule(k), None), jnp.float32(0), counts)[0]

        compiled = jax.jit(loop)
        return Side(calls(lambda: compiled(jnp.int32(0))), steps=SCAN)

    return {name: looping(schedule) for name, schedule in make(n).items()}


def _group_updates(n: int) -> dict[str, tuple[Callable[..., Any], tuple[Any, ...]]]:
    """An update of ``n`` groups, each a vector with its own cosine; with its arguments."""
    names = [f"group {i}" for i in range(n)]
    params = {name: jnp.zeros(100) for name in names}
    labels = {name: name for name in names}
    ours: dict[Hashable, Any] = {
        name: jaxsched.CosineAnnealingLR(0.1, T_max=1_000 + i) for i, name in enumerate(names)
    }
    theirs = {
        name: optax.inject_hyperparams(optax.sgd)(learning_rate=optax.cosine_decay_schedule(0.1, 1_000 + i))
        for i, name in enumerate(names)
    }
    optimizers = {
        OURS: jaxsched.by_group(optax.sgd, ours, labels),
        "optax": optax.partition(theirs, labels),
    }
    return {name: (o.update, (params, o.init(params))) for name, o in optimizers.items()}


def _tracing_groups(n: int) -> dict[str, Side]:
    return {
        name: cold(lambda u=update, a=arguments: jax.jit(lambda *x: u(*x)).lower(*a).compile() and None)  # type: ignore[misc]
        for name, (update, arguments) in _group_updates(n).items()
    }


def _stepping_groups(n: int) -> dict[str, Side]:
    return {
        name: Side(calls(functools.partial(jax.jit(update), *arguments)))
        for name, (update, arguments) in _group_updates(n).items()
    }


def _reading(count: int) -> dict[str, Side]:
    total = max(SIZES["count"])
    spec = parity.cases.Spec("CosineAnnealingLR", {"T_max": total})
    case = parity.cases.Case(spec, 0.1, total)
    sides = {
        OURS: reading(case.schedule().on_host, count),
        "optax": reading(optax.cosine_decay_schedule(0.1, total), count),
    }
    if count <= TORCH_COUNT:
        sides["torch"] = Side(torch_loop(case, count))
    return sides


_FIGURES: dict[str, dict[str, Callable[[int], dict[str, Side]]]] = {
    **{
        what: {
            "to compile": functools.partial(_tracing, make),
            "per step": functools.partial(_stepping, make),
        }
        for what, make in (
            ("phases", _phases),
            ("different phases", _different),
            ("milestones", _milestones),
            ("cycles", _cycles),
        )
    },
    "groups": {"to compile": _tracing_groups, "per step": _stepping_groups},
    "count": {"to read": _reading},
}
