"""SWALR: alone."""

from __future__ import annotations

import jaxsched

from ..by_count import Case
from ..far import REACHED, far
from ..member import member

OURS = jaxsched.SWALR

MEMBERS = {
    "swa": member("SWALR", swa_lr=0.05, anneal_epochs=8),
    "swa linear": member("SWALR", swa_lr=0.04, anneal_epochs=5, anneal_strategy="linear"),
    "swa at once": member("SWALR", swa_lr=0.03, anneal_epochs=0),
}

CASES: tuple[Case, ...] = (
    Case(MEMBERS["swa"], 0.1, 20),
    Case(MEMBERS["swa linear"], 0.1, 20),
    Case(MEMBERS["swa at once"], 0.1, 5),
)

FAR: tuple[Case, ...] = (
    far("SWALR", swa_lr=0.03, anneal_epochs=REACHED),
    far("SWALR", swa_lr=0.3, anneal_epochs=REACHED, anneal_strategy="linear"),
)


def in_optax(case: Case, s: jaxsched.SWALR) -> None:
    """Optax has none."""
