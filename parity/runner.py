"""Runs cases and gathers what came of them."""

from __future__ import annotations

import dataclasses
import enum
import functools
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import numpy as np

from . import answers, deviations, modes, plateau, training, ulp, workers
from .cases import Case
from .deviations import demonstrate
from .judge import judge
from .plateau import PlateauCase
from .reference import optax_equivalents
from .results import CaseResult, OptaxResult, Run, gathered
from .stepped import Stepped, step
from .training import TrainingCase, TrainingResult

AnyCase: TypeAlias = Case | PlateauCase | TrainingCase
"""What there is a table of."""

AnyResult: TypeAlias = CaseResult | TrainingResult

Progress: TypeAlias = Callable[[AnyCase, int], None]
"""Is told of each case how many more counts are done."""


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


BATCH = 24
"""Cases that a process gets at once; their schedules are compiled together for each mode."""


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
    results = [
        _run_case(case, functools.partial(progress, case))
        for case in cases
        if not isinstance(case, TrainingCase)
    ]
    return [*(_in_every_mode(results) if profile is Profile.FULL else results), *trained]


def _run_case(case: Case | PlateauCase, progress: Callable[[int], None]) -> CaseResult:
    start = time.perf_counter()
    if isinstance(case, PlateauCase):
        return CaseResult(case, plateau.compare(case, progress), None, time.perf_counter() - start, 0.0)
    stepped = step(
        case.make_torch_scheduler(),
        case.steps,
        quantity=case.quantity,
        fractions=case.fractions,
        progress=progress,
    )
    torch_seconds = time.perf_counter() - start
    comparison = judge(answers.answer(case.schedule(), stepped), stepped)
    return CaseResult(case, comparison, _optax(case, stepped), time.perf_counter() - start, torch_seconds)


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


def _optax(case: Case, stepped: Stepped) -> OptaxResult | None:
    equivalent = optax_equivalents.of(case)
    if equivalent is None:
        return None
    torch = stepped.values[: equivalent.steps]
    theirs = np.asarray(answers.under_jit(equivalent.schedule, np.arange(len(torch), dtype=np.int32)))
    ulps = ulp.rounded_distance(theirs, torch)
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
