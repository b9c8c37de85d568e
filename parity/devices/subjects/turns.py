"""Where what somebody brings may turn, as far as the numbers in it tell."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import itertools
from typing import Any

import numpy as np

from .asked import LAST

_TURNS = 2_000
"""So many turns are looked for in what somebody brings."""


def turns_of(function: Any) -> list[int]:
    """Counts at which a function may turn, as far as the whole numbers in it tell.

    A period's end is a number itself or some times it, and a member of a sequence turns so long after
    another number. They are looked for among its fields, what it closes over and what is bound to it.
    """
    found: dict[int, None] = {}
    seen: set[int] = set()
    waiting = [function]
    while waiting and len(seen) < 10_000:
        value = waiting.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
            if 0 < value <= LAST:
                found.setdefault(int(value))
        elif isinstance(value, (tuple, list)):
            waiting += value
        elif isinstance(value, dict):
            waiting += value.values()
        elif dataclasses.is_dataclass(value) and not isinstance(value, type):
            waiting += [getattr(value, field.name) for field in dataclasses.fields(value)]
        elif isinstance(value, functools.partial):
            waiting += [value.func, value.args, value.keywords]
        elif inspect.isfunction(value):
            closure = inspect.getclosurevars(value)
            waiting += [*closure.nonlocals.values(), value.__defaults__ or (), value.__kwdefaults__ or {}]
            waiting += [x for x in closure.globals.values() if isinstance(x, (int, tuple)) or callable(x)]
            waiting += value.__code__.co_consts
        elif hasattr(value, "size") and getattr(value, "size", 0) <= _TURNS and _is_whole(value):
            waiting += np.asarray(value).ravel().tolist()
    numbers = sorted(found)
    sums = (a + b for i, a in enumerate(numbers) for b in numbers[i:])
    multiples = (n * times for times in range(3, 9) for n in numbers)
    together = dict.fromkeys(itertools.chain(numbers, sums, multiples))
    return [turn for turn in itertools.islice(together, _TURNS) if turn <= LAST]


def _is_whole(value: Any) -> bool:
    dtype = getattr(value, "dtype", None)
    return dtype is not None and getattr(dtype, "kind", "") in "iu"
