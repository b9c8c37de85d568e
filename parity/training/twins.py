"""What both twins are given, and what an update was."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import optax

from ..twins.distances import ALLOWED

if TYPE_CHECKING:
    from .case import TrainingCase


FEATURES, WIDTH, CLASSES, EXAMPLES, BATCH = 16, 32, 3, 256, 32


@dataclasses.dataclass(frozen=True)
class Optimizer:
    """The same optimizer twice."""

    torch: str
    arguments: Mapping[str, Any]
    optax: Callable[..., optax.GradientTransformation] | None = None
    """Optax's; None where it is what `optimizer_from_torch` makes of PyTorch's."""

    cycled: str | None = None
    """Optax's name of what OneCycleLR and CyclicLR drive besides the learning rate."""

    relative: float = ALLOWED[53]
    """How far apart losses, gradients and weights may be."""


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
    # Those that are read off a live optimizer of PyTorch's.
    "SGD with dampening": Optimizer(
        "SGD", {"momentum": 0.9, "dampening": 0.3, "weight_decay": 0.01}, cycled="momentum"
    ),
    "SGD with decay": Optimizer("SGD", {"momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    "Adam with decay": Optimizer("Adam", {"weight_decay": 0.01}, cycled="b1"),
    "AMSGrad": Optimizer("Adam", {"amsgrad": True, "betas": (0.8, 0.95)}, cycled="b1"),
    "AdamW with AMSGrad": Optimizer("AdamW", {"amsgrad": True, "weight_decay": 0.05}, cycled="b1"),
    "NAdam": Optimizer("NAdam", {}),
    "NAdam with decoupled decay": Optimizer("NAdam", {"weight_decay": 0.01, "decoupled_weight_decay": True}),
    "RAdam": Optimizer("RAdam", {}),
    "RAdam with decoupled decay": Optimizer("RAdam", {"weight_decay": 0.01, "decoupled_weight_decay": True}),
    "Adamax": Optimizer("Adamax", {"weight_decay": 0.01}),
    "RMSprop": Optimizer("RMSprop", {}),
    "centered RMSprop": Optimizer("RMSprop", {"momentum": 0.9, "centered": True, "alpha": 0.9, "eps": 1e-3}),
    "Adagrad": Optimizer("Adagrad", {"lr_decay": 0.01, "initial_accumulator_value": 0.1}),
    "Adadelta": Optimizer("Adadelta", {"weight_decay": 0.01}),
    "Rprop": Optimizer("Rprop", {}),
    "ASGD": Optimizer("ASGD", {"weight_decay": 0.01, "t0": 50}),
    "Adafactor": Optimizer("Adafactor", {"weight_decay": 0.01}),
    # Its matrices are PyTorch's transposed, which only this way of adjusting the rate does not see.
    # It iterates in bfloat16, in which the two round apart now and then.
    "Muon": Optimizer("Muon", {"adjust_lr_fn": "match_rms_adamw", "weight_decay": 0.01}, relative=ALLOWED[8]),
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
