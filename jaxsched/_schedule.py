"""`Schedule`: a count in, a value out; float64 inside, one rounding at the end."""

from __future__ import annotations

import abc
import dataclasses
import functools
import inspect
import typing
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self, dataclass_transform

import jax
import jax.numpy as jnp
import numpy as np

from . import _numerics as nx
from ._arguments import describe

DICT_VERSION = 1
"""Version of the form that `Schedule.to_dict` writes."""


@dataclass_transform(frozen_default=True, eq_default=False)
class Schedule(abc.ABC):
    """A hyperparameter as a function of the update count; base of all schedules.

    ``schedule(k)`` is the value that update ``k`` applies, where the *count* ``k`` says
    how many optimizer updates came before this one: PyTorch's learning rate after ``k``
    calls of ``scheduler.step()``.

    A schedule is a value. It prints as the call that makes it, compares equal to another
    of the same class and arguments, hashes (when its arguments are Python numbers),
    pickles, and goes to and from a dict that JSON can hold. It is also a pytree: its leaves
    are the arguments given as arrays. A Python number is a constant of the compiled
    program and keeps all its digits; an array is data, which can be vmapped over,
    differentiated, and changed without compiling again.

    Anything in Optax that takes a schedule takes one of these:

    >>> import jaxsched, optax
    >>> schedule = jaxsched.CosineAnnealingLR(0.1, T_max=100, eta_min=1e-4)
    >>> schedule
    CosineAnnealingLR(0.1, T_max=100, eta_min=0.0001)
    >>> schedule(0), schedule(100)
    (Array(0.1, dtype=float32), Array(0.0001, dtype=float32))
    >>> optimizer = optax.adamw(schedule)

    To write your own, derive a class, annotate its arguments as in a dataclass, and define
    ``_formula``. The subclass becomes a frozen dataclass and a pytree by itself; the
    arguments annotated with a checker are checked when a value is made.

    >>> import jax.numpy as jnp
    >>> class InverseSqrt(jaxsched.Schedule):
    ...     base_lr: float
    ...     def _formula(self, k):
    ...         return self.base_lr / jnp.sqrt(k + 1.0)
    >>> InverseSqrt(0.5)(3)
    Array(0.25, dtype=float32)
    """

    _accepts_fractions: ClassVar[bool] = False
    """Whether the count may be a fraction, as in ``scheduler.step(epoch + i / n)``."""

    _checkers: ClassVar[Mapping[str, Callable[[str, str, Any], Any]]] = {}
    _classes: ClassVar[dict[str, type[Schedule]]] = {}

    def __init_subclass__(cls) -> None:
        dataclasses.dataclass(frozen=True, eq=False, repr=False)(cls)
        jax.tree_util.register_pytree_with_keys(cls, _flatten_with_keys, cls._unflatten)
        cls._checkers = {
            name: checker
            for name, hint in typing.get_type_hints(cls, include_extras=True).items()
            for checker in getattr(hint, "__metadata__", ())
            if callable(checker)
        }
        Schedule._classes[cls.__name__] = cls

    @abc.abstractmethod
    def _formula(self, k: jax.Array) -> jax.Array:
        """The unrounded value: float64 of the shape of ``k``.

        ``k`` is a non-negative int64 array (float64 for a fractional count) of any shape;
        the array arguments are float64 or int64. Composed schedules call this of their
        members, so that the result is rounded once, whatever the depth.
        """

    _overwrites: ClassVar[bool] = True
    """Whether a step forgets the learning rate that is in force; see `_transition`."""

    def _transition(self, k: jax.Array) -> tuple[Any, Any]:
        """What PyTorch's step to count ``k`` makes of the learning rate in force.

        ``(scale, offset)``: it becomes ``scale * lr + offset``. At 0 this is what the
        constructor does. Alone, a schedule just follows its `_formula`; this is for several
        on one optimizer (`ChainedScheduler`, `ReduceLROnPlateau`). Most overwrite it.
        """
        return 0.0, self._formula(k)

    def __call__(self, count: Any) -> jax.Array:
        """The value at ``count``.

        Args:
          count: updates so far; an integer or an array of any integer dtype and shape.
            A negative count is taken as 0.

        Returns:
          An array of the shape of ``count`` and of JAX's default float type: float32, or
          float64 under ``jax_enable_x64``; never weakly typed.

        Raises:
          TypeError: ``count`` is not of an integer type.
        """
        dtype = jnp.result_type(float)
        with jax.enable_x64(True):
            return _evaluate(*jax.tree.map(_settle, (self, self._count(count))), dtype)

    def on_host(self, count: Any) -> np.ndarray[Any, Any]:
        """The value at ``count``, computed by NumPy: the same bits, no device operation.

        For log lines and plots: evaluating ``schedule(step)`` only to print it runs a
        program on the accelerator and can stall the training loop.

        >>> from jaxsched import StepLR
        >>> StepLR(0.1, step_size=30).on_host([0, 29, 30, 60])
        array([0.1  , 0.1  , 0.01 , 0.001], dtype=float32)

        Args:
          count: as for a call, but a Python int, list or NumPy array.

        Returns:
          A NumPy array (or scalar) equal to ``schedule(count)`` to the bit.
        """
        count = self._count(np.asarray(count))
        with np.errstate(all="ignore"), jax.enable_x64(True):
            value = _value(jax.tree.map(lambda x: _widen(np.asarray(x)), self), count)
        return nx.round_to(value, jnp.result_type(float))

    def _count(self, count: Any) -> Any:
        """Checks a count; what comes from the host becomes NumPy int64 or float64."""
        allowed = "an integer or an array of integers"
        if not isinstance(count, jax.Array):
            if isinstance(count, (bool, str)) or not isinstance(count, (int, float, np.generic, np.ndarray)):
                raise TypeError(f"{type(self).__name__}: count must be {allowed}, got {describe(count)}.")
            try:
                count = np.asarray(count)
                if count.dtype == object or (count.dtype == np.uint64 and (count >= 2**63).any()):
                    raise OverflowError
            except OverflowError:
                raise ValueError(
                    f"{type(self).__name__}: count must be below 2**63, got {describe(count)}."
                ) from None
        if jnp.issubdtype(count.dtype, jnp.integer):
            return count.astype(np.int64) if isinstance(count, (np.ndarray, np.generic)) else count
        if jnp.issubdtype(count.dtype, jnp.floating) and self._accepts_fractions:
            return count.astype(np.float64) if isinstance(count, (np.ndarray, np.generic)) else count
        raise TypeError(
            f"{type(self).__name__}: count must be {allowed}, got dtype {count.dtype}. "
            "Count updates in an integer: float32 has no odd numbers above 2**24."
        )

    # The value ------------------------------------------------------------------------

    def __post_init__(self) -> None:
        owner = type(self).__name__
        for name, checker in self._checkers.items():
            object.__setattr__(self, name, checker(owner, name, getattr(self, name)))
        self._check()
        # Which arguments are leaves is settled here, once: transformations put all kinds
        # of things in their place (None, axis numbers, tracers) and expect them back.
        data = tuple(n for n in _names(self) if _has_arrays(getattr(self, n)))
        object.__setattr__(self, "_array_fields", data)

    def _check(self) -> None:
        """What must hold between several arguments; raises ValueError."""

    @classmethod
    def _unflatten(cls, static: tuple[tuple[str, ...], tuple[Any, ...]], leaves: Any) -> Self:
        arrays, constants = static
        new = object.__new__(cls)
        rest = iter(constants)
        new.__dict__.update(zip(arrays, leaves, strict=True))
        new.__dict__.update((n, next(rest)) for n in _names(cls) if n not in arrays)
        new.__dict__["_array_fields"] = arrays
        return new

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return all(_equal(getattr(self, n), getattr(other, n)) for n in _names(self))

    def __hash__(self) -> int:
        return hash((type(self), *(getattr(self, n) for n in _names(self))))

    def __repr__(self) -> str:
        first, *others = dataclasses.fields(self)  # type: ignore[arg-type]
        arguments = [_show(getattr(self, first.name))]
        for field in others:
            value = getattr(self, field.name)
            if not _equal(value, field.default):
                arguments.append(f"{field.name}={_show(value)}")
        return f"{type(self).__name__}({', '.join(arguments)})"

    def to_dict(self) -> dict[str, Any]:
        """The schedule as a dict that JSON can hold; `Schedule.from_dict` reads it.

        >>> from jaxsched import ExponentialLR
        >>> ExponentialLR(0.1, gamma=0.9).to_dict()
        {'version': 1, 'scheduler': 'ExponentialLR', 'base_lr': 0.1, 'gamma': 0.9}

        Raises:
          TypeError: an argument is a function, which no file can hold.
        """
        encoded = {n: _encode(type(self).__name__, n, getattr(self, n)) for n in _names(self)}
        return {"version": DICT_VERSION, "scheduler": type(self).__name__, **encoded}

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Schedule:
        """The schedule that `to_dict` wrote.

        >>> Schedule.from_dict({"version": 1, "scheduler": "ExponentialLR", "base_lr": 0.1, "gamma": 0.9})
        ExponentialLR(0.1, gamma=0.9)

        Raises:
          ValueError: an unknown version, scheduler or argument, or one that is missing.
        """
        fields = dict(data)
        version, name = fields.pop("version", None), fields.pop("scheduler", None)
        if version != DICT_VERSION:
            raise ValueError(f"from_dict: version must be {DICT_VERSION}, got {version!r}. Upgrade jaxsched.")
        if name not in Schedule._classes or inspect.isabstract(Schedule._classes[name]):
            known = ", ".join(sorted(n for n, c in Schedule._classes.items() if not inspect.isabstract(c)))
            raise ValueError(f"from_dict: scheduler must be one of {known}, got {name!r}.")
        cls = Schedule._classes[name]
        if set(fields) != set(_names(cls)):
            raise ValueError(
                f"from_dict: {name} must have exactly the keys {', '.join(_names(cls))}, got {', '.join(fields)}."
            )
        return cls(**{n: _decode(value) for n, value in fields.items()})


# Evaluation -----------------------------------------------------------------------------


@functools.partial(jax.jit, static_argnames="dtype")
def _evaluate(schedule: Schedule, count: Any, dtype: Any) -> jax.Array:
    """One program for all modes: called from Python it is compiled, in a trace inlined."""
    schedule = jax.tree.map(_widen, schedule)
    with jax.named_scope(type(schedule).__name__):
        return nx.round_to(_value(schedule, _widen(count)), dtype)


def _value(schedule: Schedule, count: Any) -> Any:
    """The formula at a count clipped at 0, in float64 and of full shape."""
    k = nx.maximum(count, np.zeros((), count.dtype))
    xp = nx.namespace(k)
    value = xp.asarray(schedule._formula(k))
    value = value.astype(np.float64)
    return xp.broadcast_to(value, np.broadcast_shapes(value.shape, k.shape))


def _settle(x: Any) -> Any:
    """Widens a tracer before it enters a program.

    Under ``vmap`` a tracer of a NumPy int64 array claims to be int32 while x64 is off, but
    hands the program 64 bits. A conversion, unlike a call, reads what is really there.
    """
    return _widen(x) if isinstance(x, jax.core.Tracer) else x


def _widen(x: Any) -> Any:
    """An array to float64 or int64, exactly (a uint64 above int64 to its largest)."""
    if jnp.issubdtype(x.dtype, jnp.floating):
        return x.astype(np.float64)
    if x.dtype == np.uint64:
        x = nx.minimum(x, np.uint64(2**63 - 1))
    return x.astype(np.int64)


# Fields ---------------------------------------------------------------------------------


def _names(schedule: Any) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(schedule))


def _has_arrays(value: Any) -> bool:
    if isinstance(value, Schedule):
        return bool(value._array_fields)
    if isinstance(value, tuple):
        return any(map(_has_arrays, value))
    return isinstance(value, (jax.Array, np.ndarray))


def _flatten_with_keys(schedule: Schedule) -> tuple[Any, Any]:
    arrays = schedule._array_fields  # type: ignore[attr-defined]
    constants = tuple(getattr(schedule, n) for n in _names(schedule) if n not in arrays)
    keyed = [(jax.tree_util.GetAttrKey(n), getattr(schedule, n)) for n in arrays]
    return keyed, (arrays, constants)


def _equal(x: Any, y: Any) -> bool:
    if isinstance(x, jax.core.Tracer) or isinstance(y, jax.core.Tracer):
        return x is y
    if isinstance(x, (jax.Array, np.ndarray)) or isinstance(y, (jax.Array, np.ndarray)):
        kinds = getattr(x, "dtype", type(x)), getattr(y, "dtype", type(y))
        return kinds[0] == kinds[1] and np.array_equal(np.asarray(x), np.asarray(y))
    if isinstance(x, tuple) and isinstance(y, tuple):
        return len(x) == len(y) and all(map(_equal, x, y))
    return bool(type(x) is type(y) and x == y)


def _show(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_show, value))}]"
    return repr(value)


def _encode(owner: str, name: str, value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, tuple):
        return [_encode(owner, f"{name}[{i}]", x) for i, x in enumerate(value)]
    if isinstance(value, Schedule):
        return value.to_dict()
    if isinstance(value, (jax.Array, np.ndarray)) and not isinstance(value, jax.core.Tracer):
        # float64 holds every narrower float exactly, and JSON every float64.
        return {"dtype": str(value.dtype), "values": np.asarray(value).astype(_wide(value)).tolist()}
    raise TypeError(
        f"{owner}: {name} cannot be written to a dict, got {describe(value)}. "
        "Keep the function in code and build the schedule there."
    )


def _wide(value: Any) -> Any:
    return np.float64 if jnp.issubdtype(value.dtype, jnp.floating) else value.dtype


def _decode(value: Any) -> Any:
    if isinstance(value, Mapping) and "scheduler" in value:
        return Schedule.from_dict(value)
    if isinstance(value, Mapping):
        return np.asarray(value["values"]).astype(jnp.dtype(value["dtype"]))
    if isinstance(value, list):
        return [_decode(x) for x in value]
    return value
