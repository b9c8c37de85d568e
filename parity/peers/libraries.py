"""Who is asked."""

from __future__ import annotations

from ..catalogue import TIMM_CASES, TRANSFORMERS_CASES
from . import of_braintools, of_optax, of_torch_users
from .peer import Peer

PEERS: tuple[Peer, ...] = (
    Peer("Optax", "optax", "pip install optax", of_optax.find),
    Peer("braintools", "braintools", "pip install braintools", of_braintools.find),
    Peer(
        "transformers",
        "transformers",
        "pip install transformers",
        of_torch_users.in_transformers,
        frozenset(case.scheduler for case in TRANSFORMERS_CASES),
    ),
    Peer(
        "timm",
        "timm",
        "pip install --no-deps timm",
        of_torch_users.in_timm,
        frozenset(case.scheduler for case in TIMM_CASES),
    ),
)
"""Beside jaxsched, in the order of the columns."""
