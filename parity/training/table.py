"""The one table of what is trained."""

from __future__ import annotations

from collections.abc import Iterator

from ..cases import MEMBERS, Spec, chain, member, sequence
from .case import TrainingCase
from .twins import OPTIMIZERS


def _cases() -> Iterator[TrainingCase]:
    sgd, momentum, nesterov, adam, adamw, *_ = OPTIMIZERS
    for optimizer, name in (
        (sgd, "constant"), (momentum, "linear"), (nesterov, "step"), (adam, "multi"), (adamw, "exponential"),
        (sgd, "polynomial"), (momentum, "cosine to"), (nesterov, "restarts"), (adam, "lambda"),
        (adamw, "cool"), (momentum, "swa"),
    ):  # fmt: skip
        yield TrainingCase(optimizer, MEMBERS[name], (0.01,) if optimizer in (adam, adamw) else (0.1,))
    warm_cosine = (
        member("LinearLR", start_factor=0.01, total_iters=20),
        member("CosineAnnealingLR", T_max=180),
    )
    yield TrainingCase(adamw, Spec("SequentialLR", {"schedulers": warm_cosine, "milestones": [20]}), (0.01,))
    yield TrainingCase(nesterov, sequence((9, 40, 90), "linear", "cosine to", "restarts", "swa linear"))
    yield TrainingCase(momentum, chain("linear", "step"))
    # They drive the momentum, or Adam's beta1, too.
    cyclic = member("CyclicLR", base_lr=0.01, max_lr=0.1, step_size_up=25)
    yield TrainingCase(momentum, cyclic)
    for optimizer in (momentum, nesterov):
        yield TrainingCase(optimizer, member("OneCycleLR", max_lr=0.2, total_steps=200))
    for optimizer in (adam, adamw):
        yield TrainingCase(optimizer, member("OneCycleLR", max_lr=0.01, total_steps=200, three_phase=True))
    # A loop that is closed: the losses decide about the learning rates that decide about the losses.
    plateau = member("ReduceLROnPlateau", factor=0.5, patience=5, threshold=0.02, cooldown=3)
    for optimizer, base_lrs in ((sgd, (0.1,)), (momentum, (0.1, 0.05)), (adam, (0.01,)), (adamw, (0.01,))):
        yield TrainingCase(optimizer, plateau, base_lrs)
    cosine = member("CosineAnnealingLR", T_max=150)
    for optimizer, base_lrs in ((momentum, (0.02, 0.2)), (adamw, (0.001, 0.01))):
        yield TrainingCase(optimizer, cosine, base_lrs)
    yield from _converted()


def _converted() -> Iterator[TrainingCase]:
    """Each optimizer that is read off a live one, beneath schedules of every kind in turn."""
    cosine = member("CosineAnnealingLR", T_max=150)
    step = member("StepLR", step_size=40, gamma=0.3)
    plateau = member("ReduceLROnPlateau", factor=0.5, patience=5, threshold=0.02, cooldown=3)
    warm = sequence((9, 40, 90), "linear", "cosine to", "restarts", "swa linear")
    others = (step, plateau, warm, chain("linear", "step"), MEMBERS["lambda"], MEMBERS["polynomial"])
    for i, (name, optimizer) in enumerate(OPTIMIZERS.items()):
        if optimizer.optax is not None:
            continue
        lr = RATES.get(optimizer.torch, 0.01)
        yield TrainingCase(name, cosine, (lr, lr / 2) if i % 3 == 0 else (lr,))
        yield TrainingCase(name, others[i % len(others)], (lr,))
        if optimizer.cycled:
            yield TrainingCase(name, member("OneCycleLR", max_lr=lr, total_steps=200), (lr,))


RATES = {"SGD": 0.05, "Adadelta": 1.0, "Adagrad": 0.05, "ASGD": 0.1, "Adafactor": 0.05, "Muon": 0.02}
"""At which an optimizer learns something here."""


TRAINING_CASES: tuple[TrainingCase, ...] = tuple(_cases())
