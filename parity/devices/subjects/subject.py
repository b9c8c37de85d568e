"""What is compared: a function, the arguments it is called with, and what it must answer."""

from __future__ import annotations

import abc
import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

import jax
import numpy as np

from ..program import Array
from ..targets import Target

CHUNK = 2**17
"""Calls at once."""

BY_XLA = "XLA's CPU program"
"""The measure of what has no ``on_host``."""

Call: TypeAlias = Callable[[Sequence[Array]], list[Array]]
"""A device: from one array for each argument, the calls along its first axis, to one for each leaf."""


class Answers(NamedTuple):
    """Some calls, what the device answers, and what it must."""

    places: Array
    """What to call each: its count, or which step it is."""

    device: list[Array]
    """One array for each leaf that is compared, the calls along its first axis."""

    wanted: list[Array]


class Subject(abc.ABC):
    """A function whose bits on a device are asked for."""

    place: str
    """What `Answers.places` are: ``count`` or ``step``."""

    arguments: tuple[jax.ShapeDtypeStruct, ...]

    leaves: tuple[str, ...]
    """The names of what it answers; one empty name where that is a single array."""

    measure: str
    """What says which bits are right."""

    notes: tuple[str, ...] = ()
    """What a learning rate would not be."""

    @abc.abstractmethod
    def __call__(self, *arguments: Any) -> tuple[Any, ...]:
        """One call; JAX can trace it."""

    def compared(self, target: Target) -> list[int]:
        """The leaves that must be the same there."""
        return list(range(len(self.leaves)))

    @abc.abstractmethod
    def ask(self, call: Call, target: Target) -> Iterator[Answers]:
        """Makes all calls; the same ones whenever it is asked."""

    def undecided(self, answers: Answers) -> Array:
        """At which calls the answer hangs on bits that a pair of float32 does not have."""
        return np.zeros(len(answers.places), bool)


def like(value: Array) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(value.shape, value.dtype)  # type: ignore[no-untyped-call]


@contextlib.contextmanager
def on_cpu() -> Iterator[None]:
    """A context in which JAX computes on the CPU, and takes what anybody writes."""
    cpu = jax.local_devices(backend="cpu")[0]
    with jax.default_device(cpu), jax.numpy_dtype_promotion("standard"):
        yield


def names(tree: Any) -> tuple[str, ...]:
    return tuple(jax.tree_util.keystr(path) for path, _ in jax.tree_util.tree_flatten_with_path(tree)[0])
