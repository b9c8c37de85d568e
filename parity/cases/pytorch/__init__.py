"""What is tried on PyTorch's schedulers: each has a file of its own, with its cases and Optax's equal."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, ClassVar, Protocol, cast

import jaxsched

from ..case import Case
from ..equivalent import Equivalent

FILES = (
    "constant_lr",
    "linear_lr",
    "step_lr",
    "multi_step_lr",
    "exponential_lr",
    "polynomial_lr",
    "cosine_annealing_lr",
    "cosine_annealing_warm_restarts",
    "cyclic_lr",
    "one_cycle_lr",
    "lambda_lr",
    "multiplicative_lr",
    "swa_lr",
    "sequential_lr",
    "chained_scheduler",
)
"""A line for each, in the order of the reports."""


class Tried(Protocol):
    """What such a file has."""

    OURS: ClassVar[type[jaxsched.Schedule]]
    """The class on which it is tried."""

    CASES: ClassVar[tuple[Case, ...]]
    """Its defaults, every mode, the values at which the formula turns, and the hard spots that are known."""

    FAR: ClassVar[tuple[Case, ...]]
    """Those for every count up to 2**24 and beyond, against its closed form."""

    @property
    def in_optax(self) -> Callable[[Case, Any], Equivalent | None]:
        """Optax's own for a case that is a function of the count, given ours; None where it has no equal."""


TRIED: tuple[Tried, ...] = tuple(cast(Tried, importlib.import_module(f"{__name__}.{file}")) for file in FILES)
