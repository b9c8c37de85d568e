"""SWALR: alone."""

from __future__ import annotations

import jaxsched

from ..case import Case
from ..members import MEMBERS, composite

OURS = jaxsched.SWALR

CASES: tuple[Case, ...] = (
    composite(MEMBERS["swa"], steps=20),
    composite(MEMBERS["swa linear"], steps=20),
    composite(MEMBERS["swa at once"], steps=5),
)


def in_optax(case: Case, s: jaxsched.SWALR) -> None:
    """Optax has none."""
