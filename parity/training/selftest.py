"""Twins that are not alike, on purpose: each culprit put in by itself, into a real pair, must be named."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import re
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..cases import MEMBERS, Spec, member
from ..twins import TrainingComparison
from .case import TrainingCase
from .flax_twin import by_flax, cross_entropy
from .side_by_side import train
from .twins import Data, Update

UPDATES = 24

Twin = Callable[[TrainingCase, Data], Iterator[Update]]


@dataclasses.dataclass(frozen=True)
class Change:
    """Something that Flax's twin does otherwise."""

    name: str
    case: TrainingCase
    ours: Twin
    first: str
    """What parts first."""

    at: int
    culprit: str
    says: str
    """A pattern that the reason of the culprit must match."""

    def caught(self, found: TrainingComparison) -> bool:
        """Whether it is found at its update, and nothing else is blamed."""
        return (
            found.first is not None
            and (found.first.name, found.first.parts) == (self.first, self.at)
            and found.culprit is not None
            and found.culprit.names == (self.culprit,)
            and re.search(self.says, found.culprit.because) is not None
        )


def run() -> list[tuple[Change, TrainingComparison]]:
    """Every change, compared."""
    return [(change, train(change.case, ours=change.ours).comparison) for change in CHANGES]


def controls() -> dict[str, TrainingComparison]:
    """The same pairs without a change."""
    cases = {change.case.name: change.case for change in CHANGES}
    return {name: train(case).comparison for name, case in cases.items()}


def said(found: TrainingComparison) -> str:
    """What it says, in one line."""
    return "passed" if found.passed else str(found.culprit or found.problem)


def _case(optimizer: str, spec: Spec, base_lr: float = 0.1) -> TrainingCase:
    return TrainingCase(optimizer, spec, (base_lr,), UPDATES)


def other(**changes: Any) -> Twin:
    """Flax's twin of another case."""
    return lambda case, given: by_flax(dataclasses.replace(case, **changes), given)


def _batches(order: Callable[[list[Any]], list[Any]]) -> Twin:
    return lambda case, given: by_flax(case, given._replace(batches=order(given.batches)))


def _start(case: TrainingCase, given: Data) -> Iterator[Update]:
    weights = {**given.weights, "last.bias": given.weights["last.bias"] + 1e-6}
    return by_flax(case, given._replace(weights=weights))


def _sum(logits: Any, labels: Any) -> Any:
    return cross_entropy(logits, labels) * len(labels)


def _smoothed(logits: Any, labels: Any) -> Any:
    return 0.9 * cross_entropy(logits, labels) - 0.1 * jax.nn.log_softmax(logits).mean()


def _clipped(gradients: Any) -> Any:
    size = jnp.sqrt(sum(jnp.vdot(each, each) for each in jax.tree.leaves(gradients)))
    return jax.tree.map(lambda each: each * jnp.minimum(1.0, 0.1 / size), gradients)


def _halved(gradients: Any) -> Any:
    return jax.tree.map(lambda each: each / 2, gradients)


def _lost(case: TrainingCase, given: Data) -> Iterator[Update]:
    for k, update in enumerate(by_flax(case, given)):
        yield update._replace(loss=np.nan) if k == 3 else update


STEP = _case("SGD with momentum", MEMBERS["step"])
NESTEROV = _case("SGD with Nesterov", MEMBERS["step"])
ADAM = _case("Adam", MEMBERS["exponential"], 0.01)
ADAMW = _case("AdamW", MEMBERS["exponential"], 0.01)
COUPLED = _case("Adam with decay", MEMBERS["exponential"], 0.01)
CYCLIC_SPEC = member("CyclicLR", base_lr=0.01, max_lr=0.1, step_size_up=10)
CYCLIC = _case("SGD with momentum", CYCLIC_SPEC)
_OTHER_MOMENTUM = dataclasses.replace(CYCLIC_SPEC, arguments={**CYCLIC_SPEC.arguments, "max_momentum": 0.8})
_LATE = member("StepLR", step_size=8, gamma=0.6)

CHANGES: tuple[Change, ...] = (
    Change(
        "batches in another order",
        STEP,
        _batches(lambda batches: batches[::-1]),
        "batch", 0, "data order", "the same batches come in another order",
    ),
    Change(
        "one batch too many",
        STEP,
        _batches(lambda batches: [batches[-1], *batches[:-1]]),
        "batch", 0, "data order", "one update behind PyTorch's",
    ),
    Change(
        "other noise in the data from an update on",
        STEP,
        _batches(lambda batches: [*batches[:5], *((x + 1e-3, y) for x, y in batches[5:])]),
        "batch", 5, "data order", "from update 5 on the batches are others",
    ),
    Change(
        "another bias to begin with",
        STEP, _start,
        "initial weights", 0, "initial weights", r"1 of 4 arrays are not the same .* \(last\.bias\)",
    ),
    Change(
        "the sum of the losses for their mean",
        STEP,
        functools.partial(by_flax, loss_is=_sum),
        "loss", 0, "loss", "32 times PyTorch's, as a sum is of a mean",
    ),
    Change(
        "labels that are smoothed",
        STEP,
        functools.partial(by_flax, loss_is=_smoothed),
        "loss", 0, "loss", "from the same weights and the same batch",
    ),
    Change(
        "a loss that is not finite",
        STEP, _lost,
        "loss", 3, "loss", "^it is not finite at update 3 from the same",
    ),
    Change(
        "gradients that are clipped",
        STEP,
        functools.partial(by_flax, gradients_are=_clipped),
        "gradient norm", 0, "gradient", r"the JAX twin clips it to 0\.1, while the loss is the same",
    ),
    Change(
        "gradients of two devices, averaged once too often",
        ADAM,
        functools.partial(by_flax, gradients_are=_halved),
        "gradient norm", 0, "gradient", "1/2 times PyTorch's",
    ),
    Change(
        "another step_size",
        STEP, other(spec=_LATE),
        "learning rate", 7, "learning rate", "step_size|later|longer",
    ),
    Change(
        "another base learning rate",
        ADAM, other(base_lrs=(0.02,)),
        "learning rate", 0, "learning rate", r"0\.02 where PyTorch's is 0\.01 at update 0: 2 times PyTorch's",
    ),
    Change(
        "another momentum in a cycle",
        CYCLIC, other(spec=_OTHER_MOMENTUM),
        "momentum", 0, "momentum", r"0\.8 where PyTorch's is 0\.9 at update 0",
    ),
    Change(
        "momentum forgotten",
        STEP, other(optimizer="SGD"),
        "weights", 1, "momentum", r"update 1 has 0\.9 times the update before it less than PyTorch's",
    ),
    Change(
        "decay forgotten",
        ADAMW, other(optimizer="Adam"),
        "weights", 0, "decay", r"less than PyTorch's, a decay of 0\.01 at a learning rate of 0\.01",
    ),
    Change(
        "decay where PyTorch has none",
        ADAM, other(optimizer="AdamW"),
        "weights", 0, "decay", r"more than PyTorch's, a decay of 0\.01 at a learning rate of 0\.01",
    ),
    Change(
        "decay as a part of the gradient",
        ADAMW, other(optimizer="Adam with decay"),
        "weights", 0, "decay", "moves [0-9]+ weights by their signs, as a decay does",
    ),
    Change(
        "decay in the gradient forgotten",
        COUPLED, other(optimizer="Adam"),
        "weights", 0, "decay", "moves [0-9]+ weights by their signs",
    ),
    Change(
        "no Nesterov",
        NESTEROV, other(optimizer="SGD with momentum"),
        "weights", 0, "optimizer", r"update 0 is 0\.5263 times PyTorch's",
    ),
    Change(
        "another optimizer",
        ADAM, other(optimizer="RMSprop"),
        "weights", 0, "optimizer", "update 0 is another|update 0 is .* times",
    ),
    Change(
        "other averages",
        ADAM, other(optimizer="AMSGrad"),
        "weights", 1, "optimizer", "it is what the optimizer remembers",
    ),
)  # fmt: skip


def names() -> list[str]:
    """The culprits that are put in, each once."""
    return [name for name, _ in itertools.groupby(sorted(change.culprit for change in CHANGES))]
