"""What `parity devices` says of a device without it, beside what the device that is here computes.

Each schedule of the catalogue, and Optax's equal, is compiled for the target that the device here is one of,
executed on NumPy as `parity devices` does, and executed on the device: many counts at once, and one after
the other in a loop. All three must have the same bits, Optax's too, where a device's are unlike the host's.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import os
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from parity import workers
from parity.catalogue import ALL_CASES
from parity.devices.bits import bits, differing
from parity.devices.compiler import CompilationError, Compiler
from parity.devices.program import Array, UnknownOperation
from parity.devices.subjects import OfCount, Subject
from parity.devices.table import subjects_of
from parity.devices.targets import TARGETS, Target, missing

COUNTS = 100_000
ONE_BY_ONE = 4_096
"""Counts that are also asked for in a loop on the device, where the program is that of a single count."""


@dataclasses.dataclass
class Found:
    """Of one schedule. Numbers are of answers: of a step of a plateau there are several a count."""

    name: str
    optax: bool
    compared: int = 0
    replayed: int = 0
    unlike_replay: int = 0
    unlike_host: int = 0
    replay_unlike_host: int = 0
    one_by_one: int = 0
    one_by_one_unlike_replay: int = 0
    not_replayed: str = ""
    """Why its program cannot be executed on NumPy; the device is compared with the host alone."""
    example: str = ""
    """The first answer that is not what the replay says."""


def target_here() -> Target | None:
    """The target that the default device is one of."""
    device = jax.devices()[0]
    capability = str(getattr(device, "compute_capability", "")).replace(".", "")
    for target in TARGETS:
        if device.device_kind == target.kind or (capability and target.architecture == f"sm_{capability}"):
            return target
    return None


def replayed(quick: bool) -> dict[str, Any]:
    """How many answers of the device are those of its replayed program; passes if all are."""
    target = target_here()
    if target is None:
        kinds = ", ".join(each.kind for each in TARGETS)
        return {"passed": True, "skipped": f"{jax.devices()[0].device_kind} is none of {kinds}"}
    lacking = missing([target])
    if lacking:
        return {"passed": False, "skipped": lacking}
    start = time.perf_counter()
    cases = ALL_CASES[::40] if quick else ALL_CASES
    jobs = min(os.cpu_count() or 1, 12)
    shares = [cases[i :: 4 * jobs] for i in range(4 * jobs)]
    work = functools.partial(_share, target=target)
    answers = [
        found for _, each in workers.as_they_end(work, [s for s in shares if s], jobs) for found in each
    ]
    return {**summary(answers), "target": target.name, "seconds": round(time.perf_counter() - start, 1)}


def summary(answers: Sequence[Found]) -> dict[str, Any]:
    """Ours and Optax's, and each schedule of which something differs."""
    said: dict[str, Any] = {}
    for whose, optax in (("jaxsched", False), ("optax", True)):
        mine = [each for each in answers if each.optax == optax]
        said[whose] = {
            "schedules": len(mine),
            "answers": sum(each.compared for each in mine),
            "replayed": sum(each.replayed for each in mine),
            "unlike the replay": sum(each.unlike_replay for each in mine),
            "one by one": sum(each.one_by_one for each in mine),
            "unlike the replay, one by one": sum(each.one_by_one_unlike_replay for each in mine),
            "unlike the host": sum(each.unlike_host for each in mine),
            "unlike the host, and replayed": sum(each.unlike_host for each in mine if each.replayed),
            "said by the replay to be unlike the host": sum(each.replay_unlike_host for each in mine),
            "not replayed": Counter(each.not_replayed for each in mine if each.not_replayed),
        }
    wrong = [each for each in answers if each.unlike_replay or each.one_by_one_unlike_replay]
    ours = [each for each in answers if each.unlike_host and not each.optax]
    told = [each for each in answers if each.unlike_host or each in wrong]
    return {
        "passed": not wrong and not any(not each.not_replayed for each in ours),
        **said,
        "differing": [dataclasses.asdict(each) for each in sorted(told, key=lambda each: each.name)],
    }


def _share(cases: Sequence[Any], target: Target) -> list[Found]:
    found = []
    with Compiler() as compiler:
        for case in cases:
            for name, subject in subjects_of(case, COUNTS, exhaustive=False):
                if case.calls_function and isinstance(subject, OfCount):
                    # Far beyond its case a function of a user's may raise, as it would in PyTorch.
                    subject.counts = [np.arange(case.steps, dtype=np.int32)]
                found.append(_found(name or case.name, name is not None, subject, target, compiler))
    return found


def _found(name: str, optax: bool, subject: Subject, target: Target, compiler: Compiler) -> Found:
    found = Found(name, optax)
    replay: Callable[..., list[Array]] | None = None
    try:
        program = compiler.compile(subject, subject.arguments, target)
        outputs = range(len(subject.leaves))
        unknown = list(itertools.chain.from_iterable(program.unknown(output) for output in outputs))
        replay = program.replay
        if unknown:
            raise unknown[0]
    except (CompilationError, UnknownOperation) as reason:
        replay, found.not_replayed = None, str(reason).partition(", at ")[0]
    many = jax.jit(jax.vmap(subject))

    def call(arguments: Sequence[Array], outputs: Sequence[int] | None = None) -> list[Array]:
        real = [np.asarray(leaf) for leaf in many(*arguments)]
        real = real if outputs is None else [real[output] for output in outputs]
        found.compared += sum(leaf.size for leaf in real)
        if replay is None:
            return real
        said = replay(arguments, outputs)
        _count(found, "unlike_replay", real, said, target, arguments)
        if not found.one_by_one and len(real[0]) >= ONE_BY_ONE and isinstance(subject, OfCount):
            few = [argument[:ONE_BY_ONE] for argument in arguments]
            looped = jax.jit(lambda xs: jax.lax.map(lambda x: subject(*x), xs))(tuple(few))
            one_by_one = [np.asarray(leaf) for leaf in looped]
            heads = [leaf[:ONE_BY_ONE] for leaf in said]
            _count(found, "one_by_one_unlike_replay", one_by_one, heads, target, few)
            found.one_by_one = len(heads[0])
        found.replayed += sum(leaf.size for leaf in said)
        last[:] = said
        return real

    last: list[Array] = []
    for answers in subject.ask(call, target):
        _count(found, "unlike_host", answers.device, answers.wanted, target, [answers.places])
        if replay is not None:
            _count(found, "replay_unlike_host", last, answers.wanted, target, [answers.places])
    return found


def _count(
    found: Found,
    field: str,
    one: Sequence[Array],
    other: Sequence[Array],
    target: Target,
    arguments: Sequence[Array],
) -> None:
    for leaf, wanted in zip(one, other, strict=True):
        unlike = differing(target.rounds(leaf), target.rounds(np.asarray(wanted)))
        setattr(found, field, getattr(found, field) + int(unlike.sum()))
        if field != "replay_unlike_host" and unlike.any() and not found.example:
            at = int(np.flatnonzero(unlike)[0])
            told = ", ".join(str(argument[at]) for argument in arguments)
            found.example = f"{field} at {told}: {bits(leaf[at])}, not {bits(np.asarray(wanted)[at])}"
