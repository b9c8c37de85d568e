"""Kernels of PTX, traced into a graph: branches become masks, calls and loops are written out.

A loop is written out if it runs so often as constants say. A thread's mask is where it has got to; what
it does not do leaves its registers and the memory as they were.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np

from .accesses import load, store
from .computing import compute, move
from .flow import flow_of
from .memory import REGION_BITS
from .registers import Registers
from .text import Block, Function, Instruction, Module
from .tracing import CannotTrace, Held, Launch, Run, Tracer
from .warps import redux, shuffle

_LONGEST = 20_000
"""So many instructions a traced kernel may have before a loop is taken for an endless one."""


class _Frame(Registers):
    """One call of a function while it is traced: block after block."""

    def run(self, mask: int | None) -> None:
        flow = flow_of(tuple(block.targets for block in self.body.blocks))
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
                here = functools.reduce(self.either, arriving)
            masks[number] = here
            for target, leaving in self._block(self.body.blocks[number], here):
                if place[target] < at:
                    if leaving != here:
                        raise CannotTrace("bra", "a loop that runs so often as its data say")
                    at = place[target]
                    waiting[target] = [leaving]
                    break
                waiting.setdefault(target, []).append(leaving)

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
        guard, number = self.register(last.guard), self.kernel.tracer.next_instruction()
        constant = self.graph.nodes[guard].constant
        if constant is not None and constant.size == 1:
            taken = bool(constant[0, 0]) != last.unless
            return [(block.targets[0 if taken else 1], mask)]
        return [
            (block.targets[0], self.both(mask, guard, last.unless, number)),
            (block.targets[1], self.both(mask, guard, not last.unless, number)),
        ]

    def _execute(self, instruction: Instruction) -> None:
        mask = self.mask
        if instruction.guard is not None:
            guard = self.register(instruction.guard)
            number = self.kernel.tracer.next_instruction()
            self.mask = self.both(mask, guard, instruction.unless, number)
        self.number = self.kernel.tracer.next_instruction()
        special = {
            "ld": load,
            "st": store,
            "mov": move,
            "cvta": move,
            "call": _Frame._call,
            "redux": redux,
            "shfl": shuffle,
        }.get(instruction.name)
        if special is not None:
            special(self, instruction)
        elif not instruction.opcode.startswith("griddepcontrol"):
            # griddepcontrol only says that kernels wait for each other.
            compute(self, instruction)
        self.mask = mask

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
            _Frame(self.kernel, function).run(self.mask)
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


def trace(tracer: Tracer, module: Module, kernel: Function, launch: Launch, pointers: Sequence[int]) -> None:
    """Appends what a kernel does, and sets the memory to what it leaves there.

    Args:
      pointers: the address that each parameter is.

    Raises:
      CannotTrace: the kernel cannot be executed.
    """
    run = Run(tracer, module, launch)
    for name, address in zip(kernel.parameters, pointers, strict=True):
        node = tracer.graph.constant(
            np.full((1, 1), address, np.uint64), tracer.next_instruction(), {address >> REGION_BITS}
        )
        run.parameters[name] = Held(node, None)
    _Frame(run, kernel).run(None)
