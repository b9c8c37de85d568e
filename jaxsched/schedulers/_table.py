"""Trajectories without a closed form: computed once, on the host, in float64, and kept."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

import jax
import numpy as np

from .. import _numerics as nx

Make = TypeVar("Make", bound=Callable[..., nx.Values | tuple[nx.Values, ...]])


def tabulated(make: Make) -> Make:
    """A function that computes a table once for equal arguments, which must hash."""
    kept = functools.lru_cache(maxsize=64)(make)

    @functools.wraps(make)
    def table(*arguments: Any) -> nx.Values | tuple[nx.Values, ...]:
        # Once for all: the range of float64, whatever the values will be rounded to.
        with (
            np.errstate(all="ignore"),
            jax.ensure_compile_time_eval(),
            jax.enable_x64(True),
            nx.to_be(np.float64),
        ):
            return kept(*arguments)

    return cast(Make, table)
