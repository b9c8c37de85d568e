"""The verdict, from arrays: where a schedule and a reference part, why, and who is wrong."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from . import causes, ulp
from .causes import sparse
from .comparison import (
    FAR,
    Allowed,
    Comparison,
    Counts,
    Curves,
    Difference,
    Distance,
    Integrity,
    Row,
    Tolerance,
    of_the_peak,
    words,
)
from .stepped import Stepped

SAMPLES = 200
"""Counts, besides every boundary, that are also evaluated eagerly, one at a time."""

JUDGED = 64
"""Counts, of those that are identical, at which both are held against the exact value."""

RIGHT = 0.5 + 1e-6
"""ULP from the exact value that rounding to float32 once can cost."""

Indices = npt.NDArray[np.int64]


@dataclasses.dataclass(frozen=True, eq=False)
class Answers:
    """What a schedule answers: at all counts, and once more at some of them."""

    values: npt.NDArray[Any]
    """At all counts, from one compiled program, in the dtype in which the schedule returned them."""

    at: Indices
    """The indices of the counts that were asked for once more, eagerly and one at a time."""

    alone: npt.NDArray[np.float32]
    """What it answered there."""

    weak: bool = False
    """Whether the values are weakly typed."""

    every: npt.NDArray[np.float64] | None = None
    """What it answers at 0, 1, …, where it is compared at some of these only; causes are told by it."""


class Slack(NamedTuple):
    """How far apart values may be for being written with few digits."""

    each: npt.NDArray[np.float64]
    why: str


def recorded(values: npt.NDArray[Any], stepped: Stepped) -> Answers:
    """Values that nobody can ask again: they are what they are, however often they are read."""
    values = values.astype(np.float32)
    at = asked_alone(stepped)
    at = at[at < len(values)]
    return Answers(values, at, values[at])


def asked_alone(stepped: Stepped) -> Indices:
    """Indices next to every event and to both ends, and a fixed sample of the others, ascending."""
    steps = len(stepped.values)
    if not steps:
        return np.empty(0, np.int64)
    places = np.array([event.count for event in stepped.events], np.int64)
    if stepped.made is not None:
        places = np.searchsorted(stepped.made, places)
    near = {at + by for at in (0, steps - 1, *places.tolist()) for by in (-1, 0, 1)}
    sample = np.random.default_rng(steps).choice(steps, min(SAMPLES, steps), replace=False)
    return np.asarray(sorted(i for i in near.union(sample.tolist()) if 0 <= i < steps), np.int64)


def judge(
    answers: Answers,
    stepped: Stepped,
    allowed: Allowed | None = None,
    slack: Slack | None = None,
) -> Comparison:
    """Holds what a schedule answers against what the reference did; values are compared as float32.

    Args:
      answers: the schedule's.
      stepped: the reference's.
      allowed: how far apart they may be; None for not at all, as our own may not.
      slack: the same of each value, in the unit of the values, and why.
    """
    steps = len(stepped.values)
    if steps == 0:
        return _nothing(stepped.ended or "nothing was compared: there are no counts")
    if len(answers.values) < steps:
        return _nothing(f"the schedule has {len(answers.values)} values for {steps} counts")
    pair = _Pair(stepped, answers)
    differing = pair.differing()
    apart_at = [i for i in differing.tolist() if not pair.excused(i)]
    tolerated = near_enough(allowed, pair.ours, pair.torch)
    if slack is not None:
        tolerated |= pair.apart <= slack.each
    wrong = [i for i in apart_at if not tolerated[i]]
    other = words(answers.alone) != words(pair.ours[answers.at])
    # What is allowed is allowed from PyTorch's value, however a schedule is called.
    fine = near_enough(allowed, answers.alone, pair.torch[answers.at])
    unstable = answers.at[other & ~fine].tolist()
    within = {i for i in apart_at if tolerated[i]} | set(answers.at[other & fine].tolist())
    worst = int(np.argmax(pair.ulps))
    middle = pair.first_of_size(wrong) if wrong else worst
    apart = _apart(pair, differing)
    return Comparison(
        steps=steps,
        identical=steps - len(differing),
        correctly_rounded=len(differing) - len(apart_at),
        max_ulp=float(pair.ulps[worst]),
        worst=pair.difference(worst) if differing.size else None,
        first_divergence=pair.counts[differing[0]].item() if differing.size else None,
        first_failure=pair.difference(wrong[0]) if wrong else None,
        eager=len(answers.at),
        problem=_problem(pair, wrong, unstable),
        cause=_cause(pair, wrong, unstable),
        who=_who(apart),
        distances=apart,
        window=tuple(pair.row(i) for i in range(max(middle - 3, 0), min(middle + 4, steps))),
        integrity=_integrity(answers),
        tolerance=_tolerance(pair, answers),
        share=pair.share,
        allowed=", and ".join(
            [*([f"{allowed}, as asked"] if allowed else []), *([slack.why] if slack is not None else [])]
        )
        or None,
        within=len(within),
        unseen=stepped.unseen,
        notes=(*stepped.notes, *_of_what_is_allowed(allowed, pair)),
        in_gaps=stepped.in_gaps,
        reached=steps if stepped.every is None else len(stepped.every),
        curves=Curves(
            pair.counts, pair.ours, pair.torch, tuple(event for event in stepped.events if event.what)
        ),
    )


class _Pair:
    """Both sides at the counts that the reference reached; at least one."""

    def __init__(self, stepped: Stepped, answers: Answers) -> None:
        ours = answers.values.astype(np.float32)[: len(stepped.values)]
        self.stepped = stepped
        self.ours = ours
        self.every = answers.every
        self.torch = stepped.values
        self.counts: Counts = stepped.counts[: len(ours)]
        self.made = np.arange(len(ours), dtype=np.int32) if stepped.made is None else stepped.made
        self.ulps = ulp.rounded_distance(ours, stepped.values)
        self._peak = float(np.max(np.abs(stepped.values)))
        with np.errstate(all="ignore"):
            self.apart = np.abs(ours - stepped.values.astype(np.float32).astype(np.float64))
        largest = float(np.max(self.apart))
        self.share = largest / self._peak if self._peak else largest and float("inf")

    def share_of(self, worst: Difference) -> float:
        """Of the peak, how far apart the two are at a count."""
        apart = abs(float(np.float32(worst.ours)) - float(np.float32(worst.torch)))
        return apart / self._peak if self._peak else float("inf")

    def first_of_size(self, wrong: Sequence[int]) -> int:
        """The first that is wrong by a tenth of what the worst is."""
        apart = np.nan_to_num(self.apart[list(wrong)], nan=np.inf)
        return wrong[int(np.argmax(apart >= 0.1 * apart.max()))]

    def differing(self) -> Indices:
        """The indices of other bits. A NaN or infinity never equals another, whatever its bits."""
        return np.flatnonzero(
            (words(self.ours) != words(self.torch.astype(np.float32))) | ~np.isfinite(self.ours)
        )

    def excused(self, i: int) -> bool:
        """Whether PyTorch's rounding error is the difference, and ours is as near as is promised.

        At an exact tie there are two such neighbours, and which of them is rounded to hangs on the last
        bit of a float64.
        """
        if self.stepped.exact is None or not np.isfinite(self.ours[i]):
            return False
        known = self._exact(i)
        # PyTorch multiplies its way from step to step: some rounding errors for each.
        around = max(self._peak, self.stepped.around)
        drift = 8 * 2.0**-53 * (self.made[i].item() + 1) * around
        drifted = abs(known - float(self.torch[i])) <= drift
        nearest = float(known)
        rest = float(known - nearest)
        near = ulp.distance(self.ours[i], np.asarray(nearest), rest) <= RIGHT
        # -0 is as near to 0 as 0, and another number.
        signed = bool(self.ours[i] == 0 and np.signbit(self.ours[i]))
        return bool(drifted and near and not signed)

    def row(self, i: int) -> Row:
        known = self._exact(i)
        nearest = None if known is None else float(known)
        return Row(self.counts[i].item(), float(self.ours[i]), float(self.torch[i]), nearest)

    def difference(self, i: int) -> Difference:
        return Difference(**vars(self.row(i)), ulp=float(self.ulps[i]))

    def _exact(self, i: int) -> Any:
        return None if self.stepped.exact is None else self.stepped.exact(self.counts[i].item())


def near_enough(
    allowed: Allowed | None, values: npt.NDArray[np.float32], wanted: npt.NDArray[np.float64]
) -> npt.NDArray[np.bool_]:
    """Which values are as near as is allowed."""
    found = np.zeros(len(values), bool)
    if not allowed:
        return found
    rounded = wanted.astype(np.float32).astype(np.float64)
    with np.errstate(all="ignore"):
        apart = np.abs(values - rounded)
        for limit, distance in (
            (allowed.max_ulp, ulp.rounded_distance(values, wanted)),
            (allowed.relative, apart / np.abs(rounded)),
            (allowed.absolute, apart),
        ):
            if limit is not None:
                found |= (distance <= limit) | (apart == 0)
    return found & np.isfinite(values)


def _of_what_is_allowed(allowed: Allowed | None, pair: _Pair) -> tuple[str, ...]:
    """What to know of a tolerance that is too large to say anything."""
    zeros = np.zeros(len(pair.torch), np.float32)
    if not allowed or not pair.torch.any() or not near_enough(allowed, zeros, pair.torch).all():
        return ()
    return (f"{allowed} is allowed: a schedule that is 0 at all of these counts would pass",)


def _nothing(problem: str) -> Comparison:
    return Comparison(0, 0, 0, 0.0, None, None, None, 0, problem)


def _problem(pair: _Pair, wrong: Sequence[int], unstable: Sequence[int]) -> str | None:
    """Why the comparison fails."""
    steps = len(pair.ours)
    if wrong:
        # By the measure that is told of the whole comparison, too: there is one that is furthest.
        near = pair.ulps.max() < FAR
        by = pair.ulps if near else np.nan_to_num(pair.apart, nan=np.inf)
        worst = pair.difference(max(wrong, key=lambda i: by[i]))
        size = f"{worst.ulp:.4g} ULP" if near else of_the_peak(pair.share_of(worst))
        text = (
            f"wrong at {len(wrong):,} of {steps:,} counts, most at count {worst.count:g} ({size}); "
            f"first at {pair.difference(wrong[0])}"
        )
        # The cause comes first: the first count that is wrong is often its smallest effect.
        cause = _cause(pair, wrong, unstable)
        return text if cause is None or cause.startswith(causes.WHERE) else f"{cause}; {text}"
    if unstable:
        have = "value has" if len(unstable) == 1 else "values have"
        return (
            f"{len(unstable):,} {have} other bits when evaluated eagerly than under jit, "
            f"first at count {pair.counts[unstable[0]]}"
        )
    ended = pair.stepped.ended
    reached = steps if pair.stepped.every is None else len(pair.stepped.every)
    return None if ended is None else f"PyTorch ended at count {reached} with {ended}"


def _cause(pair: _Pair, wrong: Sequence[int], unstable: Sequence[int]) -> str | None:
    """What the difference looks like."""
    if not wrong:
        return "it depends on how it is called, and not on the count alone" if unstable else None
    named = sorted({*pair.stepped.events, *pair.stepped.unseen})
    # What is within a tolerance is not what is asked about.
    asked = pair.torch.astype(np.float32)
    asked[list(wrong)] = pair.ours[list(wrong)]
    if pair.made[-1] >= len(pair.made):  # most causes speak of neighbours, which gaps do not have
        counts, everywhere = pair.made.astype(np.int64), (pair.stepped.every, pair.every)
        found = sparse.name(asked, pair.torch, np.asarray(wrong), counts, *everywhere, named)
    else:
        found = causes.name(asked, pair.torch, np.asarray(wrong), named, pair.stepped.each)
    # Of a log no event is known that a count could be next to.
    return found if named else found.replace(", next to no event of the trajectory", "")


def _apart(pair: _Pair, differing: Indices) -> tuple[Distance, ...]:
    """Schedule and PyTorch at every count; both and the exact value where they differ, and at a sample."""
    steps = len(pair.ours)
    worst = int(np.argmax(pair.ulps))
    both = Distance(
        "schedule and PyTorch", steps, steps - len(differing), float(pair.ulps[worst]), pair.row(worst)
    )
    if pair.stepped.exact is None:
        return (both,)
    sample = np.random.default_rng(steps).choice(steps, min(JUDGED, steps), replace=False)
    chosen = sorted({0, steps - 1, worst, *sample.tolist(), *differing[:JUDGED].tolist()})
    rows = [pair.row(i) for i in chosen]
    known = np.array([row.exact for row in rows], np.float64)
    return (
        both,
        _from_exact("schedule", np.array([row.ours for row in rows]), known, rows),
        _from_exact("PyTorch", np.array([row.torch for row in rows]), known, rows),
    )


def _from_exact(
    who: str, values: npt.NDArray[np.float64], known: npt.NDArray[np.float64], rows: Sequence[Row]
) -> Distance:
    ulps = ulp.distance(values, known)
    furthest = int(np.argmax(ulps))
    same = int(np.sum(words(values) == words(known)))
    return Distance(f"{who} and exact", len(rows), same, float(ulps[furthest]), rows[furthest])


def _who(found: tuple[Distance, ...]) -> str | None:
    """Who is wrong, if either is."""
    if len(found) == 1:
        return None if found[0].max_ulp == 0 else "no formula for the exact value is known here"
    ours, torch = (distance.max_ulp for distance in found[1:])
    far = {who: f"{size:.3g} ULP" if size < FAR else "far" for who, size in (("o", ours), ("t", torch))}
    says = f"the schedule is {far['o']} from the exact value, PyTorch {far['t']}"
    if ours <= RIGHT:
        return None if torch <= RIGHT else f"PyTorch is wrong: {says}"
    return f"the schedule is wrong: {says}" if torch <= RIGHT else f"both are wrong: {says}"


def _integrity(answers: Answers) -> Integrity:
    values = answers.values
    size = np.abs(values.astype(np.float32))
    return Integrity(
        returns=f"{values.dtype}{' (weak)' if answers.weak else ''}",
        nan=int(np.isnan(values).sum()),
        infinite=int(np.isinf(values).sum()),
        negative=int((values < 0).sum()),
        negative_zero=int(((values == 0) & np.signbit(values)).sum()),
        subnormal=int(((size > 0) & (size < np.finfo(np.float32).smallest_normal)).sum()),
    )


def _tolerance(pair: _Pair, answers: Answers) -> Tolerance:
    values = np.concatenate([pair.ours, answers.alone])
    torch = np.concatenate([pair.torch, pair.torch[answers.at]])
    wanted = torch.astype(np.float32).astype(np.float64)
    with np.errstate(all="ignore"):
        apart = np.abs(values - wanted)
        relative = np.where(apart == 0, 0.0, apart / np.abs(wanted))
    return Tolerance(
        float(np.nan_to_num(apart, nan=np.inf).max()),
        float(np.nan_to_num(relative, nan=np.inf).max()),
        float(ulp.rounded_distance(values, torch).max()),
    )
