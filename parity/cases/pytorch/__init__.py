"""What is tried on PyTorch's schedulers: each has a file of its own, with its cases and Optax's equal."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from typing import Any, ClassVar, Protocol, cast

import jaxsched

from ..by_count import Case
from ..equivalent import Equivalent

_ORDER = (
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
)
"""In which the reports show these. A file that is not among them comes after them, and needs no line."""

COMPOSED = ("sequential_lr", "chained_scheduler")
"""The last: they are made of the others."""

_FOUND = sorted(module.name for module in pkgutil.iter_modules(__path__))
ORDINARY = tuple(dict.fromkeys([*_ORDER, *(name for name in _FOUND if name not in COMPOSED)]))
"""All files but those."""


class Tried(Protocol):
    """What such a file has."""

    OURS: ClassVar[type[jaxsched.Schedule]]
    """The class on which it is tried."""

    CASES: ClassVar[tuple[Case, ...]]
    """Its defaults, every mode, the values at which the formula turns, and the hard spots that are known."""

    FAR: ClassVar[tuple[Case, ...]]
    """Those for every count up to 2**24 and beyond, against its closed form."""

    # It may have MEMBERS, too: specs by short names, for sequences and chains. Or its first case is one.
    # And DEVIATIONS: what ours does otherwise, on purpose.

    @property
    def in_optax(self) -> Callable[[Case, Any], Equivalent | None]:
        """Optax's own for a case that is a function of the count, given ours; None where it has no equal."""


def load(file: str) -> Tried:
    """A file of this folder."""
    return cast(Tried, importlib.import_module(f"{__name__}.{file}"))
