"""The entry of the optimised HLO: its lines, and where in memory their operands and results lie."""

from __future__ import annotations

import dataclasses
import math
import re

import numpy as np

from ..program import Array
from .memory import REGION_BITS, Memory

_DTYPES: dict[str, type[np.generic]] = {
    "pred": np.bool_,
    "s8": np.int8, "s16": np.int16, "s32": np.int32, "s64": np.int64,
    "u8": np.uint8, "u16": np.uint16, "u32": np.uint32, "u64": np.uint64,
    "f32": np.float32, "f64": np.float64,
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Shape:
    dtype: np.dtype[np.generic]
    lengths: tuple[int, ...]

    @classmethod
    def parse(cls, text: str) -> Shape:
        match = re.match(r"(\w+)\[([\d,]*)\](?:\{([\d,]*)\S*\})?", text)
        if not match or match[1] not in _DTYPES:
            raise ValueError(f"a shape that the reader does not know: {text}")
        lengths = tuple(int(length) for length in match[2].split(",") if length)
        order = tuple(int(axis) for axis in (match[3] or "").split(",") if axis)
        if order not in ((), tuple(range(len(lengths)))[::-1]):
            raise ValueError(f"axes in another order: {text}")
        return cls(np.dtype(_DTYPES[match[1]]), lengths)

    @property
    def size(self) -> int:
        return math.prod(self.lengths) * self.dtype.itemsize

    def check(self, argument: Array, n: int) -> None:
        if argument.dtype != self.dtype or argument.shape != (n, *self.lengths):
            raise ValueError(
                f"an argument of {argument.dtype}{list(argument.shape)}, where {n} of "
                f"{self.dtype}{list(self.lengths)} belong"
            )


@dataclasses.dataclass(frozen=True)
class Slice:
    """A part of one allocation, as the buffer assignment has it."""

    allocation: int
    offset: int
    size: int


@dataclasses.dataclass(frozen=True)
class Place:
    """A part of one region of the graph."""

    region: int
    offset: int
    size: int
    whole: bool
    """Whether the region has nothing else."""

    @property
    def address(self) -> int:
        return (self.region << REGION_BITS) + self.offset


@dataclasses.dataclass(frozen=True)
class Port:
    """A parameter or an output: the node of the memory that it is in, and where there."""

    node: int
    offset: int
    size: int
    shape: Shape


def placed(port: Port, rows: Array) -> Memory:
    memory = Memory.holding(rows)
    if port.offset == 0 and memory.data.shape[1] == port.size:
        return memory
    return Memory.empty(port.size).copied(memory, port.offset, 0, port.shape.size)


@dataclasses.dataclass(frozen=True)
class Line:
    """An instruction of the HLO."""

    name: str
    shape: str
    operation: str
    operands: tuple[str, ...]
    text: str
    """What stands between the parentheses."""

    attributes: str

    @classmethod
    def parse(cls, line: str) -> Line | None:
        line = re.sub(r"/\*.*?\*/", "", line)
        match = re.match(r"\s*(?:ROOT )?%?([\w.-]+) = (\(.*?\)|\S+) ([\w-]+)\(", line)
        if not match:
            return None
        depth, end = 1, match.end()
        while depth:
            depth += {"(": 1, ")": -1}.get(line[end], 0)
            end += 1
        text = line[match.end() : end - 1]
        return cls(match[1], match[2], match[3], tuple(re.findall(r"%([\w.-]+)", text)), text, line[end:])

    def attribute(self, name: str) -> str | None:
        match = re.search(rf"\b{name}=%?([\w.-]+)", self.attributes)
        return match[1] if match else None


# Of the lines of a fusion only these are kept: those that PTX has no exact instruction for.
INEXACT = frozenset(
    {
        "atan2", "cbrt", "cosine", "divide", "erf", "exponential", "exponential-minus-one", "log",
        "log-plus-one", "logistic", "power", "rsqrt", "sine", "sqrt", "tan", "tanh",
    }
)  # fmt: skip


def shortened(hlo: str) -> str:
    """Without what is not read: most lines of the fusions, most attributes."""
    lines, entry = [], False
    for line in hlo.splitlines():
        entry = entry or line.startswith("ENTRY ")
        parsed = Line.parse(line) if line.startswith("  ") else None
        if parsed is None:
            lines.append(line)
        elif entry or parsed.operation in INEXACT:
            line = re.sub(r", (?:sharding|frontend_attributes|backend_config)=\{.*?\}(?=, \w+=|$)", "", line)
            lines.append(line)
    return "\n".join(lines) + "\n"


class Entry:
    """The entry computation: what runs, in its order, and where everything lies."""

    def __init__(self, hlo: str, buffers: str) -> None:
        if "is_scheduled=true" not in hlo:
            raise ValueError("an HLO module without a schedule")
        if "{...}" in hlo:
            raise ValueError("constants that are not written out")
        self.frames = _Frames(hlo)
        head, body = re.split(r"^ENTRY .*\{$", hlo, flags=re.M)
        body = body.split("\n}")[0]
        self.lines = {line.name: line for text in body.splitlines() if (line := Line.parse(text)) is not None}
        self.fusions = _computations(head)
        root = re.search(r"^\s*ROOT %?([\w.-]+)", body, re.M)
        if root is None:
            raise ValueError("an entry without a root")
        self.root = self.lines[root[1]]
        self._slices = _slices(buffers)
        self.parameter_nodes: list[Port] = []
        self.outputs: list[Port] = []

    def leaves(self, line: Line) -> list[tuple[int | None, str]]:
        """Index (None if it is no tuple) and shape of each array of a value."""
        if not line.shape.startswith("("):
            return [(None, line.shape)]
        return list(enumerate(re.findall(r"\w+\[[\d,]*\](?:\{[^}]*\})?", line.shape)))

    def slice(self, name: str, index: int | None = None) -> Slice:
        """Where a value lies."""
        line = self.lines[name]
        if line.operation == "get-tuple-element":
            match = re.search(r"index=(\d+)", line.attributes)
            assert match
            return self.slice(line.operands[0], int(match[1]))
        if line.operation == "bitcast":
            return self.slice(line.operands[0], index)
        if line.operation == "tuple" and index is not None:
            return self.slice(line.operands[index])
        key = name if index is None else f"{name}{{{index}}}"
        if key not in self._slices and line.operation == "while":
            return self.slice(line.operands[0], index)  # what a loop only reads stays where it was
        if key not in self._slices:
            raise ValueError(f"no buffer of {key}")
        return self._slices[key]

    def all_slices(self) -> list[Slice]:
        return [
            found
            for line in self.lines.values()
            for index, _ in self.leaves(line)
            if (found := self.slice(line.name, index))
        ]


def _computations(head: str) -> dict[str, list[Line]]:
    """The lines of each computation but the entry that `_shortened` keeps."""
    found: dict[str, list[Line]] = {}
    name = ""
    for text in head.splitlines():
        if match := re.match(r"%?([\w.-]+) \(.*\{$", text):
            name = match[1]
            found[name] = []
        elif text.startswith("  ") and (line := Line.parse(text)) is not None:
            found[name].append(line)
    return found


def _slices(buffers: str) -> dict[str, Slice]:
    """Where the buffer assignment puts each value."""
    slices: dict[str, Slice] = {}
    allocation = -1
    value = re.compile(r" value: <\d+ ([\w.-]+(?:\{\d*\})?)(?: \(phi\))? @\d+> \(size=(\d+),offset=(\d+)\)")
    for line in buffers.splitlines():
        if match := re.match(r"allocation (\d+): ", line):
            allocation = int(match[1])
        elif match := value.match(line):
            slices[match[1].replace("{}", "")] = Slice(allocation, int(match[3]), int(match[2]))
    return slices


class _Frames:
    """The tables at the head of an HLO module: where in the sources something comes from."""

    _OURS = re.compile(
        r"/jaxsched/(_numerics\b|_schedule\.py$|_walled\.py$|_functions\.py$)|/site-packages/jax(lib)?/|/jax/_src/"
    )

    def __init__(self, hlo: str) -> None:
        self._files = dict(re.findall(r'^(\d+) "(.*)"$', _table(hlo, "FileNames"), re.M))
        location = r"^(\d+) \{file_name_id=(\d+) .*?\bline=(\d+)"
        self._locations = {
            number: (file, line)
            for number, file, line in re.findall(location, _table(hlo, "FileLocations"), re.M)
        }
        frame = r"^(\d+) \{file_location_id=(\d+)(?: parent_frame_id=(\d+))?"
        self._frames = {n: (at, up) for n, at, up in re.findall(frame, _table(hlo, "StackFrames"), re.M)}

    def source(self, line: Line) -> str | None:
        """The innermost ``file:line`` that is neither JAX's nor the arithmetic of jaxsched."""
        number = line.attribute("stack_frame_id") or ""
        while number in self._frames:
            location, parent = self._frames[number]
            file, at = self._locations[location]
            if not self._OURS.search(self._files[file]):
                return f"{self._files[file]}:{at}"
            number = parent if parent != number else ""  # the outermost frame is its own parent
        return None


def _table(hlo: str, name: str) -> str:
    match = re.search(rf"^{name}\n((?:\d+ .*\n)*)", hlo, re.M)
    return match[1] if match else ""


def shape_order(shape: str) -> str:
    return shape.partition("{")[2]


def literal_of(line: Line) -> Array:
    shape = Shape.parse(line.shape)
    words = [word for word in re.split(r"[{},\s]+", line.text) if word]
    numbers = [{"true": "1", "false": "0"}.get(word, word) for word in words]
    if shape.dtype.kind == "f":
        values = np.array([float(number) for number in numbers]).astype(shape.dtype)
    else:
        values = np.array([int(number) for number in numbers], object).astype(shape.dtype)
    return values.reshape(shape.lengths)
