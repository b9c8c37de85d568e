"""Members, by short names, for sequences and chains; and cases of these."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .case import Case
from .functions import cool, cosine_by_hand, decay_95, every_third
from .spec import Spec

HORIZON = 160


def member(scheduler: str, /, **arguments: Any) -> Spec:
    """A spec; with a horizon where jaxsched needs one for a function."""
    looks = arguments.get("lr_lambda") in (every_third, cosine_by_hand)
    return Spec(scheduler, arguments, {"total_steps": HORIZON} if looks else {})


MEMBERS: Mapping[str, Spec] = {
    "constant": member("ConstantLR", factor=0.25, total_iters=12),
    "linear": member("LinearLR", start_factor=0.1, total_iters=9),
    "step": member("StepLR", step_size=7, gamma=0.6),
    "multi": member("MultiStepLR", milestones=[4, 11, 11, 30], gamma=0.5),
    "exponential": member("ExponentialLR", gamma=0.93),
    "polynomial": member("PolynomialLR", total_iters=25, power=1.5),
    "cosine": member("CosineAnnealingLR", T_max=14),
    "cosine to": member("CosineAnnealingLR", T_max=13, eta_min=0.01),
    "restarts": member("CosineAnnealingWarmRestarts", T_0=6, T_mult=2, eta_min=0.001),
    # These two set the optimizer's learning rate for everybody: here, to what it is anyway.
    "cyclic": member("CyclicLR", base_lr=0.1, max_lr=0.2, step_size_up=5, mode="triangular2"),
    "one cycle": member("OneCycleLR", max_lr=2.5, total_steps=200),
    "lambda": member("LambdaLR", lr_lambda=decay_95),
    "lambda by hand": member("LambdaLR", lr_lambda=cosine_by_hand),
    "multiplicative": member("MultiplicativeLR", lr_lambda=every_third),
    "cool": member("MultiplicativeLR", lr_lambda=cool),
    "swa": member("SWALR", swa_lr=0.05, anneal_epochs=8),
    "swa linear": member("SWALR", swa_lr=0.04, anneal_epochs=5, anneal_strategy="linear"),
    "swa at once": member("SWALR", swa_lr=0.03, anneal_epochs=0),
}


def sequence(milestones: tuple[int, ...], *names: str) -> Spec:
    """A SequentialLR of members named above."""
    members = tuple(MEMBERS[name] for name in names)
    return Spec("SequentialLR", {"schedulers": members, "milestones": list(milestones)})


def chain(*names: str) -> Spec:
    """A ChainedScheduler of members named above; the horizon is given to all, and used by some."""
    members = tuple(MEMBERS[name] for name in names)
    return Spec("ChainedScheduler", {"schedulers": members}, {"total_steps": HORIZON})


def composite(spec: Spec, base_lr: float = 0.1, steps: int = 150) -> Case:
    return Case(spec, base_lr, steps)


def both_orders(*names: str) -> tuple[Case, Case]:
    return composite(chain(*names)), composite(chain(*reversed(names)))
