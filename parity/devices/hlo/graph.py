"""A program as a graph of operations, and its execution on NumPy."""

from __future__ import annotations

import functools
import itertools
import operator
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..program import NOT_KNOWN, ONLY_THE_DEVICE, Array, UnknownOperation
from .calls import CALLERS, WITH_FUNCTIONS
from .elementwise import ABSORBS_SIGN_OF_ZERO, ABSORBS_SUBNORMALS, ARITHMETIC, MOVES, elementwise
from .floats import ONLY_ON_DEVICE, has_subnormal
from .movement import movement
from .nodes import Node, cone_of, leaves_of
from .operation import OpenError, UnreadError
from .text import DTYPES, Instruction, LiteralError, Module, Shape, literal


class Graph:
    """The nodes of one computation, from its parameters to its outputs."""

    def __init__(self, module: Module, instructions: Sequence[Instruction]) -> None:
        self._module = module
        self.nodes: list[Node] = []
        self.parameters: list[Node] = []
        """Arrays only: of a tuple, its parts."""

        heads = [i for i in instructions if i.opcode == "parameter"]
        heads.sort(key=lambda head: int(head.literal))
        root = self._inline(instructions, [self._parameter(h, h.shape, (h.line,)) for h in heads], True)
        self.outputs = leaves_of(root)
        self.gathered = root.passed
        """The lines that make one tuple of the outputs."""

        if root.shape.is_tuple and root.instruction.opcode != "tuple":
            self.outputs = [self._pass_on(root.instruction, node, root.passed) for node in self.outputs]
        self._look_backward()
        for node in self.nodes:
            if node.same_as is None and not node.elements and node.run is None and not node.unknown:
                self._define(node)

    # Building

    def _add(
        self,
        instruction: Instruction,
        operands: Iterable[Node],
        lines: tuple[int, ...],
        *,
        shape: Shape | None = None,
        same_as: Node | None = None,
        elements: tuple[Node, ...] = (),
        passed: tuple[int, ...] = (),
    ) -> Node:
        shape = shape or instruction.shape
        node = Node(len(self.nodes), instruction, shape, tuple(operands), lines, same_as, elements, passed)
        self.nodes.append(node)
        return node

    def _parameter(self, head: Instruction, shape: Shape, lines: tuple[int, ...]) -> Node:
        if shape.is_tuple:
            parts = tuple(self._parameter(head, part, ()) for part in shape.parts)
            return self._add(head, parts, lines, shape=shape, elements=parts, passed=lines)
        node = self._add(head, (), lines, shape=shape)
        node.may_be_subnormal = shape.is_float
        self.parameters.append(node)
        return node

    def _pass_on(self, instruction: Instruction, node: Node, lines: tuple[int, ...]) -> Node:
        """The same value under another name."""
        if node.shape.is_tuple:
            more = lines + node.passed
            return self._add(
                instruction, [node], lines, shape=node.shape, elements=node.elements, passed=more
            )
        same = self._add(instruction, [node], lines, shape=node.shape, same_as=node.value)
        same.may_be_subnormal = node.may_be_subnormal
        return same

    def _project(self, node: Node) -> None:
        """Gives a node whose value is a tuple of arrays its elements."""
        numbers = itertools.count()

        def part(shape: Shape) -> Node:
            if shape.is_tuple:
                parts = tuple(part(s) for s in shape.parts)
                return self._add(node.instruction, parts, (), shape=shape, elements=parts)
            element = self._add(node.instruction, [node], (), shape=shape)
            element.run = operator.itemgetter(next(numbers))
            element.may_be_subnormal = shape.is_float
            return element

        node.elements = tuple(part(shape) for shape in node.shape.parts)

    def _inline(
        self, instructions: Sequence[Instruction], given: Sequence[Node], is_entry: bool = False
    ) -> Node:
        """Writes out a computation that is called with these nodes; its root."""
        named: dict[str, Node] = {}
        root = None
        for instruction in instructions:
            if instruction.opcode == "parameter":
                node = given[int(instruction.literal)]
                if not is_entry:
                    node = self._pass_on(instruction, node, (instruction.line,))
            else:
                node = self._node(instruction, [named[name] for name in instruction.operands])
            named[instruction.name] = node
            if instruction.is_root:
                root = node
        if root is None:
            raise ValueError("A computation has no ROOT.")
        return root

    def _node(self, instruction: Instruction, operands: list[Node]) -> Node:
        opcode, line = instruction.opcode, (instruction.line,)
        if opcode in ("fusion", "call"):
            (called,) = instruction.computations("calls", "to_apply")
            return self._pass_on(instruction, self._inline(self._module.computations[called], operands), line)
        if opcode in ("copy", "opt-barrier", "optimization-barrier"):
            return self._pass_on(instruction, operands[0], line)
        if opcode == "copy-start":  # what comes, what it was, and a token
            both = (operands[0], operands[0])
            return self._add(instruction, operands, line, elements=both, passed=line)
        if opcode == "tuple":
            return self._add(instruction, operands, line, elements=tuple(operands), passed=line)
        if opcode in ("get-tuple-element", "copy-done") and operands[0].elements:
            index = 0 if opcode == "copy-done" else instruction.numbers("index")[0]
            return self._pass_on(instruction, operands[0].elements[index], line + operands[0].passed)
        if opcode in WITH_FUNCTIONS:
            return self._call(instruction, operands)
        node = self._add(instruction, operands, line)
        if opcode == "constant":
            self._constant(node)
        elif instruction.shape.is_float:
            moves = opcode in MOVES and any(o.may_be_subnormal for o in operands)
            exact = opcode in ARITHMETIC or opcode == "convert"
            node.may_be_subnormal = moves or not (exact or opcode in MOVES)
        if instruction.shape.is_tuple:
            self._refuse(node, NOT_KNOWN)
            self._project(node)
        return node

    def _refuse(self, node: Node, why: str) -> None:
        node.unknown = (self._error(node, why),)

    def _error(self, node: Node, why: str) -> UnknownOperation:
        return UnknownOperation(node.instruction.opcode, why, self._module.source(node.instruction))

    def _constant(self, node: Node) -> None:
        try:
            node.constant = literal(node.instruction)[None]
        except LiteralError as e:
            self._refuse(node, str(e))
        else:
            node.may_be_subnormal = node.shape.is_float and has_subnormal(node.constant)

    def _call(self, instruction: Instruction, operands: list[Node]) -> Node:
        """An operation that calls computations in a way of its own."""
        functions = [
            Graph(self._module, self._module.computations[name])
            for name in instruction.computations(*WITH_FUNCTIONS[instruction.opcode])
        ]
        cones = [cone_of(function.outputs) for function in functions]
        called = {n for cone in cones for node in cone for n in node.lines}
        called.update(n for function in functions for n in function.gathered)
        lines = sorted({instruction.line} | called)
        leaves = [leaf for operand in operands for leaf in leaves_of(operand)]
        node = self._add(instruction, leaves, tuple(lines))
        node.may_be_subnormal = instruction.shape.is_float
        node.unknown = tuple(error for cone in cones for inner in cone for error in inner.unknown)
        if not node.unknown:
            try:
                node.run = CALLERS[instruction.opcode](instruction, leaves, operands, functions)
            except UnreadError as e:
                self._refuse(node, str(e))
        if instruction.shape.is_tuple:
            self._project(node)
        return node

    # What matters

    def _look_backward(self) -> None:
        for node in self.outputs:
            node.bits_matter = node.zeros_matter = True
        for node in reversed(self.nodes):
            opcode = node.instruction.opcode
            passes = node.same_as is not None or bool(node.elements) or opcode in MOVES
            bits = node.bits_matter if passes else opcode not in ABSORBS_SUBNORMALS
            zeros = node.zeros_matter if passes or opcode in ARITHMETIC else True
            if opcode in ABSORBS_SIGN_OF_ZERO:
                zeros = False
            for operand in node.operands:
                # An operation is only indifferent to floats. An integer may hold the bits of one.
                is_integer = not operand.shape.is_float and not operand.shape.is_tuple
                operand.bits_matter |= bits or is_integer
                operand.zeros_matter |= zeros or is_integer

    # What is done

    def _define(self, node: Node) -> None:
        """Finds what is executed, or why nothing is."""
        instruction, operands = node.instruction, [operand.value for operand in node.operands]
        if node.constant is not None or instruction.opcode == "parameter":
            if node.shape.dtype not in DTYPES:
                self._refuse(node, f"the reader does not know the type {node.shape.dtype}")
            return
        shapes = [operand.shape for operand in operands]
        foreign = [shape.dtype for shape in (node.shape, *shapes) if shape.dtype not in DTYPES]
        is_float = node.shape.is_float or any(shape.is_float for shape in shapes)
        try:
            if foreign:
                raise UnreadError(f"the reader does not know the type {foreign[0]}")
            run = movement(instruction, shapes) or elementwise(
                instruction,
                shapes,
                [operand.constant for operand in operands],
                [operand.may_be_subnormal for operand in operands],
                node.bits_matter,
                node.zeros_matter,
            )
        except UnreadError as e:
            self._refuse(node, str(e))
            return
        if run is None:
            only = is_float and instruction.opcode in ONLY_ON_DEVICE
            self._refuse(node, ONLY_THE_DEVICE if only else NOT_KNOWN)
            return
        node.run = run
        constants = [operand.constant for operand in operands if operand.constant is not None]
        if len(constants) == len(operands):
            try:
                with np.errstate(all="ignore"):
                    node.constant = run(*constants)
            except OpenError as e:
                self._refuse(node, str(e))

    def plan(self, outputs: Sequence[Node]) -> Plan:
        return Plan(self, outputs)

    @functools.cached_property
    def whole(self) -> Plan:
        return Plan(self, self.outputs)


class Plan:
    """What is executed, in which order, and when a value is no longer needed."""

    def __init__(self, graph: Graph, outputs: Sequence[Node]) -> None:
        self._error = graph._error
        self._outputs = [node.value.number for node in outputs]
        cone: dict[int, Node] = {}
        waiting = [node.value for node in outputs]
        while waiting:
            node = waiting.pop()
            if node.number not in cone:
                cone[node.number] = node
                if node.constant is None:
                    waiting += [operand.value for operand in node.operands]
        self.widest = max((node.shape.size for node in cone.values()), default=1)
        self._constants = {n: node.constant for n, node in cone.items() if node.constant is not None}
        self._parameters = [(i, p.number) for i, p in enumerate(graph.parameters) if p.number in cone]
        steps = [cone[n] for n in sorted(cone) if cone[n].run is not None and cone[n].constant is None]
        last = {operand.value.number: node.number for node in steps for operand in node.operands}
        kept = {*self._outputs, *self._constants}
        dead: dict[int, list[int]] = {}
        for number, by in last.items():
            if number not in kept:
                dead.setdefault(by, []).append(number)
        self._steps = [
            (node, node.run, tuple(o.value.number for o in node.operands), dead.get(node.number, ()))
            for node in steps
            if node.run is not None
        ]

    def __call__(self, arguments: Sequence[Array]) -> list[Array]:
        """The outputs, with an axis of calls of length 1 where they hang on no argument."""
        values: dict[int, Any] = dict(self._constants)
        values.update((number, arguments[i]) for i, number in self._parameters)
        node = None
        try:
            for node, run, operands, dead in self._steps:
                values[node.number] = run(*[values[n] for n in operands])
                for n in dead:
                    del values[n]
        except OpenError as e:
            assert node is not None
            raise self._error(node, str(e)) from None
        return [values[n] for n in self._outputs]
