"""One value on the host: a formula, noted down once as it computes with NumPy, and written out in Python.

An operation on a scalar of NumPy takes three times as long as one on a number of Python, and what stands
around them, until NumPy takes nothing for an error, as long as twenty. Python's ``+ - * /`` and square roots
have the same bits. So the formula is given a `Symbol` for its count, which NumPy takes for an array: each
operation on it is noted, and answered with another symbol. The notes become a function of Python, in which a
branch is computed only where it is needed.

Not everything can be noted: what JAX is asked, or an ``if`` of a symbol. Then there is no such function. Nor
does it know everything at each count: where NumPy has an infinity, or a whole number of more than 64 bits, it
raises.
"""

from __future__ import annotations

import bisect
import math
import struct
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, NoReturn, TypeAlias

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from ._numerics import LAST_COUNT

Program: TypeAlias = Callable[[int], Any]
"""From a count to its value; it raises one of `UNKNOWN` where it does not know what NumPy says."""

UNKNOWN = (ArithmeticError, ValueError)


class Programs(dict[np.dtype[Any], Program]):
    """Those of one formula, for each type that its values are rounded to."""

    reads = 0
    """How often one value was read without."""


def unknown(*_: object) -> NoReturn:
    """The program that knows nothing."""
    raise OverflowError


def written(formula: Callable[[Any], Any], dtype: np.dtype[Any]) -> Program:
    """The formula of one count, rounded to a type; `unknown` where it cannot be written.

    Called where the formula may be: inside ``jax.enable_x64`` and `to_be`.
    """
    notes = _Notes()
    limit = float(np.finfo(dtype).max)
    try:
        value = _cast(formula(notes.add("k", [], _INT)), _FLOAT)
        lines = [
            "def program(k):",
            f" if not 0 <= k <= {LAST_COUNT}: unknown()",
            *_indented(_statements(list(notes.nodes), value)),
            f" if not {-limit!r} <= value <= {limit!r}: unknown()",
            " return rounded(value + 0.0)",  # a zero gets no sign
        ]
        names: dict[str, Any] = {**_NAMES, **notes.names, "rounded": dtype.type}
        exec("\n".join(lines), names)
    except Exception:  # whatever somebody's formula does with a symbol, and what is too deep for Python
        return unknown
    program: Program = names["program"]
    return program


# What is noted --------------------------------------------------------------------------

_BOOL, _INT32, _INT, _SINGLE, _FLOAT = map(np.dtype, (bool, np.int32, np.int64, np.float32, np.float64))


class _Node(NamedTuple):
    """An operation."""

    template: str
    """An expression of Python's; ``{0}`` is the first of what it is of."""
    of: tuple[int | str, ...]
    """Numbers of other nodes, and constants as they are written."""


_MOST = 2_000
"""So many take 12 ms; who has more, as a sequence of a hundred phases, waits no longer for a program."""


class _Notes:
    """All that was done with a count, in order."""

    def __init__(self) -> None:
        self.nodes: dict[_Node, int] = {}
        self.names: dict[str, Any] = {}
        """What templates name: tables and functions."""

    def add(self, template: str, of: Iterable[Any], dtype: np.dtype[Any]) -> Symbol:
        """What an operation gives; the same again for the same one."""
        node = _Node(template, tuple(x.number if isinstance(x, Symbol) else repr(x) for x in of))
        if len(self.nodes) == _MOST:
            raise OverflowError
        return Symbol(self, self.nodes.setdefault(node, len(self.nodes)), dtype)

    def whole(self, template: str, of: Iterable[Any], dtype: np.dtype[Any]) -> Symbol:
        """The same of a whole number which may be too large for its type: there NumPy's begin anew."""
        limits = np.iinfo(dtype)
        return self.add(_IN_RANGE, [self.add(template, of, dtype), int(limits.min), int(limits.max)], dtype)

    def name(self, x: object, meant: object) -> str:
        """A name for something; what is meant by it must hold it, so that nothing else gets its id."""
        name = f"of_{id(x)}"
        self.names[name] = meant
        return name

    def table(self, values: Any) -> str:
        """The name of numbers to be looked up in, each of which Python gets as its own."""
        if (
            not isinstance(values, np.ndarray)
            or values.ndim != 1
            or values.dtype not in (_INT32, _INT, _FLOAT)
        ):
            raise TypeError
        return self.name(values, values.data)


class Symbol(NDArrayOperatorsMixin):
    """A number that hangs on the count: NumPy takes it for an array without dimensions."""

    shape, ndim = (), 0

    def __init__(self, notes: _Notes, number: int, dtype: np.dtype[Any]) -> None:
        self.notes, self.number, self.dtype = notes, number, dtype

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *of: Any, **named: Any) -> Any:
        if method != "__call__" or named or ufunc not in _OPERATIONS:
            return NotImplemented
        *dtypes, dtype = ufunc.resolve_dtypes((*map(_type, of), None))
        kinds, template = _OPERATIONS[ufunc]
        if dtypes[0].kind not in kinds or dtypes[0] not in (_BOOL, _INT32, _INT, _FLOAT):
            return NotImplemented
        add = self.notes.whole if dtype.kind == "i" and ufunc in _GROWING else self.notes.add
        return add(template, map(_cast, of, dtypes), dtype)

    def __array_function__(self, function: Any, types: Any, of: Any, named: Any) -> Any:
        return _FUNCTIONS[function](*of, **named) if function in _FUNCTIONS else NotImplemented

    def astype(self, dtype: Any) -> Any:
        return _cast(self, np.dtype(dtype))

    def view(self, dtype: Any) -> Symbol:
        return self.notes.add(_VIEWS[self.dtype, np.dtype(dtype)], [self], np.dtype(dtype))

    def looked_up_in(self, table: Any) -> Symbol:
        """The element with this index. (NumPy cannot be asked: an array takes no symbol for one.)"""
        return self.notes.add(f"{self.notes.table(table)}[{{0}}]", [self], table.dtype)

    def given_to(self, function: Callable[[int], float]) -> Symbol:
        """What somebody's function returns for this number."""
        return self.notes.add(f"{self.notes.name(function, function)}({{0}})", [self], _FLOAT)

    def __bool__(self) -> NoReturn:
        raise TypeError("nobody knows yet whether it is true")


def _type(x: Any) -> Any:
    """What NumPy goes by: a dtype, or of a number of Python its class."""
    if isinstance(x, (Symbol, np.generic, np.ndarray)) and x.ndim == 0:
        return x.dtype
    if type(x) in (int, float):
        return type(x)
    raise TypeError


def _cast(x: Any, dtype: np.dtype[Any]) -> Any:
    """A symbol in another type; a constant as Python's own number."""
    if not isinstance(x, Symbol):
        _type(x)
        return np.asarray(x, dtype).item()
    if x.dtype == dtype:
        return x
    if dtype in (_INT32, _INT):
        return x.notes.whole("int({0})", [x], dtype)
    if dtype == _SINGLE and x.dtype.kind == "i":  # which NumPy rounds once
        x = x.notes.add(_IN_RANGE, [x, -(2**53), 2**53], x.dtype)
    return x.notes.add(_CASTS[dtype], [x], dtype)


def _where(condition: Any, x: Any, y: Any) -> Any:
    dtype = np.result_type(*(z if type(z) in (int, float) else _type(z) for z in (x, y)))
    x, y = _cast(x, dtype), _cast(y, dtype)
    if not isinstance(condition, Symbol):
        return x if condition else y
    return condition.notes.add(_SELECT, [condition, x, y], dtype)


def _searchsorted(table: Any, x: Any, side: str) -> Any:
    if table.dtype != x.dtype:
        raise TypeError
    return x.notes.add(f"bisect_{side}({x.notes.table(table)}, {{0}})", [x], _INT)


_FUNCTIONS: Mapping[Any, Callable[..., Any]] = {
    np.where: _where,
    np.searchsorted: _searchsorted,
    np.full_like: lambda x, value: _cast(value, x.dtype),
}

# How it is written ----------------------------------------------------------------------

_OPERATIONS: Mapping[np.ufunc, tuple[str, str]] = {
    np.add: ("if", "{0} + {1}"),
    np.subtract: ("if", "{0} - {1}"),
    np.multiply: ("if", "{0} * {1}"),
    np.negative: ("if", "-{0}"),
    np.absolute: ("if", "abs({0})"),
    np.minimum: ("if", "{0} if {0} < {1} or {0} != {0} else {1}"),  # of NaN and a number both are NaN
    np.maximum: ("if", "{0} if {0} > {1} or {0} != {0} else {1}"),
    np.true_divide: ("f", "{0} / {1}"),
    np.sqrt: ("f", "sqrt({0})"),
    np.floor: ("f", "float(floor({0}))"),
    np.floor_divide: ("i", "{0} // {1}"),
    np.remainder: ("i", "{0} % {1}"),
    np.left_shift: ("i", "{0} << {1}"),
    np.right_shift: ("i", "{0} >> {1}"),
    np.bitwise_and: ("bi", "{0} & {1}"),
    np.bitwise_or: ("bi", "{0} | {1}"),
    np.less: ("bif", "{0} < {1}"),
    np.less_equal: ("bif", "{0} <= {1}"),
    np.greater: ("bif", "{0} > {1}"),
    np.greater_equal: ("bif", "{0} >= {1}"),
    np.equal: ("bif", "{0} == {1}"),
    np.not_equal: ("bif", "{0} != {1}"),
}
"""For which kinds of numbers (bool, whole, float64), and how."""

_GROWING = (np.add, np.subtract, np.multiply, np.negative, np.absolute, np.left_shift)
"""Of which a whole number may get too large."""

_SELECT = "{1} if {0} else {2}"
_IN_RANGE = "{0} if {1} <= {0} <= {2} else unknown()"
_CASTS = {_FLOAT: "float({0})", _SINGLE: "as_float(pack_float({0}))[0]"}
_VIEWS = {(_SINGLE, _INT32): "as_int(pack_float({0}))[0]", (_INT32, _SINGLE): "as_float(pack_int({0}))[0]"}

_NAMES: Mapping[str, Any] = {
    "unknown": unknown,
    "inf": math.inf,
    "nan": math.nan,
    "sqrt": math.sqrt,
    "floor": math.floor,
    "bisect_left": bisect.bisect_left,
    "bisect_right": bisect.bisect_right,
    "pack_float": struct.Struct("f").pack,
    "pack_int": struct.Struct("i").pack,
    "as_float": struct.Struct("f").unpack,
    "as_int": struct.Struct("i").unpack,
}

_Branch: TypeAlias = tuple[tuple[int, int], ...]
"""From the outermost to the innermost: the node that selects, and which of what it is of."""


def _statements(nodes: Sequence[_Node], value: Any) -> list[str]:
    """Python's, of which the last one is ``value = …``.

    What is used once is written where it is used. All else gets a name, in the innermost branch that holds
    all of its uses.
    """
    if not isinstance(value, Symbol):
        return [f"value = {value!r}"]
    branches: dict[int, _Branch] = {value.number: ()}
    uses = defaultdict(int, {value.number: 1})
    for number in reversed(range(len(nodes))):
        if number not in branches:
            continue
        template, of = nodes[number]
        for i, x in enumerate(of):
            if isinstance(x, int):
                here = branches[number] + (((number, i),) if template is _SELECT and i > 0 else ())
                branches[x] = _common(branches.get(x, here), here)
                uses[x] += template.count(f"{{{i}}}")
    inside: dict[_Branch, list[int]] = defaultdict(list)
    for number in sorted(branches):
        inside[branches[number]].append(number)
    texts: dict[int | str, str] = {}

    def statements(branch: _Branch) -> list[str]:
        found: list[str] = []
        for number in inside[branch]:
            template, of = nodes[number]
            then, otherwise = (
                [statements((*branch, (number, i))) for i in (1, 2)] if template is _SELECT else ([], [])
            )
            parts = [texts[x] if isinstance(x, int) else x for x in of]
            expression, name = template.format(*parts), f"x{number}"
            if then or otherwise:
                found += [f"if {parts[0]}:", *_indented([*then, f"{name} = {parts[1]}"])]
                found += ["else:", *_indented([*otherwise, f"{name} = {parts[2]}"])]
            elif uses[number] == 1 or not of:
                name = f"({expression})"
            else:
                found.append(f"{name} = {expression}")
            texts[number] = name
        return found

    return [*statements(()), f"value = {texts[value.number]}"]


def _common(x: _Branch, y: _Branch) -> _Branch:
    """The innermost branch that both are in."""
    same = next((i for i, (a, b) in enumerate(zip(x, y, strict=False)) if a != b), min(len(x), len(y)))
    return x[:same]


def _indented(lines: Iterable[str]) -> list[str]:
    return [f" {line}" for line in lines]
