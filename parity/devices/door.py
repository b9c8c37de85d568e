"""What somebody brings: a subject, or one line that says why it is no schedule and what to do."""

from __future__ import annotations

import pathlib
import sys
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import numpy.typing as npt

from ..handed_in import LIBRARIES, short, takes, told
from .subjects import (
    COUNTS,
    LAST,
    OfCount,
    OfState,
    Subject,
    counts as counts_of_all_sizes,
    every,
    on_cpu,
    turns_of,
)


class NotASchedule(ValueError):
    """What was brought cannot be compared; the text is one line that says why, and what can."""


def brought(
    given: Any,
    counts: npt.ArrayLike | None = None,
    *,
    name: str = "the schedule",
    number: int = COUNTS,
    exhaustive: bool = False,
) -> Subject:
    """What somebody brings.

    Args:
      given: a function of a count, or what has ``init`` and ``step``.
      counts: at which counts; if None, as many as the next two say.
      name: what to call it where it is none.
      number: how many counts or steps.
      exhaustive: whether every count up to 2**24 is among them.

    Raises:
      NotASchedule: it is none, or JAX cannot trace it, or the counts are none.
    """
    check_x64()
    if isinstance(given, type):
        raise NotASchedule(f"{name} is a class; give a schedule of it, {_for_example(name, given)}")
    if hasattr(given, "init") and hasattr(given, "step"):
        if counts is not None:
            raise NotASchedule(f"{name} has init and step: it is compared step by step, and takes no counts")
        _try_state_machine(given, name)
        return OfState(given, number)
    if not callable(given):
        raise NotASchedule(f"{name} must be a function of a count, or have init and step, got {short(given)}")
    if counts is None:
        chosen = counts_of_all_sizes(turns_of(given), number=number)
        parts = every(chosen) if exhaustive else [chosen]
    else:
        parts = [_whole(counts)]
    _try_function(given, name)
    return OfCount(given, parts)


def check_x64() -> None:
    """Refuses what is not the question here: with x64 on a schedule answers float64.

    Raises:
      NotASchedule: it is on.
    """
    if jax.config.jax_enable_x64:  # type: ignore[attr-defined]
        raise NotASchedule(
            "JAX_ENABLE_X64 must be off: what is compared is float32, and a TPU has no float64 of its own"
        )


_MANY = 1_000
"""More numbers than this no schedule returns at a count, and 100,000 counts of them no memory holds."""


def _whole(counts: npt.ArrayLike) -> npt.NDArray[np.int32]:
    """These counts as int32, if they are such numbers."""
    given = np.asarray(counts).ravel()
    if not given.size:
        raise NotASchedule("counts must have at least one, got none")
    if given.dtype.kind not in "iuf":
        raise NotASchedule(f"counts must be whole numbers, got {short(counts)}")
    wrong = given[~((given >= -LAST - 1) & (given <= LAST) & (given == np.floor(given)))]
    if wrong.size:
        raise NotASchedule(f"counts must be whole numbers that int32 holds, got {wrong[0]}")
    return given.astype(np.int32)


def _try_function(function: Callable[..., Any], name: str) -> None:
    if not takes(function, 1):
        raise NotASchedule(f"{name} must take one argument, the count; {_if_it_makes_one(name, function)}")
    answer = _traced(function, name, jax.ShapeDtypeStruct((), np.int32))  # type: ignore[no-untyped-call]
    if _is_schedule(answer):
        raise NotASchedule(
            f"{name} makes a schedule; give the schedule that it returns, {_for_example(name, function)}"
        )
    _check_numbers(answer, name)


def _try_state_machine(machine: Any, name: str) -> None:
    start = _traced(machine.init, f"{name}.init")
    _check_numbers(start, f"{name}.init")
    if not takes(machine.step, 2):
        raise NotASchedule(f"{name}.step must take two arguments, the state and the metric")
    after = _traced(machine.step, f"{name}.step", start, jax.ShapeDtypeStruct((), np.float32))  # type: ignore[no-untyped-call]
    _check_numbers(after, f"{name}.step")
    if _kinds(start) != _kinds(after):
        raise NotASchedule(f"{name}.step must return a state like that of init, got {short(after)}")


def _traced(function: Callable[..., Any], name: str, *arguments: Any) -> Any:
    """What it answers when JAX traces it: the shape and the dtype of each number, anything else itself."""
    answers = []

    def call(*arguments: Any) -> None:
        answer = function(*arguments)
        answers.append(answer if _is_schedule(answer) else jax.tree.map(_shape, answer))

    try:
        with on_cpu():
            jax.eval_shape(call, *arguments)
    except (Exception, SystemExit) as reason:
        raise NotASchedule(f"{name} cannot be traced by JAX: {told(reason)}{_remedy(reason)}") from reason
    return answers[0]


def _is_schedule(answer: Any) -> bool:
    return callable(answer) or hasattr(answer, "init")


def _shape(leaf: Any) -> Any:
    if isinstance(leaf, (np.ndarray, np.generic, int, float, complex)):
        leaf = jax.numpy.asarray(leaf)
    if not isinstance(leaf, jax.Array):
        return leaf
    return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype)  # type: ignore[no-untyped-call]


def _check_numbers(answer: Any, name: str) -> None:
    leaves = jax.tree.leaves(answer)
    wrong = [leaf for leaf in leaves if not isinstance(leaf, jax.ShapeDtypeStruct) or not _is_number(leaf)]
    if not wrong and sum(leaf.size for leaf in leaves) > _MANY:
        raise NotASchedule(f"{name} must return a number, or several, got more than {_MANY:,} of them")
    if wrong or not leaves or not all(leaf.size for leaf in leaves):
        raise NotASchedule(
            f"{name} must return a number, or several, got {short(wrong[0] if wrong else answer)}"
        )


def _is_number(leaf: jax.ShapeDtypeStruct) -> bool:
    return not jax.numpy.issubdtype(leaf.dtype, jax.dtypes.extended)


def _kinds(state: Any) -> tuple[Any, ...]:
    leaves, tree = jax.tree.flatten(state)
    return (tree, [(leaf.shape, leaf.dtype) for leaf in leaves])


def _if_it_makes_one(name: str, function: Any) -> str:
    return f"if it makes a schedule, give the schedule that it returns, {_for_example(name, function)}"


def _for_example(name: str, given: Any) -> str:
    """How to give what a function or a class makes, in words of the command line or of Python."""
    module, colon, function = name.partition(":")
    if not colon:
        return f"e.g. `compare_devices({getattr(given, '__name__', 'make')}(…), …)`"
    file = getattr(sys.modules.get(module), "__file__", None) or ""
    if file and not LIBRARIES.match(file):
        return f"e.g. `schedule = {function}(…)` in {pathlib.Path(file).name}, as {module}:schedule"
    return f"e.g. `from {module} import {function}; schedule = {function}(…)` in mine.py, as mine:schedule"


def _remedy(reason: BaseException) -> str:
    match reason:
        case jax.errors.TracerBoolConversionError():
            return "; the count is not known while JAX traces: write `if` as jnp.where"
        case jax.errors.TracerArrayConversionError():
            return "; use jax.numpy in place of numpy"
        case jax.errors.ConcretizationTypeError() | jax.errors.TracerIntegerConversionError():
            return (
                "; the count is not known while JAX traces: use jax.numpy in place of int(), float() and math"
            )
    return ""
