"""Runs cases and gathers what came of them: the one model that every report prints."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import datetime
import enum
import functools
import importlib.metadata
import multiprocessing
import os
import pathlib
import platform
import shlex
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

import jax
import numpy as np

import jaxsched

from . import _quiet, cases_hugging_face, deviations, modes, plateau, training
from .cases import Case, optax_equivalents
from .catalogue import ALL_CASES as ALL_CASES, PYTORCH_CASES as PYTORCH_CASES
from .compare import Comparison, Counts, compare_trajectory, distances, under_jit
from .deviations import Demonstration, demonstrate
from .devices.table import Table
from .reference import events, exact, pytorch
from .training import TrainingCase, TrainingResult


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


AnyCase = Case | plateau.PlateauCase | TrainingCase
"""What there is a table of."""


@dataclasses.dataclass(frozen=True)
class PairCase:
    """A schedule and a scheduler that somebody brought."""

    name: str
    scheduler: str
    steps: int
    quantity: str = "lr"


@dataclasses.dataclass(frozen=True)
class CaseResult:
    case: Case | plateau.PlateauCase | PairCase
    comparison: Comparison
    optax: OptaxResult | None
    seconds: float
    torch_seconds: float
    """What of it PyTorch took to step its scheduler."""

    command: str | None = None
    """What does the case once more, if it is not one of the table."""

    modes: Mapping[str, int] = dataclasses.field(default_factory=dict)
    """At how many counts other bits came out when called otherwise; empty where not looked at."""

    @property
    def again(self) -> str:
        """The command that does this case once more."""
        return self.command or f"parity run -k {shlex.quote(self.case.name)}"

    @property
    def problem(self) -> str | None:
        """Why the case fails, in one sentence; None when it passes."""
        unstable = [f"{mode} ({n})" for mode, n in self.modes.items() if n]
        if self.comparison.problem is not None or not unstable:
            return self.comparison.problem
        return f"other bits than under vmap, at so many of {modes.COUNTS} counts: {', '.join(unstable)}"

    @property
    def passed(self) -> bool:
        return self.problem is None


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
    training: tuple[TrainingResult, ...]
    deviations: tuple[Demonstration, ...]
    environment: dict[str, str]
    seconds: float
    devices: Table | None = None

    @property
    def failed(self) -> tuple[CaseResult, ...]:
        return tuple(result for result in self.results if not result.passed)

    @property
    def parted(self) -> tuple[TrainingResult, ...]:
        """The twins that did not stay together."""
        return tuple(result for result in self.training if not result.passed)

    @property
    def outdated(self) -> tuple[Demonstration, ...]:
        """Accepted deviations that no longer occur."""
        return tuple(shown for shown in self.deviations if not shown.occurs)

    @property
    def torch_seconds(self) -> float:
        """What PyTorch's own loops took, of all processes together."""
        return sum(result.torch_seconds for result in self.results) + sum(
            result.torch_seconds for result in self.training
        )

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
    def compared(self) -> bool:
        """Whether there was anything."""
        replayed = self.devices is not None and self.devices.compared > 0
        return self.steps > 0 or bool(self.training) or replayed

    @property
    def passed(self) -> bool:
        """Whether anything was compared, nothing of it is refused, and the deviations still hold."""
        devices = self.devices.refused if self.devices is not None else ()
        return self.compared and not (self.failed or self.parted or self.outdated or devices)

    @property
    def verdict(self) -> str:
        """In two words at most; not compared: what was asked for was left out, and nothing else is wrong."""
        if self.passed:
            return "passed"
        devices = self.devices.failed if self.devices is not None else ()
        wrong = self.failed or self.parted or self.outdated or devices
        return "failed" if wrong or self.devices is None else "not compared"

    def by_scheduler(self) -> list[Tally]:
        """One tally for each scheduler, in the order of the cases."""
        tallies = []
        for name in dict.fromkeys(result.case.scheduler for result in self.results):
            cases = [result for result in self.results if result.case.scheduler == name]
            mine = [result.comparison for result in cases]
            tallies.append(
                Tally(
                    scheduler=name,
                    cases=len(mine),
                    failed=sum(not result.passed for result in cases),
                    steps=sum(found.steps for found in mine),
                    identical=sum(found.identical for found in mine),
                    correctly_rounded=sum(found.correctly_rounded for found in mine),
                    max_ulp=max(found.max_ulp for found in mine),
                )
            )
        return tallies

    def summary(self) -> str:
        """One line, of the schedules."""
        share = 100 * self.identical / max(self.steps, 1)
        digits = f"{int(share * 1e5) / 1e5:.5f}" if self.identical < self.steps else "100"
        return (
            f"{len(self.results) - len(self.failed)} passed, {len(self.failed)} failed: "
            f"{self.identical:,} of {self.steps:,} values ({digits} %) identical to PyTorch's, "
            f"{self.correctly_rounded:,} correctly rounded where PyTorch's are not"
        )

    def training_summary(self) -> str:
        """One line, of the twins."""
        updates = sum(result.case.steps for result in self.training)
        weights = max((result["weights"].furthest for result in self.training), default=0.0)
        return (
            f"training: {len(self.training) - len(self.parted)} pairs of twins stay together, "
            f"{len(self.parted)} part; in {updates:,} updates the weights are at most {weights:.1e} apart"
        )


class Profile(enum.StrEnum):
    """How much is looked at."""

    QUICK = "quick"
    """The cases of at most 2,000 counts, under jit and eagerly."""
    FULL = "full"
    """All cases, each schedule in every mode, and the twins that are trained."""
    EXHAUSTIVE = "exhaustive"
    """Every count up to 2**24 and ten million beyond, against the closed forms; see `exhaustive`."""


def profiled(cases: Sequence[AnyCase], profile: Profile) -> list[AnyCase]:
    """The cases that a profile looks at."""
    if profile is not Profile.QUICK:
        return list(cases)
    return [case for case in cases if case.steps <= 2000 and not isinstance(case, TrainingCase)]


def run(
    cases: Sequence[AnyCase],
    progress: Callable[[AnyCase, int], None] = lambda case, steps: None,
    *,
    profile: Profile = Profile.FULL,
    jobs: int = 1,
    fail_fast: bool = False,
) -> Run:
    """Compares each case and gathers all.

    Args:
      cases: what to compare.
      progress: is told of each case how many more counts are done.
      profile: how much to look at.
      jobs: how many processes share the work.
      fail_fast: whether to stop soon after the first case that fails.
    """
    start = time.perf_counter()
    results: dict[str, CaseResult | TrainingResult] = {}
    for batch in _batches(_shared(cases, jobs), progress, profile, jobs):
        results.update((result.case.name, result) for result in batch)
        if fail_fast and not all(result.passed for result in batch):
            break
    schedulers = {case.scheduler for case in cases if not isinstance(case, TrainingCase)}
    shown = tuple(
        demonstrate(deviation) for deviation in deviations.DEVIATIONS if deviation.scheduler in schedulers
    )
    found = [results[case.name] for case in cases if case.name in results]
    return gathered(found, time.perf_counter() - start, shown)


def gathered(
    results: Sequence[CaseResult | TrainingResult], seconds: float, shown: tuple[Demonstration, ...] = ()
) -> Run:
    """A run of what was compared elsewhere."""
    return Run(
        tuple(result for result in results if isinstance(result, CaseResult)),
        tuple(result for result in results if isinstance(result, TrainingResult)),
        shown,
        environment(),
        seconds,
    )


BATCH = 24
"""Cases that a process gets at once; their schedules are compiled together for each mode."""


def _shared(cases: Sequence[AnyCase], jobs: int) -> list[list[AnyCase]]:
    """Batches of about equal work, the longest cases first in each."""
    n = max(-(-len(cases) // BATCH), min(jobs, len(cases)))
    longest_first = sorted(cases, key=lambda case: -case.steps)
    return [longest_first[i::n] for i in range(n)]


def _batches(
    batches: list[list[AnyCase]], progress: Callable[[AnyCase, int], None], profile: Profile, jobs: int
) -> Iterator[list[CaseResult | TrainingResult]]:
    if jobs == 1:
        yield from (_run_batch(batch, profile, progress) for batch in batches)
        return
    # JAX cannot be forked: each process starts anew, and is worth it for long runs only.
    spawn = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(jobs, spawn, _quiet.begin) as pool:
        futures = {pool.submit(_run_batch, batch, profile): batch for batch in batches}
        try:
            for future in concurrent.futures.as_completed(futures):
                for case in futures[future]:
                    progress(case, case.steps)
                yield future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _run_batch(
    cases: Sequence[AnyCase],
    profile: Profile,
    progress: Callable[[AnyCase, int], None] = lambda case, steps: None,
) -> list[CaseResult | TrainingResult]:
    trained = [
        training.train(case, functools.partial(progress, case))
        for case in cases
        if isinstance(case, TrainingCase)
    ]
    results = [
        _run_case(case, functools.partial(progress, case))
        for case in cases
        if not isinstance(case, TrainingCase)
    ]
    return [*(_in_every_mode(results) if profile is Profile.FULL else results), *trained]


def _run_case(case: Case | plateau.PlateauCase, progress: Callable[[int], None]) -> CaseResult:
    start = time.perf_counter()
    if isinstance(case, plateau.PlateauCase):
        return CaseResult(case, plateau.compare(case, progress), None, time.perf_counter() - start, 0.0)
    scheduler = case.make_torch_scheduler()
    trajectory = pytorch.trajectory(
        scheduler, case.steps, quantity=case.quantity, fractions=case.fractions, progress=progress
    )
    torch_seconds = time.perf_counter() - start
    counts: Counts = np.arange(case.steps, dtype=np.int32)
    turns = events.of(scheduler, len(trajectory.values))
    unseen = events.never_reached(scheduler, case.steps)
    if case.fractions is not None:
        counts, turns, unseen = np.asarray(case.fractions, np.float64), [], []
    schedule, arbiter = case.schedule(), exact.of(scheduler, case.quantity)
    ours = under_jit(schedule, counts)
    comparison = compare_trajectory(ours, schedule, counts, trajectory, turns, arbiter, unseen)
    theirs = _optax(case, trajectory)
    return CaseResult(case, comparison, theirs, time.perf_counter() - start, torch_seconds)


def _in_every_mode(results: list[CaseResult]) -> list[CaseResult]:
    """The results with their modes, where a schedule is a function of whole counts."""
    which = [
        i
        for i, result in enumerate(results)
        if isinstance(result.case, Case) and result.case.fractions is None and result.comparison.curves
    ]
    schedules = [results[i].case.schedule() for i in which]  # type: ignore[union-attr]
    curves = [results[i].comparison.curves for i in which]
    for i, row in zip(which, modes.matrix(schedules, curves), strict=True):  # type: ignore[arg-type]
        results[i] = dataclasses.replace(results[i], modes=row)
    return results


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
    packages = ("torch", "jax", "jaxlib", "optax", "flax", "numpy", "mpmath")
    return {
        "jaxsched": jaxsched.__version__,
        **{package: importlib.metadata.version(package) for package in packages},
        **(
            {"transformers": importlib.metadata.version("transformers")}
            if cases_hugging_face.INSTALLED
            else {}
        ),
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "device": f"{jax.default_backend()} ({jax.devices()[0].device_kind})",
        "x64": str(jax.numpy.result_type(float) == np.float64).lower(),
        "XLA_FLAGS": os.environ.get("XLA_FLAGS", ""),
        "commit": _commit(),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def _commit() -> str:
    """Which state of the sources was run, where they are under version control."""
    folder = pathlib.Path(__file__).parent
    try:
        described = subprocess.run(
            ["git", "-C", str(folder), "describe", "--always", "--dirty", "--exclude=*"],
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return described.stdout.strip()
