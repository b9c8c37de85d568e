"""Cases far out, for `exhaustive`: every count up to 2**24, and many up to the largest int32."""

from __future__ import annotations

from typing import Any

from .by_count import Case
from .spec import Spec

STEPS = 2**24 + 1

# Primes, so that no reciprocal is exact and no two periods meet: one that is passed often, one
# that the counts up to 2**24 just reach, and one that an int32 just reaches.
OFTEN, REACHED, LAST = 1_000_003, 16_777_213, 2_147_483_629

WARM_UP = Spec("LinearLR", {"start_factor": 0.001, "total_iters": 10_007})
"""A member."""


def far(scheduler: str, base_lr: float = 0.1, quantity: str = "lr", /, **arguments: Any) -> Case:
    """A case of one of PyTorch's classes, at all these counts."""
    return Case(Spec(scheduler, arguments), base_lr, STEPS, quantity)
