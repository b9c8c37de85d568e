"""SWALR: alone."""

from __future__ import annotations

import jaxsched

from ..case import Case
from ..far import REACHED, far
from ..members import MEMBERS, composite

OURS = jaxsched.SWALR

CASES: tuple[Case, ...] = (
    composite(MEMBERS["swa"], steps=20),
    composite(MEMBERS["swa linear"], steps=20),
    composite(MEMBERS["swa at once"], steps=5),
)

FAR: tuple[Case, ...] = (
    far("SWALR", swa_lr=0.03, anneal_epochs=REACHED),
    far("SWALR", swa_lr=0.3, anneal_epochs=REACHED, anneal_strategy="linear"),
)


def in_optax(case: Case, s: jaxsched.SWALR) -> None:
    """Optax has none."""
