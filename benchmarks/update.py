"""What a schedule costs in the update it drives, and in a loop of nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import optax

import jaxsched

from .harness import OURS, Goal, Race, Side, calls

SIZES = (784, 72, 64, 10)
"""Of the MLP's layers: 61,842 parameters, as many as LeNet-5 has."""

BATCH = 64
TOTAL = 1_000_000
"""Updates that the schedules are made for."""

# Why a goal is missed, where it is.
SCALAR = (
    "One scalar at a time there are no vectors, and some 40 float64 operations wait for one "
    "another; eight of them are the walls that keep the bits the same in every mode."
)
NOISE = "Turns differ by more than the schedule costs, which is 12 ns, a 30,000th of the update."


def schedules() -> dict[str, Any]:
    """The learning rate of each side, as Optax's optimizers take it."""
    return {
        OURS: jaxsched.CosineAnnealingLR(0.1, T_max=TOTAL),
        "optax": optax.cosine_decay_schedule(0.1, TOTAL),
        "constant": 0.1,
    }


def mlp() -> tuple[list[Any], tuple[jax.Array, jax.Array]]:
    """Parameters and a batch."""
    keys = jax.random.split(jax.random.key(0), len(SIZES))
    params = [
        (jax.random.normal(key, (i, o)) / i**0.5, jnp.zeros(o))
        for key, i, o in zip(keys, SIZES, SIZES[1:], strict=False)
    ]
    return params, (jax.random.normal(keys[-1], (BATCH, SIZES[0])), jnp.arange(BATCH) % SIZES[-1])


def make_update(optimizer: optax.GradientTransformation) -> Callable[..., Any]:
    """One update of the MLP: loss, gradient, optimizer."""

    def loss(params: Any, batch: Any) -> jax.Array:
        x, labels = batch
        for weights, bias in params[:-1]:
            x = jax.nn.relu(x @ weights + bias)
        weights, bias = params[-1]
        return optax.softmax_cross_entropy_with_integer_labels(x @ weights + bias, labels).mean()

    def update(params: Any, state: Any, batch: Any) -> Any:
        updates, state = optimizer.update(jax.grad(loss)(params, batch), state, params)
        return optax.apply_updates(params, updates), state

    return update


def races(quick: bool) -> Iterator[tuple[str, Callable[[], Race]]]:
    yield "update of an MLP", lambda: _update(None if quick else 41)
    yield "scan of updates", lambda: _scan(10_000 if quick else TOTAL)


def _update(turns: int | None) -> Race:
    # The goal is 1 %, and a turn is not that steady.
    params, batch = mlp()
    sides = {}
    for name, schedule in schedules().items():
        optimizer = optax.adam(schedule)
        sides[name] = _compiled(make_update(optimizer), params, optimizer.init(params), batch)
    goals = [Goal("optax", 1.0, NOISE), Goal("constant", 0.99, NOISE)]
    return Race("update of an MLP", sides, goals, turns=turns, note="Adam, 61,842 parameters, batch of 64.")


def _scan(n: int) -> Race:
    def loop(schedule: Any) -> Callable[..., Any]:
        optimizer = optax.sgd(schedule)

        def step(carry: Any, _: None) -> Any:
            param, state = carry
            updates, state = optimizer.update(2.0 * param, state)
            return (optax.apply_updates(param, updates), state), None

        return lambda param: jax.lax.scan(step, (param, optimizer.init(param)), length=n)[0]

    param = jnp.float32(1.0)
    sides = {
        name: _compiled(loop(schedule), param, steps=n)
        for name, schedule in schedules().items()
        if name != "constant"
    }
    return Race(
        "scan of updates", sides, [Goal("optax", 1.0, SCALAR)], note=f"{n:,} updates of a scalar by SGD."
    )


def _compiled(function: Callable[..., Any], *arguments: Any, steps: int = 1) -> Side:
    compiled = jax.jit(function)
    return Side(calls(lambda: compiled(*arguments)), steps=steps)
