"""Operations that do the same to each element."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..program import NOT_KNOWN, Array
from .floats import bits_only, extremum, flush, multiply, round_away, settled, sign, to_integer
from .integers import (
    constant_shift,
    count_leading_zeros,
    divide,
    integer_sign,
    population_count,
    remainder,
    shift_left,
    shift_right_arithmetic,
    shift_right_logical,
    unsigned,
)
from .operation import Run, UnreadError
from .text import DTYPES, Instruction, Shape

_COMPARE: dict[str, Run] = {
    "EQ": np.equal,
    "NE": np.not_equal,
    "LT": np.less,
    "LE": np.less_equal,
    "GT": np.greater,
    "GE": np.greater_equal,
}

_FLOAT: dict[str, Run] = {
    "add": lambda x, y: settled(x + y),
    "subtract": lambda x, y: settled(x - y),
    "multiply": multiply,
    "floor": lambda x: settled(np.floor(x)),
    "ceil": lambda x: settled(np.ceil(x)),
    "round-nearest-even": lambda x: settled(np.rint(x)),
    "round-nearest-afz": lambda x: settled(round_away(x)),
    "is-finite": np.isfinite,
}
"""Arithmetic, which is given no subnormals."""

_INTEGER: dict[str, Run] = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "divide": divide,
    "remainder": remainder,
    "minimum": np.minimum,
    "maximum": np.maximum,
    "negate": np.negative,
    "sign": integer_sign,
    "shift-left": shift_left,
    "shift-right-logical": shift_right_logical,
    "shift-right-arithmetic": shift_right_arithmetic,
    "count-leading-zeros": count_leading_zeros,
    "popcnt": population_count,
}

_BITWISE: dict[str, Run] = {
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "xor": np.bitwise_xor,
    "not": np.invert,
}

ABSORBS_SUBNORMALS = frozenset({*_FLOAT, "divide", "compare", "convert"})
"""Operations that are the same whether a subnormal operand has been flushed before or not."""

ABSORBS_SIGN_OF_ZERO = frozenset({"compare", "convert", "is-finite", "abs"})

ARITHMETIC = frozenset({*_FLOAT, "divide"})
"""Operations that may make a float32, and never a subnormal one."""

MOVES = frozenset(
    {
        "select",
        "copy",
        "broadcast",
        "reshape",
        "bitcast",
        "transpose",
        "reverse",
        "slice",
        "concatenate",
        "pad",
    }
    | {"dynamic-slice", "dynamic-update-slice", "gather", "get-tuple-element", "tuple"}
    | {"abs", "negate", "minimum", "maximum", "clamp"}
)
"""Operations that make a subnormal float32 only of a subnormal float32."""


def elementwise(
    instruction: Instruction,
    operands: Sequence[Shape],
    constants: Sequence[Array | None],
    may_be_subnormal: Sequence[bool],
    bits_matter: bool,
    zeros_matter: bool,
) -> Run | None:
    """What an instruction does to each element; None if it is of another kind.

    Args:
      constants: the operands known beforehand.
      may_be_subnormal: of each operand.
      bits_matter: whether it matters if the result, where subnormal, is flushed.
      zeros_matter: whether the sign of the result matters where it is zero.

    Raises:
      UnreadError: the reader does not know it.
    """
    opcode, result = instruction.opcode, instruction.shape
    kind = operands[0].dtype if operands else ""
    is_float = kind == "f32"
    subnormals = any(may_be_subnormal)
    if opcode in _BITWISE and not is_float:
        return _BITWISE[opcode]
    if opcode == "select":
        return _select
    if opcode == "compare":
        return _compare(instruction, kind, subnormals)
    if opcode == "convert":
        return _convert(kind, result)
    if opcode == "bitcast-convert":
        return cast_to(operands[0], result)
    open_subnormals = subnormals and bits_matter
    if opcode == "abs":
        if is_float:
            return bits_only(np.abs, open_subnormals)
        return np.abs if kind.startswith("s") else None
    if is_float:
        if opcode == "negate":
            return bits_only(np.negative, open_subnormals)
        if opcode == "sign":
            return sign
        if opcode in ("minimum", "maximum", "clamp"):
            least = extremum(np.minimum, zeros_matter, open_subnormals)
            most = extremum(np.maximum, zeros_matter, open_subnormals)
            if opcode == "clamp":
                return lambda low, x, high: least(most(aligned(low, x), x), aligned(high, x))
            return least if opcode == "minimum" else most
        if opcode == "divide" and constants[1] is not None and _is_power_of_two(constants[1]):
            return lambda x, y: multiply(flush(x), np.float32(1) / y)
        if opcode in _FLOAT:
            run = _FLOAT[opcode]
            return (lambda *xs: run(*map(flush, xs))) if subnormals else run
        return None
    if opcode == "clamp":
        return lambda low, x, high: np.minimum(np.maximum(aligned(low, x), x), aligned(high, x))
    if kind == "pred" and opcode not in ("minimum", "maximum"):
        return None
    if opcode.startswith("shift-") and constants[1] is not None:
        amounts = {int(n) for n in unsigned(constants[1]).flat}
        if len(amounts) == 1 and (by := amounts.pop()) < 8 * DTYPES[kind].itemsize:
            fast = constant_shift(opcode, by)
            if fast:
                return fast
    return _INTEGER.get(opcode)


def _is_power_of_two(divisor: Array) -> bool:
    """Whether all are, with a reciprocal that is no subnormal."""
    mantissa, exponent = np.frexp(np.abs(divisor))
    return bool(np.all((mantissa == 0.5) & (exponent >= -125) & (exponent <= 127)))


def aligned(scalar: Array, x: Array) -> Array:
    """A value for each call beside an array for each call."""
    return scalar.reshape(scalar.shape[:1] + (1,) * (x.ndim - 1)) if scalar.ndim < x.ndim else scalar


def _select(condition: Array, x: Array, y: Array) -> Array:
    return np.where(aligned(condition, x), x, y)


def _compare(instruction: Instruction, kind: str, subnormals: bool) -> Run:
    declared = instruction.attribute("type")
    natural = {"f": "FLOAT", "s": "SIGNED", "u": "UNSIGNED", "p": "UNSIGNED"}[kind[0]]
    if declared not in (None, natural):
        raise UnreadError(f"{NOT_KNOWN}: a comparison of {kind} as {declared}")
    run = _COMPARE[instruction.attribute("direction") or ""]
    return (lambda x, y: run(flush(x), flush(y))) if subnormals else run


def _convert(kind: str, result: Shape) -> Run:
    dtype = DTYPES[result.dtype]
    if kind == "f32":
        if result.is_float:
            return settled
        if dtype == np.bool_:
            return lambda x: flush(x) != 0
        return lambda x: to_integer(x, dtype)
    # From an integer NumPy rounds to nearest even; to a narrower one it wraps, as XLA does.
    return lambda x: x.astype(dtype)


def cast_to(operand: Shape, result: Shape) -> Run:
    """The same bits as another type."""
    dtype = DTYPES[result.dtype]
    booleans = (operand.dtype == "pred") + (result.dtype == "pred")
    if booleans == 1 or DTYPES[operand.dtype].itemsize != dtype.itemsize:
        raise UnreadError(f"{NOT_KNOWN}: from {operand.dtype} to {result.dtype}")
    return lambda x: x.view(dtype)
