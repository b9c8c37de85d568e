"""ChainedScheduler: two to four, in both orders; what multiplies, pulls and overwrites."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import jaxsched

from ..by_count import Case
from ..deviation import Deviation, together
from ..far import OFTEN, REACHED, WARM_UP, far
from ..member import HORIZON, member
from ..members import MEMBERS, both_orders, chain, composite, sequence
from ..spec import Spec

OURS = jaxsched.ChainedScheduler

_CHOSEN: tuple[Case, ...] = (
    *both_orders("constant", "exponential"),
    *both_orders("linear", "step"),
    *both_orders("multi", "polynomial"),
    *both_orders("cosine", "exponential"),
    *both_orders("cosine to", "step"),
    *both_orders("cosine", "linear"),
    *both_orders("swa", "step"),
    *both_orders("restarts", "step"),
    *both_orders("cyclic", "exponential"),
    *both_orders("one cycle", "linear"),
    *both_orders("lambda", "multi"),
    *both_orders("multiplicative", "exponential"),
    *both_orders("cool", "constant", "linear"),
    *both_orders("linear", "cosine to", "step"),
    *both_orders("constant", "lambda", "multi", "exponential"),
    # What grows and what shrinks: each alone soon leaves float32's range.
    composite(
        Spec(
            "ChainedScheduler",
            {"schedulers": (member("ExponentialLR", gamma=1.03), member("ExponentialLR", gamma=0.97))},
        ),
        steps=8_001,
    ),
    composite(
        Spec(
            "ChainedScheduler",
            {
                "schedulers": (
                    member("MultiStepLR", milestones=list(range(2, 11)), gamma=1e-5),
                    member("MultiStepLR", milestones=list(range(1, 10)), gamma=1e5),
                )
            },
        )
    ),
    *both_orders("polynomial", "step", "cool", "linear"),
    # A sequence in a chain.
    composite(
        Spec(
            "ChainedScheduler",
            {"schedulers": (sequence((8,), "constant", "exponential"), MEMBERS["step"])},
            {"total_steps": HORIZON},
        )
    ),
    composite(
        Spec(
            "ChainedScheduler",
            {"schedulers": (sequence((8, 30), "linear", "cosine to", "swa"), MEMBERS["exponential"])},
            {"total_steps": HORIZON},
        )
    ),
    composite(
        Spec(
            "ChainedScheduler",
            {"schedulers": (chain("step", "exponential"), MEMBERS["linear"])},
            {"total_steps": HORIZON},
        )
    ),
)


def others(chosen: Iterable[Case]) -> Iterator[Case]:
    """Chains of each member whose class is in none of these: what its step does shows only there."""
    there = {each.scheduler for case in chosen for each in case.arguments["schedulers"]}
    for name, spec in MEMBERS.items():
        if spec.scheduler not in there:
            yield from both_orders(name, "exponential")


CASES: tuple[Case, ...] = (*_CHOSEN, *others(_CHOSEN))

FAR: tuple[Case, ...] = (
    far(
        "ChainedScheduler",
        schedulers=(
            WARM_UP,
            Spec("MultiStepLR", {"milestones": [OFTEN, REACHED], "gamma": 0.3}),
            Spec("ExponentialLR", {"gamma": 0.999_999_99}),
        ),
    ),
)

DEVIATIONS: tuple[Deviation, ...] = (
    together(
        0,
        Spec(
            "ChainedScheduler",
            {
                "schedulers": (
                    member("ExponentialLR", gamma=0.9),
                    member("CyclicLR", base_lr=0.02, max_lr=0.2),
                )
            },
        ),
        "`ChainedScheduler` with a `CyclicLR` behind another, with another base_lr than the optimizer's",
        "starts from the initial_lr which the other left behind",
        "starts from base_lr",
        "PyTorch sets its own base_lr only after the first step",
    ),
)


def in_optax(case: Case, s: jaxsched.ChainedScheduler) -> None:
    """Optax has none."""
