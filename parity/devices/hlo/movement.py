"""Operations that move elements, and the layouts in which they lie."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Sequence

import numpy as np

from ..program import NOT_KNOWN, Array
from .elementwise import aligned, cast_to
from .operation import Run, UnreadError
from .text import DTYPES, Instruction, Shape

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
    return lambda x, value: np.where(inside, x[where], aligned(value, x))


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
    cast, dims = cast_to(operand, result), result.dims
    before, after = _places(operand), _places(result)
    if before == after:
        return lambda x: cast(x).reshape(x.shape[:1] + dims)
    element = {place: n for n, place in enumerate(before)}
    if not set(before) >= set(after):
        raise UnreadError(f"{NOT_KNOWN}: it looks at memory that holds no element")
    order = np.array([element[place] for place in after])
    return lambda x: cast(x).reshape(len(x), -1)[:, order].reshape(x.shape[:1] + dims)
