"""ReduceLROnPlateau beside PyTorch's: not a function of the count, but of the metrics so far."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from .cases.by_metric import PLATEAU_CASES as PLATEAU_CASES, PlateauCase as PlateauCase
from .compare import Comparison, compare_trajectory
from .reference import exact, pytorch
from .reference.events import Event, Kind


def compare(case: PlateauCase, progress: Callable[[int], None]) -> Comparison:
    """Steps PyTorch's and ours with the same metrics."""
    trajectory, arbiter = step(case)
    progress(case.steps)
    return judge(case, trajectory, arbiter)


def step(case: PlateauCase) -> tuple[pytorch.Trajectory, exact.Exact | None]:
    """What PyTorch does with the metrics, and what is exact."""
    scheduler, beside = case.make_torch_schedulers()
    rates = [pytorch.read(scheduler, "lr", 0)]
    for metric in case.trace.metrics:
        scheduler.optimizer.step()
        if beside is not None:
            beside.step()
        scheduler.step(metric)
        rates.append(pytorch.read(scheduler, "lr", 0))
    return pytorch.Trajectory(np.asarray(rates), None), case.arbiter(scheduler, beside)


def judge(case: PlateauCase, trajectory: pytorch.Trajectory, arbiter: exact.Exact | None) -> Comparison:
    """Ours beside what PyTorch did."""
    counts = np.arange(case.steps, dtype=np.int32)
    with warnings.catch_warnings():
        # Negative metrics are warned of, and here on purpose.
        warnings.filterwarnings("ignore", "ReduceLROnPlateau: with threshold_mode='rel'")
        eager = list(_one_by_one(case))
    return compare_trajectory(
        _under_scan(case),
        eager.__getitem__,
        counts,
        trajectory,
        told(case),
        arbiter,
    )


def told(case: PlateauCase) -> list[Event]:
    """What happens at each count: a metric was told, and the learning rate may go down."""
    return [Event(k, Kind.METRIC) for k in range(case.steps)]


def _under_scan(case: PlateauCase) -> npt.NDArray[np.float32]:
    """The learning rates in one compiled program."""
    plateau = case.plateau()

    def step(state: Any, metric: jax.Array) -> tuple[Any, jax.Array]:
        state = plateau.step(state, metric)
        return state, state.lr

    @jax.jit
    def all_of_them(metrics: jax.Array) -> jax.Array:
        start = plateau.init()
        return jnp.concatenate([start.lr[None], jax.lax.scan(step, start, metrics)[1]])

    return np.asarray(all_of_them(jnp.asarray(case.trace.metrics, jnp.float32)))


def _one_by_one(case: PlateauCase) -> Iterator[Any]:
    """The learning rates as a Python loop over epochs has them."""
    plateau = case.plateau()
    state = plateau.init()
    yield state.lr
    for metric in case.trace.metrics:
        state = plateau.step(state, jnp.float32(metric))
        yield state.lr
