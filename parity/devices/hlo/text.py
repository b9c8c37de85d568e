"""The text of a compiled program that XLA prints, taken apart."""

from __future__ import annotations

import dataclasses
import functools
import math
import re
from collections.abc import Iterator

import numpy as np

from ..program import Array

DTYPES = {
    "pred": np.dtype(np.bool_),
    "s8": np.dtype(np.int8),
    "u8": np.dtype(np.uint8),
    "s16": np.dtype(np.int16),
    "u16": np.dtype(np.uint16),
    "s32": np.dtype(np.int32),
    "u32": np.dtype(np.uint32),
    "f32": np.dtype(np.float32),
}
"""The types that are executed. Wider ones a TPU does not have."""


@dataclasses.dataclass(frozen=True, slots=True)
class Shape:
    """Of an array, or of a tuple if it has parts."""

    dtype: str
    dims: tuple[int, ...] = ()
    minor_to_major: tuple[int, ...] = ()
    tiles: tuple[tuple[int, ...], ...] = ()
    parts: tuple[Shape, ...] = ()

    @property
    def size(self) -> int:
        return math.prod(self.dims)

    @property
    def is_tuple(self) -> bool:
        return self.dtype == "tuple"

    @property
    def is_float(self) -> bool:
        return self.dtype == "f32"


@dataclasses.dataclass(frozen=True, slots=True)
class Instruction:
    """One printed line."""

    line: int
    """Different for each one of a module, in their order."""

    name: str
    shape: Shape
    opcode: str
    operands: tuple[str, ...]
    literal: str
    """What stands in the parentheses: the value of a constant, the number of a parameter."""

    attributes: str
    frame: int
    """In the module's table of stack frames; 0 if there is none."""

    source: str | None
    """``file:line`` where the line says so itself, as older programs do."""

    is_root: bool

    def attribute(self, name: str) -> str | None:
        """As printed, without its braces; None if it is not there."""
        found = re.search(rf", {name}=", self.attributes)
        if not found:
            return None
        rest = self.attributes[found.end() :]
        if rest.startswith("{"):
            return rest[1 : _closing(rest, 0)]
        return re.split(r"[,\s]", rest, maxsplit=1)[0]

    def numbers(self, name: str) -> tuple[int, ...]:
        return tuple(int(n) for n in re.findall(r"-?\d+", self.attribute(name) or ""))

    def computations(self, *names: str) -> list[str]:
        """The computations that it calls, by these attributes."""
        return [c for n in names for c in re.findall(r"[\w.-]+", self.attribute(n) or "")]


class LiteralError(ValueError):
    """A constant whose value the text does not say."""


@dataclasses.dataclass(frozen=True)
class Module:
    """All of a program's text."""

    computations: dict[str, tuple[Instruction, ...]]
    entry: tuple[Instruction, ...]
    frames: dict[int, tuple[str, int]]
    """Each stack frame: ``file:line``, and the frame that called it (0: none)."""

    def source(self, instruction: Instruction) -> str | None:
        """``file:line`` of the innermost frame that belongs to a schedule's formula."""
        frame, innermost = instruction.frame, instruction.source
        while frame in self.frames:
            place, frame = self.frames[frame]
            innermost = innermost or place
            if not _OF_THE_MACHINERY.search(place):
                return place
        return innermost


# Where arithmetic is done for whoever asks, hence no place that explains it.
_OF_THE_MACHINERY = re.compile(
    r"jaxsched/(_numerics/|_(numerics|schedule)\.py:)|(site|dist)-packages/jax(lib)?/"
)

_HEADER = re.compile(r"(ENTRY )?%?([\w.-]+) (\(.*\) -> .*)?\{$")
_INSTRUCTION = re.compile(r" +(ROOT )?%?([\w.-]+) = ")
_OPCODE = re.compile(r"\s*([a-z][\w-]*)\(")
_NAME = re.compile(r"%([\w.-]+)")
_FRAME = re.compile(r"stack_frame_id=(\d+)")
_OLD_SOURCE = re.compile(r'source_file="([^"]*)" source_line=(\d+)')
_ARRAY = re.compile(r"(\w+)\[([\d,]*)\](?:\{([\d,]*)(?::((?:[A-Z]?\([^()]*\))*))?\})?$")
_TILES = re.compile(r"T((?:\([^()]*\))+)")

# What follows the attributes that mean something to the reader. Names in it could mislead.
_REMARKS = (", sharding=", ", frontend_attributes=", ", metadata=", ", backend_config=")


def parse(text: str) -> Module:
    """Reads what ``compiled.as_text()`` or ``full_text`` gives.

    Raises:
      ValueError: it is no text of a program.
    """
    tables: dict[str, dict[int, str]] = {}
    computations: dict[str, tuple[Instruction, ...]] = {}
    entry: tuple[Instruction, ...] | None = None
    table: dict[int, str] | None = None
    body: list[Instruction] = []
    number = 0
    lines = iter(text.splitlines())
    for line in lines:
        if line in ("FileNames", "FunctionNames", "FileLocations", "StackFrames"):
            table = tables.setdefault(line, {})
        elif not line:
            table = None
        elif table is not None:
            key, _, value = line.partition(" ")
            table[int(key)] = value
        elif header := _HEADER.match(line):
            body = []
            for inside in lines:
                if inside.startswith("}"):
                    break
                number += 1
                body.append(_instruction(inside, number))
            computations[header[2]] = tuple(body)
            if header[1]:
                entry = tuple(body)
    if entry is None:
        raise ValueError("It is no text of a compiled program: it has no ENTRY.")
    return Module(computations, entry, _frames(tables))


def _instruction(line: str, number: int) -> Instruction:
    start = _INSTRUCTION.match(line)
    if not start:
        raise ValueError(f"It is no instruction: {line[:200]!r}")
    at = start.end()
    # A tuple's shape has spaces, all others end at the first one.
    end = _closing(line, at) + 1 if line[at] == "(" else line.index(" ", at)
    opcode = _OPCODE.match(line, end)
    if not opcode:
        raise ValueError(f"It is no instruction: {line[:200]!r}")
    close = _closing(line, opcode.end() - 1)
    inside, rest = line[opcode.end() : close], line[close + 1 :]
    cuts = [cut for remark in _REMARKS if (cut := rest.find(remark)) >= 0]
    attributes = rest[: min(cuts)] if cuts else rest
    frame, old = _FRAME.search(rest), _OLD_SOURCE.search(rest)
    is_value = opcode[1] in ("constant", "parameter")
    return Instruction(
        line=number,
        name=start[2],
        shape=_shape(line[at:end]),
        opcode=opcode[1],
        operands=() if is_value else _operands(inside),
        literal=inside if is_value else "",
        attributes=attributes,
        frame=int(frame[1]) if frame else 0,
        source=f"{old[1]}:{old[2]}" if old else None,
        is_root=bool(start[1]),
    )


def _operands(text: str) -> tuple[str, ...]:
    if "%" in text:
        return tuple(_NAME.findall(text))
    return tuple(part.split()[-1] for part in text.split(",") if part.strip())


def _closing(text: str, opening: int) -> int:
    """Where the bracket that stands at ``opening`` is closed."""
    bracket = text[opening]
    end = {"(": ")", "{": "}"}[bracket]
    close = text.index(end, opening)
    if text.find(bracket, opening + 1, close) < 0:
        return close
    depth = 0
    for found in re.compile(r"[(){}]").finditer(text, opening):
        if found[0] == bracket:
            depth += 1
        elif found[0] == end:
            depth -= 1
            if not depth:
                return found.start()
    raise ValueError(f"A bracket is never closed: {text[:200]!r}")


@functools.lru_cache(maxsize=4096)
def _shape(text: str) -> Shape:
    text = re.sub(r"/\*.*?\*/", "", text).strip()
    if text.startswith("("):
        return Shape("tuple", parts=tuple(_shape(part) for part in _split(text[1:-1])))
    found = _ARRAY.match(text)
    if not found:
        return Shape(text.partition("[")[0])
    dims = tuple(int(n) for n in found[2].split(",") if n)
    order = tuple(int(n) for n in (found[3] or "").split(",") if n)
    tiles = _TILES.search(found[4] or "")
    return Shape(
        found[1],
        dims,
        order or tuple(range(len(dims)))[::-1],
        # A `*` joins a dimension to the next one; no schedule has met it.
        tuple(
            tuple(-1 if n == "*" else int(n) for n in tile.split(","))
            for tile in re.findall(r"\(([^()]*)\)", tiles[1] if tiles else "")
        ),
    )


def _split(text: str) -> Iterator[str]:
    """At the commas outside of brackets."""
    depth, start = 0, 0
    for found in re.finditer(r"[(){}\[\],]", text):
        if found[0] in "({[":
            depth += 1
        elif found[0] in ")}]":
            depth -= 1
        elif not depth:
            yield text[start : found.start()]
            start = found.end()
    if text[start:].strip():
        yield text[start:]


def _frames(tables: dict[str, dict[int, str]]) -> dict[int, tuple[str, int]]:
    def field(text: str, name: str) -> int:
        found = re.search(rf"\b{name}=(\d+)", text)
        return int(found[1]) if found else 0

    files = {n: text.strip('"') for n, text in tables.get("FileNames", {}).items()}
    locations = {
        n: f"{files.get(field(text, 'file_name_id'), '?')}:{field(text, 'line')}"
        for n, text in tables.get("FileLocations", {}).items()
    }
    callers = {n: field(text, "parent_frame_id") for n, text in tables.get("StackFrames", {}).items()}
    # A caller stands before what it calls. A frame that seems to be called by itself says that the
    # callers' numbers are one too large (then 1, and not 0, is "none").
    shift = int(any(caller >= n for n, caller in callers.items()))
    return {
        n: (locations.get(field(text, "file_location_id"), "?"), min(callers[n] - shift, n - 1))
        for n, text in tables.get("StackFrames", {}).items()
    }


def literal(instruction: Instruction) -> Array:
    """The value of a constant.

    Nine digits, which XLA prints, tell each float32 from the others.

    Raises:
      LiteralError: the text leaves it out or the reader cannot read it.
    """
    text, shape = instruction.literal, instruction.shape
    if "..." in text:
        raise LiteralError("the text leaves its value out: print large constants, too")
    dtype = DTYPES.get(shape.dtype)
    if dtype is None:
        raise LiteralError(f"the reader does not know the type {shape.dtype}")
    tokens = re.findall(r"[^\s{},]+", re.sub(r"/\*.*?\*/", "", text))
    try:
        if dtype == np.bool_:
            values: list[float] = [{"true": 1, "false": 0, "1": 1, "0": 0}[token] for token in tokens]
        else:
            values = [float(token) if shape.is_float else int(token) for token in tokens]
        return np.array(values, np.float64 if shape.is_float else dtype).astype(dtype).reshape(shape.dims)
    except (ValueError, KeyError, OverflowError) as e:
        raise LiteralError(f"the reader does not know the value {text[:40]!r}") from e
