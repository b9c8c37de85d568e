"""The operations of HLO on a TPU, on NumPy arrays whose first axis is the call.

That axis has length 1 where a value is the same for all calls. Operations take and give arrays of
`hlo_text.DTYPES`, and none writes to what it was given.

A TPU has no subnormal float32: what arithmetic is given and what it makes is flushed to a zero of the
same sign. Copies, selects, bitcasts and integer operations keep bits. HLO leaves open:

* the bits of a NaN. Arithmetic makes 0x7fc00000 here, whatever NumPy's processor makes.
* ``abs``, ``negate``, ``minimum`` and ``maximum`` of a subnormal, which may flush or not, and the sign
  where minimum and maximum choose between the two zeros. What hangs on that is refused (`OpenError`).
* whether a product that rounds to the smallest normal number, from below it, is flushed: refused, too.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .hlo_text import DTYPES, Instruction, Shape
from .program import Array

Run = Callable[..., Array]


class OpenError(Exception):
    """HLO does not say what this operation answers for one of these operands."""


class UnreadError(Exception):
    """The reader does not know this form of an operation."""


ONLY_THE_DEVICE = "only the device knows its last bit"
NOT_KNOWN = "the reader does not know it"

ONLY_ON_DEVICE = frozenset(
    {"divide", "remainder", "sqrt", "rsqrt", "cbrt", "power", "cosine", "sine", "tan", "tanh", "atan2", "log"}
    | {"log-plus-one", "exponential", "exponential-minus-one", "logistic", "erf", "dot", "convolution"}
)
"""Operations on floats whose result HLO bounds but does not define."""

TINY = np.float32(2.0**-126)
_TWICE_TINY = np.uint32(2 * 0x00800000 - 1)
NAN = np.uint32(0x7FC00000).view(np.float32)


# Floats -----------------------------------------------------------------------------------


def _twice_bits(x: Array) -> Array:
    """Twice the bits without the sign, minus 1: of zero the largest, of a subnormal the smallest."""
    bits = x.view(np.uint32)
    twice = bits + bits
    twice -= np.uint32(1)
    return twice


def has_subnormal(x: Array) -> bool:
    return bool(x.size) and bool(_twice_bits(x).min() < _TWICE_TINY)


def flush(x: Array) -> Array:
    """Subnormals to zeros of their sign."""
    return np.where(np.abs(x) < TINY, np.copysign(np.float32(0), x), x) if has_subnormal(x) else x


def settled(x: Array) -> Array:
    """What NumPy's arithmetic made, as a TPU makes it."""
    if x.size:
        if np.isnan(x.max()):
            x = np.where(np.isnan(x), NAN, x)
        x = flush(x)
    return x


def multiply(x: Array, y: Array) -> Array:
    product = x * y
    # Rounding happens at a subnormal's place only in products: sums of normal numbers are exact there.
    if product.size and _twice_bits(product).min() <= _TWICE_TINY:
        exact = x.astype(np.float64) * y
        if np.any((np.abs(product) == TINY) & (np.abs(exact) < TINY)):
            raise OpenError("only the device knows whether a product that rounds to 2**-126 is flushed")
    return settled(product)


def round_away(x: Array) -> Array:
    """To the nearest whole number, a tie away from zero."""
    whole = np.trunc(x)
    return np.where(np.abs(x - whole) >= 0.5, whole + np.copysign(np.float32(1), x), whole)


def sign(x: Array) -> Array:
    if has_subnormal(x):
        raise OpenError("only the device knows the sign of a subnormal number")
    return np.where(np.isnan(x), NAN, np.where(x == 0, x, np.copysign(np.float32(1), x)))


def to_integer(x: Array, dtype: np.dtype[Any]) -> Array:
    """Truncated; of what the type cannot hold HLO says nothing."""
    limits, whole = np.iinfo(dtype), np.trunc(x.astype(np.float64))
    if not np.all((whole >= limits.min) & (whole <= limits.max)):
        raise OpenError(f"only the device knows what it makes of a number that {dtype} cannot hold")
    return whole.astype(np.int64).astype(dtype)


def _extremum(choose: Run, zeros_open: bool, subnormals_open: bool) -> Run:
    def run(x: Array, y: Array) -> Array:
        if subnormals_open and (has_subnormal(x) or has_subnormal(y)):
            raise OpenError("only the device knows whether it flushes a subnormal number")
        x, y = flush(x), flush(y)
        if zeros_open and np.any((x == 0) & (y == 0) & (np.signbit(x) != np.signbit(y))):
            raise OpenError("only the device knows which of the two zeros it takes")
        return settled(choose(x, y))

    return run


def _bits_only(change: Run, subnormals_open: bool) -> Run:
    def run(x: Array) -> Array:
        if subnormals_open and has_subnormal(x):
            raise OpenError("only the device knows whether it flushes a subnormal number")
        return change(x)

    return run


# Integers ---------------------------------------------------------------------------------


def _unsigned(x: Array) -> Array:
    return x.view(np.dtype(f"u{x.dtype.itemsize}"))


def _signed(x: Array) -> Array:
    return x.view(np.dtype(f"i{x.dtype.itemsize}"))


def _width(x: Array) -> int:
    return 8 * x.dtype.itemsize


def shift_left(x: Array, by: Array) -> Array:
    by = _unsigned(by)
    inside = (by & (_width(x) - 1)).astype(x.dtype)
    shifted: Array = np.where(by < _width(x), x << inside, x.dtype.type(0))
    return shifted


def shift_right_logical(x: Array, by: Array) -> Array:
    by, bits = _unsigned(by), _unsigned(x)
    inside = (by & (_width(x) - 1)).astype(bits.dtype)
    shifted: Array = np.where(by < _width(x), bits >> inside, bits.dtype.type(0)).view(x.dtype)
    return shifted


def shift_right_arithmetic(x: Array, by: Array) -> Array:
    """Of an unsigned number, too, the first bit is its sign."""
    bits = _signed(x)
    by = np.minimum(_unsigned(by), _width(x) - 1).astype(bits.dtype)
    shifted: Array = (bits >> by).view(x.dtype)
    return shifted


def _constant_shift(opcode: str, by: int) -> Run | None:
    """The same by an amount known beforehand, which is most of them and much faster."""

    def left(x: Array, _: Array) -> Array:
        shifted: Array = x << x.dtype.type(by)
        return shifted

    def right(x: Array, _: Array) -> Array:
        bits = _unsigned(x)
        shifted: Array = (bits >> bits.dtype.type(by)).view(x.dtype)
        return shifted

    return {"shift-left": left, "shift-right-logical": right}.get(opcode)


def divide(x: Array, y: Array) -> Array:
    """Towards zero; by zero, and of the smallest number by -1, HLO says nothing."""
    _check_division(x, y)
    if x.dtype.kind == "u":
        return x // y
    quotient = x // y
    # NumPy's quotient is rounded down: one more where it is negative and not exact. One between -1 and 0
    # is -1 rounded down, so none is missed.
    result: Array = quotient + ((quotient < 0) & (quotient * y != x)).astype(x.dtype)
    return result


def remainder(x: Array, y: Array) -> Array:
    """With the sign of ``x``; where `divide` says nothing, neither does it."""
    _check_division(x, y)
    result: Array = np.fmod(x, y)
    return result


def _check_division(x: Array, y: Array) -> None:
    if np.any(y == 0):
        raise OpenError("only the device knows what a division by 0 gives")
    if x.dtype.kind == "i" and np.any((x == np.iinfo(x.dtype).min) & (y == -1)):
        raise OpenError("only the device knows what the smallest number divided by -1 gives")


def count_leading_zeros(x: Array) -> Array:
    _, length = np.frexp(_unsigned(x).astype(np.float64))
    return (_width(x) - length).astype(x.dtype)


def population_count(x: Array) -> Array:
    return np.bitwise_count(_unsigned(x)).astype(x.dtype)


def integer_sign(x: Array) -> Array:
    result: Array = (x > 0).astype(x.dtype) - (x < 0).astype(x.dtype)
    return result


# The makers: what an instruction does ------------------------------------------------------

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
        return _cast(operands[0], result)
    open_subnormals = subnormals and bits_matter
    if opcode == "abs":
        if is_float:
            return _bits_only(np.abs, open_subnormals)
        return np.abs if kind.startswith("s") else None
    if is_float:
        if opcode == "negate":
            return _bits_only(np.negative, open_subnormals)
        if opcode == "sign":
            return sign
        if opcode in ("minimum", "maximum", "clamp"):
            least = _extremum(np.minimum, zeros_matter, open_subnormals)
            most = _extremum(np.maximum, zeros_matter, open_subnormals)
            if opcode == "clamp":
                return lambda low, x, high: least(most(_aligned(low, x), x), _aligned(high, x))
            return least if opcode == "minimum" else most
        if opcode == "divide" and constants[1] is not None and _is_power_of_two(constants[1]):
            return lambda x, y: multiply(flush(x), np.float32(1) / y)
        if opcode in _FLOAT:
            run = _FLOAT[opcode]
            return (lambda *xs: run(*map(flush, xs))) if subnormals else run
        return None
    if opcode == "clamp":
        return lambda low, x, high: np.minimum(np.maximum(_aligned(low, x), x), _aligned(high, x))
    if kind == "pred" and opcode not in ("minimum", "maximum"):
        return None
    if opcode.startswith("shift-") and constants[1] is not None:
        amounts = {int(n) for n in _unsigned(constants[1]).flat}
        if len(amounts) == 1 and (by := amounts.pop()) < 8 * DTYPES[kind].itemsize:
            fast = _constant_shift(opcode, by)
            if fast:
                return fast
    return _INTEGER.get(opcode)


def _is_power_of_two(divisor: Array) -> bool:
    """Whether all are, with a reciprocal that is no subnormal."""
    mantissa, exponent = np.frexp(np.abs(divisor))
    return bool(np.all((mantissa == 0.5) & (exponent >= -125) & (exponent <= 127)))


def _aligned(scalar: Array, x: Array) -> Array:
    """A value for each call beside an array for each call."""
    return scalar.reshape(scalar.shape[:1] + (1,) * (x.ndim - 1)) if scalar.ndim < x.ndim else scalar


def _select(condition: Array, x: Array, y: Array) -> Array:
    return np.where(_aligned(condition, x), x, y)


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


def _cast(operand: Shape, result: Shape) -> Run:
    """The same bits as another type."""
    dtype = DTYPES[result.dtype]
    booleans = (operand.dtype == "pred") + (result.dtype == "pred")
    if booleans == 1 or DTYPES[operand.dtype].itemsize != dtype.itemsize:
        raise UnreadError(f"{NOT_KNOWN}: from {operand.dtype} to {result.dtype}")
    return lambda x: x.view(dtype)


# Moving elements --------------------------------------------------------------------------


_MOVEMENTS = frozenset(
    {"reshape", "bitcast", "broadcast", "transpose", "reverse", "concatenate", "iota", "slice", "pad"}
    | {"dynamic-slice", "dynamic-update-slice", "gather"}
)


def movement(instruction: Instruction, operands: Sequence[Shape]) -> Run | None:
    """What an instruction does that only moves elements; None if it is of another kind.

    Raises:
      UnreadError: the reader does not know it.
    """
    opcode, dims = instruction.opcode, instruction.shape.dims
    if opcode not in _MOVEMENTS:
        return None
    dimensions = instruction.numbers("dimensions")
    if opcode == "reshape":
        return lambda x: x.reshape(x.shape[:1] + dims)
    if opcode == "bitcast":
        return _bitcast(operands[0], instruction.shape)
    if opcode == "broadcast":
        kept = tuple(n if d in dimensions else 1 for d, n in enumerate(dims))
        if dimensions != tuple(sorted(dimensions)):
            raise UnreadError(f"{NOT_KNOWN}: a broadcast that transposes")
        return lambda x: np.broadcast_to(x.reshape(x.shape[:1] + kept), x.shape[:1] + dims)
    if opcode == "transpose":
        return lambda x: x.transpose((0, *(d + 1 for d in dimensions)))
    if opcode == "reverse":
        return lambda x: np.flip(x, tuple(d + 1 for d in dimensions))
    if opcode == "concatenate":
        return lambda *xs: np.concatenate(_same_calls(xs), axis=dimensions[0] + 1)
    if opcode == "iota":
        dimension = instruction.numbers("iota_dimension")[0]
        line = np.arange(dims[dimension]).astype(DTYPES[instruction.shape.dtype])
        along = tuple(n if d == dimension else 1 for d, n in enumerate(dims))
        table = np.broadcast_to(line.reshape(along), dims)[None]
        return lambda: table
    if opcode == "slice":
        return _slice(instruction)
    if opcode == "pad":
        return _pad(instruction, operands[0])
    if opcode == "dynamic-slice":
        return _dynamic_slice(operands[0].dims, dims)
    if opcode == "dynamic-update-slice":
        return _dynamic_update_slice(operands[0].dims, operands[1].dims)
    if opcode == "gather":
        return _gather(instruction, operands)
    return None


def _same_calls(xs: Sequence[Array]) -> list[Array]:
    calls = max(len(x) for x in xs)
    return [np.broadcast_to(x, (calls, *x.shape[1:])) for x in xs]


def _slice(instruction: Instruction) -> Run:
    text = instruction.attribute("slice") or ""
    limits = [tuple(int(n) for n in part.split(":")) for part in _bracketed(text)]
    where = (slice(None), *(slice(*limit) for limit in limits))
    return lambda x: x[where]


def _bracketed(text: str) -> list[str]:
    return [part.split("]")[0] for part in text.split("[")[1:]]


def _pad(instruction: Instruction, operand: Shape) -> Run:
    # low_high or low_high_interior, for each dimension; negative ones cut off.
    padding = [
        (*(int(n) for n in part.split("_")), 0)[:3]
        for part in (instruction.attribute("padding") or "").split("x")
        if part
    ]
    sources = []
    for (low, _, interior), size, length in zip(padding, operand.dims, instruction.shape.dims, strict=True):
        position = np.arange(length) - low
        source = position // (interior + 1)
        inside = (position % (interior + 1) == 0) & (source >= 0) & (source < size)
        sources.append(np.where(inside, source, -1))
    if not sources or 0 in operand.dims:
        raise UnreadError(f"{NOT_KNOWN}: of no dimension or of no element")
    where = (slice(None), *np.ix_(*(np.maximum(source, 0) for source in sources)))
    inside = np.array(True)
    for source in sources:
        inside = inside[..., None] & (source >= 0)
    return lambda x, value: np.where(inside, x[where], _aligned(value, x))


def _starts(starts: Sequence[Array], dims: Sequence[int], sizes: Sequence[int]) -> list[Array]:
    """Where a slice begins in each dimension, moved so that it ends inside."""
    return [
        np.clip(start.astype(np.int64), 0, dim - size)
        for start, dim, size in zip(starts, dims, sizes, strict=True)
    ]


def _window(calls: int, begins: Sequence[Array], sizes: Sequence[int]) -> tuple[Array, ...]:
    """Indices of a window for each call."""
    rank = len(sizes)
    index: list[Array] = [np.arange(calls).reshape((calls,) + (1,) * rank)]
    for d, (begin, size) in enumerate(zip(begins, sizes, strict=True)):
        along = np.arange(size).reshape((1,) * (d + 1) + (size,) + (1,) * (rank - d - 1))
        index.append(begin.reshape((len(begin),) + (1,) * rank) + along)
    return tuple(index)


def _dynamic_slice(dims: Sequence[int], sizes: Sequence[int]) -> Run:
    def run(x: Array, *starts: Array) -> Array:
        calls = max([len(x), *(len(start) for start in starts)])
        index = _window(calls, _starts(starts, dims, sizes), sizes)
        calls_of_x = index[0] if len(x) > 1 else np.zeros_like(index[0])
        result: Array = x[(calls_of_x, *index[1:])]
        return result

    return run


def _dynamic_update_slice(dims: Sequence[int], sizes: Sequence[int]) -> Run:
    def run(x: Array, update: Array, *starts: Array) -> Array:
        calls = max([len(x), len(update), *(len(start) for start in starts)])
        result = np.broadcast_to(x, (calls, *x.shape[1:])).copy()
        result[_window(calls, _starts(starts, dims, sizes), sizes)] = update
        return result

    return run


def _gather(instruction: Instruction, operands: Sequence[Shape]) -> Run:
    """As XLA's documentation of Gather has it; indices out of bounds are moved inside."""
    dims, sizes = operands[0].dims, instruction.numbers("slice_sizes")
    offsets = instruction.numbers("offset_dims")
    collapsed = instruction.numbers("collapsed_slice_dims")
    start_map = instruction.numbers("start_index_map")
    vector = instruction.numbers("index_vector_dim")[0]
    paired = instruction.numbers("operand_batching_dims")
    paired_in_starts = instruction.numbers("start_indices_batching_dims")
    batch_shape = tuple(n for d, n in enumerate(operands[1].dims) if d != vector)
    kept = [d for d in range(len(dims)) if d not in collapsed and d not in paired]
    rank = len(batch_shape) + len(kept)
    # Axes of the result: the batch's, in order, wherever no offset stands.
    batch_axes = [axis for axis in range(rank) if axis not in offsets]
    axis_of = dict(zip(kept, offsets, strict=True))

    def at(array: Array, axes: Sequence[int]) -> Array:
        """An array of calls and these axes of the result, with length 1 in all others."""
        shape = [1] * (rank + 1)
        for axis, n in zip((0, *(axis + 1 for axis in axes)), array.shape, strict=True):
            shape[axis] = n
        return array.reshape(shape)

    def run(x: Array, starts: Array) -> Array:
        vectors = starts[..., None] if vector == starts.ndim - 1 else np.moveaxis(starts, vector + 1, -1)
        calls = max(len(x), len(starts))
        index: list[Array] = [at(np.arange(calls) if len(x) > 1 else np.zeros(calls, np.int64), ())]
        for d, (dim, size) in enumerate(zip(dims, sizes, strict=True)):
            place = np.zeros((1,) * (rank + 1), np.int64)
            if d in start_map:
                start = np.clip(vectors[..., start_map.index(d)].astype(np.int64), 0, dim - size)
                place = place + at(start, batch_axes)
            if d in paired:
                # Counted in the dimensions of the start indices, that of the vector among them.
                axis = paired_in_starts[paired.index(d)]
                axis -= vector < axis
                place = place + at(np.arange(dim)[None], [batch_axes[axis]])
            if d in axis_of:
                place = place + at(np.arange(size)[None], [axis_of[d]])
            index.append(place)
        return x[tuple(index)]

    return run


# Layouts ----------------------------------------------------------------------------------


@functools.lru_cache(maxsize=1024)
def _places(shape: Shape) -> tuple[int, ...]:
    """Where in memory each element is, in the order of the elements."""
    if any(-1 in tile for tile in shape.tiles):
        raise UnreadError(f"{NOT_KNOWN}: a layout that joins dimensions")
    if not shape.size:
        return ()
    grid = np.indices(shape.dims).reshape(len(shape.dims), shape.size)
    major_to_minor = shape.minor_to_major[::-1]
    index = [grid[d] for d in major_to_minor] or [np.zeros(1, np.int64)]
    bounds = [shape.dims[d] for d in major_to_minor] or [1]
    for tile in shape.tiles:
        missing = max(0, len(tile) - len(bounds))
        bounds, index = [1] * missing + bounds, [np.zeros_like(index[0])] * missing + index
        untouched = len(bounds) - len(tile)
        outer = [math.ceil(n / t) for n, t in zip(bounds[untouched:], tile, strict=True)]
        last = index[untouched:]
        index = [
            *index[:untouched],
            *(i // t for i, t in zip(last, tile, strict=True)),
            *(i % t for i, t in zip(last, tile, strict=True)),
        ]
        bounds = [*bounds[:untouched], *outer, *tile]
    strides = [*itertools.accumulate(reversed(bounds[1:]), lambda a, b: a * b, initial=1)][::-1]
    place = sum((i * stride for i, stride in zip(index, strides, strict=True)), np.zeros(1, np.int64))
    return tuple(int(p) for p in place)


def _bitcast(operand: Shape, result: Shape) -> Run:
    """The same memory, looked at as another array."""
    cast, dims = _cast(operand, result), result.dims
    before, after = _places(operand), _places(result)
    if before == after:
        return lambda x: cast(x).reshape(x.shape[:1] + dims)
    element = {place: n for n, place in enumerate(before)}
    if not set(before) >= set(after):
        raise UnreadError(f"{NOT_KNOWN}: it looks at memory that holds no element")
    order = np.array([element[place] for place in after])
    return lambda x: cast(x).reshape(len(x), -1)[:, order].reshape(x.shape[:1] + dims)
