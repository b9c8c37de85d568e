"""Runs cases and gathers what came of them: the one model that every report prints."""

from __future__ import annotations

import dataclasses
import datetime
import functools
import importlib.metadata
import os
import platform
import time
from collections.abc import Callable, Sequence

import jax
import numpy as np

import jaxsched

from . import deviations, plateau
from .cases import CASES, Case
from .compare import Comparison, Counts, compare_trajectory, distances, under_jit
from .deviations import Demonstration, demonstrate
from .reference import events, exact, optax_equivalents, pytorch


@dataclasses.dataclass(frozen=True)
class OptaxResult:
    """How far Optax's own schedule is from PyTorch's on the same case."""

    name: str
    steps: int
    identical: int
    max_ulp: float
    max_ulp_count: int | None
    max_share: float
    """Greatest difference, as a share of the highest value; NaN where a value is NaN."""


AnyCase = Case | plateau.PlateauCase

ALL_CASES: tuple[AnyCase, ...] = (*CASES, *plateau.PLATEAU_CASES)


@dataclasses.dataclass(frozen=True)
class CaseResult:
    case: AnyCase
    comparison: Comparison
    optax: OptaxResult | None
    seconds: float


@dataclasses.dataclass(frozen=True)
class Tally:
    """The cases of one scheduler, added up."""

    scheduler: str
    cases: int
    failed: int
    steps: int
    identical: int
    correctly_rounded: int
    max_ulp: float


@dataclasses.dataclass(frozen=True)
class Run:
    """All results, and where they were had."""

    results: tuple[CaseResult, ...]
    deviations: tuple[Demonstration, ...]
    environment: dict[str, str]
    seconds: float

    @property
    def failed(self) -> tuple[CaseResult, ...]:
        return tuple(result for result in self.results if not result.comparison.passed)

    @property
    def outdated(self) -> tuple[Demonstration, ...]:
        """Accepted deviations that no longer occur."""
        return tuple(shown for shown in self.deviations if not shown.occurs)

    @property
    def steps(self) -> int:
        return sum(result.comparison.steps for result in self.results)

    @property
    def identical(self) -> int:
        return sum(result.comparison.identical for result in self.results)

    @property
    def correctly_rounded(self) -> int:
        return sum(result.comparison.correctly_rounded for result in self.results)

    @property
    def passed(self) -> bool:
        """Whether anything was compared, all of it passed, and the deviations still hold."""
        return self.steps > 0 and not self.failed and not self.outdated

    def by_scheduler(self) -> list[Tally]:
        """One tally for each scheduler, in the order of the cases."""
        tallies = []
        for name in dict.fromkeys(result.case.scheduler for result in self.results):
            mine = [result.comparison for result in self.results if result.case.scheduler == name]
            tallies.append(
                Tally(
                    scheduler=name,
                    cases=len(mine),
                    failed=sum(not found.passed for found in mine),
                    steps=sum(found.steps for found in mine),
                    identical=sum(found.identical for found in mine),
                    correctly_rounded=sum(found.correctly_rounded for found in mine),
                    max_ulp=max(found.max_ulp for found in mine),
                )
            )
        return tallies

    def summary(self) -> str:
        """One line."""
        share = 100 * self.identical / max(self.steps, 1)
        digits = f"{int(share * 1e5) / 1e5:.5f}" if self.identical < self.steps else "100"
        return (
            f"{len(self.results) - len(self.failed)} passed, {len(self.failed)} failed: "
            f"{self.identical:,} of {self.steps:,} values ({digits} %) identical to PyTorch's, "
            f"{self.correctly_rounded:,} correctly rounded where PyTorch's are not"
        )


def run(cases: Sequence[AnyCase], progress: Callable[[AnyCase, int], None] = lambda case, steps: None) -> Run:
    """Compares each case, tells ``progress`` how many counts are done, and gathers all."""
    start = time.perf_counter()
    results = tuple(_run_case(case, functools.partial(progress, case)) for case in cases)
    schedulers = {case.scheduler for case in cases}
    shown = tuple(
        demonstrate(deviation) for deviation in deviations.DEVIATIONS if deviation.scheduler in schedulers
    )
    return Run(results, shown, environment(), time.perf_counter() - start)


def _run_case(case: AnyCase, progress: Callable[[int], None]) -> CaseResult:
    start = time.perf_counter()
    if isinstance(case, plateau.PlateauCase):
        return CaseResult(case, plateau.compare(case, progress), None, time.perf_counter() - start)
    scheduler = case.make_torch_scheduler()
    trajectory = pytorch.trajectory(
        scheduler, case.steps, quantity=case.quantity, fractions=case.fractions, progress=progress
    )
    counts: Counts = np.arange(case.steps, dtype=np.int32)
    turns = events.of(scheduler, len(trajectory.values))
    if case.fractions is not None:
        counts, turns = np.asarray(case.fractions, np.float64), []
    schedule, arbiter = case.schedule(), exact.of(scheduler, case.quantity)
    unseen = events.never_reached(scheduler, case.steps) if case.fractions is None else []
    ours = under_jit(schedule, counts)
    comparison = compare_trajectory(ours, schedule, counts, trajectory, turns, arbiter, unseen)
    return CaseResult(case, comparison, _optax(case, trajectory), time.perf_counter() - start)


def _optax(case: Case, trajectory: pytorch.Trajectory) -> OptaxResult | None:
    equivalent = optax_equivalents.of(case)
    if equivalent is None:
        return None
    torch = trajectory.values[: equivalent.steps]
    theirs = np.asarray(under_jit(equivalent.schedule, np.arange(len(torch), dtype=np.int32)))
    ulps = distances(theirs, torch)
    worst = int(np.argmax(ulps))
    wanted = torch.astype(np.float32)
    return OptaxResult(
        name=equivalent.name,
        steps=len(torch),
        identical=int(np.sum(theirs == wanted)),
        max_ulp=float(ulps[worst]),
        max_ulp_count=worst if ulps[worst] else None,
        max_share=float(np.max(np.abs(theirs - wanted)) / np.max(wanted)),
    )


def environment() -> dict[str, str]:
    """What a figure of this run depends on."""
    packages = ("torch", "jax", "jaxlib", "optax", "numpy", "mpmath")
    return {
        "jaxsched": jaxsched.__version__,
        **{package: importlib.metadata.version(package) for package in packages},
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "device": f"{jax.default_backend()} ({jax.devices()[0].device_kind})",
        "x64": str(jax.numpy.result_type(float) == np.float64).lower(),
        "XLA_FLAGS": os.environ.get("XLA_FLAGS", ""),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
