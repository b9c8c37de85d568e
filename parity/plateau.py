"""ReduceLROnPlateau beside PyTorch's: not a function of the count, but of the metrics so far."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

import jaxsched

from .answers import answer_metrics
from .cases import Spec
from .comparison import Comparison
from .judge import judge as judged
from .metrics import METRIC_CASES, MetricCase
from .reference import exact, pytorch
from .stepped import Stepped


@dataclasses.dataclass(frozen=True)
class PlateauCase:
    """One comparison: count ``k`` is the learning rate after ``k`` metrics."""

    trace: MetricCase

    @property
    def scheduler(self) -> str:
        return "ReduceLROnPlateau"

    @property
    def name(self) -> str:
        """The arguments, what it is chained with, and the name of the trace."""
        shown = ", ".join(f"{name}={value!r}" for name, value in self.trace.arguments.items())
        other = f"{self.beside.call(self.trace.base_lr)}, " if self.beside else f"{self.trace.base_lr!r}, "
        return f"ReduceLROnPlateau({other}{shown}) on {self.trace.name!r}".replace(", )", ")")

    @property
    def quantity(self) -> str:
        return "lr"

    @property
    def steps(self) -> int:
        return len(self.trace.metrics) + 1

    @property
    def beside(self) -> Spec | None:
        """The scheduler on the same optimizer, if there is one."""
        if self.trace.scheduler is None:
            return None
        return Spec(self.trace.scheduler, self.trace.scheduler_arguments)

    def plateau(self) -> Any:
        """Ours."""
        base = self.trace.base_lr if self.beside is None else self.beside.schedule(self.trace.base_lr)
        return jaxsched.ReduceLROnPlateau(base, **self.trace.arguments)

    def make_torch_schedulers(self) -> tuple[Any, Any]:
        """PyTorch's plateau, and the scheduler beside it or None."""
        import torch

        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=self.trace.base_lr, momentum=0.9)
        beside = None if self.beside is None else self.beside.torch(optimizer)
        return torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, **self.trace.arguments), beside

    def arbiter(self, scheduler: Any, beside: Any) -> exact.Exact | None:
        """The exact value, read off PyTorch's two; None where each must be PyTorch's."""
        values = exact.plateau(scheduler, beside, self.trace.metrics, self.trace.base_lr)
        return lambda k: values[int(k)]


PLATEAU_CASES: tuple[PlateauCase, ...] = tuple(map(PlateauCase, METRIC_CASES))


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
    return Stepped(np.arange(len(trajectory.values), dtype=np.int32), *trajectory, exact=arbiter)
