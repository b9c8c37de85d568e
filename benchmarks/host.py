"""Reading one learning rate on the host, for a log line."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

from . import braintools, trajectories
from .compile import compilations
from .harness import OURS, Goal, Race, Side, calls

COUNT = 12_345

# Why a goal is missed, where it is.
POWER = "Theirs is Python's own ``gamma ** epoch``; what both take is calls, more than arithmetic."


def races(quick: bool) -> Iterator[tuple[str, Callable[[], Race]]]:
    for contest in trajectories.contests(1_000_000):
        yield reading_name(contest), functools.partial(_race, contest)


def reading_name(contest: trajectories.Contest) -> str:
    return f"one value on the host {trajectories.name(contest)}"


def _race(contest: trajectories.Contest) -> Race:
    schedule = contest.case.schedule()
    programs = compilations(lambda: schedule.on_host(COUNT))
    if programs:
        raise RuntimeError(f"on_host must run nothing on the device, compiled {programs} programs")
    sides = {
        OURS: reading(schedule.on_host, COUNT),
        "optax": reading(contest.optax, COUNT),
        **braintools.reading(contest.case, COUNT),
    }
    note = "Ours compiles no program, hence runs none."
    goals = [Goal("optax", 10.0), *braintools.goals(sides, 10.0, POWER)]
    return Race(reading_name(contest), sides, goals, note=note)


def reading(schedule: Callable[[int], Any], count: int) -> Side:
    """A Python float of the value at a Python count, as a log line wants it."""
    return Side(calls(lambda: schedule(count), wait=float))
