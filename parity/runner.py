"""Runs cases and gathers what came of them."""

from __future__ import annotations

import dataclasses
import enum
import functools
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

from . import deviations, optimizers, workers
from .cases import BaseCase, optax_equivalents
from .cases.case import How
from .deviations import demonstrate
from .results import CaseResult, Run, gathered
from .training import TrainingResult

AnyResult: TypeAlias = CaseResult | TrainingResult

Progress: TypeAlias = Callable[[BaseCase, int], None]
"""Is told of each case how many more counts are done."""


class Profile(enum.StrEnum):
    """How much is looked at."""

    QUICK = "quick"
    """The cases of at most 2,000 counts, under jit and eagerly."""
    FULL = "full"
    """All cases, each schedule in every mode, and the twins that are trained."""
    EXHAUSTIVE = "exhaustive"
    """Every count up to 2**24 and ten million beyond, against the closed forms; see `exhaustive`."""


def profiled(cases: Sequence[BaseCase], profile: Profile) -> list[BaseCase]:
    """The cases that a profile looks at."""
    if profile is not Profile.QUICK:
        return list(cases)
    return [case for case in cases if case.quick]


def run(
    cases: Sequence[BaseCase],
    progress: Progress = lambda case, steps: None,
    *,
    profile: Profile = Profile.FULL,
    jobs: int = 1,
    fail_fast: bool = False,
    with_optimizers: bool = False,
) -> Run:
    """Compares each case and gathers all.

    Args:
      cases: what to compare.
      progress: is told of each case how many more counts are done.
      profile: how much to look at.
      jobs: how many processes share the work.
      fail_fast: whether to stop soon after the first case that fails.
      with_optimizers: whether to step PyTorch's optimizers beside Optax's, too.
    """
    start = time.perf_counter()
    schedulers = {case.scheduler for case in cases if case.shows_deviations}

    @functools.cache
    def beside() -> dict[str, Any]:
        return {
            "deviations": tuple(demonstrate(x) for x in deviations.DEVIATIONS if x.scheduler in schedulers),
            "optimizers": optimizers.brief() if with_optimizers else (),
        }

    results: dict[str, AnyResult] = {}
    try:
        for batch in _batches(_shared(cases, jobs), progress, profile, jobs, meanwhile=beside):
            results.update((result.case.name, result) for result in batch)
            if fail_fast and not all(result.passed for result in batch):
                break
    except KeyboardInterrupt as interrupted:
        failed = [name for name, result in results.items() if not result.passed]
        named = f": {', '.join(failed[:3])}{', …' if len(failed) > 3 else ''}" if failed else ""
        said = f"{len(results)} of {len(cases)} cases were done, {len(failed)} of them failed{named}"
        raise KeyboardInterrupt(said) from interrupted
    done = gathered([results[case.name] for case in cases if case.name in results])
    return dataclasses.replace(done, **beside(), seconds=time.perf_counter() - start)


BATCH = 24
"""Cases that a process gets at once; their schedules are compiled together."""


def _shared(cases: Sequence[BaseCase], jobs: int) -> list[list[BaseCase]]:
    """Batches of about equal work, the longest cases first in each."""
    n = max(-(-len(cases) // BATCH), min(jobs, len(cases)))
    longest_first = sorted(cases, key=lambda case: -case.steps)
    return [longest_first[i::n] for i in range(n)]


def _batches(
    batches: list[list[BaseCase]],
    progress: Progress,
    profile: Profile,
    jobs: int,
    meanwhile: Callable[[], object],
) -> Iterator[list[AnyResult]]:
    if jobs == 1:
        yield from (_run_batch(batch, profile, progress) for batch in batches)
        return
    work = functools.partial(_run_batch, profile=profile)
    libraries = (__name__, "torch", "flax.nnx")
    for batch, results in workers.as_they_end(work, batches, jobs, libraries, meanwhile):
        for case in batch:
            progress(case, case.steps)
        yield results


def _run_batch(
    cases: Sequence[BaseCase], profile: Profile, progress: Progress = lambda case, steps: None
) -> list[AnyResult]:
    how = How(progress, profile is Profile.FULL, optax_equivalents.equivalent)
    found: list[AnyResult] = []
    kinds: dict[type[BaseCase], None] = dict.fromkeys(map(type, cases))
    for kind in kinds:
        found += kind.run_all([case for case in cases if type(case) is kind], how)
    return found
