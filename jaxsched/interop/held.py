"""Answers held against a replay: the live object is the truth, and not what its class and arguments say."""

from __future__ import annotations

import dataclasses
import fractions
import warnings
from collections.abc import Sequence
from typing import Any, cast

import jax
import numpy as np

from .._schedule import Schedule
from .._value import Value
from ..composed.chained_scheduler import ChainedScheduler
from ..composed.per_epoch import PerEpoch
from ..composed.sequential_lr import SequentialLR
from ..composed.set_at import SetAt
from ..composed.starting_at import StartingAt
from ..hugging_face import CosineWithRestarts
from ..schedulers.one_cycle_lr import OneCycleLR
from ..schedulers.recorded import Recorded
from .replay import Replay

LEAST, MOST = 1_000, 20_000
"""How many counts are looked at unless the caller says: past the last turn of the answer, within these."""

CLOSE = 1e-8
"""How far, as a share, PyTorch's own rounding errors may take it. In float32 it is further from the start."""


@dataclasses.dataclass(frozen=True)
class Difference:
    """The first count at which a schedule says something else than a replay."""

    count: int
    """From where the live object stands."""
    replayed: float
    said: float
    late: bool = False
    """Whether the original is late there, which ours is not on purpose."""


def counts_to_look_at(schedule: Schedule | None, count: int) -> int:
    """How many counts from one on show whether a schedule is right: past its last turn."""
    turn = 0 if schedule is None else _last_turn(schedule)
    return min(max(2 * turn + 100 - count, LEAST), MOST)


def last_count(schedule: Schedule) -> float:
    """The last count of the run that it is for. PyTorch's OneCycleLR goes astray in one more step."""
    if isinstance(schedule, OneCycleLR):
        return int(cast(int, schedule.total_steps)) - 1
    if isinstance(schedule, StartingAt):
        return last_count(schedule.schedule) - schedule.count
    if isinstance(schedule, PerEpoch):
        return (last_count(schedule.schedule) + 1) * int(schedule.steps_per_epoch) - 1
    if isinstance(schedule, SequentialLR):
        return (0, *schedule.milestones)[-1] + last_count(schedule.schedulers[-1])
    if isinstance(schedule, ChainedScheduler):
        return min(map(last_count, schedule.schedulers))
    return np.inf


def _last_turn(value: object) -> int:
    """The largest number of updates among the arguments; members begin at their milestones."""
    if isinstance(value, SequentialLR):
        begins = (0, *value.milestones)
        return max(begin + _last_turn(m) for begin, m in zip(begins, value.schedulers, strict=True))
    if isinstance(value, PerEpoch):
        each = value.steps_per_epoch
        return _last_turn(value.schedule) * (each if isinstance(each, int) else 1)
    if isinstance(value, Value):
        return max((_last_turn(getattr(value, field.name)) for field in dataclasses.fields(value)), default=0)
    if isinstance(value, tuple):
        return max(map(_last_turn, value), default=0)
    return value if isinstance(value, int) and value < 2**31 else 0


def differs(schedule: Schedule, count: int, replayed: np.ndarray) -> Difference | None:
    """Where a schedule, from a count on, first says something else than was replayed."""
    counts = count + np.arange(len(replayed))
    with jax.enable_x64(True):
        said = schedule.on_host(counts)
    apart = _apart(said, replayed)
    off = apart & _restarts(schedule, counts)
    at = np.flatnonzero(apart & ~off if (apart & ~off).any() else off)
    if not len(at):
        return None
    i = int(at[0])
    return Difference(i, float(replayed[i]), float(said[i]), late=bool(off[i]))


def _apart(said: np.ndarray, replayed: np.ndarray) -> np.ndarray:
    # PyTorch computes from step to step: errors grow with the number of steps, relative to what was largest
    # until then.
    steps = np.arange(len(replayed)) + 1
    peak = np.maximum.accumulate(np.where(np.isfinite(replayed), np.abs(replayed), 0.0))
    allowed = CLOSE * np.abs(replayed) + 2.0**-49 * steps * peak
    # A number that float32 cannot hold is the largest one, or 0, here.
    beyond = (np.abs(replayed) > 3e38) & (np.abs(said) > 3e38)
    far = ~(np.abs(said - replayed) <= allowed) & ~beyond
    # What was computed in float32 from the start may still be the float32 that is right.
    with np.errstate(over="ignore"):
        rounded = said.astype(np.float32) == replayed.astype(np.float32)
    found: np.ndarray = far & ~rounded & ~((np.abs(said) < 1e-37) & (np.abs(replayed) < 1e-37))
    return found


def _restarts(schedule: Schedule, counts: np.ndarray) -> np.ndarray:
    """Where the original of transformers may be one update late, by a rounding error of its phase."""
    if isinstance(schedule, StartingAt):
        return _restarts(schedule.schedule, counts + schedule.count)
    if not isinstance(schedule, CosineWithRestarts):
        return np.zeros(len(counts), bool)
    warmup, cycles = int(schedule.num_warmup_steps), fractions.Fraction(float(schedule.num_cycles))
    length = max(int(schedule.num_training_steps) - warmup, 1)
    gone = (counts - warmup) * cycles.numerator
    found: np.ndarray = (gone > 0) & (gone % (length * cycles.denominator) == 0)
    return found


def recorded(before: Schedule | None, count: int, replayed: np.ndarray) -> Schedule:
    """What was replayed, from a count on; before that what a schedule says."""
    if before is None:
        return Recorded(replayed.tolist())
    with jax.enable_x64(True):
        first = before.on_host(np.arange(count))
    return Recorded([*first.tolist(), *replayed.tolist()])


def going_on(schedule: Schedule, count: int, lr: float) -> Schedule | None:
    """The schedule that goes on from another learning rate in force; None if that has no closed form."""
    try:
        return SetAt(schedule, count, lr)
    except (TypeError, ValueError):
        return None


def warn(message: str, stacklevel: int = 5) -> None:
    """Warns whoever called `from_torch`."""
    warnings.warn(f"from_torch: {message}", UserWarning, stacklevel=stacklevel)


def momentum_differs(schedule: Any, count: int, found: Replay, group: int) -> Difference | None:
    """The same as `differs` of the momentum, where a schedule cycles it."""
    if not getattr(schedule, "cycle_momentum", False):
        return None
    return differs(schedule.momentum, count, found.momentum[:, group])


def metrics(best: float, patience: int) -> np.ndarray:
    """What a machine is told to see that it does what its original does: no news, good and bad, at random."""
    around = abs(best) if np.isfinite(best) and best else 1.0
    still = np.ones(min(patience, LEAST) + 2)
    wild = np.random.default_rng(0).uniform(0.25, 2.0, 50)
    told = np.concatenate([still, [0.5, 0.25], 0.25 * still, [2.0, 4.0], 4.0 * still, wild]) * around
    with np.errstate(over="ignore"):
        return told.astype(np.float32)  # as a metric is, unless JAX computes in 64 bits


def machine_differs(machine: Any, told: np.ndarray, replayed: np.ndarray) -> Difference | None:
    """Where a machine, told the same as its original from where that stands, has another learning rate."""

    def step(state: Any, metric: Any) -> tuple[Any, jax.Array]:
        state = machine.step(state, metric)
        return state, state.lr

    _, rates = jax.lax.scan(step, machine.position, told)
    said = np.asarray([machine.position.lr, *rates], np.float64)
    at = np.flatnonzero(_apart(said, replayed))
    return Difference(int(at[0]), float(replayed[at[0]]), float(said[at[0]])) if len(at) else None


def same(columns: Sequence[np.ndarray]) -> bool:
    """Whether all groups go the same way."""
    return all(np.array_equal(column, columns[0]) for column in columns)
