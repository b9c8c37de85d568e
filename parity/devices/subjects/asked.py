"""At which counts schedules are compared."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Counts: TypeAlias = npt.NDArray[np.int32]

COUNTS = 100_000
"""At how many counts, or steps, each function is compared at least."""

SMALL = 4_096
"""The counts below this are all compared."""

EVERY = 2**24
"""The counts up to this one are what the exhaustive profile compares."""

LAST = 2**31 - 1


def counts(turns: Iterable[int] = (), horizon: int = 0, *, number: int = COUNTS) -> Counts:
    """So many different counts, in order; the same ones in every run.

    The first 4,096, every event with its two neighbours on both sides, the powers of two with theirs, and
    random ones: of the whole of int32, of the horizon, and of every order of magnitude.

    Args:
      turns: where something happens.
      horizon: up to where most things happen.
      number: how many.
    """
    events = np.asarray([*turns], np.int64)
    powers = 2 ** np.arange(32, dtype=np.int64)
    near = [(each[:, None] + np.arange(-2, 3)).ravel() for each in (events, powers)]
    chosen = _within(np.concatenate([np.arange(SMALL), *near]))
    rng = np.random.default_rng(len(chosen))
    if len(chosen) > number:
        return np.sort(rng.permutation(chosen)[:number]).astype(np.int32)
    here = rng.integers(2 * horizon + SMALL, size=(number - len(chosen)) // 3)
    chosen = np.union1d(chosen, here)
    beyond = _anywhere(2 * number)
    beyond = beyond[~np.isin(beyond, chosen, assume_unique=True)]
    return np.union1d(chosen, beyond[: number - len(chosen)]).astype(np.int32)


@functools.cache
def _anywhere(number: int) -> npt.NDArray[np.int64]:
    """So many different counts of the whole of int32 and of every order of magnitude, in no order."""
    rng = np.random.default_rng(number)
    uniform = rng.integers(LAST, size=number, endpoint=True)
    by_size = np.exp(rng.uniform(np.log(SMALL), np.log(LAST), size=number)).astype(np.int64)
    return rng.permutation(np.unique(np.concatenate([uniform, by_size])))[:number]


def _within(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return np.unique(counts[(counts >= 0) & (counts <= LAST)])


def every(beyond: Counts) -> list[Counts]:
    """All counts up to 2**24, and those of the others that are larger."""
    return [np.arange(EVERY + 1, dtype=np.int32), beyond[beyond > EVERY]]


def negative() -> Counts:
    """Counts that our schedules take for 0."""
    return np.asarray([-(2**31), -(2**31) + 1, -4_096, -2, -1], np.int32)


def fractions(epochs: Sequence[float], *, number: int = COUNTS) -> npt.NDArray[np.float32]:
    """So many fractional counts: these, whole ones, and random ones; float32, in order."""
    rng = np.random.default_rng(len(epochs))
    chosen = np.unique(np.concatenate([np.asarray(epochs), np.arange(SMALL)]).astype(np.float32))
    drawn = np.concatenate(
        [
            rng.uniform(0, 2 * max(epochs) + 1, size=2 * number),
            np.exp(rng.uniform(-20, np.log(LAST), size=2 * number)),
        ]
    )
    more = rng.permutation(np.setdiff1d(drawn.astype(np.float32), chosen))
    return np.sort(np.concatenate([rng.permutation(chosen), more])[:number])
