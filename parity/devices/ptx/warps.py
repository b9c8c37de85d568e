"""Instructions in which 32 threads take part together, traced."""

from __future__ import annotations

import numpy as np

from ..program import Array
from .registers import Registers
from .text import Instruction
from .tracing import CannotTrace


def _all_take_part(frame: Registers, members: Array | None) -> bool:
    """Whether all 32 threads do the same, by the mask that an instruction gives and by the branches."""
    return members is not None and bool(members == 2**32 - 1) and frame.mask is None


def redux(frame: Registers, instruction: Instruction) -> None:
    """redux.sync.add: the sum of what 32 threads have, to each of them; whole numbers, which wrap."""
    target, value, mask = instruction.operands
    if instruction.opcode not in ("redux.sync.add.s32", "redux.sync.add.u32"):
        raise CannotTrace(instruction.opcode)
    if not _all_take_part(frame, frame.graph.nodes[frame.operand(mask, "u32")].constant):
        raise CannotTrace(instruction.opcode, "a reduction that not all threads take part in")
    if int(np.prod(frame.kernel.launch.block)) % 32:
        raise CannotTrace(instruction.opcode, "a reduction with threads that are not there")
    threads = frame.kernel.launch.threads
    node = frame.graph.compute(
        lambda x: np.repeat(
            np.broadcast_to(x, (len(x), threads)).reshape(len(x), -1, 32).sum(-1, dtype=x.dtype),
            32,
            axis=1,
        ),
        (frame.typed(value, "u32"),),
        frame.number,
    )
    frame.assign(target, node)


def shuffle(frame: Registers, instruction: Instruction) -> None:
    """shfl.sync: a value of another thread of the same 32."""
    parts = instruction.opcode.split(".")
    block = int(np.prod(frame.kernel.launch.block))
    if parts[1:2] != ["sync"] or parts[2] not in ("down", "up", "bfly", "idx") or parts[3:] != ["b32"]:
        raise CannotTrace(instruction.opcode)
    target, value, *how = instruction.operands
    number, clamp, members = (frame.graph.nodes[frame.operand(text, "u32")].constant for text in how)
    if number is None or clamp is None or not _all_take_part(frame, members):
        raise CannotTrace(instruction.opcode, "a shuffle that not all threads take part in")
    if block % 32 or "|" in target:
        raise CannotTrace(instruction.opcode, "a shuffle with threads that are not there")
    source = _shuffled(parts[2], int(number[0, 0]), int(clamp[0, 0]), frame.kernel.launch.threads)
    threads = len(source)
    node = frame.graph.compute(
        lambda x: np.broadcast_to(x, (len(x), threads))[:, source],
        (frame.typed(value, "b32"),),
        frame.number,
    )
    frame.assign(target, node)


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
