import abc
import dataclasses
from collections.abc import Callable
from typing import Annotated, Any, ClassVar, NamedTuple

import jax
import numpy as np

from .. import _numerics as nx
from .._arguments import Flag, Integer
from .._schedule import Schedule
from ..schedulers._table import tabulated

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
        lr: nx.Number = own.base_lr
        return lr

    def _decayed(self, scaled: Callable[[float], jax.Array]) -> jax.Array:
        """``base_lr`` times a factor that the host can multiply into its tables."""
        own: Any = self
        if nx.is_number(own.base_lr):
            return scaled(float(own.base_lr))
        decayed: jax.Array = nx.product(own.base_lr, scaled(1.0))
        return decayed

    def _formula(self, k: jax.Array) -> jax.Array:
        own: Any = self  # its arguments stand in the subclasses, in timm's order
        end: int = own.warmup_t
        after = self._after(nx.since(k, end) if own.warmup_prefix else nx.maximum(k, end))
        if end == 0:
            # As timm's constructor leaves it: nobody steps to count 0.
            return nx.where(k == 0, own.base_lr, after)
        gone = nx.minimum(k, end)
        line = nx.interpolate(own.warmup_lr_init, self._goal(), gone, end - gone, end, nx.linear)
        return nx.where(k < end, line, after)


class Share(NamedTuple):
    """How far counts are between the learning rate that a cycle begins with and ``lr_min``.

    Within a cycle that begins with ``base_lr`` the two sum to 1, and each has all its digits, so that nothing
    cancels in what is made of them.
    """

    above: nx.Values
    """Of ``base_lr``, from 1 to 0."""
    below: nx.Values
    """Of ``lr_min``, from 0 to 1."""


class Tabulated(Warmed):
    """One whose something else comes to an end, and is computed once, on the host, count by count."""

    @abc.abstractmethod
    def _counts(self) -> int:
        """How many counts there are until the value no longer changes."""

    @abc.abstractmethod
    def _shares(self, t: nx.Values) -> Share:
        """Of the two learning rates, at whole counts."""

    def _check(self) -> None:
        if self._counts() > MOST:
            raise ValueError(
                f"{type(self).__name__}: the number of counts until it ends must be at most {MOST:,}, got "
                f"{self._counts():,}. Count in epochs, and turn them into updates with PerEpoch."
            )

    def _between(self, above: Any, below: Any) -> Any:
        own: Any = self
        return nx.product(own.base_lr, above) + nx.product(own.lr_min, below)

    def _after(self, t: jax.Array) -> jax.Array:
        own: Any = self
        if nx.is_number(own.base_lr) and nx.is_number(own.lr_min):
            return nx.lookup(_table(self), t)
        # The shares do not hang on the learning rates, which are data: one table for all of them.
        above, below = _table_of_shares(dataclasses.replace(own, base_lr=1.0, lr_min=0.0, warmup_lr_init=0.0))
        found: jax.Array = self._between(nx.lookup(above, t), nx.lookup(below, t))
        return found


@tabulated
def _table(schedule: Tabulated) -> nx.Values:
    found: nx.Values = schedule._between(*schedule._shares(_all_counts(schedule)))
    return found


@tabulated
def _table_of_shares(schedule: Tabulated) -> Share:
    return schedule._shares(_all_counts(schedule))


def _all_counts(schedule: Tabulated) -> nx.Values:
    return np.arange(schedule._counts() + 1, dtype=np.float64)
