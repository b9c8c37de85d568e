"""MultiplicativeLR: what does not look at the count, and what does."""

from __future__ import annotations

import jaxsched

from ..case import Case
from ..far import far
from ..functions import slowly
from ..members import HORIZON, MEMBERS, composite

OURS = jaxsched.MultiplicativeLR

CASES: tuple[Case, ...] = (
    composite(MEMBERS["cool"], steps=500),
    composite(MEMBERS["multiplicative"], steps=HORIZON),
)

FAR: tuple[Case, ...] = (far("MultiplicativeLR", lr_lambda=slowly),)


def in_optax(case: Case, s: jaxsched.MultiplicativeLR) -> None:
    """Optax has none."""
