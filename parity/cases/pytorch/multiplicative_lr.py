"""MultiplicativeLR: what does not look at the count, and what does."""

from __future__ import annotations

import jaxsched

from ..case import Case
from ..members import HORIZON, MEMBERS, composite

OURS = jaxsched.MultiplicativeLR

CASES: tuple[Case, ...] = (
    composite(MEMBERS["cool"], steps=500),
    composite(MEMBERS["multiplicative"], steps=HORIZON),
)


def in_optax(case: Case, s: jaxsched.MultiplicativeLR) -> None:
    """Optax has none."""
