"""The bits of a function on a device, beside those that it must have."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
import numpy.typing as npt

from .. import _quiet
from .bits import bits, decimals, differing, distances, is_float
from .compiler import CompilationError, Compiler
from .door import brought
from .findings import Difference, Finding, Unknown
from .program import Program, UnknownOperation
from .subjects import Answers, Subject
from .targets import DEFAULT, Target, find, missing


def compare_devices(schedule: Any, *targets: str, counts: npt.ArrayLike | None = None) -> dict[str, Finding]:
    """Whether a schedule has the same bits on devices that need not be here.

    It is compiled for each, and the compiled program executed operation by operation. Of a schedule of
    jaxsched the measure is what ``on_host`` says, of others what XLA's program for the CPU does.

    >>> import jaxsched, parity
    >>> found = parity.compare_devices(jaxsched.StepLR(0.1, 30), "cuda:h100")  # doctest: +SKIP
    >>> found["cuda:h100"].same  # doctest: +SKIP
    True

    Args:
      schedule: a function of a count, which JAX can trace; or something with ``init`` and ``step``, such as
        `jaxsched.ReduceLROnPlateau`, whose step is compared.
      *targets: names such as ``"tpu:v5e"``; ``"tpu:v5e"`` and ``"cuda:h100"`` if there are none.
      counts: which counts, int32; 100,000 of all sizes if not given.

    Returns:
      What was found, by the name of the target.

    Raises:
      ValueError: there is no such target, or no count; or what is given is no schedule, or JAX cannot trace
        it: the text says why, and what to do.
      ImportError: what compiles for it is not installed.
    """
    chosen = find(targets or DEFAULT)
    lacking = missing(chosen)
    if lacking is not None:
        raise ImportError(lacking)
    _quiet.settle()
    with Compiler() as compiler:
        (found,) = compare([brought(schedule, counts)], chosen, compiler)
    return found


def compare(
    subjects: Sequence[Subject], targets: Sequence[Target], compiler: Compiler
) -> list[dict[str, Finding]]:
    """What came of each subject, by the name of the target."""
    return [{target.name: _finding(subject, target, compiler) for target in targets} for subject in subjects]


@dataclasses.dataclass
class _Tally:
    """What is known so far of a subject on a target."""

    compared: int = 0
    differing: int = 0
    undecided: int = 0
    first: Difference | None = None
    furthest: Difference | None = None
    unknown: tuple[Unknown, ...] = ()
    finite: bool = False
    """Whether any number of the answers is finite."""


def _finding(subject: Subject, target: Target, compiler: Compiler) -> Finding:
    # Each by itself. Many in one program would take less time for a GPU and more for a TPU, and some would
    # have an instruction more than alone.
    start = time.perf_counter()
    try:
        program = compiler.compile(subject, subject.arguments, target)
    except CompilationError as reason:
        took = time.perf_counter() - start
        text = f"not compiled: {reason}"
        return Finding(target.name, subject.place, 0, 0, None, None, (), text, took, measure=subject.measure)
    try:
        found = judge(subject, target, program)
    except (MemoryError, jax.errors.JaxRuntimeError) as reason:
        took = time.perf_counter() - start
        text = f"not executed: {reason}"
        return Finding(target.name, subject.place, 0, 0, None, None, (), text, took, measure=subject.measure)
    return dataclasses.replace(found, seconds=time.perf_counter() - start)


def judge(subject: Subject, target: Target, program: Program) -> Finding:
    """What came of a subject's program."""
    start = time.perf_counter()
    outputs = range(len(subject.leaves))
    tally = _Tally()
    try:
        for answers in subject.ask(program.replay, target):
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
        instructions=program.instructions(*outputs),
        unknown=tally.unknown,
        error=None,
        seconds=time.perf_counter() - start,
        undecided=tally.undecided,
        furthest=tally.furthest,
        measure=subject.measure,
        notes=(*subject.notes, *(["all NaN or infinite"] if tally.compared and not tally.finite else [])),
    )


def _add(tally: _Tally, subject: Subject, target: Target, answers: Answers) -> None:
    wanted = list(map(target.rounds, answers.wanted))
    # What the device hands on without computing with it keeps its bits; who computes with it has 0.
    answers = answers._replace(device=list(map(target.rounds, answers.device)))
    unlike = [differing(*each) for each in zip(answers.device, wanted, strict=True)]
    rows = np.any(unlike, axis=0)
    if rows.any() and not target.has_float64:
        undecided = rows & subject.undecided(answers)
        tally.undecided += int(np.sum(undecided))
        rows &= ~undecided
    tally.compared += len(rows)
    tally.differing += int(np.sum(rows))
    tally.finite = tally.finite or any(not is_float(leaf.dtype) or np.isfinite(leaf).any() for leaf in wanted)
    if not rows.any():
        return
    where = np.flatnonzero(rows)
    apart = np.stack(
        [distances(device[where], host[where]) for device, host in zip(answers.device, wanted, strict=True)]
    )

    def difference(leaf: int, which: int) -> Difference:
        i = where[which]
        device, host = answers.device[leaf][i], wanted[leaf][i]
        return Difference(
            at=answers.places[i].item(),
            leaf=subject.leaves[subject.compared(target)[leaf]],
            device=bits(device),
            host=bits(host),
            device_value=decimals(device),
            host_value=decimals(host),
            ulp=apart[leaf, which].item(),
        )

    if tally.first is None:
        tally.first = difference(next(n for n, each in enumerate(unlike) if each[where[0]]), 0)
    which = int(np.argmax(apart.max(axis=0)))
    furthest = difference(int(np.argmax(apart[:, which])), which)
    if tally.furthest is None or furthest.ulp > tally.furthest.ulp:
        tally.furthest = furthest


compare_devices.__module__ = "parity"  # so that pickles outlive the modules
