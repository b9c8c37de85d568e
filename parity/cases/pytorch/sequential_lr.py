"""SequentialLR: each class after a warm-up and before one; three and four phases."""

from __future__ import annotations

import jaxsched

from ..case import Case
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


def in_optax(case: Case, s: jaxsched.SequentialLR) -> None:
    """Optax has none."""
