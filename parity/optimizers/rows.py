"""PyTorch's optimizers, and the Optax function that people reach for in place of each."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import optax
import optax.contrib

RATE = 1 / 128
"""The learning rate of all; a number that every type holds."""

Made = Callable[[float], optax.GradientTransformation]


@dataclasses.dataclass(frozen=True)
class Row:
    """A class with arguments, and its obvious counterpart."""

    cls: str
    """The name of the class in torch.optim."""

    arguments: Mapping[str, Any]

    obvious: str
    """As people write it, of a learning rate; empty where Optax has nothing of the name."""

    make: Made | None

    why: str = ""
    """What the counterpart does otherwise."""

    within: float = 1e-12
    """How far the right counterpart may be after 1,000 updates; more where PyTorch computes in bfloat16."""

    @property
    def name(self) -> str:
        given = ", ".join(f"{name}={value!r}" for name, value in self.arguments.items())
        return f"{self.cls}({given})"


def _row(
    name: str, obvious: str, make: Made | None, why: str = "", within: float = 1e-12, /, **arguments: Any
) -> Row:
    return Row(name, arguments, obvious, make, why, within)


def _decayed(decay: float, optimizer: optax.GradientTransformation) -> optax.GradientTransformation:
    return optax.chain(optax.add_decayed_weights(decay), optimizer)


ROWS: tuple[Row, ...] = (
    _row("SGD", "sgd(lr)", optax.sgd),
    _row(
        "SGD", "sgd(lr, momentum=0.9, nesterov=True)",
        lambda lr: optax.sgd(lr, momentum=0.9, nesterov=True), momentum=0.9, nesterov=True,
    ),
    _row(
        "SGD", "chain(add_decayed_weights(0.01), sgd(lr, momentum=0.9))",
        lambda lr: _decayed(0.01, optax.sgd(lr, momentum=0.9)), momentum=0.9, weight_decay=0.01,
    ),
    _row(
        "SGD", "sgd(lr, momentum=0.9)", lambda lr: optax.sgd(lr, momentum=0.9),
        "no dampening, which PyTorch begins with the second update", momentum=0.9, dampening=0.5,
    ),
    _row("Adam", "adam(lr)", optax.adam),
    _row(
        "Adam", "chain(add_decayed_weights(0.01), adam(lr))", lambda lr: _decayed(0.01, optax.adam(lr)),
        weight_decay=0.01,
    ),
    _row(
        "Adam", "amsgrad(lr)", optax.amsgrad, "the maximum is taken after the correction of the bias",
        amsgrad=True,
    ),
    _row("AdamW", "adamw(lr)", optax.adamw, "decays by 1e-4, PyTorch by 1e-2"),
    _row(
        "AdamW", "adamw(lr, weight_decay=0.01)", lambda lr: optax.adamw(lr, weight_decay=0.01),
        weight_decay=0.01,
    ),
    _row("NAdam", "nadam(lr)", optax.nadam, "the momentum has no schedule"),
    _row(
        "NAdam", "nadamw(lr, weight_decay=0.01)", lambda lr: optax.nadamw(lr, weight_decay=0.01),
        "the momentum has no schedule", weight_decay=0.01, decoupled_weight_decay=True,
    ),
    _row("RAdam", "radam(lr)", optax.radam, "eps is added when the bias is corrected, in PyTorch before"),
    _row("Adamax", "adamax(lr)", optax.adamax),
    _row("RMSprop", "rmsprop(lr)", optax.rmsprop, "decay 0.9, PyTorch 0.99; eps inside the root"),
    _row(
        "RMSprop", "rmsprop(lr, decay=0.99, eps_in_sqrt=False, centered=True, momentum=0.9)",
        lambda lr: optax.rmsprop(lr, decay=0.99, eps_in_sqrt=False, centered=True, momentum=0.9),
        "its momentum is of updates that are scaled already: another one when the rate changes",
        centered=True, momentum=0.9,
    ),
    _row(
        "Adagrad", "adagrad(lr)", optax.adagrad,
        "the accumulator begins at 0.1, PyTorch's at 0; eps inside the root",
    ),
    _row("Adadelta", "adadelta(lr)", optax.adadelta),
    _row("Rprop", "rprop(lr)", optax.rprop, "each update is one step late, from the gradient before"),
    _row("ASGD", "", None, "Optax has none"),
    _row(
        "Adafactor", "adafactor(lr)", optax.adafactor,
        "factors from 128 rows and columns on, adds eps to squared gradients, does not bound the rate",
    ),
    _row(
        "Muon", "contrib.muon(lr)", optax.contrib.muon,
        "another momentum, another scale, and the iteration in the type of the parameters; PyTorch's is in "
        "bfloat16", 1e-2,
    ),
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Clipped:
    """What is done to gradients before an update."""

    theirs: str
    ours: str
    make: Callable[[], optax.GradientTransformation]
    clip: Callable[[Any], Any]
    """PyTorch's, in place, of the parameters."""
    why: str = ""


def _by_norm(parameters: Any) -> Any:
    import torch

    return torch.nn.utils.clip_grad_norm_(parameters, 1.0)


def _by_value(parameters: Any) -> Any:
    import torch

    return torch.nn.utils.clip_grad_value_(parameters, 0.5)


CLIPPED: tuple[Clipped, ...] = (
    Clipped(
        "clip_grad_norm_(parameters, 1.0)", "clip_by_global_norm(1.0)",
        lambda: optax.clip_by_global_norm(1.0), _by_norm, "PyTorch divides by the norm and 1e-6",
    ),
    Clipped("clip_grad_value_(parameters, 0.5)", "clip(0.5)", lambda: optax.clip(0.5), _by_value),
)  # fmt: skip
