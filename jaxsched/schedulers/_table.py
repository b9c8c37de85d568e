"""Trajectories without a closed form: computed once, on the host, in float64, and kept."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import jax
import numpy as np
import numpy.typing as npt

T = TypeVar("T", bound=Any)


def tabulated(make: Callable[[T], npt.NDArray[np.float64]]) -> Callable[[T], npt.NDArray[np.float64]]:
    """A method that is computed once for each schedule; equal schedules share the table."""
    kept = functools.lru_cache(maxsize=64)(make)

    @functools.wraps(make)
    def table(schedule: T) -> npt.NDArray[np.float64]:
        with jax.ensure_compile_time_eval(), jax.enable_x64(True), np.errstate(all="ignore"):
            return kept(schedule)

    return table
