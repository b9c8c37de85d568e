"""MultiplicativeLR: what does not look at the count, and what does."""

from __future__ import annotations

import jaxsched

from ..by_count import Case
from ..far import far
from ..functions import cool, every_third, slowly
from ..member import HORIZON, member

OURS = jaxsched.MultiplicativeLR

MEMBERS = {
    "multiplicative": member("MultiplicativeLR", lr_lambda=every_third),
    "cool": member("MultiplicativeLR", lr_lambda=cool),
}

CASES: tuple[Case, ...] = (
    Case(MEMBERS["cool"], 0.1, 500),
    Case(MEMBERS["multiplicative"], 0.1, HORIZON),
)

FAR: tuple[Case, ...] = (far("MultiplicativeLR", lr_lambda=slowly),)


def in_optax(case: Case, s: jaxsched.MultiplicativeLR) -> None:
    """Optax has none."""
