"""Every count from 0 to 2**24 and ten million beyond, of every closed form.

PyTorch's Python loop would take days for this, so the reference is not PyTorch but the exact
value in `reference.arithmetic.double_double`. That PyTorch and the formulas agree is what all other
runs of parity show.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import functools
import multiprocessing
import operator
import os
import pathlib
import platform
import re
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from . import ulp
from .cases import Case
from .cases.tried import TRIED
from .comparison import bits
from .environment import environment
from .reference.arithmetic import double_double
from .reference.arithmetic.double_double import DoubleDouble
from .reference.known import Formula
from .reference.pytorch import known

RANDOM, LAST = 10**7, 2**31 - 1

BOUND = 0.5 + 1e-6
"""Float32 ULP from the exact value; the promise of docs/numerics.md."""

_CHUNK = 2**20
"""Counts in one call of the compiled schedule."""
_BLOCK = 2**14
"""Counts at once in NumPy: the dozens of arrays that double-double needs stay in the cache."""
_SHARE = 8 * _CHUNK
"""Counts of a schedule that a process does before it says so."""


@dataclasses.dataclass(frozen=True)
class Finding:
    """What came of some counts of a schedule; findings add up."""

    counts: int
    wrong: int
    """Farther than `BOUND` from the exact value."""
    misrounded: int
    """Farther than half an ULP: the other neighbour is nearer. The bound lets 1e-6 of that pass."""
    max_ulp: float
    worst: int
    """The count where that is."""
    first_wrong: str | None
    """The first wrong value, with its count."""
    seconds: float

    def __add__(self, later: Finding) -> Finding:
        worse = later if later.max_ulp > self.max_ulp else self
        return Finding(
            self.counts + later.counts,
            self.wrong + later.wrong,
            self.misrounded + later.misrounded,
            worse.max_ulp,
            worse.worst,
            self.first_wrong or later.first_wrong,
            self.seconds + later.seconds,
        )

    def __str__(self) -> str:
        text = f"{self.counts:,} counts, {self.wrong:,} wrong, {self.misrounded:,} misrounded, "
        text += f"at most {self.max_ulp:.10f} ULP, {self.seconds:.1f} s"
        return f"{text}; first wrong at {self.first_wrong}" if self.first_wrong else text


Results: TypeAlias = dict[str, Finding]
"""By the name of the case."""


def run(
    cases: Sequence[Case],
    progress: Callable[[Case, int, Finding], None] = lambda case, more, so_far: None,
    *,
    random: int = RANDOM,
    jobs: int = 1,
) -> Results:
    """Judges each schedule, compiled, at many counts.

    Args:
      cases: what to judge, each at its first ``steps`` counts.
      progress: is told of each case at how many more counts it was judged, and what came of all so far.
      random: at how many more to judge each, drawn up to the largest int32; the same in every run.
      jobs: how many processes share the work.
    """
    shares = [
        (case, first, min(first + _SHARE, case.steps + random))
        for case in cases
        for first in range(0, case.steps + random, _SHARE)
    ]
    results: Results = {}
    for (case, *_), finding in zip(shares, _judged(shares, jobs), strict=True):
        known = results.get(case.name)
        results[case.name] = finding if known is None else known + finding
        progress(case, finding.counts, results[case.name])
    return results


def _judged(shares: Sequence[tuple[Case, int, int]], jobs: int) -> Iterator[Finding]:
    if jobs == 1:
        yield from (_judge_share(*share) for share in shares)
        return
    # JAX cannot be forked.
    spawn = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(jobs, mp_context=spawn) as pool:
        yield from pool.map(_judge_share, *zip(*shares, strict=True))


def _judge_share(case: Case, first: int, last: int) -> Finding:
    """The counts at some places of a long list: first all, then the random ones."""
    start = time.perf_counter()
    schedule = jax.jit(case.schedule())
    closed_form = known(case.make_torch_scheduler()).closed_form(double_double, case.quantity)
    assert closed_form is not None, case.name
    findings = []
    for place in range(first, last, _CHUNK):
        places = np.arange(place, min(place + _CHUNK, last))
        drawn = np.random.default_rng(place).integers(LAST, size=len(places), endpoint=True)
        findings.append(_judge(schedule, closed_form, np.where(places < case.steps, places, drawn)))
    finding = functools.reduce(operator.add, findings)
    return dataclasses.replace(finding, seconds=time.perf_counter() - start)


def _judge(schedule: Callable[[Any], Any], closed_form: Formula, counts: npt.NDArray[np.int64]) -> Finding:
    ours = np.asarray(schedule(jnp.asarray(counts, np.int32)))
    blocks = [slice(at, at + _BLOCK) for at in range(0, len(counts), _BLOCK)]
    errors = np.concatenate([_ulps(ours[block], closed_form(counts[block])) for block in blocks])
    worst, wrong = int(np.argmax(errors)), np.flatnonzero(errors > BOUND)
    first_wrong = None
    if wrong.size:
        i = wrong[0]
        exact = float(closed_form(counts[i : i + 1]).high[0])
        first_wrong = f"count {counts[i]}: {bits(ours[i])}, exact {bits(exact)}, {errors[i]:.10g} ULP"
    return Finding(
        counts=len(counts),
        wrong=len(wrong),
        misrounded=int(np.sum(errors > 0.5)),
        max_ulp=float(errors[worst]),
        worst=int(counts[worst]),
        first_wrong=first_wrong,
        seconds=0.0,
    )


def _ulps(ours: npt.NDArray[np.float32], exact: DoubleDouble) -> npt.NDArray[np.float64]:
    """How far each value is from the exact one; what has a minus sign is infinitely far."""
    return np.where(np.signbit(ours), np.inf, ulp.distance(ours, exact.high, exact.low))


# What is judged ------------------------------------------------------------------------

CASES: tuple[Case, ...] = tuple(case for tried in TRIED for case in tried.FAR)
"""Those of each class that lie far out."""


# What is said ---------------------------------------------------------------------------


def main(
    cases: Sequence[Case] = CASES,
    *,
    random: int = RANDOM,
    jobs: int = 1,
    markdown: pathlib.Path | None = None,
    console: Console | None = None,
) -> int:
    """Runs, prints what came of each case, writes the page; returns the exit code."""
    console = console or Console()
    start = time.perf_counter()
    columns = (
        TextColumn("{task.description:28.28}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("counts"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=sum(case.steps + random for case in cases))

        def progress(case: Case, more: int, so_far: Finding) -> None:
            bar.update(task, advance=more, description=case.scheduler)
            if so_far.counts == case.steps + random:
                _line(console, f"{case.name}: {so_far}", "bold red" if so_far.wrong else "")

        results = run(cases, progress, random=random, jobs=jobs)
    wrong = any(finding.wrong for finding in results.values())
    if markdown is not None:
        text = page(results, cases[0].steps, random, time.perf_counter() - start, jobs)
        markdown.write_text(text, encoding="utf-8")
        _line(console, f"wrote {markdown}")
    _line(console, summary(results), "bold red" if wrong else "bold green")
    return int(wrong)


def _line(console: Console, text: str, style: str = "") -> None:
    """One line as it is."""
    console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)


def summary(results: Results) -> str:
    """One line."""
    total = functools.reduce(operator.add, results.values())
    return (
        f"{len(results)} schedules, {total.counts:,} values: {total.wrong:,} wrong, "
        f"{total.misrounded:,} misrounded, none farther than {total.max_ulp:.10f} ULP from the exact value"
    )


_PAGE = """\
# Every count

{summary}.

Each schedule was compiled by JAX and called with every count from 0 to {last:,} and with {random:,} random
counts up to {largest:,}. The exact value is its closed form, in double-double arithmetic of some 106 bits
(`parity/reference/pytorch/`), which shares nothing with jaxsched; tests hold it against mpmath.

A float32 is *wrong* when it is farther than 0.5 + 1e-6 ULP from the exact value, and *misrounded* when its
neighbour is nearer, be it by so little that this bound allows it. An ULP is the spacing of float32 numbers
around the exact value. Seconds are those of one process, the reference included.

`parity run --profile exhaustive` wrote this page.

| schedule | counts | wrong | misrounded | max error (ULP) | at count | seconds |
| --- | --- | --- | --- | --- | --- | --- |
{rows}

Not judged here are `ReduceLROnPlateau`, which has no closed form; `LambdaLR` and other functions of the
user's, whose rounding is theirs; and trajectories up to a horizon (`total_steps`), which the host computes.
{wrong}
| | |
| --- | --- |
{environment}
"""


def page(results: Results, steps: int, random: int, seconds: float, jobs: int) -> str:
    """The results as a page for docs."""
    took = f"{seconds:.0f} s, {jobs} process{'es' if jobs > 1 else ''}"
    where = {"processor": _processor(), **environment(), "took": took}
    wrong = [f"- `{name}`: {found.first_wrong}" for name, found in results.items() if found.first_wrong]
    return _PAGE.format(
        summary=summary(results),
        last=steps - 1,
        random=random,
        largest=LAST,
        rows="\n".join(
            f"| `{name}` | {found.counts:,} | {found.wrong:,} | {found.misrounded:,} "
            f"| {found.max_ulp:.10f} | {found.worst:,} | {found.seconds:.1f} |"
            for name, found in results.items()
        ),
        wrong="\n".join(["", "The first wrong value of each:", "", *wrong, ""] if wrong else [""]),
        environment="\n".join(f"| {name} | {value} |" for name, value in where.items() if value),
    )


def _processor() -> str:
    """The model of the processor, and how many cores there are."""
    model = platform.processor()
    cpuinfo = pathlib.Path("/proc/cpuinfo")
    if cpuinfo.exists():
        named = re.search(r"^model name\s*:\s*(.*)$", cpuinfo.read_text(encoding="utf-8"), re.MULTILINE)
        model = named[1] if named else model
    return f"{model}, {os.cpu_count()} cores"
