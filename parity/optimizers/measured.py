"""How far parameters are apart after so many updates, of PyTorch's optimizer and of one of Optax."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
import optax

import jaxsched

from .rows import CLIPPED, RATE, Clipped, Row

UPDATES = (1, 60, 1_000)
"""After how many updates the parameters are compared."""

SHAPES = {"kernel": (4, 3), "wide": (3, 5)}
"""Matrices, since Muon takes no others."""

Arrays: TypeAlias = dict[str, npt.NDArray[np.float64]]
Distance: TypeAlias = tuple[float, ...]
"""After each of `UPDATES`: the greatest difference of a parameter, relative to the largest parameter."""


class Ulps(NamedTuple):
    """Distances of float32 numbers, in ULP."""

    most: float
    mean: float


@dataclasses.dataclass(frozen=True)
class Measured:
    """A row and what came of it."""

    row: Row
    obvious: Distance | None
    """Of the function that people reach for; None where there is none."""

    right: Distance
    """Of `jaxsched.optimizer_from_torch`."""

    functions: tuple[str, ...]
    """What that consists of."""

    float32: Ulps
    """Of the right one in float32, after all updates."""

    foreach: Ulps | None
    """Of PyTorch's ``foreach`` from its own loop, likewise; None where it has none."""

    @property
    def passed(self) -> bool:
        return self.right[-1] <= self.row.within


def measure(rows: Sequence[Row]) -> list[Measured]:
    """Steps each beside PyTorch's, on the same random gradients in float64."""
    start, grads = _random()
    cpu = jax.devices("cpu")[0]
    # As Optax is used; it relies on promotion itself.
    with jax.default_device(cpu), jax.numpy_dtype_promotion("standard"):
        return [_measured(row, start, grads) for row in rows]


def _random() -> tuple[Arrays, Arrays]:
    rng = np.random.default_rng(0)
    start = {name: rng.normal(size=shape) for name, shape in SHAPES.items()}
    return start, {name: rng.normal(size=(UPDATES[-1], *shape)) for name, shape in SHAPES.items()}


def _measured(row: Row, start: Arrays, grads: Arrays) -> Measured:
    import torch

    live, theirs = stepped(row, start, grads, torch.float64)
    with jax.enable_x64(True):
        right = jaxsched.optimizer_from_torch(live)
        obvious = None if row.make is None else _distance(row.make(RATE), start, grads, theirs)
        exact = _distance(right, start, grads, theirs)
    narrow, wanted = stepped(row, start, grads, torch.float32)
    ours = _trained(jaxsched.optimizer_from_torch(narrow), _narrow(start), _narrow(grads))
    return Measured(
        row,
        obvious,
        exact,
        _functions(jaxsched.optax_code(live)),
        _ulps({name: values[-1] for name, values in ours.items()}, wanted[-1]),
        _foreach(row, start, grads, wanted[-1]),
    )


def stepped(
    row: Row, start: Arrays, grads: Arrays, dtype: Any, updates: Sequence[int] = UPDATES, **how: bool
) -> tuple[Any, list[Arrays]]:
    """PyTorch's, and its parameters after each of these updates."""
    import torch

    parameters = {name: torch.nn.Parameter(torch.tensor(p, dtype=dtype)) for name, p in start.items()}
    live = getattr(torch.optim, row.cls)(parameters.values(), lr=RATE, **row.arguments, **how)
    found = []
    for k in range(updates[-1]):
        for name, parameter in parameters.items():
            parameter.grad = torch.tensor(grads[name][k], dtype=dtype)
        live.step()
        if k + 1 in updates:
            found.append({name: p.detach().numpy().copy() for name, p in parameters.items()})
    return live, found


def _foreach(row: Row, start: Arrays, grads: Arrays, wanted: Arrays) -> Ulps | None:
    import torch

    if row.cls == "Muon":  # which takes the argument, and raises
        return None
    _, found = stepped(row, start, grads, torch.float32, foreach=True)
    return _ulps(found[-1], wanted)


def _narrow(arrays: Arrays) -> Any:
    return {name: values.astype(np.float32) for name, values in arrays.items()}


def _ulps(ours: Mapping[str, npt.NDArray[Any]], theirs: Mapping[str, npt.NDArray[Any]]) -> Ulps:
    apart = np.concatenate([np.ravel((ours[name] - p) / np.spacing(np.abs(p))) for name, p in theirs.items()])
    return Ulps(float(np.abs(apart).max()), float(np.abs(apart).mean()))


def _functions(source: str) -> tuple[str, ...]:
    """What a source calls within `scheduled`, in order."""
    own = re.search(r"from jaxsched\.optimizers import (.*)", source)
    names = [name for name in (own[1].split(", ") if own else []) if name != "scheduled"]
    called = re.findall(r"(optax(?:\.\w+)+|\b\w+)\(", source)
    chosen = [f"jaxsched.optimizers.{name}" if name in names else name for name in called]
    return tuple(name for name in chosen if "." in name and name != "optax.chain")


def _distance(
    optimizer: optax.GradientTransformation, start: Arrays, grads: Arrays, theirs: Sequence[Arrays]
) -> Distance:
    ours = _trained(optimizer, start, grads)
    found = []
    for updates, wanted in zip(UPDATES, theirs, strict=True):
        apart = max(float(np.abs(ours[name][updates - 1] - p).max()) for name, p in wanted.items())
        found.append(apart / max(float(np.abs(p).max()) for p in wanted.values()))
    return tuple(found)


def _trained(optimizer: optax.GradientTransformation, start: Arrays, grads: Arrays) -> Arrays:
    """The parameters after each update."""

    @jax.jit
    def train(params: Any, grads: Any) -> Any:
        def step(carry: Any, grad: Any) -> Any:
            params, state = carry
            updates, state = optimizer.update(grad, state, params)
            params = optax.apply_updates(params, updates)
            return (params, state), params

        return jax.lax.scan(step, (params, optimizer.init(params)), grads)[1]

    return {name: np.asarray(p) for name, p in train(jax.tree.map(jnp.asarray, start), grads).items()}


def clipping(rows: Sequence[Clipped] = CLIPPED) -> list[tuple[Clipped, float]]:
    """How far clipped gradients are apart, relative to the largest; the worst of 100 random ones."""
    rng = np.random.default_rng(0)
    drawn = [[rng.normal(size=shape) for shape in SHAPES.values()] for _ in range(100)]
    with jax.enable_x64(True):
        return [(row, max(_clipped_apart(row, grads) for grads in drawn)) for row in rows]


def _clipped_apart(row: Clipped, grads: list[npt.NDArray[np.float64]]) -> float:
    import torch

    parameters = [torch.nn.Parameter(torch.zeros(grad.shape, dtype=torch.float64)) for grad in grads]
    for parameter, grad in zip(parameters, grads, strict=True):
        parameter.grad = torch.tensor(grad)
    row.clip(parameters)
    theirs = [parameter.grad.numpy() for parameter in parameters if parameter.grad is not None]
    ours, _ = row.make().update([jnp.asarray(grad) for grad in grads], optax.EmptyState())
    apart = max(float(np.abs(np.asarray(x) - y).max()) for x, y in zip(ours, theirs, strict=True))
    return apart / max(float(np.abs(y).max()) for y in theirs)
