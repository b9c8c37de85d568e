"""The kernels and copies of a program, one after the other, traced into one graph."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence

from .entry import INEXACT, Entry, Line, Place, Port, Shape, Slice, literal_of, shape_order
from .graph import Graph, Node, Value
from .kernel import trace
from .memory import Memory
from .text import Module, read
from .tracing import CannotTrace, Launch, Tracer

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
    "rcp": INEXACT,
}


def _source_of(entry: Entry, fusion: Line) -> Callable[[str, str], str | None]:
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


def trace_program(graph: Graph, entry: Entry, ptx: str, thunk_text: str) -> None:
    """Appends the whole program; sets the entry's nodes of parameters and outputs."""
    modules = [read(text) for text in re.split(r"(?m)^(?=\.version )", ptx) if ".entry" in text]
    kernels = {name: module for module in modules for name in module.functions}
    places, sizes = _regions(graph, entry)
    tracer = Tracer(graph)
    parameters: dict[int, Port] = {}
    thunks = iter(_thunks(thunk_text))

    def at(line: Line, index: int | None = None) -> Place:
        return places[entry.slice(line.name, index)]

    def fresh(region: int) -> None:
        empty = Memory.empty(sizes[region])
        tracer.memory[region] = graph.add(Node(lambda: empty, ()))

    for region in sizes:
        fresh(region)
    for line in entry.lines.values():
        if line.operation == "parameter":
            place, shape = at(line), Shape.parse(line.shape)
            node = graph.add(Node(_missing, ()))
            tracer.memory[place.region] = node
            parameters[int(line.text)] = Port(node, place.offset, sizes[place.region], shape)
        elif line.operation == "constant":
            place, memory = at(line), Memory.holding(literal_of(line)[None])
            _replace(tracer, place, graph.add(Node(lambda memory=memory: memory, ())), 0)
        elif line.operation in ("get-tuple-element", "tuple", "bitcast"):
            continue
        elif line.operation == "copy":
            source, target = places[entry.slice(line.operands[0])], at(line)
            if source == target:
                continue
            if shape_order(line.shape) != shape_order(entry.lines[line.operands[0]].shape):
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
        place, shape = places[entry.slice(entry.root.name, index)], Shape.parse(text)
        entry.outputs.append(Port(tracer.memory[place.region], place.offset, place.size, shape))


def _missing() -> Value:
    raise AssertionError("a parameter that was not given")


def _replace(tracer: Tracer, target: Place, source: int, start: int) -> None:
    """Puts what lies in another memory into a place."""

    def copied(into: Memory, out_of: Memory) -> Memory:
        return into.copied(out_of, target.offset, start, target.size)

    arguments = (tracer.memory[target.region], source)
    tracer.memory[target.region] = tracer.graph.add(Node(copied, arguments, tracer.next_instruction()))


def _launch(
    tracer: Tracer,
    line: Line,
    thunk: _Thunk | None,
    kernels: Mapping[str, Module],
    inputs: Sequence[Place],
    outputs: Sequence[Place],
) -> None:
    if line.operation != "fusion" or thunk is None or thunk.launch is None or thunk.name not in kernels:
        raise CannotTrace(line.operation)
    module = kernels[thunk.name]
    kernel = module.functions[thunk.name]
    arguments = [*inputs, *outputs]
    if len(arguments) != len(kernel.parameters):
        raise ValueError(f"{kernel.name} has {len(kernel.parameters)} parameters, not {len(arguments)}")
    trace(tracer, module, kernel, thunk.launch, [place.address for place in arguments])


def _spoil(tracer: Tracer, line: Line, error: CannotTrace, regions: set[int]) -> None:
    """What a kernel writes that cannot be executed."""
    unknown = tracer.unknown(error.opcode, error.why, line.name)

    def fail(*_: Value) -> Value:
        raise unknown

    for region in regions:
        node = Node(fail, (tracer.memory[region],), tracer.next_instruction(), unknown)
        tracer.memory[region] = tracer.graph.add(node)


def _regions(graph: Graph, entry: Entry) -> tuple[dict[Slice, Place], dict[int, int]]:
    """A place for each slice, and the size of each region: slices that overlap share one."""
    slices = sorted(set(entry.all_slices()), key=lambda s: (s.allocation, s.offset, -s.size))
    groups: list[tuple[int, int, list[Slice]]] = []
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
            places[each] = Place(region, each.offset - start, each.size, whole)
    return places, sizes
