"""What is known while kernels are traced into one graph: their launches, parameters and memory."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from ..program import NOT_KNOWN, Array, UnknownOperation
from .graph import Graph, Node
from .memory import REGION_BITS, Memory
from .text import Module


@dataclasses.dataclass(frozen=True)
class Launch:
    """How many threads a kernel has."""

    grid: tuple[int, int, int]
    block: tuple[int, int, int]

    @property
    def threads(self) -> int:
        return int(np.prod(self.grid + self.block))

    def special(self, register: str) -> Array | None:
        """``%tid.x`` and the like of each thread."""
        name, _, axis = register.removeprefix("%").partition(".")
        if axis not in ("x", "y", "z"):
            return None
        lengths = {"tid": self.block, "ctaid": self.grid, "ntid": self.block, "nctaid": self.grid}.get(name)
        if lengths is None:
            return None
        i = "xyz".index(axis)
        if name in ("ntid", "nctaid"):
            return np.full((1, 1), lengths[i], np.uint32)
        number, block = np.arange(self.threads, dtype=np.int64)[None], int(np.prod(self.block))
        within = number % block if name == "tid" else number // block
        return (within // int(np.prod(lengths[:i])) % lengths[i]).astype(np.uint32)


class CannotTrace(Exception):
    """A whole kernel is beyond the reader."""

    def __init__(self, opcode: str, why: str = NOT_KNOWN) -> None:
        super().__init__(opcode)
        self.opcode = opcode
        self.why = why


@dataclasses.dataclass(frozen=True)
class Held:
    """What a register holds."""

    node: int
    mask: int | None
    """Where it does; anywhere else nobody has put anything there."""


class Tracer:
    """Traces kernels into one graph, in which they share the memory."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.memory: dict[int, int] = {}
        """The node of what now lies in each region."""

        self.source: Callable[[str, str], str | None] = lambda opcode, function: None
        """Of an opcode, and the function that it stands in: the line that it comes from."""

        self._instructions = 0

    def next_instruction(self) -> int:
        self._instructions += 1
        return self._instructions

    def table(self, data: bytes) -> int:
        """The number of a new region with this in it."""
        region = self.graph.new_region()
        memory = Memory.holding(np.frombuffer(data, np.uint8)[None])
        self.memory[region] = self.graph.add(Node(lambda: memory, ()))
        return region

    def unknown(self, opcode: str, why: str, function: str) -> UnknownOperation:
        return UnknownOperation(opcode, why, self.source(opcode, function))


class Run:
    """One kernel while it is traced."""

    def __init__(self, tracer: Tracer, module: Module, launch: Launch) -> None:
        self.tracer, self.graph = tracer, tracer.graph
        self.module, self.launch = module, launch
        self.parameters: dict[str, Held] = {}
        self.lost: dict[str, UnknownOperation] = {}
        """The results of calls that cannot be executed, and why."""
        self.symbols: dict[str, int] = {}
        self.count = 0
        self.stored: set[int] = set()

    def symbol(self, name: str) -> int | None:
        """The node of the address of a global array."""
        if name not in self.symbols and name in self.module.tables:
            region = self.tracer.table(self.module.tables[name])
            self.symbols[name] = self.graph.constant(
                np.full((1, 1), region << REGION_BITS, np.uint64), None, {region}
            )
        return self.symbols.get(name)
