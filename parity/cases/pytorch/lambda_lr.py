"""LambdaLR: as people write it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jaxsched

from ..by_count import Case
from ..functions import (
    cosine_by_hand,
    decay_95,
    inverse_time,
    ten_epochs_each,
    warmup_then_inverse_sqrt,
    warmup_then_inverse_sqrt_traceable,
)
from ..member import member
from ..spec import Spec

OURS = jaxsched.LambdaLR


def _lambda(function: Callable[[Any], Any], steps: int, **ours: Any) -> Case:
    return Case(Spec("LambdaLR", {"lr_lambda": function}, ours), 0.1, steps)


CASES: tuple[Case, ...] = (
    _lambda(decay_95, 300),
    _lambda(inverse_time, 1_000),
    _lambda(ten_epochs_each, 200),
    _lambda(warmup_then_inverse_sqrt, 2_000, lr_lambda=warmup_then_inverse_sqrt_traceable),
    _lambda(cosine_by_hand, 120, total_steps=120),
)

MEMBERS = {
    "lambda": member("LambdaLR", lr_lambda=decay_95),
    "lambda by hand": member("LambdaLR", lr_lambda=cosine_by_hand),
}

FAR: tuple[Case, ...] = ()
"""A function of the user's has no closed form."""


def in_optax(case: Case, s: jaxsched.LambdaLR) -> None:
    """Optax has none."""
