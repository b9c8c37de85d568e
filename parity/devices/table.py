"""Every schedule of the catalogue on every target, beside Optax's; or one that somebody brings."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import importlib.metadata
import multiprocessing
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from .. import _quiet
from ..cases import ComparedCase, optax_equivalents
from . import subjects
from .compare import compare
from .compiler import Compiler
from .door import brought
from .findings import Finding
from .subjects import OfCount, OfState, Subject
from .targets import Target, find, packages


@dataclasses.dataclass(frozen=True)
class Row:
    """A schedule on each target, and Optax's equal where it has one."""

    name: str
    scheduler: str
    """The class."""

    findings: Mapping[str, Finding]
    """By the name of the target."""

    optax: str | None
    """The name of Optax's equal."""

    optax_findings: Mapping[str, Finding]

    strict: bool
    """Whether nothing of it may be left to the device: of ours, unless a function of the user's is in it."""

    again: str
    """The command that does this row once more."""

    brought: bool = False
    """Whether somebody brought it, and asked for these targets and no others."""

    @property
    def compared(self) -> int:
        """Counts or steps, of all targets; Optax's are not counted."""
        return sum(finding.compared for finding in self.findings.values())

    @property
    def seconds(self) -> float:
        """What its programs took to compile and to execute."""
        return sum(finding.seconds for finding in self.findings.values())

    @property
    def failed(self) -> bool:
        """Whether a bit differs, or something was left out where nothing may be."""
        found = self.findings.values()
        if self.strict:
            return not all(finding.same for finding in found)
        return any(finding.differing for finding in found)

    @property
    def passed(self) -> bool:
        """Whether it was compared on every target, and has the same bits on each."""
        return all(finding.same for finding in self.findings.values())

    @property
    def not_compared(self) -> tuple[str, ...]:
        """The targets on which nothing was compared."""
        return tuple(target for target, finding in self.findings.items() if not finding.compared)

    @property
    def accepted(self) -> bool:
        """Whether a run may pass with it: what was asked for and not compared is not green."""
        return self.passed or not (self.failed or self.brought)


@dataclasses.dataclass(frozen=True)
class Table:
    """What `parity devices` found."""

    targets: tuple[str, ...]
    rows: tuple[Row, ...]

    @property
    def compared(self) -> int:
        return sum(row.compared for row in self.rows)

    @property
    def same(self) -> int:
        """How many values have the host's bits."""
        return sum(f.compared - f.differing - f.undecided for row in self.rows for f in row.findings.values())

    @property
    def undecided(self) -> int:
        return sum(f.undecided for row in self.rows for f in row.findings.values())

    @property
    def failed(self) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if row.failed)

    @property
    def refused(self) -> tuple[Row, ...]:
        """The rows with which the run does not pass: what failed, and what was brought and not compared."""
        return tuple(row for row in self.rows if not row.accepted)


Progress: TypeAlias = Callable[[Row], None]


def run(
    cases: Sequence[ComparedCase],
    targets: Sequence[Target],
    progress: Progress = lambda row: None,
    *,
    number: int = subjects.COUNTS,
    exhaustive: bool = False,
    jobs: int = 1,
) -> Table:
    """Compiles each case, and Optax's equal, for each target and compares every bit.

    Args:
      cases: which.
      targets: for what.
      progress: is told of each row that is done.
      number: at how many counts, or steps of a plateau, each is compared.
      exhaustive: whether at every count up to 2**24, too.
      jobs: how many processes share the work.
    """
    rows: dict[str, Row] = {}
    for share in _shares(cases, [target.name for target in targets], number, exhaustive, jobs):
        for row in share:
            progress(row)
            rows[row.name] = row
    return Table(tuple(target.name for target in targets), tuple(rows[case.name] for case in cases))


SHARE = 6
"""Cases that a process gets at once."""


def _shares(
    cases: Sequence[ComparedCase], targets: list[str], number: int, exhaustive: bool, jobs: int
) -> Iterator[list[Row]]:
    shares = -(-len(cases) // SHARE)
    batches = [cases[i::shares] for i in range(shares)]  # neighbours are alike, and take as long
    if jobs == 1:
        with Compiler() as compiler:
            yield from (_rows(batch, targets, number, exhaustive, compiler) for batch in batches)
        return
    # JAX cannot be forked.
    spawn = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(jobs, spawn, _quiet.begin) as pool:
        futures = [pool.submit(_in_process, batch, targets, number, exhaustive) for batch in batches]
        try:
            for future in concurrent.futures.as_completed(futures):
                yield future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


_compiler: list[Compiler] = []
"""Of this process; it ends with it."""


def _in_process(
    cases: Sequence[ComparedCase], targets: list[str], number: int, exhaustive: bool
) -> list[Row]:
    if not _compiler:
        _compiler.append(Compiler())
    return _rows(cases, targets, number, exhaustive, _compiler[0])


def _rows(
    cases: Sequence[ComparedCase], targets: list[str], number: int, exhaustive: bool, compiler: Compiler
) -> list[Row]:
    which: list[tuple[int, str | None]] = []
    compared: list[Subject] = []
    for i, case in enumerate(cases):
        for name, subject in subjects_of(case, number, exhaustive):
            which.append((i, name))
            compared.append(subject)
    found = compare(compared, find(targets), compiler)
    ours = {i: each for (i, name), each in zip(which, found, strict=True) if name is None}
    theirs = {i: (name, each) for (i, name), each in zip(which, found, strict=True) if name is not None}
    rows = []
    for i, case in enumerate(cases):
        name, optax = theirs.get(i, (None, {}))
        again = _again([*targets, "-k", case.name], number, exhaustive)
        rows.append(Row(case.name, case.scheduler, ours[i], name, optax, not case.calls_function, again))
    return rows


def subjects_of(case: ComparedCase, number: int, exhaustive: bool) -> Iterator[tuple[str | None, Subject]]:
    """Ours, and under its name Optax's."""
    machine, schedule, epochs = case.machine(), case.schedule(), case.setup.epochs
    if machine is not None:
        yield None, OfState(machine, number)
        return
    assert schedule is not None, case.name
    if epochs is not None:
        yield None, OfCount(schedule, [subjects.fractions(epochs, number=number)])
        return
    counts = [subjects.counts(case.turns(), case.steps, number=number)]
    if exhaustive:
        counts = subjects.every(counts[0])
    yield None, OfCount(schedule, [subjects.negative(), *counts])
    equivalent = optax_equivalents.equivalent(case)
    if equivalent is not None:
        yield equivalent.name, OfCount(equivalent.schedule, counts)


def compare_brought(
    functions: Mapping[str, Any],
    targets: Sequence[Target],
    *,
    number: int = subjects.COUNTS,
    exhaustive: bool = False,
) -> Table:
    """Somebody's own schedules, or state machines with ``init`` and ``step``, by name.

    Raises:
      NotASchedule: one of them is none; then nothing is compared.
    """
    brought_ = [
        brought(function, name=name, number=number, exhaustive=exhaustive)
        for name, function in functions.items()
    ]
    names = [target.name for target in targets]
    with Compiler() as compiler:
        found = compare(brought_, targets, compiler)
    rows = (
        Row(
            name,
            type(functions[name]).__name__,
            findings,
            None,
            {},
            False,
            _again([name, *names], number, exhaustive),
            brought=True,
        )
        for name, findings in zip(functions, found, strict=True)
    )
    return Table(tuple(names), tuple(rows))


def _again(words: Sequence[str], number: int, exhaustive: bool) -> str:
    steps = [] if number == subjects.COUNTS else ["--steps", str(number)]
    profile = ["--profile", "exhaustive"] if exhaustive else []
    return shlex.join(["parity", "devices", *words, *steps, *profile])


def environment(targets: Sequence[Target]) -> dict[str, str]:
    """The versions of the compilers."""
    needed = dict.fromkeys(package for target in targets for package in packages(target.family))
    return {package: importlib.metadata.version(package) for package in needed}
