"""Functions for LambdaLR, MultiplicativeLR and for CyclicLR's ``scale_fn``.

Each as people write it for PyTorch, and once more for JAX where Python's ``if`` and ``min`` stand in the way.
"""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp


def decay_95(k: int) -> float:
    return 0.95**k


def inverse_time(k: int) -> float:
    return 1 / (1 + 0.01 * k)


def warmup_then_inverse_sqrt(k: int) -> float:
    return (k + 1) / 100 if k < 100 else (100 / (k + 1)) ** 0.5


def warmup_then_inverse_sqrt_traceable(k: Any) -> Any:
    return jnp.where(k < 100, (k + 1) / 100, jnp.sqrt(100 / (k + 1)))


def ten_epochs_each(k: int) -> float:
    return 0.5 ** (k // 10)


def halve(x: int) -> float:
    return 1 / (2.0 ** (x - 1))


def fade(x: int) -> float:
    return 0.999**x


def every_third(k: int) -> float:
    return 0.7 if k % 3 == 0 else 1.0


def cool(k: int) -> float:
    return 0.97


def cosine_by_hand(k: int) -> float:
    return 0.5 * (1 + math.cos(math.pi * min(k, 80) / 80))


def slowly(k: int) -> float:
    return 0.999_999_9
