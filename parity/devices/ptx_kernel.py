"""Kernels of PTX, read and traced into a graph: branches become masks, calls and loops are written out.

A loop is written out if it runs so often as constants say. A thread's mask is where it has got to; what
it does not do leaves its registers and the memory as they were.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from .program import Array, UnknownOperation
from .ptx_graph import REGION_BITS, Graph, Memory, Node
from .ptx_operations import MAY_CONTRACT, NOT_KNOWN, TYPES, Operation, find

_LONGEST = 20_000
"""So many instructions a traced kernel may have before a loop is taken for an endless one."""

# What is known to compute only, so that an unknown one of them spoils nothing but its result.
_COMPUTES = frozenset(
    {
        "abs", "add", "addc", "bfe", "bfi", "bfind", "bmsk", "brev", "clz", "cnot", "copysign", "cos",
        "cvt", "div", "dp2a", "dp4a", "ex2", "fma", "fns", "lg2", "lop3", "mad", "mad24", "madc", "max",
        "min", "mul", "mul24", "neg", "not", "or", "and", "xor", "popc", "prmt", "rcp", "redux", "rem",
        "rsqrt", "sad", "selp", "set", "setp", "shf", "shfl", "shl", "shr", "sin", "slct", "sqrt", "sub",
        "subc", "szext", "tanh", "testp",
    }
)  # fmt: skip

# "In particular, mul/add sequences with no rounding modifiers may be optimized to use fused-multiply-add
# instructions on the target device", whereas an "instruction with an explicit rounding modifier is treated
# conservatively by the code optimizer" (PTX ISA: add, sub, mul). The sign of a product may be changed
# on the way.
_SUMS = frozenset({"add", "sub"})
_SIGNS = frozenset({"neg", "abs"})
_ROUNDINGS = frozenset({"rn", "rz", "rm", "rp"})

_KEEPS_ADDRESSES = frozenset({"add", "sub", "selp", "mad", "or"})


@dataclasses.dataclass(frozen=True)
class Instruction:
    """One statement that is executed."""

    text: str
    opcode: str
    operands: tuple[str, ...]
    guard: str | None = None
    """The register of ``@%p``."""

    unless: bool = False
    """Whether it is ``@!%p``."""

    @property
    def name(self) -> str:
        return self.opcode.split(".")[0]


@dataclasses.dataclass(frozen=True)
class Block:
    """Instructions of which all or none are reached. Only the last one may branch."""

    instructions: tuple[Instruction, ...]
    targets: tuple[int, ...]
    """Where the flow goes on: at a branch's target, behind it. Empty where the function ends."""


@dataclasses.dataclass(frozen=True)
class Function:
    """An ``.entry`` or ``.func``."""

    name: str
    parameters: tuple[str, ...]
    """Of an entry: each a pointer."""

    registers: Mapping[str, int]
    """The size in bits (1: a predicate) of each register, or of those that begin so."""

    arrays: Mapping[str, int]
    """Arrays in local memory, and their size in bytes."""

    blocks: tuple[Block, ...]


@dataclasses.dataclass(frozen=True)
class Module:
    """What one text of PTX has."""

    functions: Mapping[str, Function]
    tables: Mapping[str, bytes]
    """Global arrays that are filled when the program is loaded."""


# Reading ----------------------------------------------------------------------------------

_FUNCTION = re.compile(r"\.(?:entry|func)\s+(?:\(([^)]*)\)\s*)?([\w$]+)\s*\(([^)]*)\)([^{;]*)([{;])")
_TABLE = re.compile(r"^\.(?:visible \.)?global \.align \d+ \.b8 ([\w$]+)\[(\d+)\] = \{([^}]*)\};", re.M)
_REGISTERS = re.compile(r"\.reg\s+\.(pred|[bfsu]\d+)\s+(.*)$", re.S)
_ARRAY = re.compile(r"\.local\s+\.align\s+\d+\s+\.b8\s+([\w$]+)\[(\d+)\]$")
_STATEMENT = re.compile(r"(?:@(!?)(%?[\w$]+)\s+)?([\w.:]+)\s*(.*)$", re.S)
_LABEL = re.compile(r"([\w$]+):(?!:)\s*")


def read(text: str) -> Module:
    """A text of PTX.

    Raises:
      ValueError: it is none that the compiler writes.
    """
    text = re.sub(r"//[^\n]*", "", text)
    functions = {}
    for match in _FUNCTION.finditer(text):
        if match[5] == "{":
            functions[match[2]] = _function(match[2], match[3], text[match.end() : _end(text, match.end())])
    tables = {}
    for name, size, values in _TABLE.findall(text):
        given = bytes(int(value) for value in values.split(","))
        tables[name] = given + bytes(int(size) - len(given))
    return Module(functions, tables)


def _end(text: str, start: int) -> int:
    """Where the brace closes that was opened just before ``start``."""
    depth = 1
    for match in re.compile(r"[{}]").finditer(text, start):
        depth += 1 if match[0] == "{" else -1
        if depth == 0:
            return match.start()
    raise ValueError("a brace that is never closed")


def _function(name: str, parameters: str, body: str) -> Function:
    registers: dict[str, int] = {}
    arrays: dict[str, int] = {}
    instructions: list[Instruction] = []
    labels: dict[str, int] = {}
    for raw in body.split(";"):
        statement = raw
        while True:  # braces around statements only bound names, which are never used twice
            statement = statement.lstrip("{} \t\n")
            label = _LABEL.match(statement)
            if not label:
                break
            labels[label[1]] = len(instructions)
            statement = statement[label.end() :]
        statement = statement.strip()
        if not statement or statement.startswith((".pragma", ".param")):
            continue
        if match := _REGISTERS.match(statement):
            width = 1 if match[1] == "pred" else int(match[1][1:])
            for register in match[2].split(","):
                registers[register.strip().split("<")[0]] = width
        elif match := _ARRAY.match(statement):
            arrays[match[1]] = int(match[2])
        else:
            instructions.append(_instruction(statement))
    pointers = [part.strip() for part in parameters.split(",") if part.strip()]
    return Function(
        name,
        tuple(re.split(r"\s+", re.sub(r"\[\d+\]$", "", part))[-1] for part in pointers),
        registers,
        arrays,
        _blocks(instructions, labels),
    )


def _instruction(statement: str) -> Instruction:
    match = _STATEMENT.match(statement)
    if not match:
        raise ValueError(f"no instruction: {statement!r}")
    operands = tuple(part.strip() for part in re.split(r",(?![^{(\[]*[})\]])", match[4]) if part.strip())
    return Instruction(" ".join(statement.split()), match[3], operands, match[2], match[1] == "!")


def _blocks(instructions: Sequence[Instruction], labels: Mapping[str, int]) -> tuple[Block, ...]:
    ends = {i + 1 for i, each in enumerate(instructions) if each.name in ("bra", "ret", "exit")}
    starts = sorted({0, *labels.values(), *ends} - {len(instructions)})
    number = {start: i for i, start in enumerate(starts)}
    number[len(instructions)] = len(starts)  # an empty block at the end, where a label may stand
    blocks = []
    for start, end in zip(starts, [*starts[1:], len(instructions)], strict=True):
        last, targets = instructions[end - 1], []
        if last.name == "bra":
            if last.operands[0] not in labels:
                raise ValueError(f"no such label: {last.text!r}")
            targets.append(number[labels[last.operands[0]]])
        if last.guard is not None or last.name not in ("bra", "ret", "exit"):
            targets.append(number[end])
        blocks.append(Block(tuple(instructions[start:end]), tuple(targets)))
    return (*blocks, Block((), ()))


# The shape of the flow --------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Flow:
    """The blocks of a function in an order in which only loops go back."""

    order: tuple[int, ...]
    joins: Mapping[int, int]
    """For a block: the one whose mask it has, as each way from that one leads to it and to it only so."""


@functools.cache
def _flow(targets: tuple[tuple[int, ...], ...]) -> Flow:
    order: list[int] = []
    seen: set[int] = set()

    def visit(block: int) -> None:
        seen.add(block)
        for target in reversed(targets[block]):
            if target not in seen:
                visit(target)
        order.append(block)

    visit(0)
    order.reverse()
    place = {block: i for i, block in enumerate(order)}
    behind = {block: _reached(targets[block], targets) for block in order}
    loops = {block: {other for other in behind[block] if block in behind[other]} for block in order}
    joins = {}
    for block in order[1:]:
        dominators = [d for d in order if d != block and block not in _reached([0], targets, without=d)]
        nearest = max(dominators, key=place.__getitem__)
        around = _reached([nearest], targets, without=block)
        # In another loop the two are not reached equally often.
        if all(targets[other] for other in around) and loops[block] == loops[nearest]:
            joins[block] = nearest
    return Flow(tuple(order), joins)


def _reached(starts: Sequence[int], targets: Sequence[Sequence[int]], without: int | None = None) -> set[int]:
    """These blocks and all that some way leads to from there that does not touch one of them."""
    found = {start for start in starts if start != without}
    todo = list(found)
    while todo:
        for target in targets[todo.pop()]:
            if target not in found and target != without:
                found.add(target)
                todo.append(target)
    return found


# Tracing ----------------------------------------------------------------------------------


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
class _Held:
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

    def trace(self, module: Module, kernel: Function, launch: Launch, pointers: Sequence[int]) -> None:
        """Appends what a kernel does, and sets `memory` to what it leaves there.

        Args:
          pointers: the address that each parameter is.

        Raises:
          CannotTrace: the kernel cannot be executed.
        """
        run = _Run(self, module, launch)
        for name, address in zip(kernel.parameters, pointers, strict=True):
            node = self.graph.constant(
                np.full((1, 1), address, np.uint64), self.next_instruction(), {address >> REGION_BITS}
            )
            run.parameters[name] = _Held(node, None)
        run.function(kernel, None)

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


class _Run:
    """One kernel while it is traced."""

    def __init__(self, tracer: Tracer, module: Module, launch: Launch) -> None:
        self.tracer, self.graph = tracer, tracer.graph
        self.module, self.launch = module, launch
        self.parameters: dict[str, _Held] = {}
        self.lost: dict[str, UnknownOperation] = {}
        """The results of calls that cannot be executed, and why."""
        self.symbols: dict[str, int] = {}
        self.count = 0
        self.stored: set[int] = set()

    def function(self, function: Function, mask: int | None) -> None:
        """Executes a function to its end, where all threads of the mask come together again."""
        _Frame(self, function).run(mask)

    def symbol(self, name: str) -> int | None:
        """The node of the address of a global array."""
        if name not in self.symbols and name in self.module.tables:
            region = self.tracer.table(self.module.tables[name])
            self.symbols[name] = self.graph.constant(
                np.full((1, 1), region << REGION_BITS, np.uint64), None, {region}
            )
        return self.symbols.get(name)


class _Frame:
    """One call of a function while it is traced."""

    def __init__(self, run: _Run, function: Function) -> None:
        self.kernel, self.body, self.graph = run, function, run.graph
        self.registers: dict[str, _Held] = {}
        self.arrays = {name: self._local(size) for name, size in function.arrays.items()}
        self.mask: int | None = None
        self.number = 0

    def _local(self, size: int) -> int:
        """A local array: a region with one of each thread behind the other."""
        size = -(-size // 8) * 8
        region, threads = self.graph.new_region(), self.kernel.launch.threads
        empty = Memory.empty(size * threads)
        self.kernel.tracer.memory[region] = self.graph.add(Node(lambda: empty, ()))
        addresses = (region << REGION_BITS) + size * np.arange(threads, dtype=np.uint64)[None]
        return self.graph.constant(addresses.astype(np.uint64), None, {region})

    # The flow

    def run(self, mask: int | None) -> None:
        flow = _flow(tuple(block.targets for block in self.body.blocks))
        place = {block: i for i, block in enumerate(flow.order)}
        waiting: dict[int, list[int | None]] = {0: [mask]}
        masks: dict[int, int | None] = {}
        at = 0
        while at < len(flow.order):
            number = flow.order[at]
            at += 1
            if number not in waiting:
                continue
            arriving = waiting.pop(number)
            if len(arriving) > 1 and flow.joins.get(number) in masks:
                here = masks[flow.joins[number]]
            else:
                here = functools.reduce(self._either, arriving)
            masks[number] = here
            for target, leaving in self._block(self.body.blocks[number], here):
                if place[target] < at:
                    if leaving != here:
                        raise CannotTrace("bra", "a loop that runs so often as its data say")
                    at = place[target]
                    waiting[target] = [leaving]
                    break
                waiting.setdefault(target, []).append(leaving)

    def _either(self, x: int | None, y: int | None) -> int | None:
        if x is None or y is None:
            return None
        return x if x == y else self.graph.compute(np.logical_or, (x, y), None)

    def _both(self, x: int | None, y: int, negated: bool, instruction: int) -> int:
        if negated:
            y = self.graph.compute(np.logical_not, (y,), instruction)
        return y if x is None else self.graph.compute(np.logical_and, (x, y), instruction)

    def _block(self, block: Block, mask: int | None) -> list[tuple[int, int | None]]:
        """Executes it; the blocks that follow, and with which masks."""
        self.mask = mask
        for instruction in block.instructions:
            self.kernel.count += 1
            if self.kernel.count > _LONGEST:
                raise CannotTrace("bra", "a loop too long to be written out")
            if instruction.name not in ("bra", "ret", "exit"):
                try:
                    self._execute(instruction)
                except CannotTrace as error:
                    if error.opcode not in instruction.operands:
                        raise
                    raise CannotTrace(instruction.opcode, f"{error.why}: {error.opcode}") from error
        last = block.instructions[-1] if block.instructions else None
        if last is not None and last.guard is not None and last.name in ("ret", "exit"):
            raise CannotTrace(last.opcode, "a return of some threads")
        if last is None or last.guard is None or last.name != "bra":
            return [(target, mask) for target in block.targets]
        guard, number = self._register(last.guard), self.kernel.tracer.next_instruction()
        constant = self.graph.nodes[guard].constant
        if constant is not None and constant.size == 1:
            taken = bool(constant[0, 0]) != last.unless
            return [(block.targets[0 if taken else 1], mask)]
        return [
            (block.targets[0], self._both(mask, guard, last.unless, number)),
            (block.targets[1], self._both(mask, guard, not last.unless, number)),
        ]

    # Registers

    def _width(self, register: str) -> int:
        registers = self.body.registers
        found = registers.get(register, registers.get(register.rstrip("0123456789")))
        if found is None:
            raise CannotTrace(register, "no such register")
        return found

    def _register(self, name: str) -> int:
        if name not in self.registers:
            raise CannotTrace(name, "a register that nothing has been put into")
        return self.registers[name].node

    def _operand(self, text: str, type_: str) -> int:
        """The node of an operand, as bits of the type's width."""
        dtype = TYPES[type_]
        special = self.kernel.launch.special(text)
        if special is not None:
            return self.graph.constant(special.astype(f"u{dtype.itemsize}"))
        if text.startswith("%") or text in self.body.registers:  # inline assembly names its own
            return self._register(text)
        if text in self.arrays:
            return self.arrays[text]
        symbol = self.kernel.symbol(text)
        if symbol is not None:
            return symbol
        return self.graph.constant(_immediate(text, dtype))

    def _typed(self, text: str, type_: str) -> int:
        """The node of an operand as an array of the type, from the lower bits if there are more."""
        node, dtype = self._operand(text, type_), TYPES[type_]

        def view(x: Array) -> Array:
            if type_ == "pred":
                return x
            if x.dtype.itemsize > dtype.itemsize:
                x = x.astype(f"u{dtype.itemsize}")
            return x.view(dtype)

        found = self.graph.nodes[node]
        return self.graph.add(
            dataclasses.replace(
                found,
                call=view,
                arguments=(node,),
                instruction=None,
                unknown=None,
                constant=None if found.constant is None else view(found.constant),
            )
        )

    def _assign(self, register: str, node: int) -> None:
        """Puts a node of any type into a register, widened as the node's type is."""
        if register == "_":
            return
        width = self._width(register) if register.startswith("%") or register in self.body.registers else None
        value = self._fit(node, width) if width else node
        held = self.registers.get(register)
        if self.mask is None or held is None or held.mask == self.mask:
            self.registers[register] = _Held(value, self.mask)
            return
        old, new = self.graph.nodes[held.node], self.graph.nodes[value]
        chosen = self.graph.compute(
            _chosen,
            (self.mask, value, held.node),
            None,
            old.regions | new.regions,
            old.contracts or new.contracts,
        )
        self.registers[register] = _Held(chosen, None)

    def _fit(self, node: int, width: int) -> int:
        def widen(x: Array) -> Array:
            if width == 1:
                return x
            if 8 * x.dtype.itemsize < width:
                x = x.astype(f"{x.dtype.kind if x.dtype.kind == 'i' else 'u'}{width // 8}")
            return np.ascontiguousarray(x).view(f"u{width // 8}")

        found = self.graph.nodes[node]
        if found.constant is not None:
            return self.graph.add(dataclasses.replace(found, constant=widen(found.constant)))
        return self.graph.add(Node(widen, (node,), None, None, None, found.regions, found.contracts))

    # Instructions

    def _execute(self, instruction: Instruction) -> None:
        mask = self.mask
        if instruction.guard is not None:
            guard = self._register(instruction.guard)
            number = self.kernel.tracer.next_instruction()
            self.mask = self._both(mask, guard, instruction.unless, number)
        self.number = self.kernel.tracer.next_instruction()
        special = {
            "ld": self._load,
            "st": self._store,
            "mov": self._move,
            "cvta": self._move,
            "call": self._call,
            "redux": self._redux,
            "shfl": self._shuffle,
        }.get(instruction.name)
        if special is not None:
            special(instruction)
        elif not instruction.opcode.startswith("griddepcontrol"):
            # griddepcontrol only says that kernels wait for each other.
            self._compute(instruction)
        self.mask = mask

    def _unknown(self, instruction: Instruction, arguments: Sequence[int], why: str) -> None:
        """Puts what cannot be had into the first operand's registers."""
        if instruction.name not in _COMPUTES or not instruction.operands:
            raise CannotTrace(instruction.opcode, why)
        error = self.kernel.tracer.unknown(instruction.opcode, why, self.body.name)
        for register in re.findall(r"[%\w.$]+", instruction.operands[0]):
            self._assign(register, self._without_value(error, arguments, self._width(register)))

    def _without_value(self, error: UnknownOperation, arguments: Sequence[int], width: int) -> int:
        dtype = np.dtype(np.bool_ if width == 1 else f"u{width // 8}")

        def call(mask: Array, *_: Array) -> Array:
            if mask.any():
                raise error
            return np.zeros((1, 1), dtype)

        everywhere = self._active()
        return self.graph.add(Node(call, (everywhere, *arguments), self.number, error))

    def _active(self) -> int:
        return self.graph.constant(np.ones((1, 1), np.bool_)) if self.mask is None else self.mask

    def _compute(self, instruction: Instruction) -> None:
        operation = find(instruction.opcode)
        targets = instruction.operands[0].split("|") if instruction.operands else []
        sources = list(instruction.operands[1:])
        if isinstance(operation, str):
            self._unknown(instruction, [self._register(s) for s in sources if s in self.registers], operation)
            return
        carries = "cc" in instruction.opcode.split("."), instruction.name == "madc"
        if any(carries):
            sources.append("%carry")
            if not carries[1]:
                self.registers["%carry"] = _Held(self.graph.constant(np.zeros((1, 1), np.uint64)), None)
        if len(sources) != len(operation.sources) or not 1 <= len(targets) <= 2:
            raise CannotTrace(instruction.opcode, f"{len(instruction.operands)} operands")
        arguments = [self._typed(s, t) for s, t in zip(sources, operation.sources, strict=True)]
        if self._may_contract(instruction, arguments):
            self._unknown(instruction, arguments, MAY_CONTRACT)
            return
        if operation.undefined is not None:
            arguments = self._defined(instruction, operation, arguments)
        regions: frozenset[int] = frozenset()
        if instruction.name in _KEEPS_ADDRESSES:
            regions = regions.union(*(self.graph.nodes[i].regions for i in arguments))
        node = self.graph.compute(
            operation.call, arguments, self.number, regions, self._may_be_contracted(instruction, arguments)
        )
        if any(carries):
            shift = np.uint64(32)
            carry = self.graph.compute(lambda x: x >> shift, (node,), self.number)
            node = self.graph.compute(lambda x: x.astype(np.uint32), (node,), self.number)
            if carries[0]:
                self.registers["%carry"] = _Held(carry, None)
        self._assign(targets[0].strip(), node)
        if len(targets) == 2:  # setp's second predicate: "the complement"
            if len(arguments) > 2:
                raise CannotTrace(instruction.opcode, "two predicates and a third operand")
            self._assign(targets[1].strip(), self.graph.compute(np.logical_not, (node,), self.number))

    def _may_be_contracted(self, instruction: Instruction, arguments: Sequence[int]) -> bool:
        parts = set(instruction.opcode.split("."))
        if not parts & {"f32", "f64"}:
            return False
        if instruction.name == "mul":
            return not parts & _ROUNDINGS
        return instruction.name in _SIGNS and self.graph.nodes[arguments[0]].contracts

    def _may_contract(self, instruction: Instruction, arguments: Sequence[int]) -> bool:
        parts = set(instruction.opcode.split("."))
        return (
            instruction.name in _SUMS
            and bool(parts & {"f32", "f64"})
            and not parts & _ROUNDINGS
            and any(self.graph.nodes[i].contracts for i in arguments)
        )

    def _defined(self, instruction: Instruction, operation: Operation, arguments: list[int]) -> list[int]:
        """The first argument, but an error where a thread asks for what the ISA leaves open."""
        error = self.kernel.tracer.unknown(
            instruction.opcode, "the ISA leaves its result open", self.body.name
        )

        def checked(mask: Array, *xs: Array) -> Array:
            assert operation.undefined is not None
            if (mask & operation.undefined(*xs)).any():
                raise error
            return xs[0]

        first = self.graph.add(Node(checked, (self._active(), *arguments), self.number))
        return [first, *arguments[1:]]

    def _move(self, instruction: Instruction) -> None:
        """mov and cvta: an address is the same in each space."""
        target, source = instruction.operands
        type_ = instruction.opcode.split(".")[-1]
        if type_ not in TYPES:
            raise CannotTrace(instruction.opcode)
        if target.startswith("{"):
            parts = [part.strip() for part in target.strip("{}").split(",")]
            whole, width = self._typed(source, type_), 8 * TYPES[type_].itemsize // len(parts)
            for i, part in enumerate(parts):
                taken = self.graph.compute(functools.partial(_part, i, width), (whole,), self.number)
                self._assign(part, taken)
            return
        if source.startswith("{"):
            parts = [part.strip() for part in source.strip("{}").split(",")]
            width = 8 * TYPES[type_].itemsize // len(parts)
            nodes = [self._typed(part, f"b{width}") for part in parts]
            self._assign(target, self.graph.compute(functools.partial(_joined, width), nodes, self.number))
            return
        node = self.graph.nodes[self._typed(source, type_)]
        self._assign(target, self.graph.add(dataclasses.replace(node, instruction=self.number)))

    def _address(self, text: str) -> tuple[int, frozenset[int]]:
        """The node of an address, and in which regions it may be."""
        match = re.fullmatch(r"\[\s*([%\w$.]+)\s*(?:\+\s*(-?\d+))?\s*\]", text)
        if not match:
            raise CannotTrace(text, "no address")
        node = self._operand(match[1], "u64")
        regions = self.graph.nodes[node].regions
        if not regions:
            raise CannotTrace(text, "an address that comes from no pointer")
        if match[2]:
            offset = np.uint64(int(match[2]) % 2**64)
            node = self.graph.compute(lambda x: x + offset, (node,), None, regions)
        return node, regions

    def _access(self, instruction: Instruction, space: set[str]) -> tuple[str, list[str]]:
        """The type, and the registers of an access to memory."""
        _, *parts = instruction.opcode.split(".")
        allowed = {"global", "const", "local", "param", "nc", "relaxed", "weak", "v2", "v4"}
        if not set(parts[:-1]) <= allowed or not set(parts) & space or parts[-1] not in TYPES:
            raise CannotTrace(instruction.opcode)
        i = 0 if instruction.name == "ld" else 1
        return parts[-1], [part.strip() for part in instruction.operands[i].strip("{}").split(",")]

    def _load(self, instruction: Instruction) -> None:
        type_, registers = self._access(instruction, {"global", "const", "local", "param"})
        if ".param" in instruction.opcode:
            name = instruction.operands[1].strip("[]")
            lost = self.kernel.lost.get(name.partition("+")[0])
            if lost is not None:
                self._assign(registers[0], self._without_value(lost, (), 8 * TYPES[type_].itemsize))
                return
            held = self.kernel.parameters.get(name)
            if held is None:
                raise CannotTrace(instruction.opcode, f"no parameter {name}")
            found = dataclasses.replace(self.graph.nodes[held.node], instruction=self.number)
            if found.constant is None:
                found = Node(_same, (held.node,), self.number, None, None, found.regions, found.contracts)
            self._assign(registers[0], self.graph.add(found))
            return
        address, regions = self._address(instruction.operands[1])
        if (
            regions & self.kernel.stored
            and self.kernel.launch.threads > 1
            and ".local" not in instruction.opcode
        ):
            raise CannotTrace(instruction.opcode, "a load of what other threads may have stored")
        size, order = TYPES[type_].itemsize, sorted(regions)
        memories = [self._memory(region) for region in order]
        for i, register in enumerate(registers):

            def call(address: Array, mask: Array, *memories: Memory, i: int = i) -> Array:
                return _loaded(address + np.uint64(i * size), mask, memories, order, size, type_)

            node = self.graph.add(Node(call, (address, self._active(), *memories), self.number))
            self._assign(register, node)

    def _memory(self, region: int) -> int:
        if region not in self.kernel.tracer.memory:
            raise CannotTrace("ld", "a region that nothing is in")
        return self.kernel.tracer.memory[region]

    def _store(self, instruction: Instruction) -> None:
        type_, values = self._access(instruction, {"global", "local", "param"})
        if ".param" in instruction.opcode:
            name = instruction.operands[0].strip("[]")
            stored, held = self._typed(values[0], type_.replace("f", "u")), self.kernel.parameters.get(name)
            if self.mask is not None and held is not None and held.mask != self.mask:
                stored = self.graph.compute(_chosen, (self.mask, stored, held.node), None)
            self.kernel.parameters[name] = _Held(stored, self.mask)
            return
        address, regions = self._address(instruction.operands[0])
        if len(regions) != 1:
            raise CannotTrace(instruction.opcode, "a store to one of several regions")
        (region,) = regions
        if ".global" in instruction.opcode:
            self.kernel.stored.add(region)
        base = np.uint64(region << REGION_BITS)
        size = TYPES[type_].itemsize
        for i, value in enumerate(values):

            def call(memory: Memory, address: Array, mask: Array, value: Array, i: int = i) -> Memory:
                place = (address + np.uint64(i * size) - base).view(np.int64)
                return memory.store(place, np.ascontiguousarray(value).view(f"u{size}"), mask)

            arguments = (self._memory(region), address, self._active(), self._typed(value, type_))
            self.kernel.tracer.memory[region] = self.graph.add(Node(call, arguments, self.number))

    def _call(self, instruction: Instruction) -> None:
        """A call of a function of the same text; its arguments and its result go by their names."""
        *results, name, arguments = instruction.operands
        function = self.kernel.module.functions.get(name)
        if function is None or len(results) > 1:
            raise CannotTrace(instruction.opcode, f"no function {name}")
        given = [part.strip() for part in arguments.strip("()").split(",") if part.strip()]
        for parameter, argument in zip(function.parameters, given, strict=True):
            self.kernel.parameters[parameter] = self.kernel.parameters.pop(argument)
        parameters = self.kernel.parameters
        addresses = any(self.graph.nodes[parameters[name].node].regions for name in function.parameters)
        names = [part.strip() for part in "".join(results).strip("()").split(",") if part]
        memory = dict(self.kernel.tracer.memory)
        try:
            self.kernel.function(function, self.mask)
        except CannotTrace as error:
            if addresses:  # it may have stored something there
                raise
            # Only the threads that call it are without what it returns, and often these are none.
            self.kernel.tracer.memory = memory
            for part in [each for each in parameters if each.startswith("func_retval")]:
                del parameters[part]
            lost = self.kernel.tracer.unknown(error.opcode, error.why, name)
            self.kernel.lost.update(dict.fromkeys(names, lost))
            return
        for i, result in enumerate(names):
            self.kernel.lost.pop(result, None)
            for part in [each for each in parameters if each.partition("+")[0] == f"func_retval{i}"]:
                parameters[part.replace(f"func_retval{i}", result)] = parameters.pop(part)

    def _all_take_part(self, members: Array | None) -> bool:
        """Whether all 32 threads do the same, by the mask that an instruction gives and by the branches."""
        return members is not None and bool(members == 2**32 - 1) and self.mask is None

    def _redux(self, instruction: Instruction) -> None:
        """redux.sync.add: the sum of what 32 threads have, to each of them; whole numbers, which wrap."""
        target, value, mask = instruction.operands
        if instruction.opcode not in ("redux.sync.add.s32", "redux.sync.add.u32"):
            raise CannotTrace(instruction.opcode)
        if not self._all_take_part(self.graph.nodes[self._operand(mask, "u32")].constant):
            raise CannotTrace(instruction.opcode, "a reduction that not all threads take part in")
        if int(np.prod(self.kernel.launch.block)) % 32:
            raise CannotTrace(instruction.opcode, "a reduction with threads that are not there")
        threads = self.kernel.launch.threads
        node = self.graph.compute(
            lambda x: np.repeat(
                np.broadcast_to(x, (len(x), threads)).reshape(len(x), -1, 32).sum(-1, dtype=x.dtype),
                32,
                axis=1,
            ),
            (self._typed(value, "u32"),),
            self.number,
        )
        self._assign(target, node)

    def _shuffle(self, instruction: Instruction) -> None:
        """shfl.sync: a value of another thread of the same 32."""
        parts = instruction.opcode.split(".")
        block = int(np.prod(self.kernel.launch.block))
        if parts[1:2] != ["sync"] or parts[2] not in ("down", "up", "bfly", "idx") or parts[3:] != ["b32"]:
            raise CannotTrace(instruction.opcode)
        target, value, *how = instruction.operands
        number, clamp, members = (self.graph.nodes[self._operand(text, "u32")].constant for text in how)
        if number is None or clamp is None or not self._all_take_part(members):
            raise CannotTrace(instruction.opcode, "a shuffle that not all threads take part in")
        if block % 32 or "|" in target:
            raise CannotTrace(instruction.opcode, "a shuffle with threads that are not there")
        source = _shuffled(parts[2], int(number[0, 0]), int(clamp[0, 0]), self.kernel.launch.threads)
        threads = len(source)
        node = self.graph.compute(
            lambda x: np.broadcast_to(x, (len(x), threads))[:, source],
            (self._typed(value, "b32"),),
            self.number,
        )
        self._assign(target, node)


def _chosen(mask: Array, x: Array, y: Array) -> Array:
    return np.where(mask, x, y)


def _same(x: Array) -> Array:
    return x


def _part(i: int, width: int, x: Array) -> Array:
    part: Array = (x >> x.dtype.type(i * width)).astype(f"u{width // 8}")
    return part


def _joined(width: int, *parts: Array) -> Array:
    wide = np.dtype(f"u{width * len(parts) // 8}")
    total = parts[0].astype(wide)
    for i, part in enumerate(parts[1:], 1):
        total = total | (part.astype(wide) << wide.type(i * width))
    return total


def _immediate(text: str, dtype: np.dtype[np.generic]) -> Array:
    """A constant's bits, as an array of shape (1, 1)."""
    width = 8 * dtype.itemsize
    unsigned = np.dtype(f"u{dtype.itemsize}")
    if match := re.fullmatch(r"0([dDfF])([0-9a-fA-F]+)", text):
        if width != (64 if match[1] in "dD" else 32):
            raise CannotTrace(text, "a constant of another size")
        return np.full((1, 1), int(match[2], 16), unsigned)
    if not re.fullmatch(r"-?(0[xX][0-9a-fA-F]+|0|[1-9]\d*)", text):
        raise CannotTrace(text, "no operand")
    if dtype.kind == "b":
        return np.full((1, 1), bool(int(text, 0)))
    return np.full((1, 1), int(text, 0) % 2**width, unsigned)


def _loaded(
    address: Array, mask: Array, memories: Sequence[Memory], regions: Sequence[int], size: int, type_: str
) -> Array:
    total: Array | None = None
    for memory, region in zip(memories, regions, strict=True):
        base = np.uint64(region << REGION_BITS)
        place = (address - base).view(np.int64)
        if len(regions) == 1:
            found = memory.load(place, size, mask)
        else:
            here = address >> np.uint64(REGION_BITS) == region
            found = memory.load(place, size, mask & here)
            found = found if total is None else np.where(here, found, total)
        total = found
    assert total is not None
    return np.ascontiguousarray(total).view(TYPES[type_])


def _shuffled(mode: str, number: int, clamp: int, threads: int) -> Array:
    """From which thread each gets its value (PTX ISA, shfl.sync)."""
    lane = np.arange(threads) % 32
    segment, limit = (clamp >> 8) & 31, clamp & 31
    last = (lane & segment) | (limit & ~segment)
    first = lane & segment
    number &= 31
    wanted = {
        "up": lane - number,
        "down": lane + number,
        "bfly": lane ^ number,
        "idx": first | (number & ~segment),
    }[mode]
    inside = wanted >= last if mode == "up" else wanted <= last
    return np.arange(threads) - lane + np.where(inside, wanted, lane)
