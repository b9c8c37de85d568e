"""What somebody hands in to be compared: tried at the door, so that nothing of it is green by accident.

Whatever their code does instead of giving a number (raise, leave the program, return text or a vector) is one
line that names it, what came, and what is wanted.
"""

from __future__ import annotations

import contextlib
import inspect
import os
import pathlib
import re
import sysconfig
import traceback
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NoReturn

import jax
import numpy as np
import numpy.typing as npt

ROOT = pathlib.Path(__file__).parent.parent


class NotComparable(ValueError):
    """What was handed in cannot be compared; the text is one line that says why, and what can."""


# Their code -----------------------------------------------------------------------------


@contextlib.contextmanager
def theirs(name: str, doing: str = "") -> Iterator[None]:
    """Code of somebody's: what it raises, and leaving the program, becomes a `NotComparable`.

    Args:
      name: what to call it.
      doing: what it was asked for.
    """
    leave, os._exit = os._exit, _left  # it would end the program with the exit code that it likes
    try:
        yield
    except NotComparable:
        raise
    except KeyboardInterrupt:
        raise
    except BaseException as reason:  # also those that nobody else catches
        raise NotComparable(f"{name}{doing} failed: {told(reason)}") from reason
    finally:
        os._exit = leave


class _Left(SystemExit):
    """By ``os._exit``."""


def _left(status: int) -> NoReturn:
    raise _Left(status)


def told(reason: BaseException) -> str:
    """An exception in one line, with the place in the code that is neither ours nor a library's."""
    said = next(iter(_shown(reason, str).strip().splitlines()), "").rstrip(".")
    if isinstance(reason, SystemExit):
        text = f"it calls {'os._exit' if isinstance(reason, _Left) else 'sys.exit'}({said})"
    else:
        # JAX's own names say little, and its texts are pages.
        text = f"{type(reason).__name__}: {said}" if said else type(reason).__name__
    if isinstance(reason, SyntaxError):
        text = f"{type(reason).__name__}: {reason.msg}"
        return f"{text}, at {reason.filename}:{reason.lineno}"
    place = _place(reason)
    return f"{text}, at {place}" if place else text


def _place(reason: BaseException) -> str | None:
    frames = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(reason.__traceback__)]
    their_own = [frame for frame in frames if not LIBRARIES.match(frame[0])]
    others = [frame for frame in frames if not frame[0].startswith(f"{ROOT / 'parity'}")]
    for file, line in reversed(their_own or others):
        return f"{file}:{line}"
    return None


LIBRARIES = re.compile(
    "|".join(
        [
            r".*[\\/](site|dist)-packages[\\/]",
            "<",
            *(
                re.escape(str(folder)) + r"[\\/]"
                for folder in (ROOT / "parity", ROOT / "jaxsched", pathlib.Path(sysconfig.get_path("stdlib")))
            ),
        ]
    )
)
"""Files that are not somebody's own."""


def _shown(value: Any, form: Callable[[Any], str]) -> str:
    """What somebody's object says of itself, if it can."""
    try:
        text = form(value)
        return text if isinstance(text, str) else ""
    except Exception:
        return f"<{type(value).__name__}>" if form is repr else ""


def short(value: Any) -> str:
    text = " ".join(_shown(value, repr).split())
    return text if len(text) <= 80 else f"{text[:77]}..."


def _of_type(value: Any) -> str:
    return "None" if value is None else f"{short(value)} ({type(value).__name__})"


def takes(function: Callable[..., Any], number: int) -> bool:
    """Whether it can be called with so many arguments."""
    try:
        inspect.signature(function).bind(*[None] * number)
    except TypeError:
        return False
    except ValueError:  # written in C: calling it will show
        return True
    return True


def _wanted(function: Callable[..., Any]) -> str:
    parameters = inspect.signature(function).parameters.values()
    names = [each.name for each in parameters if each.default is each.empty]
    return f"wants {', '.join(names)}" if names else "takes none"


# A scheduler ----------------------------------------------------------------------------


def scheduler(make: Any, name: str = "make_torch_scheduler", group: int = 0) -> Any:
    """The live scheduler that a function of somebody's makes.

    Args:
      make: the function; it takes no arguments.
      name: what to call it.
      group: which parameter group will be looked at.

    Raises:
      NotComparable: it makes none, or the optimizer has no such group.
    """
    if not callable(make):
        raise NotComparable(
            f"{name} must be a function that returns a live PyTorch scheduler, got {_of_type(make)}"
        )
    if not takes(make, 0):
        raise NotComparable(
            f"{name} must be a function of no arguments that makes the optimizer, too, and returns the live "
            f"scheduler; it {_wanted(make)}{_swapped(make)}"
        )
    with theirs(name):
        made = make()
    if hasattr(made, "is_better") or hasattr(made, "_is_better"):
        raise NotComparable(
            f"{name} returns a {type(made).__name__}, whose step wants a metric. `parity run --scheduler "
            "ReduceLROnPlateau` compares those, metric by metric"
        )
    groups = getattr(getattr(made, "optimizer", None), "param_groups", None)
    if not hasattr(made, "step") or groups is None:
        lacks = "no step" if not hasattr(made, "step") else "no optimizer"
        raise NotComparable(
            f"{name} must return a live PyTorch scheduler, got {_of_type(made)}, which has {lacks}"
        )
    if isinstance(group, bool) or not isinstance(group, int) or not 0 <= group < len(groups):
        raise NotComparable(
            f"group must be from 0 to {len(groups) - 1}, the parameter groups of {name}'s optimizer, "
            f"got {group!r}"
        )
    return made


def _swapped(make: Callable[..., Any]) -> str:
    """A word more, where it looks like a schedule."""
    if not takes(make, 1) or "optimizer" in inspect.signature(make).parameters:
        return ""
    return ". Are the sides swapped? The schedule comes first"


# A schedule -----------------------------------------------------------------------------


class CountByCount:
    """A function that JAX cannot trace: called in Python, with one count at a time."""

    def __init__(self, function: Callable[[int], Any], name: str, why: str) -> None:
        self.function, self.name, self.why = function, name, why

    def __call__(self, count: Any) -> float:
        with theirs(self.name, f" at count {count}"):
            return number(self.function(count), self.name, count)

    def __repr__(self) -> str:
        return repr(self.function)


class OfArrays:
    """A function that wants its count as an array, as Optax gives it."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.function = function

    def __call__(self, count: Any) -> Any:
        return self.function(jax.numpy.asarray(count))

    def __repr__(self) -> str:
        return repr(self.function)


def schedule(given: Any, name: str = "the schedule", count: Any = 0) -> Callable[[Any], Any]:
    """A schedule of somebody's, tried at one count.

    Args:
      given: a function from a count to a number.
      name: what to call it.
      count: at which count to try it.

    Returns:
      The same, or a `CountByCount`.

    Raises:
      NotComparable: it is none.
    """
    if isinstance(given, CountByCount):
        return given
    if hasattr(given, "init") and (hasattr(given, "step") or hasattr(given, "update")):
        what = "step, which looks at a metric" if hasattr(given, "step") else "update: it is an optimizer"
        raise NotComparable(f"{name} must be a function from a count to a value; it has init and {what}")
    if not callable(given) or isinstance(given, type):
        raise NotComparable(f"{name} must be a function from a count to a value, got {_of_type(given)}")
    if not takes(given, 1):
        made = ". Are the sides swapped? The schedule comes first" if takes(given, 0) else ""
        raise NotComparable(f"{name} must take one argument, the count; it {_wanted(given)}{made}")
    try:
        with theirs(name, f" at count {count}"), jax.numpy_dtype_promotion("standard"):
            first, again = (number(given(count), name, count) for _ in range(2))
        if first != again and first == first:
            raise NotComparable(
                f"{name} must be a function of the count alone; called twice at count {count} it gave "
                f"{first:g} and {again:g}. What it keeps between calls, or draws at random, jit freezes"
            )
    except NotComparable:
        if isinstance(given, OfArrays):
            raise
        with contextlib.suppress(NotComparable):  # Optax asks with an array
            return schedule(OfArrays(given), name, count)
        raise
    try:
        with theirs(name), jax.numpy_dtype_promotion("standard"):
            dtype = jax.dtypes.canonicalize_dtype(np.asarray(count).dtype)
            shape = jax.eval_shape(given, jax.ShapeDtypeStruct((), dtype))  # type: ignore[no-untyped-call]
    except NotComparable as reason:
        return CountByCount(given, name, told(reason.__cause__ or reason))
    _check_kind(shape, name, count)
    return given  # type: ignore[no-any-return]


def number(value: Any, name: str, count: Any) -> float:
    """What a schedule returned at a count, if it is one real number.

    Raises:
      NotComparable: it is something else.
    """
    _check_kind(value, name, count)
    return float(value)


def _check_kind(value: Any, name: str, count: Any) -> None:
    shape, dtype = getattr(value, "shape", ()), getattr(value, "dtype", None)
    try:
        real = dtype is not None and (
            jax.numpy.issubdtype(dtype, jax.numpy.floating) or jax.numpy.issubdtype(dtype, jax.numpy.integer)
        )
    except TypeError:  # PyTorch's
        real = False
    if dtype is None and isinstance(value, (int, float)) and not isinstance(value, bool):
        return
    if real and shape == ():
        return
    came = f"an array of shape {tuple(shape)}" if real else _of_type(value)
    remedy = "; take its element, as in [0]" if real and int(np.prod(shape)) == 1 else ""
    remedy = "; give value.item()" if not real and hasattr(value, "item") else remedy
    raise NotComparable(f"{name} must return one real number at a count, got {came} at count {count}{remedy}")


# Numbers --------------------------------------------------------------------------------


def whole(value: Any, name: str, least: int) -> int:
    """A whole number, of somebody's call."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)) or value < least:
        raise NotComparable(f"{name} must be a whole number >= {least}, got {value!r}")
    return int(value)


def numbers(value: Any, name: str, count: int) -> npt.NDArray[np.float32]:
    """So many real numbers, of somebody's function."""
    try:
        found = np.asarray(value)
    except Exception as reason:
        raise NotComparable(f"{name} must return {count:,} real numbers, got {_of_type(value)}") from reason
    real = jax.numpy.issubdtype(found.dtype, jax.numpy.floating) or found.dtype.kind in "iu"
    if not real or found.shape != (count,):
        came = f"an array of shape {found.shape}" if real and found.shape else _of_type(value)
        raise NotComparable(f"{name} must return {count:,} real numbers, got {came}")
    return found.astype(np.float32)


def asked_one_by_one(function: CountByCount, counts: Sequence[Any]) -> npt.NDArray[np.float64]:
    """What it says at each count."""
    return np.array([function(count) for count in counts], np.float64)
