"""Runs cases and gathers what came of them."""

from __future__ import annotations

import dataclasses
import enum
import functools
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from . import answers, deviations, modes, plateau, training, ulp, workers
from .cases import Case, optax_equivalents
from .comparison import Counts
from .deviations import demonstrate
from .judge import judge
from .plateau import PlateauCase
from .results import CaseResult, OptaxResult, Run, gathered
from .stepped import Stepped, step
from .training import TrainingCase, TrainingResult

AnyCase: TypeAlias = Case | PlateauCase | TrainingCase
"""What there is a table of."""

AnyResult: TypeAlias = CaseResult | TrainingResult

Progress: TypeAlias = Callable[[AnyCase, int], None]
"""Is told of each case how many more counts are done."""


Found = TypeVar("Found")


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
    progress: Progress = lambda case, steps: None,
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
    results: dict[str, AnyResult] = {}
    try:
        for batch in _batches(_shared(cases, jobs), progress, profile, jobs):
            results.update((result.case.name, result) for result in batch)
            if fail_fast and not all(result.passed for result in batch):
                break
    except KeyboardInterrupt as interrupted:
        failed = [name for name, result in results.items() if not result.passed]
        named = f": {', '.join(failed[:3])}{', …' if len(failed) > 3 else ''}" if failed else ""
        said = f"{len(results)} of {len(cases)} cases were done, {len(failed)} of them failed{named}"
        raise KeyboardInterrupt(said) from interrupted
    schedulers = {case.scheduler for case in cases if not isinstance(case, TrainingCase)}
    shown = tuple(
        demonstrate(deviation) for deviation in deviations.DEVIATIONS if deviation.scheduler in schedulers
    )
    found = [results[case.name] for case in cases if case.name in results]
    return gathered(found, time.perf_counter() - start, shown)


BATCH = 24
"""Cases that a process gets at once; their schedules are compiled together."""


def _shared(cases: Sequence[AnyCase], jobs: int) -> list[list[AnyCase]]:
    """Batches of about equal work, the longest cases first in each."""
    n = max(-(-len(cases) // BATCH), min(jobs, len(cases)))
    longest_first = sorted(cases, key=lambda case: -case.steps)
    return [longest_first[i::n] for i in range(n)]


def _batches(
    batches: list[list[AnyCase]], progress: Progress, profile: Profile, jobs: int
) -> Iterator[list[AnyResult]]:
    if jobs == 1:
        yield from (_run_batch(batch, profile, progress) for batch in batches)
        return
    for batch, results in workers.as_they_end(functools.partial(_run_batch, profile=profile), batches, jobs):
        for case in batch:
            progress(case, case.steps)
        yield results


def _run_batch(
    cases: Sequence[AnyCase], profile: Profile, progress: Progress = lambda case, steps: None
) -> list[AnyResult]:
    trained = [
        training.train(case, functools.partial(progress, case))
        for case in cases
        if isinstance(case, TrainingCase)
    ]
    schedules = [case for case in cases if isinstance(case, Case)]
    plateaus = [case for case in cases if isinstance(case, PlateauCase)]
    results = _compare_schedules(schedules, progress)
    if profile is Profile.FULL:
        results = _in_every_mode(results)
    return [*results, *_compare_plateaus(plateaus, progress), *trained]


def _compare_schedules(cases: Sequence[Case], progress: Progress) -> list[CaseResult]:
    if not cases:
        return []
    steppeds, torch_seconds = _timed(functools.partial(_step, progress=progress), cases)
    start = time.perf_counter()
    found = answers.answer_all([case.schedule() for case in cases], steppeds)
    optax = _beside_optax(cases, steppeds)
    share = (time.perf_counter() - start) / len(cases)
    comparisons, seconds = _timed(judge, found, steppeds)
    return [
        CaseResult(case, comparison, theirs, stepping + share + judging, stepping)
        for case, comparison, theirs, stepping, judging in zip(
            cases, comparisons, optax, torch_seconds, seconds, strict=True
        )
    ]


def _compare_plateaus(cases: Sequence[PlateauCase], progress: Progress) -> list[CaseResult]:
    if not cases:
        return []
    steppeds, torch_seconds = _timed(functools.partial(_step_plateau, progress=progress), cases)
    start = time.perf_counter()
    found = answers.answer_metrics([case.plateau() for case in cases], [case.trace.metrics for case in cases])
    share = (time.perf_counter() - start) / len(cases)
    comparisons, seconds = _timed(judge, found, steppeds)
    return [
        CaseResult(case, comparison, None, stepping + share + judging, 0.0)
        for case, comparison, stepping, judging in zip(
            cases, comparisons, torch_seconds, seconds, strict=True
        )
    ]


def _step(case: Case, progress: Progress) -> Stepped:
    return step(
        case.make_torch_scheduler(),
        case.steps,
        quantity=case.quantity,
        fractions=case.fractions,
        progress=functools.partial(progress, case),
    )


def _step_plateau(case: PlateauCase, progress: Progress) -> Stepped:
    found = plateau.stepped(*plateau.step(case))
    progress(case, case.steps)
    return found


def _timed(work: Callable[..., Found], *arguments: Iterable[Any]) -> tuple[list[Found], list[float]]:
    """What came of each call, and the seconds that it took."""
    found, seconds = [], []
    for each in zip(*arguments, strict=True):
        start = time.perf_counter()
        found.append(work(*each))
        seconds.append(time.perf_counter() - start)
    return found, seconds


def _in_every_mode(results: list[CaseResult]) -> list[CaseResult]:
    """The results with their modes, where a schedule is a function of whole counts."""
    which, schedules, curves = [], [], []
    for i, result in enumerate(results):
        case, found = result.case, result.comparison.curves
        if isinstance(case, Case) and case.fractions is None and found is not None:
            which.append(i)
            schedules.append(case.schedule())
            curves.append(found)
    for i, row in zip(which, modes.matrix(schedules, curves), strict=True):
        results[i] = dataclasses.replace(results[i], modes=row)
    return results


def _beside_optax(cases: Sequence[Case], steppeds: Sequence[Stepped]) -> list[OptaxResult | None]:
    """What Optax's equal of each makes of it; None where there is none."""
    equals = list(map(optax_equivalents.of, cases))
    there = [
        (equal, stepped.values[: equal.steps])
        for equal, stepped in zip(equals, steppeds, strict=True)
        if equal is not None
    ]
    counts: list[Counts] = [np.arange(len(torch), dtype=np.int32) for _, torch in there]
    values = answers.all_under_jit([equal.schedule for equal, _ in there], counts)
    found = iter(
        [
            _judge_optax(equal.name, np.asarray(theirs), torch)
            for (equal, torch), theirs in zip(there, values, strict=True)
        ]
    )
    return [None if equal is None else next(found) for equal in equals]


def _judge_optax(name: str, theirs: npt.NDArray[np.float32], torch: npt.NDArray[np.float64]) -> OptaxResult:
    ulps = ulp.rounded_distance(theirs, torch)
    worst = int(np.argmax(ulps))
    wanted = torch.astype(np.float32)
    return OptaxResult(
        name=name,
        steps=len(torch),
        identical=int(np.sum(theirs == wanted)),
        max_ulp=float(ulps[worst]),
        max_ulp_count=worst if ulps[worst] else None,
        max_share=float(np.max(np.abs(theirs - wanted)) / np.max(wanted)),
    )
