"""Instructions that load and store, traced."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence

import numpy as np

from ..program import Array
from .graph import Node
from .memory import REGION_BITS, Memory
from .operation import TYPES
from .registers import Registers, choose
from .text import Instruction
from .tracing import CannotTrace, Held


def _address(frame: Registers, text: str) -> tuple[int, frozenset[int]]:
    """The node of an address, and in which regions it may be."""
    match = re.fullmatch(r"\[\s*([%\w$.]+)\s*(?:\+\s*(-?\d+))?\s*\]", text)
    if not match:
        raise CannotTrace(text, "no address")
    node = frame.operand(match[1], "u64")
    regions = frame.graph.nodes[node].regions
    if not regions:
        raise CannotTrace(text, "an address that comes from no pointer")
    if match[2]:
        offset = np.uint64(int(match[2]) % 2**64)
        node = frame.graph.compute(lambda x: x + offset, (node,), None, regions)
    return node, regions


def _access(frame: Registers, instruction: Instruction, space: set[str]) -> tuple[str, list[str]]:
    """The type, and the registers of an access to memory."""
    _, *parts = instruction.opcode.split(".")
    allowed = {"global", "const", "local", "param", "nc", "relaxed", "weak", "v2", "v4"}
    if not set(parts[:-1]) <= allowed or not set(parts) & space or parts[-1] not in TYPES:
        raise CannotTrace(instruction.opcode)
    i = 0 if instruction.name == "ld" else 1
    return parts[-1], [part.strip() for part in instruction.operands[i].strip("{}").split(",")]


def load(frame: Registers, instruction: Instruction) -> None:
    type_, registers = _access(frame, instruction, {"global", "const", "local", "param"})
    if ".param" in instruction.opcode:
        name = instruction.operands[1].strip("[]")
        lost = frame.kernel.lost.get(name.partition("+")[0])
        if lost is not None:
            frame.assign(registers[0], frame.without_value(lost, (), 8 * TYPES[type_].itemsize))
            return
        held = frame.kernel.parameters.get(name)
        if held is None:
            raise CannotTrace(instruction.opcode, f"no parameter {name}")
        found = dataclasses.replace(frame.graph.nodes[held.node], instruction=frame.number)
        if found.constant is None:
            found = Node(_same, (held.node,), frame.number, None, None, found.regions, found.contracts)
        frame.assign(registers[0], frame.graph.add(found))
        return
    address, regions = _address(frame, instruction.operands[1])
    if (
        regions & frame.kernel.stored
        and frame.kernel.launch.threads > 1
        and ".local" not in instruction.opcode
    ):
        raise CannotTrace(instruction.opcode, "a load of what other threads may have stored")
    size, order = TYPES[type_].itemsize, sorted(regions)
    memories = [_memory(frame, region) for region in order]
    for i, register in enumerate(registers):

        def call(address: Array, mask: Array, *memories: Memory, i: int = i) -> Array:
            return _loaded(address + np.uint64(i * size), mask, memories, order, size, type_)

        node = frame.graph.add(Node(call, (address, frame.active(), *memories), frame.number))
        frame.assign(register, node)


def _memory(frame: Registers, region: int) -> int:
    if region not in frame.kernel.tracer.memory:
        raise CannotTrace("ld", "a region that nothing is in")
    return frame.kernel.tracer.memory[region]


def store(frame: Registers, instruction: Instruction) -> None:
    type_, values = _access(frame, instruction, {"global", "local", "param"})
    if ".param" in instruction.opcode:
        name = instruction.operands[0].strip("[]")
        stored, held = frame.typed(values[0], type_.replace("f", "u")), frame.kernel.parameters.get(name)
        if frame.mask is not None and held is not None and held.mask != frame.mask:
            stored = frame.graph.compute(choose, (frame.mask, stored, held.node), None)
        frame.kernel.parameters[name] = Held(stored, frame.mask)
        return
    address, regions = _address(frame, instruction.operands[0])
    if len(regions) != 1:
        raise CannotTrace(instruction.opcode, "a store to one of several regions")
    (region,) = regions
    if ".global" in instruction.opcode:
        frame.kernel.stored.add(region)
    base = np.uint64(region << REGION_BITS)
    size = TYPES[type_].itemsize
    for i, value in enumerate(values):

        def call(memory: Memory, address: Array, mask: Array, value: Array, i: int = i) -> Memory:
            place = (address + np.uint64(i * size) - base).view(np.int64)
            return memory.store(place, np.ascontiguousarray(value).view(f"u{size}"), mask)

        arguments = (_memory(frame, region), address, frame.active(), frame.typed(value, type_))
        frame.kernel.tracer.memory[region] = frame.graph.add(Node(call, arguments, frame.number))


def _same(x: Array) -> Array:
    return x


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
