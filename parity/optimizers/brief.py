"""A cut of `measured` that costs seconds, for each run: all optimizers in one program, few updates."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
import optax

import jaxsched

from .measured import stepped
from .rows import RATE, ROWS, Row

BRIEF = 60
"""After how many updates the parameters are compared: what trains something else has shown it by then."""

SHAPE = (4, 3)
"""A matrix, since Muon takes nothing else."""

COMPILED = {"xla_backend_optimization_level": 0}
"""The program runs once: it is not worth the time to make it fast."""

Array = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Beside:
    """An optimizer of PyTorch's, and how far parameters are from its own, relative to the largest."""

    row: Row
    obvious: float | None
    """Of the function that people reach for; None where there is none."""

    right: float
    """Of `jaxsched.optimizer_from_torch`."""

    @property
    def passed(self) -> bool:
        """Whether the right one is."""
        return self.right <= self.row.within


def brief(rows: Sequence[Row] = ROWS) -> tuple[Beside, ...]:
    """Steps each beside PyTorch's, on the same random gradients in float64."""
    import torch

    rng = np.random.default_rng(0)
    start, grads = rng.normal(size=SHAPE), rng.normal(size=(BRIEF, *SHAPE))
    theirs = [stepped(row, {"": start}, {"": grads}, torch.float64, (BRIEF,)) for row in rows]
    wanted = [after[""] for _, (after,) in theirs]
    # As Optax is used; it relies on promotion itself.
    with (
        jax.default_device(jax.devices("cpu")[0]),
        jax.numpy_dtype_promotion("standard"),
        jax.enable_x64(True),
    ):
        obvious = {k: row.make(RATE) for k, row in enumerate(rows) if row.make is not None}
        right = [jaxsched.optimizer_from_torch(live) for live, _ in theirs]
        ours = _trained([*right, *obvious.values()], start, grads)
    exact = list(map(_apart, ours, wanted))
    others = dict(zip(obvious, map(_apart, ours[len(rows) :], (wanted[k] for k in obvious)), strict=True))
    return tuple(Beside(row, others.get(k), exact[k]) for k, row in enumerate(rows))


def _trained(
    optimizers: Sequence[optax.GradientTransformation], start: Array, grads: Array
) -> list[npt.NDArray[Any]]:
    """The parameter after all updates, of each."""

    def train(param: Any, grads: Any) -> Any:
        def step(carry: Any, grad: Any) -> Any:
            found = []
            for optimizer, (param, state) in zip(optimizers, carry, strict=True):
                update, state = optimizer.update(grad, state, param)
                found.append((optax.apply_updates(param, update), state))
            return found, None

        begins = [(param, optimizer.init(param)) for optimizer in optimizers]
        return [param for param, _ in jax.lax.scan(step, begins, grads)[0]]

    compiled = jax.jit(train, compiler_options=COMPILED)
    return [np.asarray(param) for param in compiled(jnp.asarray(start), jnp.asarray(grads))]


def _apart(ours: npt.NDArray[Any], theirs: Array) -> float:
    return float(np.abs(ours - theirs).max() / np.abs(theirs).max())
