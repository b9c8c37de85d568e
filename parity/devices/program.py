"""What every reader makes of a compiled program: something that NumPy can execute."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]

# Why an operation cannot be executed here.
ONLY_THE_DEVICE = "only the device knows its last bit"
NOT_KNOWN = "the reader does not know it"


class UnknownOperation(Exception):
    """An operation whose result cannot be had here: the reader does not know it, or only the device does."""

    def __init__(self, operation: str, why: str, source: str | None) -> None:
        where = f", at {source}" if source else ""
        super().__init__(f"{operation}: {why}{where}")
        self.operation = operation
        """As the program spells it: ``cosine``, ``ex2.approx.ftz.f32``."""
        self.why = why
        self.source = source
        """``file:line`` of the schedule that it came from; None where the program does not say."""


class Program(abc.ABC):
    """A compiled program, read; executed many times at once."""

    @abc.abstractmethod
    def replay(self, arguments: Sequence[Array], outputs: Sequence[int] | None = None) -> list[Array]:
        """What the device answers, for n calls at once.

        Args:
          arguments: one array for each parameter of the program, in its order: of shape
            ``(n, *shape)``, where a call is given ``shape``.
          outputs: the numbers of those that are wanted; all if None.

        Returns:
          One array of shape ``(n, *shape)`` for each wanted output; float32 values with their exact bits.

        Raises:
          UnknownOperation: a wanted output depends on an operation that cannot be executed here.
        """

    @abc.abstractmethod
    def instructions(self, *outputs: int) -> int:
        """How many instructions these outputs depend on, parameters and constants among them; each once."""

    @abc.abstractmethod
    def unknown(self, output: int) -> list[UnknownOperation]:
        """The operations that an output depends on and that cannot be executed here; each once."""


def float32(bits: Any) -> Array:
    """float32 values of these bits."""
    return np.asarray(bits, np.uint32).view(np.float32)
