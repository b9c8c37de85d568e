"""Comparisons, and what is chosen by them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..program import Array
from .floats import flushed
from .operation import FLOATS, Operation

_ORDERED: dict[str, Callable[[Array, Array], Array]] = {
    "eq": np.equal,
    "ne": np.not_equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
}

_OF_UNSIGNED = {"lo": "lt", "ls": "le", "hi": "gt", "hs": "ge"}

_OF_PREDICATES: dict[str, Callable[[Array, Array], Array]] = {
    "and": np.logical_and,
    "or": np.logical_or,
    "xor": np.logical_xor,
}


def _comparison(name: str, floats: bool) -> Callable[[Array, Array], Array] | None:
    name = _OF_UNSIGNED.get(name, name)
    if name in _ORDERED and (not floats or name != "ne"):
        return _ORDERED[name]
    if not floats:
        return None
    if name == "ne":  # "if either operand is NaN, the result is False" holds for ne as well
        return lambda x, y: (x < y) | (x > y)
    if name in ("nan", "num"):
        return lambda x, y: (np.isnan(x) | np.isnan(y)) == (name == "nan")
    ordered = _ORDERED.get(name.removesuffix("u"))
    return None if ordered is None else lambda x, y: ordered(x, y) | np.isnan(x) | np.isnan(y)


def set_predicate(modifiers: list[str], types: list[str]) -> Operation | None:
    """setp; with a third operand where another predicate is combined with the outcome."""
    (type_,) = types
    flush = "ftz" in modifiers
    modifiers = [modifier for modifier in modifiers if modifier != "ftz"]
    compare = _comparison(modifiers[0], type_ in FLOATS) if modifiers else None
    if compare is None or len(modifiers) > 2 or (len(modifiers) == 2 and modifiers[1] not in _OF_PREDICATES):
        return None

    def call(x: Array, y: Array, *others: Array) -> Array:
        holds = compare(flushed(x), flushed(y)) if flush else compare(x, y)
        return _OF_PREDICATES[modifiers[1]](holds, *others) if others else holds

    return Operation((type_, type_) + ("pred",) * (len(modifiers) - 1), "pred", call)


def select(modifiers: list[str], types: list[str]) -> Operation | None:
    (type_,) = types
    if modifiers:
        return None

    def call(x: Array, y: Array, p: Array) -> Array:
        return np.where(p, x, y)

    return Operation((type_, type_, "pred"), type_, call)
