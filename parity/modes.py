"""The same schedule, called in every way there is: it must answer with the same bits.

Under ``vmap``, and one count at a time, it has answered already when PyTorch was compared.

Many schedules go into one program for each mode, since it is compiling that takes the time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import jax
import numpy as np
import numpy.typing as npt

from .compare import Curves

Schedule = Callable[[Any], Any]
COUNTS = 256
"""How many counts of a trajectory are looked at in each mode."""


def matrix(schedules: Sequence[Schedule], curves: Sequence[Curves]) -> list[dict[str, int]]:
    """At how many counts each schedule answers otherwise than it did, by mode.

    Args:
      schedules: from a count to a value.
      curves: what each answered before, in one compiled program.
    """
    if not schedules:
        return []
    indices = [_chosen(each) for each in curves]
    counts = [each.counts[i].astype(np.int32) for each, i in zip(curves, indices, strict=True)]
    wanted = [each.ours[i] for each, i in zip(curves, indices, strict=True)]
    found: list[dict[str, int]] = [{} for _ in schedules]
    with jax.numpy_dtype_promotion("standard"):  # the schedules may be anyone's
        for mode, part, values in _answers(schedules, counts):
            for row, got, want in zip(found, values, wanted, strict=True):
                row[mode] = int(np.sum(_words(got) != _words(want[part])))
    return found


def _chosen(curves: Curves) -> npt.NDArray[np.int64]:
    """Indices next to events, and a sample of all others; in order, the last one again and again."""
    steps = len(curves.counts)
    near = {event.count + by for event in curves.events for by in (-1, 0, 1)} & set(range(steps))
    rng = np.random.default_rng(steps)
    beside = rng.permutation(np.asarray(sorted(near), np.int64))[: COUNTS // 2]
    others = rng.permutation(steps)[: COUNTS - len(beside)]
    found = np.union1d(beside, others)
    return np.pad(found, (0, COUNTS - len(found)), mode="edge")


EVERY, FIRST, SECOND = slice(None), slice(COUNTS // 2), slice(COUNTS // 2, None)


def _answers(
    schedules: Sequence[Schedule], counts: list[npt.NDArray[np.int32]]
) -> Iterator[tuple[str, slice, list[Any]]]:
    """The name of each mode, the part of the counts it is asked, and what each schedule says."""

    def together(ks: list[Any]) -> list[Any]:
        return [schedule(k) for schedule, k in zip(schedules, ks, strict=True)]

    @jax.jit
    def scan(ks: list[Any]) -> list[Any]:
        values: list[Any] = jax.lax.scan(lambda _, k: (None, together(k)), None, ks)[1]
        return values

    for kind, device in devices().items():
        on = "" if len(devices()) == 1 else f" on {kind}"
        with jax.default_device(device):
            yield f"jit{on}", EVERY, jax.jit(together)(counts)
            yield f"scan{on}", FIRST, scan([k[FIRST] for k in counts])
            # All that a resumed run knows of the first half is how long it was.
            yield f"resumed{on}", SECOND, scan([k[SECOND] for k in counts])
            yield f"uint32{on}", EVERY, jax.jit(together)([k.astype(np.uint32) for k in counts])
            with jax.enable_x64(True):
                yield f"x64{on}", EVERY, jax.jit(together)([k.astype(np.int64) for k in counts])


def _words(values: Any) -> npt.NDArray[np.uint32]:
    return np.asarray(values).astype(np.float32).view(np.uint32)


def devices() -> Mapping[str, Any]:
    """One device of each kind that is present."""
    found = {device.platform: device for device in reversed(jax.devices())}
    return found if "cpu" in found else {**found, "cpu": jax.devices("cpu")[0]}
