"""State machines: what is told metrics."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np
import numpy.typing as npt

from ..program import Array
from ..targets import Target
from .asked import COUNTS
from .subject import BY_XLA, Answers, Call, Subject, like, names, on_cpu

_SHAKEN = 2.0**-43
"""What a pair of float32 may make of a number, relative to it."""

_SHAKES = 24
"""Next to a threshold half of them decide otherwise."""

_TRACES = 1_250

STEPS = 80
"""Of each trace of metrics."""


class OfState(Subject):
    """A function of a state and a metric: the step of a plateau or of GreedyLR.

    The CPU's own step is told many different metrics, trace by trace. A GPU's must make the same of each
    state that the CPU's went through, and of each metric, to the last leaf.

    On a TPU there is no float64 but a pair of float32, of some 48 bits, so that what a state keeps beyond
    its float32 numbers (``lr_rest``) is shorter there, and of another's states nothing can be asked. There
    the device goes through the traces by itself, from the first state on, and all else must be the same.
    """

    place = "step"

    measure = BY_XLA

    def __init__(self, machine: Any, number: int = COUNTS) -> None:
        self._machine, self._number = machine, number
        start = machine.init()
        self._tree = jax.tree.structure(start)
        with on_cpu():  # a number of Python's has no dtype of its own
            self._start = [np.asarray(jax.numpy.asarray(leaf)) for leaf in jax.tree.leaves(start)]
        leaves = [*self._start, np.zeros((), np.float32)]
        self.arguments = tuple(map(like, leaves))
        self.leaves = names(start)

    def __call__(self, *arguments: Any) -> tuple[Any, ...]:
        *state, metric = arguments
        after = self._machine.step(jax.tree.unflatten(self._tree, state), metric)
        return tuple(jax.tree.leaves(after))

    def compared(self, target: Target) -> list[int]:
        every = super().compared(target)
        return every if target.has_float64 else [i for i in every if not self.leaves[i].endswith("_rest")]

    def ask(self, call: Call, target: Target) -> Iterator[Answers]:
        before, after = self._traces
        told = self._told
        if target.has_float64:
            states = [_together(leaf) for leaf in before]
            yield Answers(
                np.arange(told.size), call([*states, told.ravel()]), [_together(leaf) for leaf in after]
            )
            return
        traces, steps = told.shape
        state = [np.repeat(leaf[None], traces, axis=0) for leaf in self._start]
        compared = self.compared(target)
        for step in range(steps):
            state = call([*state, told[:, step]])
            yield Answers(
                step + steps * np.arange(traces),
                [state[i] for i in compared],
                [after[i][:, step] for i in compared],
            )

    def undecided(self, answers: Answers) -> Array:
        """Where the CPU's own trace, in float64, is another one if it is shaken at every step.

        Shaken are the numbers that float32 does not hold, and so not the metrics, nor a tie between them.
        """
        shaky: Array = self._shaky[np.divmod(answers.places, self._told.shape[1])]
        return shaky

    @functools.cached_property
    def _shaky(self) -> Array:
        told = self._told.astype(np.float64)
        with on_cpu(), jax.enable_x64(True):
            start = list(map(np.asarray, jax.tree.leaves(self._machine.init())))
            first = [np.repeat(leaf[None], len(told), axis=0) for leaf in start]
            step = jax.jit(jax.vmap(self))

            def walk(shake: Callable[[Array], Array]) -> Iterator[list[Array]]:
                """What must be the same of the states after each step, in float32."""
                state = first
                for metrics in told.T:
                    state = list(map(np.asarray, step(*map(shake, state), shake(metrics))))
                    kept = zip(self.leaves, state, strict=True)
                    yield [_narrow(leaf) for name, leaf in kept if not name.endswith("_rest")]

            wanted = list(walk(lambda x: x))
            rng = np.random.default_rng(0)
            changed = np.zeros(told.shape, bool)
            for _ in range(_SHAKES):
                for i, (one, other) in enumerate(
                    zip(wanted, walk(functools.partial(_shaken, rng)), strict=True)
                ):
                    for leaf, shaken in zip(one, other, strict=True):
                        unlike = (leaf != shaken) & ~((leaf != leaf) & (shaken != shaken))
                        changed[:, i] |= unlike.reshape(len(unlike), -1).any(-1)
        return np.logical_or.accumulate(changed, axis=1)

    @property
    def _told(self) -> npt.NDArray[np.float32]:
        return metrics()[: -(-self._number // STEPS)]

    @functools.cached_property
    def _traces(self) -> tuple[list[Array], list[Array]]:
        """The states before and after each step on the CPU, of shape ``(traces, steps, …)``."""
        told = self._told
        states = [[np.repeat(leaf[None], len(told), axis=0) for leaf in self._start]]
        with on_cpu():
            step = jax.jit(jax.vmap(self))
            for metrics in told.T:
                states.append(list(map(np.asarray, step(*states[-1], metrics))))
        leaves = [np.stack(leaf, axis=1) for leaf in zip(*states, strict=True)]
        return [leaf[:, :-1] for leaf in leaves], [leaf[:, 1:] for leaf in leaves]


def _narrow(leaf: Array) -> Array:
    return leaf.astype(np.float32) if leaf.dtype.kind == "f" else leaf


def _shaken(rng: np.random.Generator, leaf: Array) -> Array:
    """Numbers changed by a little; counters as they are, and what float32 holds: that is exact on a TPU."""
    if leaf.dtype.kind != "f":
        return leaf
    changed = leaf * (1 + _SHAKEN * rng.uniform(-1, 1, leaf.shape))
    with np.errstate(over="ignore", invalid="ignore"):
        return np.where(leaf == leaf.astype(np.float32), leaf, changed)


def _together(leaves: Array) -> Array:
    """All steps of all traces along one axis."""
    return leaves.reshape(leaves.shape[0] * leaves.shape[1], *leaves.shape[2:])


@functools.cache
def metrics() -> npt.NDArray[np.float32]:
    """What validation loops might report, and what they should not: ``(traces, steps)``.

    Noise that falls, stays or rises, ties, signs, sizes, values next to one another; in half of the traces
    now and then NaN or an infinity.
    """
    rng = np.random.default_rng(0)
    k = np.arange(STEPS)
    told = np.empty((_TRACES, STEPS))
    for i, trace in enumerate(told):
        noise = rng.normal(size=STEPS)
        match i % 8:
            case 0:
                trace[:] = np.exp(-k * rng.uniform(0, 0.05)) * (1 + 0.1 * noise)
            case 1:
                trace[:] = rng.choice([0.0, -0.0, 1.0, -1.0, 0.25, 0.75, 1e-3], size=STEPS)
            case 2:
                trace[:] = 1.0 - (k // rng.integers(1, 40)) * rng.choice([1e-5, 1e-3, 0.1])
            case 3:
                trace[:] = 10.0 ** rng.uniform(-6, 6, size=STEPS) * np.sign(noise)
            case 4:
                trace[:] = rng.normal() + k * rng.choice([-1e-3, 1e-4, 1e-2])
            case 5:
                trace[:] = 1 + rng.integers(-3, 4, size=STEPS) * 2.0**-23
            case 6:
                trace[:] = np.full(STEPS, rng.choice([0.0, 1.0, -1.0, 3e4]))
            case 7:
                trace[:] = np.exp(-k / 50) * (1 + rng.integers(-2, 3, size=STEPS) * 1e-4)
        if i // 8 % 2:
            odd = rng.random(STEPS) < 0.05
            trace[odd] = rng.choice([np.nan, np.inf, -np.inf], size=STEPS)[odd]
    return told.astype(np.float32)
