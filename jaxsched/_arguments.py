"""What an argument may be. One checker per kind of argument, one wording for all errors.

A checker stands in the annotation of a schedule's field; `Schedule` calls it when the
value is made. It returns the argument in its one normal form (``float``, ``int``, or the
array as it came) or raises: the schedule and argument, the value, what is allowed, and
what to do about it. Values of tracers cannot be seen, so only their type is checked.
"""

from __future__ import annotations

import dataclasses
import difflib
import inspect
import math
import numbers
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from ._numerics import Number


class Checker(Protocol):
    def __call__(self, owner: str, name: str, value: Any) -> Any: ...


def describe(value: object) -> str:
    """The value as an error shows it: short, and with its type where that is the point."""
    text = " ".join(line.strip() for line in repr(value).splitlines())
    text = text if len(text) <= 60 else text[:57] + "..."
    return text if isinstance(value, (bool, int, float, np.generic)) else f"{text} ({type(value).__name__})"


_IN_OTHER_WORDS = {
    "optimizer": "The optimizer is replaced by its learning rate",
    **dict.fromkeys(("lr", "learning_rate", "initial_lr", "init_value"), "The learning rate is"),
    "last_epoch": "A schedule has no place where it stands: call it with the count. To begin later, take "
    "StartingAt(schedule, count)",
    "verbose": "PyTorch has dropped it, too",
}
"""What people write for an argument that has another name here, or none."""


def unknown_argument(owner: str, given: Iterable[str], taken: Mapping[str, inspect.Parameter]) -> TypeError:
    """The error of a call with an argument that there is not."""
    name = next(name for name in given if name not in taken)
    first, *_ = taken
    hint = _IN_OTHER_WORDS.get(name, "")
    if hint.startswith("The "):
        hint += f" {first}"
    elif not hint and (near := difflib.get_close_matches(name, taken, n=1)):
        hint = f"Did you mean {near[0]}?"
    hint = f"{hint}{'' if hint.endswith('?') else '.'} " if hint else ""
    arguments = [str(p.replace(annotation=p.empty)) for p in taken.values() if p.name != "position"]
    return TypeError(f"{owner}: there is no argument {name}. {hint}It takes {', '.join(arguments)}.")


def error(
    kind: type[Exception], owner: str, name: str, value: object, allowed: str, remedy: str
) -> Exception:
    """The one form of every argument error."""
    return kind(f"{owner}: {name} must be {allowed}, got {describe(value)}. {remedy}")


def _as_data(value: Any) -> Any:
    """NumPy arrays become JAX arrays, so that a value has one type of data."""
    return jnp.array(value) if isinstance(value, np.ndarray) else value


def whole(array: np.ndarray) -> jax.Array:
    """NumPy's as JAX's, with all digits of a float64, whether or not JAX has 64 bits for others."""
    if array.dtype != np.float64:
        return jnp.array(array)  # a copy: who gave it may change it
    with jax.enable_x64(True):
        return jnp.array(array)


def _as_real_data(value: Any) -> Any:
    """The same, with all digits.

    A float64 array without dimensions is a number, as a NumPy scalar is: a constant of the program.
    """
    if isinstance(value, np.ndarray) and value.dtype.kind in "iu":
        value = value.astype(np.float64)
    if isinstance(value, np.ndarray):
        if value.dtype == np.float64 and value.ndim == 0:
            return float(value)
        return whole(value)
    if isinstance(value, jax.Array) and jnp.issubdtype(value.dtype, jnp.integer):
        return value.astype(jnp.result_type(float))
    return value


def _is_array(value: object) -> bool:
    return isinstance(value, (jax.Array, np.ndarray))


def is_real(value: Any) -> bool:
    return bool(jnp.issubdtype(value.dtype, jnp.floating) or jnp.issubdtype(value.dtype, jnp.integer))


def _elements(value: Any) -> list[Any]:
    """What can be seen of a value now: itself, its elements, or of a tracer nothing."""
    if isinstance(value, jax.core.Tracer):
        return []
    return list(np.asarray(value).ravel().tolist()) if _is_array(value) else [value]


@dataclasses.dataclass(frozen=True)
class Real:
    """A finite real number within ``[least, most]`` (``(least, …`` if ``open``)."""

    least: float = 0.0
    most: float = math.inf
    open: bool = False
    remedy: str = "Give a Python number, or a JAX array for a value that is data."
    optional: bool = False
    array: bool = True
    """Whether an array will do."""

    def __call__(self, owner: str, name: str, value: Any) -> Any:
        if value is None and self.optional:
            return None
        value = _as_real_data(value)
        if _is_array(value) and not self.array:
            raise error(TypeError, owner, name, value, "a Python number", "It is computed with on the host.")
        if self.most < math.inf:
            allowed = f"a finite number in {'(' if self.open else '['}{self.least:g}, {self.most:g}]"
        else:
            allowed = f"a finite number {'>' if self.open else '>='} {self.least:g}"
        allowed += " or None" if self.optional else ""
        if _is_array(value):
            if not is_real(value):
                raise error(TypeError, owner, name, value, allowed, self.remedy)
        elif isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Real):
            remedy = self.remedy
            if isinstance(value, str):
                remedy = "Convert text with float(...); YAML reads 1e-4 without a dot as text."
            elif hasattr(value, "param_groups"):
                remedy = "It is an optimizer: give its learning rate, or give from_torch the scheduler."
            elif hasattr(value, "item"):
                remedy = "Convert a one-element tensor with .item()."
            elif isinstance(value, Sequence):
                remedy = "A schedule drives one parameter group; make one for each value."
            raise error(TypeError, owner, name, value, allowed, remedy)
        else:
            value = float(value)
        for x in _elements(value):
            inside = x > self.least if self.open else x >= self.least
            if not (math.isfinite(x) and inside and x <= self.most):
                raise error(ValueError, owner, name, value, allowed, self.remedy)
        return value + 0.0 if isinstance(value, float) else value  # -0.0 is 0.0


@dataclasses.dataclass(frozen=True)
class Integer:
    """An integer ``>= least``; ``array=False`` where it shapes the program."""

    least: int
    remedy: str
    array: bool = True
    optional: bool = False

    def __call__(self, owner: str, name: str, value: Any) -> Any:
        allowed = f"an integer >= {self.least}" + (" or None" if self.optional else "")
        if self.array:
            given, value = value, _as_data(value)
            if given is not value and (np.asarray(value) != given).any():
                remedy = "JAX holds 32 bits: turn jax_enable_x64 on, or give a Python int."
                raise error(ValueError, owner, name, given, f"{allowed} below 2**31", remedy)
        if value is None and self.optional:
            return None
        if _is_array(value) and self.array:
            if not jnp.issubdtype(value.dtype, jnp.integer):
                raise error(TypeError, owner, name, value, allowed, "Give an array of integers.")
        elif isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Integral):
            remedy = self.remedy
            if isinstance(value, numbers.Real) and not isinstance(value, (bool, np.bool_)):
                whole = float(value).is_integer()
                remedy = (
                    f"Write {float(value):.0f}." if whole else "Round it the way your training loop counts."
                )
            elif _is_array(value):
                remedy = "It shapes the compiled program, so it cannot be an array: give a Python int."
            raise error(TypeError, owner, name, value, allowed, remedy)
        else:
            value = int(value)
        for x in _elements(value):
            if not self.least <= x < 2**62:
                raise error(ValueError, owner, name, value, allowed, self.remedy)
        return value


@dataclasses.dataclass(frozen=True)
class Choice:
    """One of a few words."""

    choices: tuple[str, ...]

    def __call__(self, owner: str, name: str, value: Any) -> Any:
        if not isinstance(value, str) or value not in self.choices:
            allowed = "one of " + ", ".join(map(repr, self.choices))
            raise error(ValueError, owner, name, value, allowed, "Spell it exactly so.")
        return value


@dataclasses.dataclass(frozen=True)
class Flag:
    """True or False."""

    def __call__(self, owner: str, name: str, value: Any) -> Any:
        if not isinstance(value, (bool, np.bool_)):
            raise error(TypeError, owner, name, value, "True or False", "It shapes the program.")
        return bool(value)


@dataclasses.dataclass(frozen=True)
class Milestones:
    """A sequence of integers >= 0."""

    least: int = 0

    def __call__(self, owner: str, name: str, value: Any) -> Any:
        if isinstance(value, (str, bytes)) or not (
            isinstance(value, Sequence) or (isinstance(value, np.ndarray) and value.ndim == 1)
        ):
            allowed = "a sequence of integers >= 0"
            raise error(TypeError, owner, name, value, allowed, "Write it like [30, 80].")
        check = Integer(
            self.least,
            "Milestones are counts of updates from the start of the schedule.",
            array=False,
        )
        items = value.tolist() if isinstance(value, np.ndarray) else value
        return tuple(check(owner, f"{name}[{i}]", x) for i, x in enumerate(items))


LearningRate = Annotated[Number, Real(remedy="A learning rate is finite and not negative.")]
Gamma = Annotated[Number, Real(remedy="It multiplies the learning rate; a decay is below 1.")]
MomentumValue = Annotated[Number, Real(0, 1, remedy="It is a momentum or beta.")]
Horizon = Annotated[int | None, Integer(1, "It is a number of updates.", array=False, optional=True)]
