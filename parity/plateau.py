"""ReduceLROnPlateau beside PyTorch's: not a function of the count, but of the metrics so far."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .answers import answer_metrics
from .cases.by_metric import PLATEAU_CASES as PLATEAU_CASES, PlateauCase as PlateauCase
from .comparison import Comparison
from .judge import judge as judged
from .reference import exact, pytorch
from .reference.events import Event, Kind
from .stepped import Stepped


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
    (found,) = answer_metrics([case.plateau()], [case.trace.metrics])
    return judged(found, stepped(trajectory, arbiter))


def stepped(trajectory: pytorch.Trajectory, arbiter: exact.Exact | None) -> Stepped:
    """What `step` found, as a reference."""
    counts = np.arange(len(trajectory.values), dtype=np.int32)
    return Stepped(counts, *trajectory, events=told(len(counts)), exact=arbiter)


def told(steps: int) -> tuple[Event, ...]:
    """At each count a metric was told, and the learning rate may go down."""
    return tuple(Event(k, Kind.METRIC) for k in range(steps))
