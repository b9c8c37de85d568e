"""A scheduler as a member of a sequence or a chain."""

from __future__ import annotations

from typing import Any

from .functions import cosine_by_hand, every_third
from .spec import Spec

HORIZON = 160


def member(scheduler: str, /, **arguments: Any) -> Spec:
    """A spec; with a horizon where jaxsched needs one for a function."""
    looks = arguments.get("lr_lambda") in (every_third, cosine_by_hand)
    return Spec(scheduler, arguments, {"total_steps": HORIZON} if looks else {})
