"""How fast `parity` compares, against PyTorch's bare loop over the same cases."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import parity.run
from parity.catalogue import ALL_CASES

from .harness import OURS, Goal, Race, together

# Why a goal is missed, where it is.
COMPILING = (
    "Each schedule is compiled for six modes, and Optax's beside it: that takes three times as long as "
    "PyTorch's steps, of which most cases have a few hundred."
)


def races(quick: bool) -> Iterator[tuple[str, Callable[[], Race]]]:
    yield "parity, a step of a case", lambda: _race(quick)


def _race(quick: bool) -> Race:
    cases = ALL_CASES[:8] if quick else ALL_CASES
    jobs = 1 if quick else os.cpu_count() or 1

    def measure() -> dict[str, float]:
        found = parity.run.run(cases, jobs=jobs)
        if not found.passed:
            raise RuntimeError(f"parity failed: {found.summary()}")
        return {OURS: found.seconds, "torch": found.torch_seconds}

    steps = sum(case.steps for case in cases)
    note = (
        f"{len(cases)} cases, {steps:,} steps, {jobs} processes; PyTorch's loops are timed within the run "
        "and added up."
    )
    sides = together(measure, (OURS, "torch"), steps)
    return Race("parity, a step of a case", sides, [Goal("torch", 0.8, COMPILING)], turns=1, note=note)
