"""SequentialLR: each class after a warm-up and before one; three and four phases."""

from __future__ import annotations

import jaxsched

from ..by_count import Case
from ..deviation import Deviation, together
from ..far import REACHED, WARM_UP, far
from ..member import member
from ..members import MEMBERS, composite, sequence
from ..spec import Spec

OURS = jaxsched.SequentialLR

CASES: tuple[Case, ...] = (
    *(composite(sequence((9,), "linear", name)) for name in MEMBERS if name not in ("linear", "constant")),
    *(composite(sequence((6,), name, "exponential")) for name in MEMBERS if name != "exponential"),
    composite(sequence((9, 40), "linear", "cosine", "swa")),
    composite(sequence((5, 6), "constant", "multi", "cyclic")),
    composite(sequence((0,), "constant", "exponential")),
    composite(sequence((1,), "linear", "polynomial")),
    composite(sequence((10, 10), "linear", "step", "cosine to")),
    composite(sequence((9, 40, 90), "linear", "cosine to", "restarts", "swa linear")),
    composite(sequence((10, 30, 60), "exponential", "multiplicative", "cool", "swa")),
    composite(sequence((20, 50, 80), "lambda by hand", "swa at once", "cool", "one cycle")),
    composite(
        Spec(
            "SequentialLR",
            {
                "schedulers": (
                    member("LinearLR", start_factor=0.001, total_iters=1_000),
                    member("CosineAnnealingLR", T_max=19_000, eta_min=1e-5),
                ),
                "milestones": [1_000],
            },
        ),
        3e-4,
        20_001,
    ),
)

FAR: tuple[Case, ...] = (
    far(
        "SequentialLR",
        schedulers=(WARM_UP, Spec("CosineAnnealingLR", {"T_max": REACHED - 10_007, "eta_min": 1e-5})),
        milestones=[10_007],
    ),
)

_LINEAR = Spec("LinearLR", {"start_factor": 0.1, "total_iters": 9})
_STEP = Spec("StepLR", {"step_size": 4})
_EXPONENTIAL = Spec("ExponentialLR", {"gamma": 0.9})


def _sequence(*members: Spec, milestones: list[int]) -> Spec:
    return Spec("SequentialLR", {"schedulers": members, "milestones": milestones})


def _averaging(swa_lr: float) -> Spec:
    return Spec("SWALR", {"swa_lr": swa_lr, "anneal_epochs": 5, "anneal_strategy": "linear"})


_INNER = _sequence(_LINEAR, _EXPONENTIAL, milestones=[9])
_CHAIN = Spec("ChainedScheduler", {"schedulers": (_STEP, _EXPONENTIAL)})

DEVIATIONS: tuple[Deviation, ...] = (
    together(
        8,
        _sequence(_INNER, _EXPONENTIAL, milestones=[20]),
        "`SequentialLR` with a `SequentialLR` first in it",
        "hands over one step early: making it advances the inner one",
        "hands over at the milestone",
        "PyTorch undoes the first step of plain members only",
    ),
    together(
        20,
        _sequence(_EXPONENTIAL, _INNER, milestones=[20]),
        "`SequentialLR` with a `SequentialLR` later in it",
        "raises NotImplementedError",
        "starts the inner one anew",
        "a composition that has a meaning should have a value",
    ),
    together(
        0,
        _sequence(_CHAIN, _LINEAR, milestones=[20]),
        "`SequentialLR` with a `ChainedScheduler` first in it",
        "starts one step ahead: making it advances the chain",
        "starts at count 0",
        "PyTorch undoes the first step of plain members only",
    ),
    together(
        20,
        _sequence(_EXPONENTIAL, _CHAIN, milestones=[20]),
        "`SequentialLR` with a `ChainedScheduler` later in it",
        "raises NotImplementedError",
        "starts the chain anew",
        "a composition that has a meaning should have a value",
    ),
    together(
        0,
        _sequence(_LINEAR, Spec("OneCycleLR", {"max_lr": 0.3, "total_steps": 200}), milestones=[9]),
        "`SequentialLR` with a `OneCycleLR` in it that starts elsewhere than the optimizer",
        "lets its first learning rate replace the optimizer's for the other members",
        "keeps base_lr for them",
        "PyTorch's OneCycleLR overwrites the initial_lr that all members share",
    ),
    together(
        5,
        _sequence(_averaging(0.3), _averaging(0.02), milestones=[8]),
        "Two `SWALR` on one optimizer, with different swa_lr",
        "lets the second one's swa_lr replace the first one's",
        "lets each go to its own; `from_torch` gives what PyTorch will do",
        "PyTorch keeps the goal in the parameter group, where there is room for one",
    ),
    together(
        12,
        _sequence(_LINEAR, _EXPONENTIAL, _STEP, milestones=[9, 5]),
        "`SequentialLR` with milestones out of order",
        "goes on",
        "raises when made",
        "which scheduler is meant cannot be told",
    ),
)


def in_optax(case: Case, s: jaxsched.SequentialLR) -> None:
    """Optax has none."""
