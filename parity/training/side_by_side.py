"""Both twins trained, an update of each in turn, and compared."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .. import ulp
from .flax_twin import by_flax
from .result import RELATIVE, Curves, Quantity, TrainingResult
from .torch_twin import by_torch
from .twins import Data, Update, cycles, data

if TYPE_CHECKING:
    from .case import TrainingCase


def train(
    case: TrainingCase,
    progress: Callable[[int], None] = lambda updates: None,
    *,
    ours: Callable[[TrainingCase, Data], Iterator[Update]] = by_flax,
) -> TrainingResult:
    """Trains both twins, an update of each in turn, and compares them.

    Args:
      case: what to train.
      progress: is told how many more updates are done.
      ours: the twin beside PyTorch's.
    """
    start = time.perf_counter()
    with _one_thread():
        twins, torch_seconds = _in_turn(case, data(case.steps), ours, progress)
    lr, momentum, loss, gradient = (
        tuple(np.asarray([getattr(twin[i], name) for twin in twins], np.float64) for i in (0, 1))
        for name in ("lr", "momentum", "loss", "gradient")
    )
    weights = np.asarray([_apart(*twin) for twin in twins])
    quantities = [
        _quantity("loss", _relative(*loss)),
        _quantity("gradient norm", _relative(*gradient)),
        _quantity("learning rate", _ulps(*lr).max(axis=1), "ULP"),
        *([_quantity("momentum", _ulps(*momentum), "ULP")] if cycles(case) else []),
        _quantity("weights", weights),
    ]
    return TrainingResult(
        case=case,
        quantities=tuple(quantities),
        lr_float64=float(_relative(*lr).max()),
        reductions=(_reductions(case, lr[0]), _reductions(case, lr[1])),
        curves=Curves((lr[0][:, 0], lr[1][:, 0]), (loss[0], loss[1]), weights),
        seconds=time.perf_counter() - start,
        torch_seconds=torch_seconds,
    )


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """PyTorch on one thread: for arrays as small as these, several wait for one another."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _in_turn(
    case: TrainingCase,
    given: Data,
    ours: Callable[[TrainingCase, Data], Iterator[Update]],
    progress: Callable[[int], None],
) -> tuple[list[tuple[Update, Update]], float]:
    """All updates of both, and the seconds that PyTorch took."""
    twins: list[tuple[Update, Update]] = []
    seconds = 0.0
    theirs, mine = by_torch(case, given), ours(case, given)
    for _ in range(case.steps):
        before = time.perf_counter()
        one = next(theirs)
        seconds += time.perf_counter() - before
        twins.append((next(mine), one))
        progress(1)
    return twins, seconds


def _apart(ours: Update, theirs: Update) -> float:
    """Of the worst layer: the norm of the difference by that of PyTorch's weights."""
    with np.errstate(all="ignore"):  # a network may be lost, and then its weights overflow
        return max(
            float(np.linalg.norm(ours.weights[name] - wanted) / np.linalg.norm(wanted))
            for name, wanted in theirs.weights.items()
        )


def _relative(ours: npt.NDArray[Any], theirs: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(ours == theirs, 0.0, np.abs(ours - theirs) / np.abs(theirs))


def _ulps(ours: npt.NDArray[Any], theirs: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """How far apart the two are once both are rounded to float32."""
    with np.errstate(over="ignore"):
        return ulp.rounded_distance(ours.astype(np.float32), theirs)


def _quantity(name: str, apart: npt.NDArray[np.float64], unit: str = "relative") -> Quantity:
    apart = np.where(np.isfinite(apart), apart, np.inf)
    beyond = np.flatnonzero(apart > (0 if unit == "ULP" else RELATIVE))
    worst = int(apart.argmax())
    return Quantity(name, unit, float(apart[worst]), worst, int(beyond[0]) if len(beyond) else None)


def _reductions(case: TrainingCase, lrs: npt.NDArray[np.float64]) -> tuple[int, ...]:
    if case.scheduler != "ReduceLROnPlateau":
        return ()
    return tuple((np.flatnonzero(np.diff(lrs[:, 0]) < 0) + 1).tolist())
