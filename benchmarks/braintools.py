"""The schedulers of braintools: objects that are stepped, in a compiled loop, which is their fastest way."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp

import parity.cases
from parity.cases import Spec

from .harness import Goal, LeftOutError, Race, Side, calls

NAME = "braintools"
INSTALLED = importlib.util.find_spec(NAME) is not None
WITHOUT = (
    "braintools is not installed. The extra race brings it: make bench, or pip install 'jaxsched[race]'."
)

STEPS = 100_000
"""Of its loop in one call: it is measured on these, and scaled."""

# Why a goal is missed, where it is.
STEPPED = "Its state is there already and a step of it is one operation or two; ours begins from the count."


def races(quick: bool) -> Iterator[tuple[str, Callable[[], Race]]]:
    """None of its own: it runs in those of Optax. Where it is not there, that is said."""
    if not INSTALLED:
        yield NAME, _left_out


def _left_out() -> Race:
    raise LeftOutError(WITHOUT)


def counterpart(case: parity.cases.Case) -> Any | None:
    """A new one with the same arguments; None where braintools has no such class, or it takes others."""
    return _made(case.spec, case.base_lr) if INSTALLED and isinstance(case.spec, Spec) else None


def _made(spec: Any, base_lr: float) -> Any | None:
    import braintools.optim

    make = getattr(braintools.optim, spec.scheduler, None)
    if make is None:
        return None
    if spec.scheduler == "SequentialLR":
        members = [_made(each, base_lr) for each in spec.arguments["schedulers"]]
        return None if None in members else make(members, milestones=list(spec.arguments["milestones"]))
    base = {} if spec.scheduler == "OneCycleLR" else {"base_lr": base_lr}
    return make(**base, **spec.arguments)


def trajectory(case: parity.cases.Case) -> dict[str, Side]:
    """Its side of a trajectory; empty where there is none."""
    if counterpart(case) is None:
        return {}
    return {NAME: Side(calls(loop(case, STEPS)), steps=STEPS)}


def loop(case: parity.cases.Case, steps: int) -> Callable[[], jax.Array]:
    """So many values from count 0 on, from one compiled program."""
    import brainstate

    scheduler = counterpart(case)

    def step(_: Any) -> jax.Array:
        value = jnp.asarray(scheduler.current_lrs.value[0], jnp.float32)
        scheduler.step()
        return value

    def all_values() -> jax.Array:
        scheduler.step(0)  # it goes on where it was
        values: jax.Array = brainstate.transform.for_loop(step, jnp.arange(steps))
        return values

    compiled: Callable[[], jax.Array] = brainstate.transform.jit(all_values)
    return compiled


def reading(case: parity.cases.Case, count: int) -> dict[str, Side]:
    """Its side of one value on the host; empty where there is none."""
    scheduler = counterpart(case)
    if scheduler is None:
        return {}

    def read() -> Any:
        scheduler.step(count)
        return scheduler.current_lrs.value[0]

    return {NAME: Side(calls(read, wait=float))}


def goals(sides: dict[str, Side], least: float, why: str) -> list[Goal]:
    """What is wanted of ours beside it, where it is there."""
    return [Goal(NAME, least, why)] if NAME in sides else []
