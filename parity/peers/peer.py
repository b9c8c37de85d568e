"""What a library is asked."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import importlib.util
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy.typing as npt

from ..cases import ComparedCase

Values: TypeAlias = Sequence[Any] | npt.NDArray[Any]


class Candidate(NamedTuple):
    """What a library has for a case."""

    name: str
    """The function or class, as the library calls it."""

    steps: int
    """Counts for which it means the same; past its end it may mean something else by design."""

    applied: Callable[[int], Values]
    """The first so many values that it applies."""


@dataclasses.dataclass(frozen=True)
class Peer:
    """A library, read where it is installed."""

    name: str
    module: str
    """What is imported of it."""

    install: str
    """How one gets it."""

    find: Callable[[ComparedCase], Candidate | None]
    """What it has for a case; None where it has nothing that is meant to do the same."""

    own: frozenset[str] = frozenset()
    """Schedulers that are its own: there it is the reference, and not held against itself."""

    @property
    def version(self) -> str | None:
        """That which is installed; None where it is not."""
        package = self.module.partition(".")[0]
        return importlib.metadata.version(package) if importlib.util.find_spec(package) else None

    @property
    def missing(self) -> str:
        """What is said where it is not installed."""
        return f"{self.name} is not installed: {self.install}"
