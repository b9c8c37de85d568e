"""Programs for NVIDIA GPUs: what XLA compiles, down to the PTX of each kernel.

A compilation with ``compiler_options={"xla_dump_to": folder}`` leaves in the folder what `gather` reads and
`PtxProgram` executes. That is the whole program: the entry of the optimised HLO says in which order kernels
and copies run, the buffer assignment where in memory their operands and results lie (two values may share
a place), the thunks how many threads there are, and the PTX what a thread does. The last step, from PTX to
the instructions of one GPU, is ptxas's. It keeps to what the ISA says of each instruction, so the bits are
the ISA's; where the ISA leaves ptxas a choice there is an `UnknownOperation`.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from .program import Array, Program, UnknownOperation
from .ptx_graph import REGION_BITS, Graph, Memory, Node, Plan, Value
from .ptx_kernel import CannotTrace, Launch, Module, Tracer, read

_CHUNK = 32768
"""So many calls at once: more no longer fit into a cache, of fewer NumPy spends its time between them."""

_DTYPES: dict[str, type[np.generic]] = {
    "pred": np.bool_,
    "s8": np.int8, "s16": np.int16, "s32": np.int32, "s64": np.int64,
    "u8": np.uint8, "u16": np.uint16, "u32": np.uint32, "u64": np.uint64,
    "f32": np.float32, "f64": np.float64,
}  # fmt: skip


def gather(folder: Path, hlo: str) -> dict[str, str]:
    """The texts of a program; what `PtxProgram` takes.

    Args:
      folder: what ``xla_dump_to`` named for this compilation and for no other.
      hlo: the text of the compiled program, with all of its constants.

    Raises:
      ValueError: the folder has not what one compilation for an NVIDIA GPU leaves.
    """

    def one(pattern: str) -> str:
        found = sorted(folder.glob(pattern))
        if len(found) != 1:
            raise ValueError(f"{len(found)} files {pattern} in {folder}")
        return found[0].read_text()

    return {
        "hlo": _shortened(hlo),
        "buffers": one("*gpu_after_optimizations-buffer-assignment.txt"),
        "thunks": one("*thunk_sequence.txt"),
        "ptx": "\n".join(path.read_text() for path in sorted(folder.glob("*.ptx"))),
    }


class PtxProgram(Program):
    """A program for an NVIDIA GPU.

    Which of the NaNs a result is, is not told by the ISA; here it is NumPy's.
    """

    def __init__(self, texts: Mapping[str, str]) -> None:
        """
        Args:
          texts: what `gather` answers.

        Raises:
          ValueError: they are not what the compiler is known to write.
        """
        self._graph = Graph()
        entry = _Entry(texts["hlo"], texts["buffers"])
        _trace(self._graph, entry, texts["ptx"], texts["thunks"])
        self._parameters = entry.parameter_nodes
        self._outputs = entry.outputs
        self._plans: dict[tuple[int, ...], Plan] = {}

    def replay(self, arguments: Sequence[Array], outputs: Sequence[int] | None = None) -> list[Array]:
        """As `Program.replay`.

        Args:
          arguments: an array of shape ``(n, *shape)`` for each parameter.
          outputs: which outputs to compute; all of them if not given.
        """
        wanted = tuple(range(len(self._outputs)) if outputs is None else outputs)
        if len(arguments) != len(self._parameters):
            raise ValueError(f"{len(arguments)} arguments for {len(self._parameters)} parameters")
        n = len(arguments[0]) if arguments else 1
        for argument, parameter in zip(arguments, self._parameters, strict=True):
            parameter.shape.check(argument, n)
        if wanted not in self._plans:
            self._plans[wanted] = self._graph.plan([self._outputs[i].node for i in wanted])
        plan = self._plans[wanted]
        shapes = [self._outputs[i].shape for i in wanted]
        results = [np.empty((n, *shape.lengths), shape.dtype) for shape in shapes]
        for start in range(0, n, _CHUNK):
            rows = slice(start, start + _CHUNK)
            given: dict[int, Value] = {
                parameter.node: _placed(parameter, argument[rows])
                for argument, parameter in zip(arguments, self._parameters, strict=True)
            }
            for result, i, value in zip(results, wanted, plan.run(given), strict=True):
                assert isinstance(value, Memory)
                output = self._outputs[i]
                result[rows] = value.values(output.offset, output.shape.dtype, output.shape.lengths)
        return results

    def instructions(self, *outputs: int) -> int:
        """How many instructions of PTX these outputs depend on; those of a function at each call."""
        cone = self._graph.cone([self._outputs[output].node for output in outputs])
        numbers = {self._graph.nodes[i].instruction for i in cone}
        return len(numbers - {None})

    def unknown(self, output: int) -> list[UnknownOperation]:
        """As `Program.unknown`. One that only some threads come to may stop no `replay`."""
        cone = self._graph.cone([self._outputs[output].node])
        found = {str(error): error for i in cone if (error := self._graph.nodes[i].unknown)}
        return list(found.values())


# Shapes and places ------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class _Shape:
    dtype: np.dtype[np.generic]
    lengths: tuple[int, ...]

    @classmethod
    def parse(cls, text: str) -> _Shape:
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
class _Slice:
    """A part of one allocation, as the buffer assignment has it."""

    allocation: int
    offset: int
    size: int


@dataclasses.dataclass(frozen=True)
class _Place:
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
class _Port:
    """A parameter or an output: the node of the memory that it is in, and where there."""

    node: int
    offset: int
    size: int
    shape: _Shape


def _placed(port: _Port, rows: Array) -> Memory:
    memory = Memory.holding(rows)
    if port.offset == 0 and memory.data.shape[1] == port.size:
        return memory
    return Memory.empty(port.size).copied(memory, port.offset, 0, port.shape.size)


# The entry of the HLO ---------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class _Line:
    """An instruction of the HLO."""

    name: str
    shape: str
    operation: str
    operands: tuple[str, ...]
    text: str
    """What stands between the parentheses."""

    attributes: str

    @classmethod
    def parse(cls, line: str) -> _Line | None:
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
_INEXACT = frozenset(
    {
        "atan2", "cbrt", "cosine", "divide", "erf", "exponential", "exponential-minus-one", "log",
        "log-plus-one", "logistic", "power", "rsqrt", "sine", "sqrt", "tan", "tanh",
    }
)  # fmt: skip


def _shortened(hlo: str) -> str:
    """Without what is not read: most lines of the fusions, most attributes."""
    lines, entry = [], False
    for line in hlo.splitlines():
        entry = entry or line.startswith("ENTRY ")
        parsed = _Line.parse(line) if line.startswith("  ") else None
        if parsed is None:
            lines.append(line)
        elif entry or parsed.operation in _INEXACT:
            line = re.sub(r", (?:sharding|frontend_attributes|backend_config)=\{.*?\}(?=, \w+=|$)", "", line)
            lines.append(line)
    return "\n".join(lines) + "\n"


class _Entry:
    """The entry computation: what runs, in its order, and where everything lies."""

    def __init__(self, hlo: str, buffers: str) -> None:
        if "is_scheduled=true" not in hlo:
            raise ValueError("an HLO module without a schedule")
        if "{...}" in hlo:
            raise ValueError("constants that are not written out")
        self.frames = _Frames(hlo)
        head, body = re.split(r"^ENTRY .*\{$", hlo, flags=re.M)
        body = body.split("\n}")[0]
        self.lines = {
            line.name: line for text in body.splitlines() if (line := _Line.parse(text)) is not None
        }
        self.fusions = _computations(head)
        root = re.search(r"^\s*ROOT %?([\w.-]+)", body, re.M)
        if root is None:
            raise ValueError("an entry without a root")
        self.root = self.lines[root[1]]
        self._slices = _slices(buffers)
        self.parameter_nodes: list[_Port] = []
        self.outputs: list[_Port] = []

    def leaves(self, line: _Line) -> list[tuple[int | None, str]]:
        """Index (None if it is no tuple) and shape of each array of a value."""
        if not line.shape.startswith("("):
            return [(None, line.shape)]
        return list(enumerate(re.findall(r"\w+\[[\d,]*\](?:\{[^}]*\})?", line.shape)))

    def slice(self, name: str, index: int | None = None) -> _Slice:
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

    def all_slices(self) -> list[_Slice]:
        return [
            found
            for line in self.lines.values()
            for index, _ in self.leaves(line)
            if (found := self.slice(line.name, index))
        ]


def _computations(head: str) -> dict[str, list[_Line]]:
    """The lines of each computation but the entry that `_shortened` keeps."""
    found: dict[str, list[_Line]] = {}
    name = ""
    for text in head.splitlines():
        if match := re.match(r"%?([\w.-]+) \(.*\{$", text):
            name = match[1]
            found[name] = []
        elif text.startswith("  ") and (line := _Line.parse(text)) is not None:
            found[name].append(line)
    return found


def _slices(buffers: str) -> dict[str, _Slice]:
    """Where the buffer assignment puts each value."""
    slices: dict[str, _Slice] = {}
    allocation = -1
    value = re.compile(r" value: <\d+ ([\w.-]+(?:\{\d*\})?)(?: \(phi\))? @\d+> \(size=(\d+),offset=(\d+)\)")
    for line in buffers.splitlines():
        if match := re.match(r"allocation (\d+): ", line):
            allocation = int(match[1])
        elif match := value.match(line):
            slices[match[1].replace("{}", "")] = _Slice(allocation, int(match[3]), int(match[2]))
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

    def source(self, line: _Line) -> str | None:
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


# Running it -------------------------------------------------------------------------------


_FROM: dict[str, frozenset[str]] = {
    # From which operations of HLO an inexact instruction comes.
    "ex2": frozenset({"exponential", "exponential-minus-one", "power", "logistic", "tanh"}),
    "lg2": frozenset({"log", "log-plus-one", "power"}),
    "sin": frozenset({"sine"}),
    "cos": frozenset({"cosine"}),
    "tanh": frozenset({"tanh", "logistic"}),
    "rsqrt": frozenset({"rsqrt", "sqrt", "cbrt", "power"}),
    "sqrt": frozenset({"sqrt"}),
    "div": frozenset({"divide"}),
    "rcp": _INEXACT,
}


def _source_of(entry: _Entry, fusion: _Line) -> Callable[[str, str], str | None]:
    """For a kernel: the line that an opcode comes from, if only one line of its fusion can be meant."""

    def source(opcode: str, function: str) -> str | None:
        kinds = _FROM.get(opcode.split(".")[0], frozenset())
        if "pow" in function:  # libdevice's
            kinds = frozenset({"power"})
        elif "trig" in function:
            kinds = frozenset({"cosine", "sine", "tan"})
        lines = [
            line for line in entry.fusions.get(fusion.attribute("calls") or "", []) if line.operation in kinds
        ]
        others = [line for line in lines if line.operation != "divide"]
        # A reciprocal is a division or a part of a longer computation; if there are both, of the latter:
        # a division by itself is rounded correctly.
        found = {entry.frames.source(line) for line in others or lines}
        return found.pop() if len(found) == 1 else None

    return source


@dataclasses.dataclass(frozen=True)
class _Thunk:
    kind: str
    name: str
    launch: Launch | None


def _thunks(text: str) -> list[_Thunk]:
    """What the host runs one after the other; not what a loop or conditional runs in turn, further right."""
    found = []
    for line in text.splitlines():
        match = re.match(r"\d+: (k\w+)\s+\[[^\]]*\]\s*(\S*)", line)
        if not match:
            continue
        sizes = re.search(r"grid: \[(\d+), (\d+), (\d+)\] threads: \[(\d+), (\d+), (\d+)\]", line)
        x = [int(size) for size in sizes.groups()] if sizes else []
        launch = Launch((x[0], x[1], x[2]), (x[3], x[4], x[5])) if sizes else None
        found.append(_Thunk(match[1], match[2], launch))
    return found


def _trace(graph: Graph, entry: _Entry, ptx: str, thunk_text: str) -> None:
    """Appends the whole program; sets the entry's nodes of parameters and outputs."""
    modules = [read(text) for text in re.split(r"(?m)^(?=\.version )", ptx) if ".entry" in text]
    kernels = {name: module for module in modules for name in module.functions}
    places, sizes = _regions(graph, entry)
    tracer = Tracer(graph)
    parameters: dict[int, _Port] = {}
    thunks = iter(_thunks(thunk_text))

    def at(line: _Line, index: int | None = None) -> _Place:
        return places[entry.slice(line.name, index)]

    def fresh(region: int) -> None:
        empty = Memory.empty(sizes[region])
        tracer.memory[region] = graph.add(Node(lambda: empty, ()))

    for region in sizes:
        fresh(region)
    for line in entry.lines.values():
        if line.operation == "parameter":
            place, shape = at(line), _Shape.parse(line.shape)
            node = graph.add(Node(_missing, ()))
            tracer.memory[place.region] = node
            parameters[int(line.text)] = _Port(node, place.offset, sizes[place.region], shape)
        elif line.operation == "constant":
            place, memory = at(line), Memory.holding(_literal(line)[None])
            _replace(tracer, place, graph.add(Node(lambda memory=memory: memory, ())), 0)
        elif line.operation in ("get-tuple-element", "tuple", "bitcast"):
            continue
        elif line.operation == "copy":
            source, target = places[entry.slice(line.operands[0])], at(line)
            if source == target:
                continue
            if _shape_order(line.shape) != _shape_order(entry.lines[line.operands[0]].shape):
                raise ValueError(f"a copy that changes the order of axes: {line.name}")
            thunk = next(thunks, None)
            if thunk is None or thunk.kind != "kCopy":
                raise ValueError(f"the copy {line.name} is {thunk}")
            _replace(tracer, target, tracer.memory[source.region], source.offset)
        else:
            thunk = next(thunks, None)
            outputs = [at(line, index) for index, _ in entry.leaves(line)]
            inputs = [
                places[entry.slice(operand, index)]
                for operand in line.operands
                for index, _ in entry.leaves(entry.lines[operand])
            ]
            for place in outputs:
                if place.whole and not any(place.region == other.region for other in inputs):
                    fresh(place.region)
            before = dict(tracer.memory)
            tracer.source = _source_of(entry, line)
            try:
                _launch(tracer, line, thunk, kernels, inputs, outputs)
            except CannotTrace as error:
                tracer.memory = before
                _spoil(tracer, line, error, {place.region for place in outputs})
    if next(thunks, None) is not None:
        raise ValueError("thunks that no instruction of the HLO asks for")
    entry.parameter_nodes = [parameters[i] for i in range(len(parameters))]
    for index, text in entry.leaves(entry.root):
        place, shape = places[entry.slice(entry.root.name, index)], _Shape.parse(text)
        entry.outputs.append(_Port(tracer.memory[place.region], place.offset, place.size, shape))


def _missing() -> Value:
    raise AssertionError("a parameter that was not given")


def _shape_order(shape: str) -> str:
    return shape.partition("{")[2]


def _replace(tracer: Tracer, target: _Place, source: int, start: int) -> None:
    """Puts what lies in another memory into a place."""

    def copied(into: Memory, out_of: Memory) -> Memory:
        return into.copied(out_of, target.offset, start, target.size)

    arguments = (tracer.memory[target.region], source)
    tracer.memory[target.region] = tracer.graph.add(Node(copied, arguments, tracer.next_instruction()))


def _launch(
    tracer: Tracer,
    line: _Line,
    thunk: _Thunk | None,
    kernels: Mapping[str, Module],
    inputs: Sequence[_Place],
    outputs: Sequence[_Place],
) -> None:
    if line.operation != "fusion" or thunk is None or thunk.launch is None or thunk.name not in kernels:
        raise CannotTrace(line.operation)
    module = kernels[thunk.name]
    kernel = module.functions[thunk.name]
    arguments = [*inputs, *outputs]
    if len(arguments) != len(kernel.parameters):
        raise ValueError(f"{kernel.name} has {len(kernel.parameters)} parameters, not {len(arguments)}")
    tracer.trace(module, kernel, thunk.launch, [place.address for place in arguments])


def _spoil(tracer: Tracer, line: _Line, error: CannotTrace, regions: set[int]) -> None:
    """What a kernel writes that cannot be executed."""
    unknown = tracer.unknown(error.opcode, error.why, line.name)

    def fail(*_: Value) -> Value:
        raise unknown

    for region in regions:
        node = Node(fail, (tracer.memory[region],), tracer.next_instruction(), unknown)
        tracer.memory[region] = tracer.graph.add(node)


def _regions(graph: Graph, entry: _Entry) -> tuple[dict[_Slice, _Place], dict[int, int]]:
    """A place for each slice, and the size of each region: slices that overlap share one."""
    slices = sorted(set(entry.all_slices()), key=lambda s: (s.allocation, s.offset, -s.size))
    groups: list[tuple[int, int, list[_Slice]]] = []
    for each in slices:
        start, end, group = groups[-1] if groups else (0, 0, [])
        if group and group[0].allocation == each.allocation and each.offset < end:
            groups[-1] = (start, max(end, each.offset + each.size), [*group, each])
        else:
            groups.append((each.offset, each.offset + each.size, [each]))
    places, sizes = {}, {}
    for start, end, group in groups:
        region = graph.new_region()
        sizes[region] = -(-(end - start) // 8) * 8
        for each in group:
            whole = each.offset == start and each.size == end - start
            places[each] = _Place(region, each.offset - start, each.size, whole)
    return places, sizes


def _literal(line: _Line) -> Array:
    shape = _Shape.parse(line.shape)
    words = [word for word in re.split(r"[{},\s]+", line.text) if word]
    numbers = [{"true": "1", "false": "0"}.get(word, word) for word in words]
    if shape.dtype.kind == "f":
        values = np.array([float(number) for number in numbers]).astype(shape.dtype)
    else:
        values = np.array([int(number) for number in numbers], object).astype(shape.dtype)
    return values.reshape(shape.lengths)
