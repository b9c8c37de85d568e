"""What the registers of one call of a function hold while it is traced."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence

import numpy as np

from ..program import Array, UnknownOperation
from .graph import Node
from .memory import REGION_BITS, Memory
from .operation import TYPES
from .text import Function, Instruction
from .tracing import CannotTrace, Held, Run

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


class Registers:
    """What the registers of one call of a function hold while it is traced."""

    def __init__(self, run: Run, function: Function) -> None:
        self.kernel, self.body, self.graph = run, function, run.graph
        self.registers: dict[str, Held] = {}
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

    def either(self, x: int | None, y: int | None) -> int | None:
        if x is None or y is None:
            return None
        return x if x == y else self.graph.compute(np.logical_or, (x, y), None)

    def both(self, x: int | None, y: int, negated: bool, instruction: int) -> int:
        if negated:
            y = self.graph.compute(np.logical_not, (y,), instruction)
        return y if x is None else self.graph.compute(np.logical_and, (x, y), instruction)

    def width(self, register: str) -> int:
        registers = self.body.registers
        found = registers.get(register, registers.get(register.rstrip("0123456789")))
        if found is None:
            raise CannotTrace(register, "no such register")
        return found

    def register(self, name: str) -> int:
        if name not in self.registers:
            raise CannotTrace(name, "a register that nothing has been put into")
        return self.registers[name].node

    def operand(self, text: str, type_: str) -> int:
        """The node of an operand, as bits of the type's width."""
        dtype = TYPES[type_]
        special = self.kernel.launch.special(text)
        if special is not None:
            return self.graph.constant(special.astype(f"u{dtype.itemsize}"))
        if text.startswith("%") or text in self.body.registers:  # inline assembly names its own
            return self.register(text)
        if text in self.arrays:
            return self.arrays[text]
        symbol = self.kernel.symbol(text)
        if symbol is not None:
            return symbol
        return self.graph.constant(_immediate(text, dtype))

    def typed(self, text: str, type_: str) -> int:
        """The node of an operand as an array of the type, from the lower bits if there are more."""
        node, dtype = self.operand(text, type_), TYPES[type_]

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

    def assign(self, register: str, node: int) -> None:
        """Puts a node of any type into a register, widened as the node's type is."""
        if register == "_":
            return
        width = self.width(register) if register.startswith("%") or register in self.body.registers else None
        value = self._fit(node, width) if width else node
        held = self.registers.get(register)
        if self.mask is None or held is None or held.mask == self.mask:
            self.registers[register] = Held(value, self.mask)
            return
        old, new = self.graph.nodes[held.node], self.graph.nodes[value]
        chosen = self.graph.compute(
            choose,
            (self.mask, value, held.node),
            None,
            old.regions | new.regions,
            old.contracts or new.contracts,
        )
        self.registers[register] = Held(chosen, None)

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

    def unknown(self, instruction: Instruction, arguments: Sequence[int], why: str) -> None:
        """Puts what cannot be had into the first operand's registers."""
        if instruction.name not in _COMPUTES or not instruction.operands:
            raise CannotTrace(instruction.opcode, why)
        error = self.kernel.tracer.unknown(instruction.opcode, why, self.body.name)
        for register in re.findall(r"[%\w.$]+", instruction.operands[0]):
            self.assign(register, self.without_value(error, arguments, self.width(register)))

    def without_value(self, error: UnknownOperation, arguments: Sequence[int], width: int) -> int:
        dtype = np.dtype(np.bool_ if width == 1 else f"u{width // 8}")

        def call(mask: Array, *_: Array) -> Array:
            if mask.any():
                raise error
            return np.zeros((1, 1), dtype)

        everywhere = self.active()
        return self.graph.add(Node(call, (everywhere, *arguments), self.number, error))

    def active(self) -> int:
        return self.graph.constant(np.ones((1, 1), np.bool_)) if self.mask is None else self.mask


def choose(mask: Array, x: Array, y: Array) -> Array:
    return np.where(mask, x, y)


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
