"""Two trainings that somebody brings, as a result or as an assertion."""

from __future__ import annotations

import contextlib
import dataclasses
import numbers
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .. import handed_in
from .culprit import by_chance, culprit
from .door import Twin, in_float64
from .follow import Record, follow
from .result import TrainingComparison, judged, measured, with_float64


def compare_training(
    torch_twin: Callable[[], Any],
    jax_twin: Callable[[], Any],
    *,
    steps: int,
    relative: float | None = None,
    progress: Callable[[int], None] = lambda updates: None,
    names: tuple[str, str] = ("torch_twin", "jax_twin"),
) -> TrainingComparison:
    """Trains two twins, an update of each in turn, and says what parts first and why.

    >>> import parity
    >>> def torch_twin(decay=0.0):  # any loop: here one weight, and a loss of half its square
    ...     weight = 1.0
    ...     for k in range(100):
    ...         lr = 0.1 * 0.9**k
    ...         told = {"initial_weights": weight} if k == 0 else {}
    ...         told |= {"loss": weight**2 / 2, "gradient_norm": abs(weight), "lr": lr}
    ...         weight -= lr * (weight + decay * weight)
    ...         yield {**told, "weights": weight}
    >>> def jax_twin():
    ...     return torch_twin(decay=0.01)
    >>> print(parity.compare_training(torch_twin, torch_twin, steps=20))  # doctest: +ELLIPSIS
    passed: the twins stay together for 20 updates...
    >>> found = parity.compare_training(torch_twin, jax_twin, steps=20)
    >>> found.passed, found.first.name, found.first.parts, found.culprit.name
    (False, 'weights', 0, 'decay')

    What a twin tells of an update is a mapping from names to numbers or arrays, of any library. These are
    known by their names; each is optional, and what only one of the two tells is not compared, which a note
    says:

    ========================= ====================================================== ===================
    name                      what                                                   compared
    ========================= ====================================================== ===================
    ``batch``                 the batch, or a text that tells it from others         must be the same
    ``initial_weights``       before the first update, and told with it alone        within ``relative``
    ``loss``                  one number, before the update                          within ``relative``
    ``gradient``              arrays                                                 within ``relative``
    ``gradient_norm``         one number                                             within ``relative``
    ``lr``                    the rate that this update applies, or one for each     0 ULP of float32
                              parameter group
    ``momentum``              likewise; momentum or beta1                            0 ULP of float32
    ``weight_decay``          likewise                                               0 ULP of float32
    ``update_norm``           one number                                             within ``relative``
    ``weights``               after the update                                       within ``relative``
    any other                 numbers or arrays                                      within ``relative``
    ========================= ====================================================== ===================

    Arrays may be given by name, in mappings however deep; both sides must have the same names and shapes. An
    array is as far from PyTorch's as the norm of the difference is, as a share of the norm of PyTorch's, and
    that is taken as no less than a thousandth of all arrays together; of a number, as no less than a
    thousandth of the greatest so far. The worst array counts. What is not finite is never together.

    The culprit follows from what parts first and what is still the same there. It can be told from others
    only as far as the twins tell what would part before.

    Args:
      torch_twin: a function of no arguments that makes PyTorch's twin: an iterator, which with each element,
        or an object, which with each call of ``step()``, makes one update and returns what it knows of it.
        Where both functions take ``float64``, twins that part are trained once more with ``float64=True``,
        which tells rounding that grows from a real difference.
      jax_twin: the same of JAX.
      steps: how many updates to compare.
      relative: how far apart may be what is summed in another order. If None, 1e-10 of what is computed in
        float64, 1e-5 in float32, 1e-2 in float16 and 0.1 in bfloat16, as the first update shows it.
      progress: is told how many more updates are done.
      names: what to call the two in errors and reports.

    Returns:
      What was found. `TrainingComparison.passed` is true when every quantity that both tell stays together
      for all updates. Comparing nothing does not pass, nor does a twin that ends too soon or stops telling
      something.

    Raises:
      ValueError: an argument is not of the allowed ones; or a twin is none, raises, leaves the program, or
        tells what cannot be compared. The message says which, what came and at which update.
    """
    handed_in.whole(steps, "steps", 0)
    if relative is not None and (
        isinstance(relative, bool) or not isinstance(relative, numbers.Real) or not 0 <= relative < np.inf
    ):
        raise ValueError(f"relative must be a finite number >= 0, or None, got {relative!r}")
    if not isinstance(names, (tuple, list)) or len(names) != 2 or not all(isinstance(n, str) for n in names):
        raise ValueError(f"names must be two texts, PyTorch's first, got {names!r}")
    relative = None if relative is None else float(relative)
    theirs, ours = names

    def trained(updates: int, *, float64: bool = False, told: Callable[[int], None] = progress) -> Record:
        with _default_dtype_is_kept():
            mine, other = Twin(jax_twin, ours, float64=float64), Twin(torch_twin, theirs, float64=float64)
            mine.check_is_another(other)
            return follow(mine, other, updates, relative=relative, progress=told)

    record = trained(steps)
    found = judged(record, steps, culprit(record))
    if torch_twin is jax_twin and found.first is not None and not record.not_finite:
        return dataclasses.replace(found, culprit=by_chance(found.first.parts or 0))
    key = measured(record)
    if key is None or record.precision == "float64" or not record.first_is_summed:
        return found
    if not (in_float64(torch_twin) and in_float64(jax_twin)):
        return found
    parts = record.parts(key)
    assert parts is not None
    return with_float64(found, record, trained(parts + 1, float64=True, told=lambda updates: None))


@contextlib.contextmanager
def _default_dtype_is_kept() -> Iterator[None]:
    """Puts PyTorch's default back, which a twin in float64 sets for the whole process."""
    # Not imported: twins that do without PyTorch need not wait for it, nor have it.
    before = sys.modules["torch"].get_default_dtype() if "torch" in sys.modules else None
    try:
        yield
    finally:
        if (torch := sys.modules.get("torch")) is not None:
            torch.set_default_dtype(before or torch.float32)


def assert_training_parity(
    torch_twin: Callable[[], Any], jax_twin: Callable[[], Any], *, steps: int, **options: Any
) -> None:
    """Raises AssertionError, with the facts, unless `compare_training` passes. For anyone's tests.

    Args:
      torch_twin: as for `compare_training`.
      jax_twin: as for `compare_training`.
      steps: as for `compare_training`.
      **options: as for `compare_training`.

    Raises:
      AssertionError: the twins part, or nothing was compared.
    """
    __tracebackhide__ = True
    start = time.perf_counter()
    found = compare_training(torch_twin, jax_twin, steps=steps, **options)
    for record in recorders:
        record(found, time.perf_counter() - start)
    if not found.passed:
        raise AssertionError(str(found))


recorders: list[Callable[[TrainingComparison, float], None]] = []
"""Who is told of what `assert_training_parity` compared: the plugin for pytest, when it writes a report."""


compare_training.__module__ = "parity"
assert_training_parity.__module__ = "parity"  # so that pickles outlive the modules
