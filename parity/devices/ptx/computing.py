"""Instructions that compute or move bits between registers, traced."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np

from ..program import Array
from .graph import Node
from .operation import MAY_CONTRACT, TYPES, Operation
from .operations import find
from .registers import Registers
from .text import Instruction
from .tracing import CannotTrace, Held

# "In particular, mul/add sequences with no rounding modifiers may be optimized to use fused-multiply-add
# instructions on the target device", whereas an "instruction with an explicit rounding modifier is treated
# conservatively by the code optimizer" (PTX ISA: add, sub, mul). The sign of a product may be changed
# on the way.
_SUMS = frozenset({"add", "sub"})
_SIGNS = frozenset({"neg", "abs"})
_ROUNDINGS = frozenset({"rn", "rz", "rm", "rp"})
_KEEPS_ADDRESSES = frozenset({"add", "sub", "selp", "mad", "or"})


def compute(frame: Registers, instruction: Instruction) -> None:
    operation = find(instruction.opcode)
    targets = instruction.operands[0].split("|") if instruction.operands else []
    sources = list(instruction.operands[1:])
    if isinstance(operation, str):
        frame.unknown(instruction, [frame.register(s) for s in sources if s in frame.registers], operation)
        return
    carries = "cc" in instruction.opcode.split("."), instruction.name == "madc"
    if any(carries):
        sources.append("%carry")
        if not carries[1]:
            frame.registers["%carry"] = Held(frame.graph.constant(np.zeros((1, 1), np.uint64)), None)
    if len(sources) != len(operation.sources) or not 1 <= len(targets) <= 2:
        raise CannotTrace(instruction.opcode, f"{len(instruction.operands)} operands")
    arguments = [frame.typed(s, t) for s, t in zip(sources, operation.sources, strict=True)]
    if _may_contract(frame, instruction, arguments):
        frame.unknown(instruction, arguments, MAY_CONTRACT)
        return
    if operation.undefined is not None:
        arguments = _defined(frame, instruction, operation, arguments)
    regions: frozenset[int] = frozenset()
    if instruction.name in _KEEPS_ADDRESSES:
        regions = regions.union(*(frame.graph.nodes[i].regions for i in arguments))
    node = frame.graph.compute(
        operation.call, arguments, frame.number, regions, _may_be_contracted(frame, instruction, arguments)
    )
    if any(carries):
        shift = np.uint64(32)
        carry = frame.graph.compute(lambda x: x >> shift, (node,), frame.number)
        node = frame.graph.compute(lambda x: x.astype(np.uint32), (node,), frame.number)
        if carries[0]:
            frame.registers["%carry"] = Held(carry, None)
    frame.assign(targets[0].strip(), node)
    if len(targets) == 2:  # setp's second predicate: "the complement"
        if len(arguments) > 2:
            raise CannotTrace(instruction.opcode, "two predicates and a third operand")
        frame.assign(targets[1].strip(), frame.graph.compute(np.logical_not, (node,), frame.number))


def _may_be_contracted(frame: Registers, instruction: Instruction, arguments: Sequence[int]) -> bool:
    parts = set(instruction.opcode.split("."))
    if not parts & {"f32", "f64"}:
        return False
    if instruction.name == "mul":
        return not parts & _ROUNDINGS
    return instruction.name in _SIGNS and frame.graph.nodes[arguments[0]].contracts


def _may_contract(frame: Registers, instruction: Instruction, arguments: Sequence[int]) -> bool:
    parts = set(instruction.opcode.split("."))
    return (
        instruction.name in _SUMS
        and bool(parts & {"f32", "f64"})
        and not parts & _ROUNDINGS
        and any(frame.graph.nodes[i].contracts for i in arguments)
    )


def _defined(
    frame: Registers, instruction: Instruction, operation: Operation, arguments: list[int]
) -> list[int]:
    """The first argument, but an error where a thread asks for what the ISA leaves open."""
    error = frame.kernel.tracer.unknown(instruction.opcode, "the ISA leaves its result open", frame.body.name)

    def checked(mask: Array, *xs: Array) -> Array:
        assert operation.undefined is not None
        if (mask & operation.undefined(*xs)).any():
            raise error
        return xs[0]

    first = frame.graph.add(Node(checked, (frame.active(), *arguments), frame.number))
    return [first, *arguments[1:]]


def move(frame: Registers, instruction: Instruction) -> None:
    """mov and cvta: an address is the same in each space."""
    target, source = instruction.operands
    type_ = instruction.opcode.split(".")[-1]
    if type_ not in TYPES:
        raise CannotTrace(instruction.opcode)
    if target.startswith("{"):
        parts = [part.strip() for part in target.strip("{}").split(",")]
        whole, width = frame.typed(source, type_), 8 * TYPES[type_].itemsize // len(parts)
        for i, part in enumerate(parts):
            taken = frame.graph.compute(functools.partial(_part, i, width), (whole,), frame.number)
            frame.assign(part, taken)
        return
    if source.startswith("{"):
        parts = [part.strip() for part in source.strip("{}").split(",")]
        width = 8 * TYPES[type_].itemsize // len(parts)
        nodes = [frame.typed(part, f"b{width}") for part in parts]
        frame.assign(target, frame.graph.compute(functools.partial(_joined, width), nodes, frame.number))
        return
    node = frame.graph.nodes[frame.typed(source, type_)]
    frame.assign(target, frame.graph.add(dataclasses.replace(node, instruction=frame.number)))


def _part(i: int, width: int, x: Array) -> Array:
    part: Array = (x >> x.dtype.type(i * width)).astype(f"u{width // 8}")
    return part


def _joined(width: int, *parts: Array) -> Array:
    wide = np.dtype(f"u{width * len(parts) // 8}")
    total = parts[0].astype(wide)
    for i, part in enumerate(parts[1:], 1):
        total = total | (part.astype(wide) << wide.type(i * width))
    return total
