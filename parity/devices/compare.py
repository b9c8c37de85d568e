"""The bits of a function on a device, beside those that it must have."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Mapping, Sequence

import jax
import numpy as np

from .compiler import CompilationError, Compiler
from .program import Array, Program, UnknownOperation
from .subjects import Answers, Subject
from .targets import Family, Target


@dataclasses.dataclass(frozen=True)
class Unknown:
    """An operation whose result only the device knows, or that a reader does not."""

    operation: str
    why: str
    source: str | None
    """``file:line`` of what it came from."""

    def __str__(self) -> str:
        return f"{self.operation}: {self.why}" + (f", at {self.source}" if self.source else "")


@dataclasses.dataclass(frozen=True)
class Difference:
    """A call that a device answers otherwise."""

    at: float
    """The count, or which step."""

    leaf: str
    """Which part of the answer; empty where it has only one."""

    device: str
    """The bits that the device has: ``0x34c00000``."""

    host: str
    """Those that it should have."""


@dataclasses.dataclass(frozen=True)
class Finding:
    """What came of a function on one target."""

    target: str
    place: str
    """What is counted: ``count`` or ``step``."""

    compared: int
    differing: int
    first: Difference | None
    """The first call with other bits."""

    instructions: int | None
    """Of the compiled program; None where there is none."""

    unknown: tuple[Unknown, ...]
    """What stood in the way of executing it; then nothing was compared."""

    error: str | None
    """Why there is no program to execute."""

    seconds: float
    """What it took to compile and to execute it."""

    @property
    def same(self) -> bool:
        """Whether anything was compared, and every bit is the same."""
        return self.compared > 0 and self.differing == 0


@dataclasses.dataclass
class _Made:
    """A subject's part of a compiled program."""

    program: Program
    outputs: list[int]
    seconds: float


def compare(
    subjects: Sequence[Subject], targets: Sequence[Target], compiler: Compiler
) -> list[dict[str, Finding]]:
    """What came of each subject, by the name of the target."""
    made: list[dict[str, _Made | str]] = [{} for _ in subjects]
    for target in targets:
        for i, each in _programs(subjects, target, compiler):
            made[i][target.name] = each
    return [_replayed(subject, mine, targets) for subject, mine in zip(subjects, made, strict=True)]


# Compiling ------------------------------------------------------------------------------


def _programs(
    subjects: Sequence[Subject], target: Target, compiler: Compiler
) -> Iterator[tuple[int, _Made | str]]:
    """Each subject's program, or why there is none."""
    for group in _groups(subjects, target):
        yield from _together([(i, subjects[i]) for i in group], target, compiler)


def _groups(subjects: Sequence[Subject], target: Target) -> list[list[int]]:
    """Which are compiled together.

    XLA's time for a TPU grows faster than the program. For a GPU most of it is spent once for each.
    """
    groups: dict[object, list[int]] = {}
    for i, subject in enumerate(subjects):
        together = target.family is Family.CUDA and subject.place == "count"
        groups.setdefault(subject.arguments if together else i, []).append(i)
    return list(groups.values())


def _together(
    group: list[tuple[int, Subject]], target: Target, compiler: Compiler
) -> Iterator[tuple[int, _Made | str]]:
    start = time.perf_counter()

    def all_of_them(*arguments: jax.Array) -> tuple[jax.Array, ...]:
        return tuple(leaf for _, subject in group for leaf in subject(*arguments))

    try:
        program = compiler.compile(all_of_them, group[0][1].arguments, target)
    except CompilationError as reason:
        if len(group) == 1:
            yield group[0][0], str(reason)
            return
        for one in group:  # one may stand in the way of all others
            yield from _together([one], target, compiler)
        return
    each = (time.perf_counter() - start) / len(group)
    at = 0
    for i, subject in group:
        yield i, _Made(program, list(range(at, at + len(subject.leaves))), each)
        at += len(subject.leaves)


# Executing ------------------------------------------------------------------------------


@dataclasses.dataclass
class _Tally:
    """What is known so far of a subject on a target."""

    compared: int = 0
    differing: int = 0
    first: Difference | None = None
    unknown: tuple[Unknown, ...] = ()


def _replayed(
    subject: Subject, made: Mapping[str, _Made | str], targets: Sequence[Target]
) -> dict[str, Finding]:
    return {target.name: _finding(subject, target, made[target.name]) for target in targets}


def _finding(subject: Subject, target: Target, made: _Made | str) -> Finding:
    if isinstance(made, str):
        return Finding(target.name, subject.place, 0, 0, None, None, (), made, 0.0)
    found = judge(subject, target, made.program, made.outputs)
    return dataclasses.replace(found, seconds=found.seconds + made.seconds)


def judge(subject: Subject, target: Target, program: Program, outputs: Sequence[int]) -> Finding:
    """What came of a program, of which these outputs are the subject's leaves."""
    start = time.perf_counter()
    tally = _Tally()
    try:
        for answers in subject.ask(lambda arguments: program.replay(arguments, outputs), target):
            _add(tally, subject, target, answers)
    except UnknownOperation as reason:
        known = [each for output in outputs for each in program.unknown(output)] or [reason]
        tally = _Tally(
            unknown=tuple(dict.fromkeys(Unknown(each.operation, each.why, each.source) for each in known))
        )
    return Finding(
        target=target.name,
        place=subject.place,
        compared=tally.compared,
        differing=tally.differing,
        first=tally.first,
        instructions=_instructions(program, outputs),
        unknown=tally.unknown,
        error=None,
        seconds=time.perf_counter() - start,
    )


def _add(tally: _Tally, subject: Subject, target: Target, answers: Answers) -> None:
    wanted = list(map(target.rounds, answers.wanted))
    unlike = [differing(*each) for each in zip(answers.device, wanted, strict=True)]
    rows = np.any(unlike, axis=0)
    tally.compared += len(rows)
    tally.differing += int(np.sum(rows))
    if tally.first is None and rows.any():
        i = int(np.argmax(rows))
        leaf = next(number for number, each in enumerate(unlike) if each[i])
        tally.first = Difference(
            at=answers.places[i].item(),
            leaf=subject.leaves[subject.compared(target)[leaf]],
            device=bits(answers.device[leaf][i]),
            host=bits(wanted[leaf][i]),
        )


def _instructions(program: Program, outputs: Sequence[int]) -> int | None:
    return program.instructions(outputs[0]) if len(outputs) == 1 else None


def differing(device: Array, host: Array) -> Array:
    """Which of n answers have other bits, of arrays of shape ``(n, …)``.

    A NaN is a NaN: no standard says what its other bits are.
    """
    if device.dtype != host.dtype or device.shape != host.shape:
        raise TypeError(
            f"the device answers {device.dtype}{device.shape}, and the host {host.dtype}{host.shape}"
        )
    unlike = words(device) != words(host)
    if device.dtype.kind == "f":
        unlike &= ~(np.isnan(device) & np.isnan(host))
    rows: Array = unlike.any(axis=tuple(range(1, unlike.ndim)))
    return rows


def words(values: Array) -> Array:
    """The bits of each value, as an unsigned number."""
    found: Array = np.ascontiguousarray(values).view(f"u{values.dtype.itemsize}")
    return found


def bits(value: Array) -> str:
    """As people write them: ``0x3dcccccd``; of an array, those of all its values."""
    return " ".join(f"0x{word:0{2 * value.dtype.itemsize}x}" for word in words(np.atleast_1d(value)).ravel())
