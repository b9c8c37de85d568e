"""How far each library is from the reference, in cases of the catalogue."""

from __future__ import annotations

import dataclasses
import statistics
import warnings
from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import numpy as np
import numpy.typing as npt

from ..cases import ComparedCase
from ..stepped import Stepped
from .peer import Candidate, Peer

OURS = "jaxsched"

MOST = 2_000
"""Counts of one case."""


class Worst(NamedTuple):
    """Where one is furthest from the reference."""

    share: float
    """The difference as a share of the largest value of the reference; infinite where there is no number."""

    at: int
    """The count."""

    case: str


@dataclasses.dataclass(frozen=True)
class Found:
    """What came of one library for one scheduler."""

    names: tuple[str, ...]
    cases: int
    """In how many cases it was compared."""

    counts: int
    identical: int
    """Values with the bits of the reference rounded to float32."""

    worst: Worst | None
    """None where all values are the same."""

    middle: float = 0.0
    """The median of the greatest differences of its cases, each as a share."""

    refused: tuple[tuple[str, str], ...] = ()
    """Cases that it could not be made or stepped for, and what it raised."""


class Tried(NamedTuple):
    """One case, stepped."""

    case: ComparedCase
    stepped: Stepped


@dataclasses.dataclass(frozen=True)
class Row:
    """A scheduler, and who has it."""

    scheduler: str
    cases: int
    counts: int
    found: dict[str, Found | None]
    """By library; None where it has nothing that is meant to do the same. Those that are not asked are
    absent: the one whose scheduler it is, and those that are not installed."""


def chosen(cases: Sequence[ComparedCase]) -> list[ComparedCase]:
    """What all libraries are asked for: the learning rate, by whole counts, from the first on."""
    return [
        case.shortened(MOST)
        for case in cases
        if case.quantity == "lr" and case.setup.epochs is None and case.steps
    ]


def measure(
    cases: Sequence[ComparedCase], peers: Sequence[Peer], progress: Callable[[str], None] = lambda name: None
) -> list[Row]:
    """Steps the reference of each case, and asks who is installed."""
    installed = [peer for peer in peers if peer.version is not None]
    by_name: dict[str, list[ComparedCase]] = {}
    for case in cases:
        by_name.setdefault(case.scheduler, []).append(case)
    # As they are used; both Optax and braintools rely on promotion itself.
    with (
        jax.default_device(jax.devices("cpu")[0]),
        jax.numpy_dtype_promotion("standard"),
        jax.numpy_rank_promotion("allow"),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")  # of theirs, about what is not looked at here
        return [_row(name, of_one, installed, progress) for name, of_one in by_name.items()]


def _row(
    name: str, cases: Sequence[ComparedCase], peers: Sequence[Peer], progress: Callable[[str], None]
) -> Row:
    progress(name)
    tried = [Tried(case, case.step()) for case in cases]
    found: dict[str, Found | None] = {OURS: _ours(tried)}
    for peer in peers:
        if name not in peer.own:
            found[peer.name] = _theirs(tried, peer)
    return Row(name, len(tried), sum(len(one.stepped.values) for one in tried), found)


def _ours(tried: Sequence[Tried]) -> Found:
    kind = type(tried[0].case)
    answered = kind.answer_all([one.case for one in tried], [one.stepped for one in tried])
    each = [
        _compared(one.case.name, np.asarray(answers.values, np.float32), one.stepped.values)
        for one, answers in zip(tried, answered, strict=True)
    ]
    return _together((OURS,), each, ())


def _theirs(tried: Sequence[Tried], peer: Peer) -> Found | None:
    candidates = [(one, found) for one in tried if (found := peer.find(one.case)) is not None]
    each, refused = [], []
    for one, candidate in candidates:
        values = one.stepped.values[: candidate.steps]
        try:
            applied = _float32(candidate, len(values))
            each.append(_compared(one.case.name, applied, values))
        except Exception as reason:  # whatever a library does, the others are still measured
            first = str(reason).strip().partition("\n")[0]
            refused.append((one.case.name, f"{type(reason).__name__}: {first}"))
    names = tuple(dict.fromkeys(candidate.name for _, candidate in candidates))
    return _together(names, each, tuple(refused)) if candidates else None


def _float32(candidate: Candidate, steps: int) -> npt.NDArray[np.float32]:
    return np.asarray([np.float32(value) for value in candidate.applied(steps)], np.float32)


class _Compared(NamedTuple):
    counts: int
    identical: int
    worst: Worst


def _compared(case: str, applied: npt.NDArray[np.float32], reference: npt.NDArray[np.float64]) -> _Compared:
    wanted = reference.astype(np.float32)
    if applied.shape != wanted.shape:
        raise ValueError(f"{len(applied)} values in place of {len(wanted)}")
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        apart = np.abs(applied.astype(np.float64) - wanted) / np.max(np.abs(wanted))
    apart = np.where(applied == wanted, 0.0, np.where(np.isnan(apart), np.inf, apart))
    at = int(np.argmax(apart))
    return _Compared(len(wanted), int(np.sum(applied == wanted)), Worst(float(apart[at]), at, case))


def _together(
    names: tuple[str, ...], each: Sequence[_Compared], refused: tuple[tuple[str, str], ...]
) -> Found:
    worst = max((one.worst for one in each), default=None)
    return Found(
        names,
        len(each),
        sum(one.counts for one in each),
        sum(one.identical for one in each),
        worst if worst and worst.share else None,
        statistics.median(one.worst.share for one in each) if each else 0.0,
        refused,
    )
