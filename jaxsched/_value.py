"""`Value`: what a schedule is besides a function. It prints, compares, hashes, and is a pytree."""

from __future__ import annotations

import copy
import dataclasses
import functools
import hashlib
import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self, dataclass_transform

import jax
import jax.numpy as jnp
import numpy as np

from ._arguments import Checker, describe, unknown_argument, whole
from ._numerics import Values

DICT_VERSION = 1
"""Version of the form that `Value.to_dict` writes."""


@dataclass_transform(frozen_default=True, eq_default=False)
@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Value:
    """A frozen dataclass and pytree that is the call that makes it; base of `Schedule`.

    A subclass annotates its arguments as in a dataclass and becomes one by itself; those
    annotated with a checker are checked when a value is made. Arguments given as arrays are
    the leaves of the pytree, all others constants.
    """

    if TYPE_CHECKING:
        position: ClassVar[Any]
        _array_fields: ClassVar[tuple[str, ...]]
    else:  # no field, so that nothing else sees it; but `dataclasses.replace` hands it on
        position: dataclasses.InitVar[Any] = dataclasses.field(default=None, kw_only=True)
    """Where the PyTorch scheduler stood that `from_torch` made this of: a count, or a state machine's state.

    None for a value that was not made so. It says nothing about the value, and two that differ only in it
    are equal. But it stays with it: in copies, pickles, dicts, ``dataclasses.replace`` and ``jax.tree.map``.
    """

    _state_type: ClassVar[Callable[..., Any] | None] = None
    """What a state machine's position is made by, of its fields."""

    _checkers: ClassVar[Mapping[str, Checker]] = {}
    _own_checkers: ClassVar[Mapping[str, Checker | None]] = {}
    """For each argument that this very class annotates; None where any value will do."""
    _classes: ClassVar[dict[str, type[Value]]] = {}
    """Every class by the name of its module and its own in there; a class defined again is the newer one."""

    def __init_subclass__(cls) -> None:
        _refuse_what_no_call_makes(cls)
        dataclasses.dataclass(frozen=True, eq=False, repr=False)(cls)
        jax.tree_util.register_pytree_with_keys(cls, _flatten_with_keys, cls._unflatten)
        # Of this class only: what its bases wrote is looked up where they are written, and `__module__` of a
        # public class does not tell where.
        cls._own_checkers = {
            name: next(filter(callable, getattr(hint, "__metadata__", ())), None)
            for name, hint in inspect.get_annotations(cls, eval_str=True).items()
        }
        every = {
            n: c for base in reversed(cls.__mro__) for n, c in vars(base).get("_own_checkers", {}).items()
        }
        cls._checkers = {name: checker for name, checker in every.items() if checker is not None}
        Value._classes[_full_name(cls)] = cls

    if not TYPE_CHECKING:  # a type checker reads the arguments from the fields

        def __new__(cls, *given: Any, **named: Any) -> Self:
            if named and not named.keys() <= _arguments_of(cls).keys():
                raise unknown_argument(cls.__name__, named, _arguments_of(cls))
            return super().__new__(cls)

    def __post_init__(self, *given: Any) -> None:
        (position,) = given  # what is in no field
        owner = type(self).__name__
        if position is not None:
            self.__dict__["position"] = int(position) if isinstance(position, np.integer) else position
        for name, checker in self._checkers.items():
            object.__setattr__(self, name, checker(owner, name, getattr(self, name)))
        self._check()
        # Which arguments are leaves is settled here, once: transformations put all kinds
        # of things in their place (None, axis numbers, tracers) and expect them back.
        data = tuple(n for n in _names(self) if has_arrays(getattr(self, n)))
        object.__setattr__(self, "_array_fields", data)

    def _check(self) -> None:
        """What must hold between several arguments; raises ValueError."""

    @classmethod
    def _unflatten(cls, static: tuple[tuple[str, ...], tuple[Any, ...], _Position], leaves: Any) -> Self:
        arrays, constants, position = static
        new = object.__new__(cls)
        rest = iter(constants)
        new.__dict__.update(zip(arrays, leaves, strict=True))
        new.__dict__.update((n, next(rest)) for n in _names(cls) if n not in arrays)
        new.__dict__["_array_fields"] = arrays
        if position.value is not None:
            new.__dict__["position"] = position.value
        return new

    def _standing_at(self, position: Any) -> Self:
        """The same value, with another position."""
        new = copy.copy(self)
        new.__dict__["position"] = position
        return new

    def __getstate__(self) -> dict[str, Any]:
        # A pickled array of JAX is read in 32 bits where JAX has no others; NumPy's keeps its digits.
        return {n: np.asarray(x) if _is_wide(x) else x for n, x in self.__dict__.items()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update((n, whole(x) if isinstance(x, np.ndarray) else x) for n, x in state.items())

    def __copy__(self) -> Self:
        new = object.__new__(type(self))
        new.__dict__.update(self.__dict__)
        return new

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        new = object.__new__(type(self))
        new.__dict__.update(copy.deepcopy(self.__dict__, memo))
        return new

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return all(_equal(getattr(self, n), getattr(other, n)) for n in _names(self))

    def __hash__(self) -> int:
        return hash((type(self), *(_hashed(getattr(self, n)) for n in _names(self))))

    def __repr__(self) -> str:
        arguments = []
        for i, field in enumerate(dataclasses.fields(self)):
            value = getattr(self, field.name)
            if i == 0 or not _equal(value, field.default):
                arguments.append(_show(value) if i == 0 else f"{field.name}={_show(value)}")
        return f"{type(self).__name__}({', '.join(arguments)})"

    def to_dict(self) -> dict[str, Any]:
        """The value as a dict that JSON can hold; `from_dict` reads it.

        ``"scheduler"`` names the class; with its module before it, if that is not of this package and
        another has the same name.

        >>> from jaxsched import ExponentialLR
        >>> ExponentialLR(0.1, gamma=0.9).to_dict()
        {'version': 1, 'scheduler': 'ExponentialLR', 'base_lr': 0.1, 'gamma': 0.9}

        Raises:
          TypeError: an argument is a function, which no file can hold, or the class was defined again.
        """
        if type(self) not in self._classes.values():
            raise TypeError(
                f"to_dict: {type(self).__name__} must be the newest class named {_full_name(type(self))}, "
                "got one that was defined before. It would be read as the newer one; make the schedule anew."
            )
        encoded = {n: _encode(type(self).__name__, n, getattr(self, n)) for n in _names(self)}
        if self.position is not None:
            encoded["position"] = _encode_position(type(self).__name__, self.position)
        return {"version": DICT_VERSION, "scheduler": _written_name(type(self)), **encoded}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The value that `to_dict` wrote, of this class or one derived from it.

        >>> from jaxsched import Schedule
        >>> Schedule.from_dict({"version": 1, "scheduler": "ExponentialLR", "base_lr": 0.1, "gamma": 0.9})
        ExponentialLR(0.1, gamma=0.9)

        Raises:
          ValueError: an unknown version, scheduler or argument, or one that is missing.
        """
        if not isinstance(data, Mapping):
            raise TypeError(f"from_dict: data must be what to_dict wrote, a mapping, got {describe(data)}.")
        fields = dict(data)
        version, name = fields.pop("version", None), fields.pop("scheduler", None)
        if version != DICT_VERSION:
            raise ValueError(f"from_dict: version must be {DICT_VERSION}, got {version!r}. Upgrade jaxsched.")
        classes = [c for c in cls._classes.values() if issubclass(c, cls) and not inspect.isabstract(c)]
        known = {_written_name(c): c for c in classes}
        if not isinstance(name, str | None):
            raise ValueError(f"from_dict: scheduler must be the name of a class, got {describe(name)}.")
        if name not in known:  # written while another class of its name was there
            known |= {_full_name(c): c for c in classes if _full_name(c) == name}
        if name not in known:
            allowed = (
                f"one of {', '.join(sorted(known))}" if known else f"a class derived from {cls.__name__}"
            )
            raise ValueError(f"from_dict: scheduler must be {allowed}, got {name!r}.")
        keys, position = _names(known[name]), _decode(fields.pop("position", None))
        if set(fields) != set(keys):
            raise ValueError(
                f"from_dict: {name} must have exactly the keys {', '.join(keys)}, got {', '.join(fields)}."
            )
        if isinstance(position, dict):
            make = known[name]._state_type or dict
            position = make(**{n: jnp.asarray(x) for n, x in position.items()})
        return known[name](**{n: _decode(value) for n, value in fields.items()}, **{"position": position})


# Names ----------------------------------------------------------------------------------


def _refuse_what_no_call_makes(cls: type[Value]) -> None:
    """A value is the call that makes it: its fields are the arguments, and nothing else is made in it."""
    if "__post_init__" in vars(cls) and len(inspect.signature(cls.__post_init__).parameters) < 2:
        raise TypeError(f"{cls.__name__}: define _check(self) to check several arguments, not __post_init__.")
    for name, hint in inspect.get_annotations(cls, eval_str=True).items():
        default = vars(cls).get(name)
        if name == "position":
            reason = "Every schedule has a position: where PyTorch's stood. Name the argument otherwise."
        elif isinstance(hint, dataclasses.InitVar) and "__post_init__" not in vars(cls):
            reason = "It is in no field, and nothing takes it: define __post_init__(self, *given)."
        elif isinstance(default, dataclasses.Field) and not default.init:
            reason = "Compute it in a property, or where it is used."
        else:
            continue
        raise TypeError(f"{cls.__name__}: {name} cannot be an argument. {reason}")


@functools.cache
def _arguments_of(cls: type[Value]) -> Mapping[str, inspect.Parameter]:
    arguments = dict(inspect.signature(cls.__init__).parameters)
    del arguments["self"]
    return arguments


def _full_name(cls: type[Value]) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def _written_name(cls: type[Value]) -> str:
    """What stands for a class in a dict. A name alone is always that of ours, if we have it."""
    namesakes = [c for c in Value._classes.values() if c.__name__ == cls.__name__]
    ours = [c for c in namesakes if c.__module__.partition(".")[0] == __package__]
    return cls.__name__ if (ours or namesakes) == [cls] else _full_name(cls)


class Numbers:
    """Many numbers as an argument: constants of the program, and no sooner looked at than they are needed."""

    def __init__(self, array: Values) -> None:
        self.array = array.copy()
        self.array.setflags(write=False)

    @functools.cached_property
    def digest(self) -> str:
        """What no other numbers have."""
        return hashlib.sha256(self.array.tobytes()).hexdigest()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Numbers):
            return NotImplemented
        return self is other or (len(self.array) == len(other.array) and self.digest == other.digest)

    def __hash__(self) -> int:
        return int(self.digest[:15], 16)

    def __repr__(self) -> str:
        if len(self.array) <= 8:
            return repr(self.array.tolist())
        first, last = self.array[0].item(), self.array[-1].item()
        return f"<{len(self.array)} values from {first!r} to {last!r}, {self.digest[:8]}>"


# Fields ---------------------------------------------------------------------------------


def _names(value: Any) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(value))


def has_arrays(value: Any) -> bool:
    if isinstance(value, Value):
        return bool(value._array_fields)
    if isinstance(value, tuple):
        return any(map(has_arrays, value))
    return isinstance(value, (jax.Array, np.ndarray))


def _is_wide(value: object) -> bool:
    return (
        isinstance(value, jax.Array) and not isinstance(value, jax.core.Tracer) and value.dtype == np.float64
    )


def _flatten_with_keys(value: Value) -> tuple[Any, Any]:
    arrays = value._array_fields
    constants = tuple(getattr(value, n) for n in _names(value) if n not in arrays)
    keyed = [(jax.tree_util.GetAttrKey(n), getattr(value, n)) for n in arrays]
    return keyed, (arrays, constants, _Position(value.position))


class _Position:
    """A position in the structure of a pytree, where it must hash: a count, or a state machine's state."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _Position):
            return NotImplemented
        return self.value is other.value or _equal(self.value, other.value)

    def __hash__(self) -> int:
        try:
            return hash(_hashed(self.value))
        except TypeError:  # of tracers, whose values nobody knows yet: they are equal to themselves alone
            return id(self.value)


def _equal(x: Any, y: Any) -> bool:
    if isinstance(x, jax.core.Tracer) or isinstance(y, jax.core.Tracer):
        return x is y
    if isinstance(x, (jax.Array, np.ndarray)) or isinstance(y, (jax.Array, np.ndarray)):
        kinds = getattr(x, "dtype", type(x)), getattr(y, "dtype", type(y))
        return kinds[0] == kinds[1] and np.array_equal(np.asarray(x), np.asarray(y))
    if isinstance(x, tuple) and isinstance(y, tuple):
        return len(x) == len(y) and all(map(_equal, x, y))
    return bool(type(x) is type(y) and x == y)


def _hashed(value: Any) -> Any:
    """What hashes alike for values that are equal."""
    if isinstance(value, tuple):
        return tuple(map(_hashed, value))
    if isinstance(value, (jax.Array, np.ndarray)) and not isinstance(value, jax.core.Tracer):
        array = np.asarray(value)
        # -0 equals 0, and has other bytes.
        return str(array.dtype), array.shape, np.where(array == 0, 0, array).astype(array.dtype).tobytes()
    return value


def _show(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_show, value))}]"
    return repr(value)


def _encode(owner: str, name: str, value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, tuple):
        return [_encode(owner, f"{name}[{i}]", x) for i, x in enumerate(value)]
    if isinstance(value, Numbers):
        return value.array.tolist()
    if isinstance(value, Value):
        return value.to_dict()
    if isinstance(value, (jax.Array, np.ndarray)) and not isinstance(value, jax.core.Tracer):
        # float64 holds every narrower float exactly, and JSON every float64.
        return {"dtype": str(value.dtype), "values": np.asarray(value).astype(_wide(value)).tolist()}
    raise TypeError(
        f"{owner}: {name} cannot be written to a dict, got {describe(value)}. "
        "Keep the function in code and build the schedule there."
    )


def _encode_position(owner: str, position: Any) -> Any:
    if not hasattr(position, "_asdict"):
        return _encode(owner, "position", position)
    fields: dict[str, Any] = {}
    for name, value in position._asdict().items():
        fields[name] = _encode(owner, f"position.{name}", value)
        if not np.isfinite(np.asarray(value)).all():  # JSON has no infinity
            fields[name]["values"] = np.asarray(value).astype(str).tolist()
    return fields


def _wide(value: Any) -> Any:
    return np.float64 if jnp.issubdtype(value.dtype, jnp.floating) else value.dtype


def _decode(value: Any) -> Any:
    if isinstance(value, Mapping) and "scheduler" in value:
        return Value.from_dict(value)
    if isinstance(value, Mapping) and "values" not in value:
        return {name: _decode(x) for name, x in value.items()}
    if isinstance(value, Mapping):
        try:
            return whole(np.asarray(value["values"]).astype(jnp.dtype(value["dtype"])))
        except (KeyError, TypeError, ValueError, OverflowError):
            raise ValueError(
                "from_dict: an array must be written as its dtype and its values, as in "
                f"{{'dtype': 'float32', 'values': [0.1]}}, got {describe(value)}."
            ) from None
    if isinstance(value, list):
        return tuple(_decode(x) for x in value)
    return value
