"""Two trajectories in, one result out: how far apart, where first, and who is wrong."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from .reference import events, exact, pytorch

Counts = npt.NDArray[np.int32] | npt.NDArray[np.float64]

SAMPLES = 200
"""Counts, besides every boundary, that are also evaluated eagerly, one at a time."""


@dataclasses.dataclass(frozen=True)
class Difference:
    """One count at which the schedule and PyTorch part."""

    count: float
    ours: float
    torch: float
    exact: float | None
    """The correctly rounded exact value, where a formula for it is known."""
    ulp: float

    def __str__(self) -> str:
        text = f"count {self.count:g}: {_bits(self.ours)} against PyTorch's {_bits(self.torch)}"
        text += f", {self.ulp:.4g} ULP"
        return text if self.exact is None else f"{text}; exact {_bits(self.exact)}"


@dataclasses.dataclass(frozen=True)
class Comparison:
    """What came of stepping PyTorch beside a schedule. Values are compared as float32."""

    steps: int
    """Counts compared: 0, 1, … ``steps - 1``."""

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
        return f"{'passed' if self.passed else f'failed: {self.problem}'} ({'; '.join(facts)})"


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
    arbiter = exact.of(scheduler, quantity, group)
    return compare_trajectory(under_jit(schedule, counts), schedule, counts, trajectory, turns, arbiter)


def compare_trajectory(
    ours: npt.NDArray[np.float32],
    eagerly: Callable[[Any], Any],
    counts: Counts,
    trajectory: pytorch.Trajectory,
    turns: Sequence[int],
    arbiter: exact.Exact | None,
) -> Comparison:
    """`compare`, once PyTorch has been stepped.

    Args:
      ours: the values at all counts, from one compiled program.
      eagerly: from one count to its value.
      counts: the counts that were asked for; the trajectory may be shorter.
      trajectory: what PyTorch applied there.
      turns: indices into the trajectory next to which an off-by-one would show.
      arbiter: the exact value, if there is a formula for it.
    """
    torch = trajectory.values
    steps = len(torch)
    if steps == 0:
        return _nothing(trajectory.ended or "nothing was compared: there are no counts")
    ours, counts = ours[:steps], counts[:steps]
    ulps = distances(ours, torch)

    peak = float(np.max(np.abs(torch)))

    def difference(i: int) -> Difference:
        nearest = None if arbiter is None else float(exact.to_float32(arbiter(counts[i].item())))
        return Difference(counts[i].item(), float(ours[i]), float(torch[i]), nearest, float(ulps[i]))

    def excused(i: int) -> bool:
        """Whether PyTorch's rounding error is the difference, and ours is correctly rounded."""
        if arbiter is None or not np.isfinite(ours[i]):
            return False
        value = arbiter(counts[i].item())
        # PyTorch multiplies its way from step to step: some rounding errors for each.
        drifted = abs(value - float(torch[i])) <= 8 * 2.0**-53 * (i + 1) * peak
        return bool(drifted and _words(ours[i]) == _words(exact.to_float32(value)))

    # A NaN or infinity never equals another, whatever its bits.
    unlike = (_words(ours) != _words(torch.astype(np.float32))) | ~np.isfinite(ours)
    differing: list[int] = np.flatnonzero(unlike).tolist()
    wrong = [i for i in differing if not excused(i)]
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
    return Comparison(
        steps=steps,
        identical=steps - len(differing),
        correctly_rounded=len(differing) - len(wrong),
        max_ulp=float(np.max(ulps)),
        worst=difference(int(np.argmax(ulps))) if differing else None,
        first_divergence=counts[differing[0]].item() if differing else None,
        first_failure=difference(wrong[0]) if wrong else None,
        eager=len(eager),
        problem=problem,
    )


def under_jit(schedule: Callable[[Any], Any], counts: Counts) -> npt.NDArray[np.float32]:
    """The schedule at all counts, in one compiled program."""
    with _standard_promotion():
        return np.asarray(jax.jit(jax.vmap(schedule))(jnp.asarray(counts))).astype(np.float32)


def distances(ours: npt.NDArray[np.float32], torch: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """How far each value is from PyTorch's rounded to float32, in ULP of that.

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
    comparison = compare(schedule, make_torch_scheduler, steps=steps, **options)
    if not comparison.passed:
        raise AssertionError(f"{schedule!r} and PyTorch part: {comparison}")


def _standard_promotion() -> AbstractContextManager[None]:
    """Anyone's schedule runs as it was written, also in a test-suite with strict promotion."""
    standard: AbstractContextManager[None] = jax.numpy_dtype_promotion("standard")
    return standard


def _nothing(problem: str) -> Comparison:
    return Comparison(0, 0, 0, 0.0, None, None, None, 0, problem)


def _eager_counts(turns: Sequence[int], steps: int) -> list[int]:
    """Indices next to every turn, and a fixed sample of the others."""
    near = {turn + offset for turn in turns for offset in (-1, 0, 1)}
    sample = np.random.default_rng(steps).choice(steps, min(SAMPLES, steps), replace=False)
    return sorted(i for i in near.union(sample.tolist()) if 0 <= i < steps)


def _words(values: Any) -> Any:
    """The bits of float32 values, as integers."""
    return np.asarray(values, np.float32).view(np.uint32)


def _bits(value: float) -> str:
    return f"{value:.9g} (0x{int(_words(value)):08x})"
