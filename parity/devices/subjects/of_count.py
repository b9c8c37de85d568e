"""Functions of one count: schedules."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import numpy as np

from ..program import Array
from ..targets import Target
from .asked import COUNTS
from .subject import BY_XLA, CHUNK, Answers, Call, Subject, like, names, on_cpu

_HALFWAY = 1e-6
"""ULP from halfway between two float32 numbers within which jaxsched promises no more than one of the two."""


@dataclasses.dataclass(eq=False)
class OfCount(Subject):
    """A function of one count: a schedule."""

    function: Callable[[Any], Any]
    counts: Sequence[Array]
    """int32, or float32 where counts may be fractions."""

    place = "count"

    def __post_init__(self) -> None:
        self.arguments = (like(self.counts[0][0]),)
        with on_cpu():
            answer = jax.eval_shape(self.function, *self.arguments)
        self.leaves = names(answer)
        self.measure = "host" if hasattr(self.function, "on_host") else BY_XLA
        self.notes = tuple(_unlike_a_learning_rate(jax.tree.leaves(answer)))

    def __call__(self, *arguments: Any) -> tuple[Any, ...]:
        return tuple(jax.tree.leaves(self.function(*arguments)))

    def ask(self, call: Call, target: Target) -> Iterator[Answers]:
        for part in self.counts:
            for at in range(0, len(part), CHUNK):
                counts = part[at : at + CHUNK]
                yield Answers(counts, call([counts]), self._wanted(counts))

    def _wanted(self, counts: Array) -> list[Array]:
        if hasattr(self.function, "on_host"):
            return [self.function.on_host(counts)]
        # Always so many at once: then it is one program.
        padded = np.pad(counts, (0, -len(counts) % min(CHUNK, COUNTS)), mode="edge")
        return [np.asarray(leaf)[: len(counts)] for leaf in self._on_cpu(padded)]

    def undecided(self, answers: Answers) -> Array:
        """Where the unrounded value is halfway between two float32 numbers, and they are the two answers."""
        if not hasattr(self.function, "on_host"):
            return super().undecided(answers)
        with jax.enable_x64(True):
            exact = self.function.on_host(answers.places)
        (device,), (host,) = answers.device, answers.wanted
        low, high = np.minimum(device, host), np.maximum(device, host)
        middle = (low.astype(np.float64) + high) / 2
        within = np.abs(exact - middle) <= _HALFWAY * (high.astype(np.float64) - low)
        halfway: Array = within & (np.nextafter(low, np.float32(np.inf)) == high)
        return halfway

    @functools.cached_property
    def _on_cpu(self) -> Callable[[Array], tuple[jax.Array, ...]]:
        compiled = jax.jit(jax.vmap(self))

        def call(counts: Array) -> tuple[jax.Array, ...]:
            with on_cpu():
                return compiled(counts)  # type: ignore[no-any-return]

        return call


def _unlike_a_learning_rate(leaves: Sequence[Any]) -> Iterator[str]:
    """What is said of an answer that is more or less than one number with a fraction."""
    numbers = sum(leaf.size for leaf in leaves)
    if numbers != 1:
        yield f"{numbers:,} numbers a count"
    for dtype in dict.fromkeys(leaf.dtype for leaf in leaves):
        if not jax.numpy.issubdtype(dtype, jax.numpy.floating):
            yield f"the answer is {dtype}"
