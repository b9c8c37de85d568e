"""What other programs call: a schedule against a scheduler, as a result or as an assertion."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import answers, handed_in
from .comparison import Allowed, Comparison
from .judge import judge
from .reference import pytorch
from .stepped import in_updates, step


def compare(
    schedule: Callable[[Any], Any],
    make_torch_scheduler: Callable[[], Any],
    *,
    steps: int,
    group: int = 0,
    quantity: str = "lr",
    fractions: Sequence[float] | None = None,
    progress: Callable[[int], None] = lambda steps: None,
    steps_per_epoch: int = 1,
    max_ulp: float | None = None,
    relative: float | None = None,
    absolute: float | None = None,
    names: tuple[str, str] = ("the schedule", "make_torch_scheduler"),
) -> Comparison:
    """Steps a real PyTorch scheduler beside a schedule and compares every value.

    The schedule is evaluated under ``jax.jit`` over the whole trajectory, and once more
    eagerly, one count at a time, at every boundary of the scheduler (one before, on and one
    after) and at 200 sampled counts: to the same bits, or the comparison fails.

    >>> import jaxsched, optax, parity, torch
    >>> def make_torch_scheduler():
    ...     optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    ...     return torch.optim.lr_scheduler.StepLR(optimizer, step_size=30)
    >>> print(parity.compare(jaxsched.StepLR(0.1, step_size=30), make_torch_scheduler, steps=100))
    passed (100 of 100 values identical to PyTorch's; greatest distance 0 ULP)
    >>> print(parity.compare(jaxsched.StepLR(0.1, step_size=31), make_torch_scheduler, steps=100))
    ... # doctest: +ELLIPSIS
    failed: each step comes another 1 count later: ...; wrong at 6 of 100 counts, most at ...
    >>> def linear(count):  # Optax's, of which the last bits are its own
    ...     return optax.linear_schedule(0.1, 0.0, 70)(count)
    >>> def make_linear():
    ...     optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    ...     return torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, 70)
    >>> print(parity.compare(linear, make_linear, steps=60, max_ulp=8))  # doctest: +ELLIPSIS
    passed (within 8 ULP, as asked; other bits at ... of 60 counts...

    Args:
      schedule: from a count to a value; one of ours, of Optax, or yours. What JAX cannot trace is called
        in Python, count by count.
      make_torch_scheduler: a function of no arguments that returns a live PyTorch
        scheduler, at its start, with its optimizer.
      steps: how many counts to compare, from 0 on.
      group: which parameter group of the optimizer.
      quantity: ``"lr"``, or ``"momentum"`` for momentum or ``betas[0]``.
      fractions: epochs for ``scheduler.step(epoch)``, to compare instead of 0, 1, …; numbers
        that float32 holds.
      progress: is told now and then how many more counts PyTorch has done.
      steps_per_epoch: how many updates the schedule counts while the scheduler, stepped once an epoch, makes
        one step. ``steps`` are the schedule's.
      max_ulp: how many ULP of float32 a value may be from PyTorch's. None of the three: not any, as ours
        may not. Of several, a value passes that is within one.
      relative: how far from it, as a share of PyTorch's value.
      absolute: how far from it.
      names: what to call the two in an error.

    Returns:
      What was found. `Comparison.passed` is true when every value equals PyTorch's rounded
      to float32, or, where PyTorch's own rounding error is the difference, the float32
      nearest to the exact value. Comparing nothing does not pass.

    Raises:
      ValueError: an argument is not of the allowed ones; or one of the two is none, raises, leaves the
        program, or gives something else than a number. The message says which, what came and where.
    """
    if quantity not in pytorch.QUANTITIES:
        raise ValueError(f"quantity must be one of {', '.join(pytorch.QUANTITIES)}, got {quantity!r}.")
    handed_in.whole(steps, "steps", 0)
    if fractions is not None and any(float(np.float32(x)) != x for x in fractions):
        raise ValueError(
            f"fractions must be float32 numbers such as i / 16, got {fractions}. JAX would round the counts."
        )
    handed_in.whole(steps_per_epoch, "steps_per_epoch", 1)
    if fractions is not None and steps_per_epoch > 1:
        raise ValueError("steps_per_epoch must be 1 with fractions, which are epochs themselves.")
    allowed = Allowed(max_ulp, relative, absolute)
    ours, theirs = names
    count = steps if fractions is None else len(fractions)
    if count:
        schedule = handed_in.schedule(schedule, ours, 0 if fractions is None else float(fractions[0]))
    scheduler = handed_in.scheduler(make_torch_scheduler, theirs, group)
    with handed_in.theirs(theirs, ", stepped,"):
        stepped = step(
            scheduler,
            -(-count // steps_per_epoch),
            quantity=quantity,
            group=group,
            fractions=fractions,
            progress=progress,
        )
    if steps_per_epoch > 1:
        stepped = in_updates(stepped, steps_per_epoch, count)
    with handed_in.theirs(ours):
        answered = answers.answer(schedule, stepped)
    return judge(answered, stepped, allowed)


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
        raise AssertionError(f"{comparison}\nschedule: {schedule!r}")


recorders: list[Callable[[Any, Comparison, float], None]] = []
"""Who is told of what `assert_parity` compared: the plugin for pytest, when it writes a report."""


compare.__module__ = "parity"
assert_parity.__module__ = "parity"  # so that pickles outlive the modules
