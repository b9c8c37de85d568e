"""The schedules of transformers: the factor that each function in a LambdaLR is, exactly.

Written from the source of transformers, with its names. Each file has the name of the function in
``transformers.optimization``, ``THEIRS``, and its ``factor``; one that is put here is found by itself.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Callable, Mapping
from typing import Any

from ..arithmetic import Arithmetic
from ..known import Formula
from ..turns import Kind, Turns, once

_FILES = [importlib.import_module(file.name) for file in pkgutil.iter_modules(__path__, f"{__name__}.")]

TABLE: Mapping[str, Callable[..., Any]] = {
    file.THEIRS: file.factor for file in _FILES if hasattr(file, "THEIRS")
}
"""The factors, by the names of transformers' functions."""


def factor(a: Arithmetic, function: Callable[[int], float]) -> Formula | None:
    """The factor at a count, or at an array of them; None for a function that is not transformers'.

    Args:
      a: the arithmetic.
      function: what a LambdaLR was given: of transformers', its function with all arguments but the count.
    """
    if not isinstance(function, functools.partial) or function.func.__module__ != "transformers.optimization":
        return None
    known = TABLE.get(function.func.__name__)
    return None if known is None else functools.partial(known, a, **function.keywords)


def turns(function: Callable[[int], float]) -> Turns:
    """What the functions of transformers are told; of others nothing is known."""
    told = getattr(function, "keywords", {})
    found: Turns = []
    for name, kind in (
        ("num_warmup_steps", Kind.END_OF_WARMUP),
        ("num_training_steps", Kind.END_OF_TRAINING),
    ):
        if isinstance(told.get(name), int):
            found += once(kind, told[name])
    if "num_decay_steps" in told:
        begin = told["num_warmup_steps"] + told["num_stable_steps"]
        found += once(Kind.BEGIN_OF_DECAY, begin)
        found += once(Kind.END_OF_DECAY, begin + told["num_decay_steps"])
    return found
