"""Races: two or more sides measured in turn, and what their ratios say of a goal.

The clock, the form of the files and their metadata are pyperf's. Its own runner gives each
benchmark a process of its own, one after the other; on a machine that is busy now and then
the ratio of two such figures says little. Here the sides of a race take turns in one
process, A B B A A B …, and the ratio is taken turn by turn.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import pyperf

OURS = "jaxsched"
TURN_SECONDS = 0.05
"""A turn repeats its call until it takes about so long."""


@dataclasses.dataclass(frozen=True)
class Side:
    """One of the things that are compared."""

    measure: Callable[[int], float]
    """Seconds that so many calls take, as in pyperf's ``bench_time_func``; or what is counted."""

    steps: int = 1
    """How many steps one call does; figures are per step."""

    once: bool = False
    """Whether a turn is one call, however short: what a first call does, or what is counted."""


@dataclasses.dataclass(frozen=True)
class Goal:
    """How many times less than another side ours should take."""

    against: str
    least: float
    why_missed: str = ""
    """One sentence, where it is known."""


@dataclasses.dataclass(frozen=True)
class Race:
    """Sides that do the same, ours among them, and what is wanted of ours."""

    name: str
    sides: Mapping[str, Side]
    goals: Sequence[Goal]
    unit: str = "second"
    """"second", or "integer" for what is counted."""

    turns: int | None = None
    """Instead of what the run says: 1 for what is counted, fewer for what takes minutes."""

    note: str = ""

    operations: int = 0
    """Operations on float64 for each step; 0 where they are not counted."""

    growth: Mapping[str, str | int] = dataclasses.field(default_factory=dict)
    """For the plots of growth: ``what`` grows, which ``figure`` this is, and the ``size``."""


class LeftOutError(Exception):
    """A race that cannot be run here; the text says what it would take."""


@dataclasses.dataclass(frozen=True)
class Result:
    """A goal, and what was measured for it."""

    race: Race
    goal: Goal
    ours: float
    """Median, per step."""
    theirs: float
    ratio: float
    """Median of theirs over ours, turn by turn: how many times less ours takes."""
    spread: tuple[float, float]
    """The ratio's quartiles."""

    @property
    def verdict(self) -> str:
        """ "reached", "missed", or "undecided": below the goal, but by less than the spread."""
        if self.ratio >= self.goal.least:
            return "reached"
        return "undecided" if self.spread[1] >= self.goal.least else "missed"


def calls(
    function: Callable[[], Any], wait: Callable[[Any], Any] = jax.block_until_ready
) -> Callable[[int], float]:
    """A measure of a function that returns JAX arrays: each call is waited for."""

    def measure(loops: int) -> float:
        start = pyperf.perf_counter()
        for _ in range(loops):
            wait(function())
        return float(pyperf.perf_counter() - start)

    return measure


def together(
    measure: Callable[[], Mapping[str, float]], names: Sequence[str], steps: int = 1
) -> dict[str, Side]:
    """Sides that one call measures all of: a whole and its part."""
    pending: dict[str, float] = {}

    def take(name: str, loops: int) -> float:
        if name not in pending:
            pending.update(measure())
        return pending.pop(name)

    return {name: Side(functools.partial(take, name), steps, once=True) for name in names}


def run(race: Race, turns: int) -> tuple[list[Result], list[pyperf.Benchmark]]:
    """Measures the sides of a race in turn."""
    turns = race.turns or turns
    loops: dict[str, int] = {}
    warmups: dict[str, list[tuple[int, float]]] = {}
    values: dict[str, list[float]] = {name: [] for name in race.sides}
    for name, side in race.sides.items():
        loops[name], warmups[name] = (1, []) if side.once else _calibrate(side)
    for turn in range(turns):
        names = list(race.sides)
        for name in names[:: -1 if turn % 2 else 1]:
            side = race.sides[name]
            values[name].append(side.measure(loops[name]) / loops[name] / side.steps)
    benchmarks = []
    for name, side in race.sides.items():
        metadata = {
            "name": f"{race.name}: {name}",
            "side": name,
            "unit": race.unit,
            "loops": loops[name],
            "inner_loops": side.steps,
            **({"description": race.note} if race.note else {}),
            **({"operations": race.operations} if race.operations else {}),
            **race.growth,
        }
        benchmarks.append(pyperf.Benchmark([pyperf.Run(values[name], warmups[name], metadata)]))
    return [_judge(race, goal, values) for goal in race.goals], benchmarks


def _calibrate(side: Side) -> tuple[int, list[tuple[int, float]]]:
    """How many calls make a turn; the first call, which compiles, and the second are warm-ups."""
    warmups = [(1, side.measure(1) / side.steps) for _ in range(2)]
    return max(1, math.ceil(TURN_SECONDS / (warmups[-1][1] * side.steps))), warmups


def _judge(race: Race, goal: Goal, values: Mapping[str, list[float]]) -> Result:
    ours, theirs = values[OURS], values[goal.against]
    ratios = [y / x for x, y in zip(ours, theirs, strict=True)]
    low, ratio, high = (
        statistics.quantiles(ratios, n=4, method="inclusive") if len(ratios) > 1 else ratios * 3
    )
    return Result(race, goal, statistics.median(ours), statistics.median(theirs), ratio, (low, high))
