"""Both twins of a case trained, an update of each in turn, and compared as anyone's are."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ..handed_in import NotComparable
from ..twins import TrainingComparison, compare_training
from ..twins.quantities import BATCH, GRADIENT_NORM, LOSS, LR, MOMENTUM, START, WEIGHTS
from ..twins.result import refused
from .flax_twin import by_flax
from .result import TrainingResult
from .torch_twin import by_torch
from .twins import OPTIMIZERS, Data, Update, cycles, data

if TYPE_CHECKING:
    from .case import TrainingCase


NAMES = ("PyTorch", "Flax")


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
    given = data(case.steps)
    try:
        with _one_thread():
            found = compare_training(
                lambda: _told(case, by_torch(case, given)),
                lambda: _told(case, ours(case, given)),
                steps=case.steps,
                relative=OPTIMIZERS[case.optimizer].relative,
                progress=progress,
                names=NAMES,
            )
    except NotComparable as reason:  # `optimizer_from_torch` refuses, say, what it cannot do
        found = refused(NAMES[::-1], str(reason))
    return TrainingResult(
        case=case,
        comparison=found,
        reductions=_reductions(case, found),
        seconds=time.perf_counter() - start,
    )


def _told(case: TrainingCase, updates: Iterator[Update]) -> Iterator[dict[str, Any]]:
    """What a twin of ours tells of each update."""
    for update in updates:
        told = {
            LOSS: update.loss,
            GRADIENT_NORM: update.gradient,
            LR: update.lr,
            WEIGHTS: update.weights,
            BATCH: update.batch,
        }
        told.update({} if update.start is None else {START: update.start})
        yield {**told, **({MOMENTUM: update.momentum} if cycles(case) else {})}


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


def _reductions(case: TrainingCase, found: TrainingComparison) -> tuple[tuple[int, ...], tuple[int, ...]]:
    if case.scheduler != "ReduceLROnPlateau" or LR not in found.values:
        return (), ()
    ours, theirs = (np.flatnonzero(np.diff(lrs[:, 0]) < 0) + 1 for lrs in found.values[LR])
    return tuple(ours.tolist()), tuple(theirs.tolist())
