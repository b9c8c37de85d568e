"""What both twins are given, and what an update was."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import optax

if TYPE_CHECKING:
    from .case import TrainingCase


FEATURES, WIDTH, CLASSES, EXAMPLES, BATCH = 16, 32, 3, 256, 32


@dataclasses.dataclass(frozen=True)
class Optimizer:
    """The same optimizer twice."""

    torch: str
    arguments: Mapping[str, Any]
    optax: Callable[..., optax.GradientTransformation]
    cycled: str | None = None
    """Optax's name of what OneCycleLR and CyclicLR drive besides the learning rate."""


OPTIMIZERS: Mapping[str, Optimizer] = {
    "SGD": Optimizer("SGD", {}, optax.sgd),
    "SGD with momentum": Optimizer(
        "SGD", {"momentum": 0.9}, functools.partial(optax.sgd, momentum=0.9), "momentum"
    ),
    "SGD with Nesterov": Optimizer(
        "SGD",
        {"momentum": 0.9, "nesterov": True},
        functools.partial(optax.sgd, momentum=0.9, nesterov=True),
        "momentum",
    ),
    "Adam": Optimizer("Adam", {}, optax.adam, "b1"),
    # The two have defaults of their own for the decay.
    "AdamW": Optimizer(
        "AdamW", {"weight_decay": 0.01}, functools.partial(optax.adamw, weight_decay=0.01), "b1"
    ),
}


class Update(NamedTuple):
    """What one update was, in the order in which it came about."""

    loss: float
    gradient: float
    """Its norm."""

    lr: tuple[float, ...]
    momentum: float
    """NaN where nothing cycles it."""

    weights: dict[str, npt.NDArray[np.float64]]
    """After it."""

    batch: tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]
    start: dict[str, npt.NDArray[np.float64]] | None
    """The weights before it, of the first update alone."""


class Data(NamedTuple):
    """Where both begin, and what they see."""

    weights: dict[str, npt.NDArray[np.float64]]
    """By PyTorch's names; the matrices as Flax has them, inputs first."""

    batches: list[tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]]


def data(updates: int) -> Data:
    """A task that can be learnt, though not without error."""
    rng = np.random.default_rng(0)
    weights = {
        f"{layer}.{kind}": rng.uniform(-1, 1, shape) / np.sqrt(fan_in)
        for layer, fan_in, fan_out in (("hidden", FEATURES, WIDTH), ("last", WIDTH, CLASSES))
        for kind, shape in (("weight", (fan_in, fan_out)), ("bias", (fan_out,)))
    }
    x = rng.normal(size=(EXAMPLES, FEATURES))
    y = np.argmax(x @ rng.normal(size=(FEATURES, CLASSES)) + rng.normal(size=(EXAMPLES, CLASSES)), axis=1)
    orders = (rng.permutation(EXAMPLES) for _ in range(-(-updates * BATCH // EXAMPLES)))
    chosen = np.concatenate(list(orders))[: updates * BATCH].reshape(updates, BATCH)
    return Data(weights, [(x[i], y[i]) for i in chosen])


KINDS = ("weight", "bias")


def cycles(case: TrainingCase) -> bool:
    return case.scheduler in ("CyclicLR", "OneCycleLR") and OPTIMIZERS[case.optimizer].cycled is not None
