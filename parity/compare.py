"""Two trajectories in, one result out: how far apart, where first, and who is wrong."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from . import causes
from .reference import events, exact, pytorch
from .reference.events import Event

Counts = npt.NDArray[np.int32] | npt.NDArray[np.float64]

SAMPLES = 200
"""Counts, besides every boundary, that are also evaluated eagerly, one at a time."""

JUDGED = 64
"""Counts, of those that are identical, at which both are held against the exact value."""


@dataclasses.dataclass(frozen=True)
class Row:
    """One count: what the schedule says, what PyTorch says, what is exact."""

    count: float
    ours: float
    torch: float
    exact: float | None
    """To float64; None where no formula for it is known."""


@dataclasses.dataclass(frozen=True)
class Difference(Row):
    """One count at which the schedule and PyTorch part."""

    ulp: float

    def __str__(self) -> str:
        text = f"count {self.count:g}: {bits(self.ours)} against PyTorch's {bits(self.torch)}"
        text += f", {self.ulp:.4g} ULP"
        return text if self.exact is None else f"{text}; exact {bits(self.exact)}"


@dataclasses.dataclass(frozen=True)
class Distance:
    """How far two of the three are apart, and where most."""

    between: str
    counts: int
    """At how many counts they were compared."""
    identical: int
    """At how many of these both round to the same float32."""
    max_ulp: float
    """Greatest distance of the unrounded values, in float32 ULP of the second."""
    worst: Row


@dataclasses.dataclass(frozen=True)
class Integrity:
    """What the schedule's values show by themselves: how many are of each kind."""

    returns: str
    """The dtype, and ``weak`` if a weakly typed one."""
    nan: int
    infinite: int
    negative: int
    negative_zero: int
    subnormal: int


@dataclasses.dataclass(frozen=True)
class Tolerance:
    """The least tolerances with which every value would have passed."""

    absolute: float
    relative: float
    ulp: float


@dataclasses.dataclass(frozen=True, eq=False)
class Curves:
    """Both trajectories, for pictures."""

    counts: Counts
    ours: npt.NDArray[np.float32]
    torch: npt.NDArray[np.float64]
    events: tuple[Event, ...]


@dataclasses.dataclass(frozen=True)
class Comparison:
    """What came of stepping PyTorch beside a schedule. Values are compared as float32."""

    steps: int
    """How many counts were compared."""

    identical: int
    """How many values have the bits of PyTorch's value rounded to float32."""

    correctly_rounded: int
    """How many differ from PyTorch's, but are the float32 nearest to the exact value."""

    max_ulp: float
    """Greatest distance to PyTorch's value rounded to float32, in ULP of that value."""

    worst: Difference | None
    """Where that is; None when all are identical."""

    first_divergence: int | float | None
    """The first count whose value differs from PyTorch's."""

    first_failure: Difference | None
    """The first count at which the schedule is wrong; None when it never is."""

    eager: int
    """Counts evaluated once more, eagerly and one at a time."""

    problem: str | None
    """Why the comparison fails, in one sentence; None when it passes."""

    cause: str | None = None
    """What the difference looks like: ``1 count ahead of PyTorch: …``; None where all is well."""

    who: str | None = None
    """Who is wrong, by the exact value; None where neither is."""

    distances: tuple[Distance, ...] = ()
    """Schedule and PyTorch; where there is an exact value, schedule and exact, PyTorch and exact."""

    window: tuple[Row, ...] = ()
    """The first failure (or else the worst count), three counts before it and three after."""

    integrity: Integrity | None = None
    tolerance: Tolerance | None = None

    unseen: tuple[Event, ...] = ()
    """Events of the scheduler that so many counts do not reach, so that nothing is known of them."""

    curves: Curves | None = dataclasses.field(default=None, repr=False, compare=False)

    @property
    def passed(self) -> bool:
        """Whether every value is PyTorch's, or correctly rounded where PyTorch's is not."""
        return self.problem is None

    def __str__(self) -> str:
        if self.steps == 0:
            return f"failed: {self.problem}"
        share = f"{self.identical:,} of {self.steps:,} values identical to PyTorch's"
        if self.correctly_rounded:
            share += f", {self.correctly_rounded:,} correctly rounded where PyTorch's is not"
        facts = [share, f"greatest distance {self.max_ulp:.4g} ULP"]
        if self.first_divergence is not None:
            facts.append(f"first divergence at count {self.first_divergence:g}")
        text = f"{'passed' if self.passed else f'failed: {self.problem}'} ({'; '.join(facts)})"
        return "\n".join([text, *self.explanation()])

    def explanation(self) -> list[str]:
        """Cause, culprit and surroundings of a failure, and what the run cannot judge."""
        lines = []
        if not self.passed:
            lines += [f"cause: {self.cause}"] if self.cause else []
            lines += [f"who: {self.who}"] if self.who else []
            lines += table(self.window) if self.first_failure else []
            if self.tolerance is not None and np.isfinite(self.tolerance.ulp):
                lines.append(
                    f"would pass with: absolute {self.tolerance.absolute:.3g}, "
                    f"or relative {self.tolerance.relative:.3g}, or {self.tolerance.ulp:.4g} ULP"
                )
        lines += [
            f"not judged: the {event.what} at count {event.count}, which {self.steps:,} counts do not reach"
            for event in self.unseen
        ]
        return lines


def table(rows: Sequence[Row]) -> list[str]:
    """Counts side by side, with their bits; the lines of a plain table."""
    cells = [("count", "ours", "PyTorch", "exact")]
    for row in rows:
        exact_value = "" if row.exact is None else bits(row.exact)
        cells.append((f"{row.count:g}", bits(row.ours), bits(row.torch), exact_value))
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(f"{cell:>{width}}" for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    ]


def compare(
    schedule: Callable[[Any], Any],
    make_torch_scheduler: Callable[[], Any],
    *,
    steps: int,
    group: int = 0,
    quantity: str = "lr",
    fractions: Sequence[float] | None = None,
    progress: Callable[[int], None] = lambda steps: None,
) -> Comparison:
    """Steps a real PyTorch scheduler beside a schedule and compares every value.

    The schedule is evaluated under ``jax.jit`` over the whole trajectory, and once more
    eagerly, one count at a time, at every boundary of the scheduler (one before, on and one
    after) and at 200 sampled counts: to the same bits, or the comparison fails.

    >>> import jaxsched, parity, torch
    >>> def make_torch_scheduler():
    ...     optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    ...     return torch.optim.lr_scheduler.StepLR(optimizer, step_size=30)
    >>> print(parity.compare(jaxsched.StepLR(0.1, step_size=30), make_torch_scheduler, steps=100))
    passed (100 of 100 values identical to PyTorch's; greatest distance 0 ULP)
    >>> print(parity.compare(jaxsched.StepLR(0.1, step_size=31), make_torch_scheduler, steps=100))
    ... # doctest: +ELLIPSIS
    failed: wrong at 6 of 100 counts, first at count 30: 0.100000001 (0x3dcccccd) against ...

    Args:
      schedule: from a count to a value; one of ours, of Optax, or yours. JAX can trace it.
      make_torch_scheduler: a function of no arguments that returns a live PyTorch
        scheduler, at its start, with its optimizer.
      steps: how many counts to compare, from 0 on.
      group: which parameter group of the optimizer.
      quantity: ``"lr"``, or ``"momentum"`` for momentum or ``betas[0]``.
      fractions: epochs for ``scheduler.step(epoch)``, to compare instead of 0, 1, …; numbers
        that float32 holds.
      progress: is told now and then how many more counts PyTorch has done.

    Returns:
      What was found. `Comparison.passed` is true when every value equals PyTorch's rounded
      to float32, or, where PyTorch's own rounding error is the difference, the float32
      nearest to the exact value. Comparing nothing does not pass.

    Raises:
      ValueError: ``quantity``, ``steps`` or ``fractions`` is not of the allowed ones.
    """
    if quantity not in pytorch.QUANTITIES:
        raise ValueError(f"quantity must be one of {', '.join(pytorch.QUANTITIES)}, got {quantity!r}.")
    if steps < 0:
        raise ValueError(f"steps must be >= 0, got {steps}.")
    if fractions is not None and any(float(np.float32(x)) != x for x in fractions):
        raise ValueError(
            f"fractions must be float32 numbers such as i / 16, got {fractions}. JAX would round the counts."
        )
    scheduler = make_torch_scheduler()
    counts: Counts = np.arange(steps, dtype=np.int32)
    if fractions is not None:
        counts = np.asarray(fractions, np.float64)
    trajectory = pytorch.trajectory(
        scheduler, len(counts), quantity=quantity, group=group, fractions=fractions, progress=progress
    )
    turns = events.of(scheduler, len(trajectory.values)) if fractions is None else []
    unseen = events.never_reached(scheduler, steps) if fractions is None else []
    arbiter = exact.of(scheduler, quantity, group)
    ours = under_jit(schedule, counts)
    return compare_trajectory(ours, schedule, counts, trajectory, turns, arbiter, unseen)


def compare_trajectory(
    ours: jax.Array | npt.NDArray[Any],
    eagerly: Callable[[Any], Any],
    counts: Counts,
    trajectory: pytorch.Trajectory,
    turns: Sequence[Event],
    arbiter: exact.Exact | None,
    unseen: Sequence[Event] = (),
    made: npt.NDArray[np.int32] | None = None,
) -> Comparison:
    """`compare`, once PyTorch has been stepped.

    Args:
      ours: the values at all counts, from one compiled program.
      eagerly: from one count to its value.
      counts: the counts that were asked for; the trajectory may be shorter.
      trajectory: what PyTorch applied there.
      turns: events, whose counts are indices into the trajectory, next to which an off-by-one
        would show; those without a name matter to nothing else.
      arbiter: the exact value, if there is a formula for it.
      unseen: events of the scheduler beyond the trajectory.
      made: how many steps PyTorch had made at each count, ascending; 0, 1, … where not given.
        Over gaps no cause is named but where the first difference stands.
    """
    torch = trajectory.values
    steps = len(torch)
    if steps == 0:
        return _nothing(trajectory.ended or "nothing was compared: there are no counts")
    integrity = _integrity(ours)
    if len(ours) < steps:
        return _nothing(f"the schedule has {len(ours)} values for {steps} counts")
    ours, counts = np.asarray(ours).astype(np.float32)[:steps], counts[:steps]
    made = np.arange(steps, dtype=np.int32) if made is None else made
    ulps = distances(ours, torch)
    peak = float(np.max(np.abs(torch)))

    def value(i: int) -> Any:
        return None if arbiter is None else arbiter(counts[i].item())

    def row(i: int) -> Row:
        known = value(i)
        nearest = None if known is None else float(known)
        return Row(counts[i].item(), float(ours[i]), float(torch[i]), nearest)

    def difference(i: int) -> Difference:
        return Difference(**vars(row(i)), ulp=float(ulps[i]))

    def excused(i: int) -> bool:
        """Whether PyTorch's rounding error is the difference, and ours is correctly rounded."""
        if arbiter is None or not np.isfinite(ours[i]):
            return False
        known = value(i)
        # PyTorch multiplies its way from step to step: some rounding errors for each.
        drifted = abs(known - float(torch[i])) <= 8 * 2.0**-53 * (made[i].item() + 1) * peak
        return bool(drifted and _words(ours[i]) == _words(exact.to_float32(known)))

    # A NaN or infinity never equals another, whatever its bits.
    unlike = (_words(ours) != _words(torch.astype(np.float32))) | ~np.isfinite(ours)
    differing = np.flatnonzero(unlike)
    wrong = [i for i in differing.tolist() if not excused(i)]
    eager = _eager_counts(turns, steps)
    with _standard_promotion():
        unstable = [i for i in eager if _words(eagerly(counts[i].item())) != _words(ours[i])]

    problem = None
    if wrong:
        problem = f"wrong at {len(wrong):,} of {steps:,} counts, first at {difference(wrong[0])}"
    elif unstable:
        problem = (
            f"{len(unstable):,} values have other bits when evaluated eagerly than under jit, "
            f"first at count {counts[unstable[0]]}"
        )
    elif trajectory.ended is not None:
        problem = f"PyTorch ended at count {steps} with {trajectory.ended}"
    worst = int(np.argmax(ulps))
    apart = _apart(ours, torch, row, differing, arbiter is not None)
    middle = wrong[0] if wrong else worst
    return Comparison(
        steps=steps,
        identical=steps - len(differing),
        correctly_rounded=len(differing) - len(wrong),
        max_ulp=float(ulps[worst]),
        worst=difference(worst) if differing.size else None,
        first_divergence=counts[differing[0]].item() if differing.size else None,
        first_failure=difference(wrong[0]) if wrong else None,
        eager=len(eager),
        problem=problem,
        cause=_cause(ours, torch, made, wrong, unstable, sorted({*turns, *unseen})),
        who=_who(apart),
        distances=apart,
        window=tuple(row(i) for i in range(max(middle - 3, 0), min(middle + 4, steps))),
        integrity=integrity,
        tolerance=_tolerance(ours, torch, ulps),
        unseen=tuple(unseen),
        curves=Curves(counts, ours, torch, tuple(turn for turn in turns if turn.what)),
    )


def _cause(
    ours: npt.NDArray[np.float32],
    torch: npt.NDArray[np.float64],
    made: npt.NDArray[np.int32],
    wrong: list[int],
    unstable: list[int],
    named: list[Event],
) -> str | None:
    if wrong:
        if made[-1] >= len(made):
            return causes.whereabouts(made[wrong[0]].item(), named)
        return causes.name(ours, torch, np.asarray(wrong), named)
    return "it depends on how it is called, and not on the count alone" if unstable else None


def _apart(
    ours: npt.NDArray[np.float32],
    torch: npt.NDArray[np.float64],
    row: Callable[[int], Row],
    differing: npt.NDArray[np.int64],
    judged: bool,
) -> tuple[Distance, ...]:
    """Schedule and PyTorch at every count; both and the exact value where they differ, and at a sample."""
    steps = len(torch)
    ulps = distances(ours, torch)
    worst = int(np.argmax(ulps))
    pair = Distance("schedule and PyTorch", steps, steps - len(differing), float(ulps[worst]), row(worst))
    if not judged:
        return (pair,)
    sample = np.random.default_rng(steps).choice(steps, min(JUDGED, steps), replace=False)
    rows = [row(i) for i in sorted({0, steps - 1, worst, *sample.tolist(), *differing[:JUDGED].tolist()})]
    known = np.array([each.exact for each in rows], np.float64)
    found = [pair]
    for who, values in (
        ("schedule", [each.ours for each in rows]),
        ("PyTorch", [each.torch for each in rows]),
    ):
        theirs = np.asarray(values, np.float64)
        ulps = _unrounded(theirs, known)
        furthest = int(np.argmax(ulps))
        same = int(np.sum(_words(theirs) == _words(known)))
        found.append(Distance(f"{who} and exact", len(rows), same, float(ulps[furthest]), rows[furthest]))
    return tuple(found)


def _unrounded(values: npt.NDArray[np.float64], known: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """How far each value is from the exact one, in float32 ULP there."""
    with np.errstate(all="ignore"):
        ulps = np.abs(values - known) / np.spacing(np.abs(known).astype(np.float32)).astype(np.float64)
    ulps[~np.isfinite(ulps)] = np.inf
    return ulps


RIGHT = 0.5 + 1e-6
"""ULP from the exact value that rounding to float32 once can cost."""


def _who(found: tuple[Distance, ...]) -> str | None:
    """Who is wrong, if either is."""
    if len(found) == 1:
        return None if found[0].max_ulp == 0 else "no formula for the exact value is known here"
    ours, torch = (distance.max_ulp for distance in found[1:])
    says = f"the schedule is {ours:.3g} ULP from the exact value, PyTorch {torch:.3g}"
    if ours <= RIGHT:
        return None if torch <= RIGHT else f"PyTorch is wrong: {says}"
    return f"the schedule is wrong: {says}" if torch <= RIGHT else f"both are wrong: {says}"


def _integrity(ours: Any) -> Integrity:
    weak = " (weak)" if getattr(ours, "weak_type", False) else ""
    values = np.asarray(ours)
    size = np.abs(values.astype(np.float32))
    return Integrity(
        returns=f"{values.dtype}{weak}",
        nan=int(np.isnan(values).sum()),
        infinite=int(np.isinf(values).sum()),
        negative=int((values < 0).sum()),
        negative_zero=int(((values == 0) & np.signbit(values)).sum()),
        subnormal=int(((size > 0) & (size < np.finfo(np.float32).smallest_normal)).sum()),
    )


def _tolerance(
    ours: npt.NDArray[np.float32], torch: npt.NDArray[np.float64], ulps: npt.NDArray[np.float64]
) -> Tolerance:
    wanted = torch.astype(np.float32).astype(np.float64)
    with np.errstate(all="ignore"):
        apart = np.abs(ours - wanted)
        relative = np.where(apart == 0, 0.0, apart / np.abs(wanted))
    absolute = np.where(np.isnan(apart), np.inf, apart).max()
    return Tolerance(float(absolute), float(np.nan_to_num(relative, nan=np.inf).max()), float(ulps.max()))


def under_jit(schedule: Callable[[Any], Any], counts: Counts) -> jax.Array:
    """The schedule at all counts, in one compiled program."""
    with _standard_promotion():
        values: jax.Array = jax.jit(jax.vmap(schedule))(jnp.asarray(counts))
    return values


def distances(ours: npt.NDArray[Any], torch: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """How far each value is from another's rounded to float32, in ULP of that.

    The ULP of 0 is the smallest float32, 1.4e-45. What is not finite is infinitely far.
    """
    wanted = torch.astype(np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        ulps = np.abs(ours.astype(np.float64) - wanted) / np.spacing(np.abs(wanted)).astype(np.float64)
    ulps[~np.isfinite(ours) | ~np.isfinite(wanted)] = np.inf
    return ulps


def assert_parity(
    schedule: Callable[[Any], Any], make_torch_scheduler: Callable[[], Any], *, steps: int, **options: Any
) -> None:
    """Raises AssertionError, with the facts, unless `compare` passes. For anyone's tests.

    Args:
      schedule: as for `compare`.
      make_torch_scheduler: as for `compare`.
      steps: as for `compare`.
      **options: as for `compare`.

    Raises:
      AssertionError: the schedule and the PyTorch scheduler part.
    """
    __tracebackhide__ = True
    start = time.perf_counter()
    comparison = compare(schedule, make_torch_scheduler, steps=steps, **options)
    for record in recorders:
        record(schedule, comparison, time.perf_counter() - start)
    if not comparison.passed:
        raise AssertionError(f"{schedule!r} and PyTorch part: {comparison}")


recorders: list[Callable[[Any, Comparison, float], None]] = []
"""Who is told of what `assert_parity` compared: the plugin for pytest, when it writes a report."""


def _standard_promotion() -> AbstractContextManager[None]:
    """Anyone's schedule runs as it was written, also in a test-suite with strict promotion."""
    standard: AbstractContextManager[None] = jax.numpy_dtype_promotion("standard")
    return standard


def _nothing(problem: str) -> Comparison:
    return Comparison(0, 0, 0, 0.0, None, None, None, 0, problem)


def _eager_counts(turns: Sequence[Event], steps: int) -> list[int]:
    """Indices next to every turn and to both ends, and a fixed sample of the others."""
    near = {at + offset for at in (0, steps - 1, *(turn.count for turn in turns)) for offset in (-1, 0, 1)}
    sample = np.random.default_rng(steps).choice(steps, min(SAMPLES, steps), replace=False)
    return sorted(i for i in near.union(sample.tolist()) if 0 <= i < steps)


def _words(values: Any) -> Any:
    """The bits of float32 values, as integers."""
    return np.asarray(values, np.float32).view(np.uint32)


def bits(value: float) -> str:
    """A value and its bits as float32."""
    return f"{value:.9g} (0x{int(_words(value)):08x})"
