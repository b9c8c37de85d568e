"""What it takes to trace and compile; and 64 settings of the hyperparameters, one after another."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import optax
import pyperf

import jaxsched

from . import update
from .harness import OURS, Goal, Race, Side, together

SETTINGS, QUICK_SETTINGS = 64, 3
# Why a goal is missed, where it is.
OPERATIONS = (
    "The formula has several times the operations of Optax's: some 15 ms more to trace and 30 to 60 more in "
    "XLA, of 600 for the whole update."
)

ONCE = "Of ours two thirds are compiling, once, and a third the 640 updates, which both sides make."

UPDATES = 10
"""Updates made with each setting."""


_compiled: list[str] = []


def _listen(event: str, duration_secs: float, **_: str | int) -> None:
    if event == "/jax/core/compile/backend_compile_duration":
        _compiled.append(event)


jax.monitoring.register_event_duration_secs_listener(_listen)


def compilations(function: Callable[[], Any]) -> int:
    """How many programs a call compiles when nothing has been compiled before."""
    jax.clear_caches()
    before = len(_compiled)
    jax.block_until_ready(function())
    return len(_compiled) - before


def cold(function: Callable[[], Any]) -> Side:
    """A side that forgets before each call, outside the measured time, all that JAX has compiled."""

    def measure(loops: int) -> float:
        jax.clear_caches()
        start = pyperf.perf_counter()
        jax.block_until_ready(function())
        return float(pyperf.perf_counter() - start)

    return Side(measure, once=True)


def races(quick: bool) -> Iterator[tuple[str, Callable[[], Race]]]:
    n = QUICK_SETTINGS if quick else SETTINGS
    yield "tracing and compiling an update", _update
    yield f"{SETTINGS} settings", lambda: _settings(n)
    yield f"{SETTINGS} settings, programs compiled", lambda: _settings_counted(n)


def _update() -> Race:
    params, batch = update.mlp()

    def compiling(schedule: Any) -> Side:
        optimizer = optax.adam(schedule)
        arguments = (params, optimizer.init(params), batch)
        return cold(lambda: jax.jit(update.make_update(optimizer)).lower(*arguments).compile() and None)

    sides = {name: compiling(schedule) for name, schedule in update.schedules().items() if name != "constant"}
    return Race("tracing and compiling an update", sides, [Goal("optax", 0.95, OPERATIONS)])


@functools.cache
def _runs(n: int) -> dict[str, tuple[float, int]]:
    """Seconds, and programs compiled, of all settings of a cosine one after another."""
    params, batch = update.mlp()
    settings = [(0.1 / (i + 1), 1_000 + i) for i in range(n)]

    def ours() -> Any:
        # The schedule is an argument of the program; its leaves are data.
        @jax.jit
        def step(schedule: jaxsched.Schedule, params: Any, state: Any, batch: Any) -> Any:
            return update.make_update(optax.adam(schedule))(params, state, batch)

        found = []
        for lr, length in settings:
            schedule = jaxsched.CosineAnnealingLR(jnp.float32(lr), T_max=jnp.int32(length))
            new, state = params, optax.adam(schedule).init(params)
            for _ in range(UPDATES):
                new, state = step(schedule, new, state, batch)
            found.append(new)
        return found

    def theirs() -> Any:
        found = []
        for lr, length in settings:
            optimizer = optax.adam(optax.cosine_decay_schedule(lr, length))
            step = jax.jit(update.make_update(optimizer))
            new, state = params, optimizer.init(params)
            for _ in range(UPDATES):
                new, state = step(new, state, batch)
            found.append(new)
        return found

    # What else a run compiles, like the zeros of a new state, both do and nobody counts.
    others = compilations(lambda: optax.adam(0.1).init(params))

    def once(run: Callable[[], Any]) -> tuple[float, int]:
        start = pyperf.perf_counter()
        programs = compilations(run) - others
        return pyperf.perf_counter() - start, programs

    return {OURS: once(ours), "optax": once(theirs)}


def _settings(n: int) -> Race:
    seconds = {name: found[0] for name, found in _runs(n).items()}
    note = f"{n} settings of a cosine, {UPDATES} updates each; all begin with nothing compiled."
    sides = together(lambda: seconds, list(seconds))
    return Race(f"{SETTINGS} settings", sides, [Goal("optax", 20.0, ONCE)], turns=1, note=note)


def _settings_counted(n: int) -> Race:
    programs = {name: float(found[1]) for name, found in _runs(n).items()}
    sides = together(lambda: programs, list(programs))
    goals = [Goal("optax", float(n))]
    return Race(f"{SETTINGS} settings, programs compiled", sides, goals, unit="integer", turns=1)
