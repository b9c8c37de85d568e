"""Schedulers that are told metrics: not functions of the count, but of the metrics so far."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import jax.numpy as jnp
import numpy as np

import jaxsched

from .. import answers, handed_in, judge
from ..judge import Answers
from ..metrics import METRIC_CASES, MetricCase
from ..reference import exact
from ..reference.events import Event, Kind
from ..reference.live import Live, read
from ..stepped import Stepped
from . import script
from .compared import ComparedCase, Setup, Stepping
from .spec import Spec, arguments_code


@dataclasses.dataclass(frozen=True)
class PlateauCase(ComparedCase):
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
    def by_heart(self) -> tuple[Event, ...]:
        """At each count a metric was told, and the learning rate may go down."""
        return tuple(Event(k, Kind.METRIC) for k in range(self.steps))

    @property
    def setup(self) -> Setup:
        metrics = self.trace.name, self.trace.metrics
        return Setup(Spec(self.scheduler, self.arguments), self.trace.base_lr, None, metrics, self.beside)

    @property
    def beside(self) -> Spec | None:
        """The scheduler on the same optimizer, if there is one."""
        if self.trace.scheduler is None:
            return None
        return Spec(self.trace.scheduler, self.trace.scheduler_arguments)

    @property
    def arguments(self) -> Mapping[str, Any]:
        return self.trace.arguments

    def shortened(self, steps: int) -> Self:
        trace = dataclasses.replace(self.trace, metrics=self.trace.metrics[: steps - 1])
        return dataclasses.replace(self, trace=trace)

    def script(self) -> str:
        lr, beside = self.trace.base_lr, self.beside
        theirs, mine = self.classes
        base = repr(lr) if beside is None else beside.jaxsched_code(lr)
        named = arguments_code(self.arguments)
        return script.by_metric(
            self.name,
            lr,
            self.needs,
            torch=f"{theirs}(optimizer{named})",
            ours=f"{mine}({base}{named})",
            beside=None if beside is None else beside.torch_code(),
            metrics=self.trace.metrics,
        )

    @property
    def classes(self) -> tuple[str, str]:
        """Theirs and ours, as a script calls them."""
        return "torch.optim.lr_scheduler.ReduceLROnPlateau", "jaxsched.ReduceLROnPlateau"

    @property
    def needs(self) -> tuple[str, ...]:
        """What a script imports for it besides torch, jax and jaxsched."""
        return ()

    def plateau(self) -> Any:
        """Ours."""
        base = self.trace.base_lr if self.beside is None else self.beside.schedule(self.trace.base_lr)
        return jaxsched.ReduceLROnPlateau(base, **self.trace.arguments)

    def make_torch_schedulers(self) -> tuple[Live, Live | None]:
        """PyTorch's plateau, and the scheduler beside it or None."""
        import torch

        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=self.trace.base_lr, momentum=0.9)
        beside = None if self.beside is None else self.beside.torch(optimizer)
        return torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, **self.trace.arguments), beside

    def machine(self) -> Any:
        return self.plateau()

    def step(self, progress: Stepping = lambda steps: None) -> Stepped:
        scheduler, beside = self.make_torch_schedulers()
        rates = [read(scheduler, "lr", 0)]
        for metric in self.trace.metrics:
            scheduler.optimizer.step()
            if beside is not None:
                beside.step()
            scheduler.step(metric)
            rates.append(read(scheduler, "lr", 0))
        progress(self.steps)
        counts = np.arange(self.steps, dtype=np.int32)
        known = self.arbiter(scheduler, beside)
        return Stepped(counts, np.asarray(rates), events=self.by_heart, exact=known)

    @classmethod
    def answer_all(cls, cases: Sequence[Self], steppeds: Sequence[Stepped]) -> list[Answers]:
        return answers.answer_metrics(
            [case.plateau() for case in cases], [case.trace.metrics for case in cases]
        )

    def ask(self, candidate: Callable[[Any], Any], stepped: Stepped) -> Answers:
        """A function from all metrics to the learning rates before the first and after each."""
        metrics = jnp.asarray(self.trace.metrics, jnp.float32)
        found = handed_in.numbers(candidate(metrics), "a function of all metrics", self.steps)
        return judge.recorded(found, stepped)

    def arbiter(self, scheduler: Live, beside: Live | None) -> exact.Exact | None:
        """The exact value, read off PyTorch's two; None where each must be PyTorch's."""
        values = exact.plateau(scheduler, beside, self.trace.metrics, self.trace.base_lr)
        return lambda k: values[int(k)]


PLATEAU_CASES: tuple[PlateauCase, ...] = tuple(map(PlateauCase, METRIC_CASES))
