import abc
from typing import Annotated, Any, ClassVar

import jax
import numpy as np

from .. import _numerics as nx
from .._arguments import Flag, Integer, Real
from .._schedule import Schedule
from ..schedulers._table import tabulated

LearningRate = Annotated[float, Real(array=False, remedy="A learning rate is finite and not negative.")]
Warmup = Annotated[int, Integer(0, "It is the count at which the warm-up is over.", array=False)]
Prefix = Annotated[bool, Flag()]

MOST = 10_000_000
"""Counts that a table may have."""


class Warmed(Schedule):
    """A line from ``warmup_lr_init`` for ``warmup_t`` counts, and then something else.

    All of timm's begin so. The something else counts from 0 as well, or, with ``warmup_prefix``, from behind
    the warm-up.
    """

    _takes_narrow_counts: ClassVar[bool] = True

    @abc.abstractmethod
    def _after(self, t: jax.Array) -> jax.Array:
        """The value at a count of its own."""

    def _goal(self) -> nx.Number:
        """Where the line ends."""
        own: Any = self
        lr: float = own.base_lr
        return lr

    def _formula(self, k: jax.Array) -> jax.Array:
        own: Any = self  # its arguments stand in the subclasses, in timm's order
        end: int = own.warmup_t
        after = self._after(nx.since(k, end) if own.warmup_prefix else nx.maximum(k, end))
        if end == 0:
            # As timm's constructor leaves it: nobody steps to count 0.
            return nx.where(k == 0, float(own.base_lr), after)
        gone = nx.minimum(k, end)
        line = nx.interpolate(own.warmup_lr_init, self._goal(), gone, end - gone, end, nx.linear)
        return nx.where(k < end, line, after)


class Tabulated(Warmed):
    """One whose something else comes to an end, and is computed once, on the host, count by count."""

    @abc.abstractmethod
    def _counts(self) -> int:
        """How many counts there are until the value no longer changes."""

    @abc.abstractmethod
    def _values(self, t: nx.Values) -> nx.Values:
        """The values at whole counts."""

    def _check(self) -> None:
        if self._counts() > MOST:
            raise ValueError(
                f"{type(self).__name__}: the number of counts until it ends must be at most {MOST:,}, got "
                f"{self._counts():,}. Count in epochs, and turn them into updates with PerEpoch."
            )

    def _after(self, t: jax.Array) -> jax.Array:
        return nx.lookup(_table(self), t)


@tabulated
def _table(schedule: Tabulated) -> nx.Values:
    return schedule._values(np.arange(schedule._counts() + 1, dtype=np.float64))
