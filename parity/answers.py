"""What schedules answer, in every way of calling them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from .comparison import Counts
from .handed_in import CountByCount, asked_one_by_one
from .judge import Answers, asked_alone, recorded
from .stepped import Stepped

Schedule: TypeAlias = Callable[[Any], Any]
"""From a count to a value; one of ours, of Optax, or anyone's that JAX can trace."""

Plateau: TypeAlias = Any
"""What has ``init()`` and ``step(state, metric)``, of which the states have ``lr``."""

Metrics: TypeAlias = Sequence[float]


def answer(schedule: Schedule, stepped: Stepped) -> Answers:
    """A schedule's answers at the counts at which a reference was stepped."""
    if isinstance(schedule, CountByCount):
        return recorded(asked_one_by_one(schedule, stepped.counts.tolist()), stepped)
    (found,) = answer_all([schedule], [stepped])
    return found


def answer_all(schedules: Sequence[Schedule], steppeds: Sequence[Stepped]) -> list[Answers]:
    """The answers of each schedule at its own counts; all are compiled in one program."""
    values = all_under_jit(schedules, [stepped.counts for stepped in steppeds])
    return list(map(_answers, schedules, values, steppeds))


def _answers(schedule: Schedule, values: jax.Array, stepped: Stepped) -> Answers:
    at = asked_alone(stepped)
    with _standard_promotion():
        alone = [np.asarray(schedule(count), np.float32) for count in stepped.counts[at].tolist()]
    weak = bool(getattr(values, "weak_type", False))
    return Answers(np.asarray(values), at, np.asarray(alone, np.float32), weak)


def under_jit(schedule: Schedule, counts: Counts) -> jax.Array:
    """The schedule at all counts, in one compiled program."""
    (values,) = all_under_jit([schedule], [counts])
    return values


def all_under_jit(schedules: Sequence[Schedule], counts: Sequence[Counts]) -> list[jax.Array]:
    """Each schedule at all of its counts, in one compiled program.

    A program for each takes more than twice as long to compile. The bits do not depend on the company.
    """
    if not schedules:
        return []

    @jax.jit
    def program(counts: list[Counts]) -> list[jax.Array]:
        return [jax.vmap(schedule)(each) for schedule, each in zip(schedules, counts, strict=True)]

    with _standard_promotion():
        values: list[jax.Array] = program(list(counts))
    return values


# With metrics ---------------------------------------------------------------------------


def answer_metrics(plateaus: Sequence[Plateau], metrics: Sequence[Metrics]) -> list[Answers]:
    """The learning rates before the first metric and after each: under ``scan``, and in a Python loop.

    Args:
      plateaus: what has ``init`` and ``step``; all are compiled in one program.
      metrics: what each is told.
    """
    with warnings.catch_warnings():
        # Negative metrics are warned of, and here on purpose.
        warnings.filterwarnings("ignore", "ReduceLROnPlateau: with threshold_mode='rel'")
        alone = list(map(_one_by_one, plateaus, metrics))
    together = _under_scan(plateaus, metrics)
    return [
        Answers(np.asarray(values), np.arange(len(rates)), rates)
        for values, rates in zip(together, alone, strict=True)
    ]


def _under_scan(plateaus: Sequence[Plateau], metrics: Sequence[Metrics]) -> list[jax.Array]:
    def scan(plateau: Plateau, metrics: npt.NDArray[np.float32]) -> jax.Array:
        def step(state: Any, metric: jax.Array) -> tuple[Any, jax.Array]:
            state = plateau.step(state, metric)
            return state, state.lr

        start = plateau.init()
        return jnp.concatenate([start.lr[None], jax.lax.scan(step, start, jnp.asarray(metrics))[1]])

    @jax.jit
    def program(metrics: list[npt.NDArray[np.float32]]) -> list[jax.Array]:
        return list(map(scan, plateaus, metrics))

    values: list[jax.Array] = program([np.asarray(each, np.float32) for each in metrics])
    return values


def _one_by_one(plateau: Plateau, metrics: Metrics) -> npt.NDArray[np.float32]:
    state = plateau.init()
    rates = [state.lr]
    for metric in metrics:
        state = plateau.step(state, jnp.float32(metric))
        rates.append(state.lr)
    return np.asarray(rates, np.float32)


def _standard_promotion() -> AbstractContextManager[None]:
    """Anyone's schedule runs as it was written, also in a test-suite with strict promotion."""
    standard: AbstractContextManager[None] = jax.numpy_dtype_promotion("standard")
    return standard


# In every mode --------------------------------------------------------------------------

Count: TypeAlias = npt.NDArray[np.int32]


def in_every_mode(
    schedules: Sequence[Schedule], counts: Sequence[Count]
) -> Iterator[tuple[str, slice, list[Any]]]:
    """The name of each mode, the part of the counts it is asked, and what each schedule says.

    Many schedules go into one program for each mode, since it is compiling that takes the time.

    Args:
      schedules: from a count to a value.
      counts: those of each schedule, as many for all.
    """
    half = len(counts[0]) // 2
    every, first, second = slice(None), slice(half), slice(half, None)

    def together(ks: list[Any]) -> list[Any]:
        return [schedule(k) for schedule, k in zip(schedules, ks, strict=True)]

    @jax.jit
    def scan(ks: list[Any]) -> list[Any]:
        values: list[Any] = jax.lax.scan(lambda _, k: (None, together(k)), None, ks)[1]
        return values

    for kind, device in devices().items():
        on = "" if len(devices()) == 1 else f" on {kind}"
        with jax.default_device(device), _standard_promotion():
            yield f"jit{on}", every, jax.jit(together)(list(counts))
            yield f"scan{on}", first, scan([k[first] for k in counts])
            # All that a resumed run knows of the first half is how long it was.
            yield f"resumed{on}", second, scan([k[second] for k in counts])
            yield f"uint32{on}", every, jax.jit(together)([k.astype(np.uint32) for k in counts])
            with jax.enable_x64(True):
                yield f"x64{on}", every, jax.jit(together)([k.astype(np.int64) for k in counts])


def devices() -> Mapping[str, Any]:
    """One device of each kind that is present."""
    found = {device.platform: device for device in reversed(jax.devices())}
    return found if "cpu" in found else {**found, "cpu": jax.devices("cpu")[0]}
