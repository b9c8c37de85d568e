"""A program compiled for a TPU: optimised HLO, read and executed.

On a TPU there is no float64 and no int64: XLA writes them out as operations on float32, uint32 and int32,
so what is left are operations of which nearly all are defined to the last bit; see `hlo_operations`.
Each instruction is taken to round by itself, also where a product is added to something: the pairs of
float32 that stand for a float64 would fall apart otherwise.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import itertools
import math
import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from . import hlo_operations as operations
from .hlo_operations import NOT_KNOWN, ONLY_THE_DEVICE, OpenError, UnreadError
from .hlo_text import DTYPES, Instruction, LiteralError, Module, Shape, literal, parse
from .program import Array, Program, UnknownOperation

if TYPE_CHECKING:
    import jax

Value: TypeAlias = Array | tuple[Array, ...]

_CALLS = 16384
"""So many at a time: their values stay in the processor's cache."""

_CALLS_OF_WIDE = 2**20
"""The same, times the elements of the widest value, where that is an array."""


def full_text(compiled: jax.stages.Compiled) -> str:
    """The text of a compiled program for `HloProgram`.

    As ``compiled.as_text()``, but arrays of more than ten constants with their values, which that leaves
    out, and without the notes of XLA's backend, which are most of it.
    """
    options = None
    for module in ("jaxlib._hlo", "jaxlib._jax", "jaxlib.xla_extension"):  # by the version of jaxlib
        try:
            options = importlib.import_module(module).HloPrintOptions()
            break
        except (ImportError, AttributeError):
            continue
    if options is None:
        raise RuntimeError("This version of jaxlib cannot print a program with all of its constants.")
    options.print_large_constants = True
    options.print_backend_config = False
    executable: Any = compiled.runtime_executable()
    (module,) = executable.hlo_modules()
    text: str = module.to_string(options)
    return text


@dataclasses.dataclass(eq=False, slots=True)
class _Node:
    """A value of the program. Called computations are written out: each of their lines is a node, too."""

    number: int
    """Grows along the program: operands have smaller ones."""

    instruction: Instruction
    shape: Shape
    operands: tuple[_Node, ...]
    lines: tuple[int, ...]
    """The printed lines that it adds to those of its operands."""

    same_as: _Node | None = None
    """The node that has this value, where an instruction only passes it on."""

    elements: tuple[_Node, ...] = ()
    """Of a tuple."""

    passed: tuple[int, ...] = ()
    """Of a tuple: the lines between it and its elements."""

    run: Callable[..., Value] | None = None
    constant: Array | None = None
    unknown: tuple[UnknownOperation, ...] = ()
    """Why it has no ``run``."""

    may_be_subnormal: bool = False
    bits_matter: bool = False
    """Whether anybody sees if it has been flushed, where it is subnormal."""

    zeros_matter: bool = False
    """Whether anybody sees its sign, where it is zero."""

    @property
    def value(self) -> _Node:
        return self if self.same_as is None else self.same_as


class _Graph:
    """The nodes of one computation, from its parameters to its outputs."""

    def __init__(self, module: Module, instructions: Sequence[Instruction]) -> None:
        self._module = module
        self.nodes: list[_Node] = []
        self.parameters: list[_Node] = []
        """Arrays only: of a tuple, its parts."""

        heads = [i for i in instructions if i.opcode == "parameter"]
        heads.sort(key=lambda head: int(head.literal))
        root = self._inline(instructions, [self._parameter(h, h.shape, (h.line,)) for h in heads], True)
        self.outputs = _leaves(root)
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
        operands: Iterable[_Node],
        lines: tuple[int, ...],
        *,
        shape: Shape | None = None,
        same_as: _Node | None = None,
        elements: tuple[_Node, ...] = (),
        passed: tuple[int, ...] = (),
    ) -> _Node:
        shape = shape or instruction.shape
        node = _Node(len(self.nodes), instruction, shape, tuple(operands), lines, same_as, elements, passed)
        self.nodes.append(node)
        return node

    def _parameter(self, head: Instruction, shape: Shape, lines: tuple[int, ...]) -> _Node:
        if shape.is_tuple:
            parts = tuple(self._parameter(head, part, ()) for part in shape.parts)
            return self._add(head, parts, lines, shape=shape, elements=parts, passed=lines)
        node = self._add(head, (), lines, shape=shape)
        node.may_be_subnormal = shape.is_float
        self.parameters.append(node)
        return node

    def _pass_on(self, instruction: Instruction, node: _Node, lines: tuple[int, ...]) -> _Node:
        """The same value under another name."""
        if node.shape.is_tuple:
            more = lines + node.passed
            return self._add(
                instruction, [node], lines, shape=node.shape, elements=node.elements, passed=more
            )
        same = self._add(instruction, [node], lines, shape=node.shape, same_as=node.value)
        same.may_be_subnormal = node.may_be_subnormal
        return same

    def _project(self, node: _Node) -> None:
        """Gives a node whose value is a tuple of arrays its elements."""
        numbers = itertools.count()

        def part(shape: Shape) -> _Node:
            if shape.is_tuple:
                parts = tuple(part(s) for s in shape.parts)
                return self._add(node.instruction, parts, (), shape=shape, elements=parts)
            element = self._add(node.instruction, [node], (), shape=shape)
            element.run = operator.itemgetter(next(numbers))
            element.may_be_subnormal = shape.is_float
            return element

        node.elements = tuple(part(shape) for shape in node.shape.parts)

    def _inline(
        self, instructions: Sequence[Instruction], given: Sequence[_Node], is_entry: bool = False
    ) -> _Node:
        """Writes out a computation that is called with these nodes; its root."""
        named: dict[str, _Node] = {}
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

    def _node(self, instruction: Instruction, operands: list[_Node]) -> _Node:
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
        if opcode in _WITH_FUNCTIONS:
            return self._call(instruction, operands)
        node = self._add(instruction, operands, line)
        if opcode == "constant":
            self._constant(node)
        elif instruction.shape.is_float:
            moves = opcode in operations.MOVES and any(o.may_be_subnormal for o in operands)
            exact = opcode in operations.ARITHMETIC or opcode == "convert"
            node.may_be_subnormal = moves or not (exact or opcode in operations.MOVES)
        if instruction.shape.is_tuple:
            self._refuse(node, NOT_KNOWN)
            self._project(node)
        return node

    def _refuse(self, node: _Node, why: str) -> None:
        node.unknown = (self._error(node, why),)

    def _error(self, node: _Node, why: str) -> UnknownOperation:
        return UnknownOperation(node.instruction.opcode, why, self._module.source(node.instruction))

    def _constant(self, node: _Node) -> None:
        try:
            node.constant = literal(node.instruction)[None]
        except LiteralError as e:
            self._refuse(node, str(e))
        else:
            node.may_be_subnormal = node.shape.is_float and operations.has_subnormal(node.constant)

    def _call(self, instruction: Instruction, operands: list[_Node]) -> _Node:
        """An operation that calls computations in a way of its own."""
        functions = [
            _Graph(self._module, self._module.computations[name])
            for name in instruction.computations(*_WITH_FUNCTIONS[instruction.opcode])
        ]
        cones = [_cone(function.outputs) for function in functions]
        called = {n for cone in cones for node in cone for n in node.lines}
        called.update(n for function in functions for n in function.gathered)
        lines = sorted({instruction.line} | called)
        leaves = [leaf for operand in operands for leaf in _leaves(operand)]
        node = self._add(instruction, leaves, tuple(lines))
        node.may_be_subnormal = instruction.shape.is_float
        node.unknown = tuple(error for cone in cones for inner in cone for error in inner.unknown)
        if not node.unknown:
            try:
                node.run = _CALLERS[instruction.opcode](instruction, leaves, operands, functions)
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
            passes = node.same_as is not None or bool(node.elements) or opcode in operations.MOVES
            bits = node.bits_matter if passes else opcode not in operations.ABSORBS_SUBNORMALS
            zeros = node.zeros_matter if passes or opcode in operations.ARITHMETIC else True
            if opcode in operations.ABSORBS_SIGN_OF_ZERO:
                zeros = False
            for operand in node.operands:
                # An operation is only indifferent to floats. An integer may hold the bits of one.
                is_integer = not operand.shape.is_float and not operand.shape.is_tuple
                operand.bits_matter |= bits or is_integer
                operand.zeros_matter |= zeros or is_integer

    # What is done

    def _define(self, node: _Node) -> None:
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
            run = operations.movement(instruction, shapes) or operations.elementwise(
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
            only = is_float and instruction.opcode in operations.ONLY_ON_DEVICE
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

    def plan(self, outputs: Sequence[_Node]) -> _Plan:
        return _Plan(self, outputs)

    @functools.cached_property
    def whole(self) -> _Plan:
        return _Plan(self, self.outputs)


def _leaves(node: _Node) -> list[_Node]:
    """The arrays of a value."""
    if node.shape.is_tuple:
        return [leaf for element in node.elements for leaf in _leaves(element)]
    return [node]


def _cone(outputs: Iterable[_Node]) -> list[_Node]:
    """All nodes that these depend on, in their order."""
    found: dict[int, _Node] = {}
    waiting = list(outputs)
    while waiting:
        node = waiting.pop()
        if node.number not in found:
            found[node.number] = node
            waiting += node.operands
    return [found[number] for number in sorted(found)]


class _Plan:
    """What is executed, in which order, and when a value is no longer needed."""

    def __init__(self, graph: _Graph, outputs: Sequence[_Node]) -> None:
        self._error = graph._error
        self._outputs = [node.value.number for node in outputs]
        cone: dict[int, _Node] = {}
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


# Operations that call computations ----------------------------------------------------------

_Caller: TypeAlias = Callable[[Instruction, list[_Node], list[_Node], list[_Graph]], Callable[..., Value]]

_WITH_FUNCTIONS = {
    "reduce": ("to_apply",),
    "while": ("condition", "body"),
    "conditional": ("branch_computations", "true_computation", "false_computation"),
}


def _reduce(
    instruction: Instruction, leaves: list[_Node], operands: list[_Node], functions: list[_Graph]
) -> Callable[..., Value]:
    (function,) = functions
    arrays = len(operands) // 2
    dims, over = operands[0].shape.dims, instruction.numbers("dimensions")
    count = math.prod(dims[d] for d in over)
    inside = [
        n for n in function.nodes if n.same_as is None and not n.elements and n not in function.parameters
    ]
    # Of the order HLO says nothing. It must not matter, and of sums of floats it does.
    any_order = len(inside) == 1 and inside[0].instruction.opcode in ("minimum", "maximum")
    if count > 1 and any(n.shape.is_float for n in function.nodes) and not any_order:
        raise UnreadError("only the device knows the order of what it reduces")
    kept = tuple(n for d, n in enumerate(dims) if d not in over)

    def run(*values: Array) -> Value:
        calls = max(len(value) for value in values)

        def lanes(x: Array) -> Array:
            """One row for each call and kept element, with what is reduced in it."""
            x = np.moveaxis(x, [d + 1 for d in over], range(-len(over), 0)) if over else x
            return np.broadcast_to(x, (calls, *x.shape[1:])).reshape(-1, count)

        rows = [lanes(x) for x in values[:arrays]]
        each = math.prod(kept)
        totals = [np.broadcast_to(x[:, None], (calls, each)).reshape(-1) for x in values[arrays:]]
        for n in range(count):
            totals = function.whole([*totals, *(row[:, n] for row in rows)])
        results = tuple(np.broadcast_to(x, calls * each).reshape((calls, *kept)) for x in totals)
        return results if instruction.shape.is_tuple else results[0]

    return run


def _where_each(condition: Array, xs: Sequence[Array], ys: Sequence[Array]) -> list[Array]:
    """For each call all of the one or all of the other."""
    return [
        np.where(condition.reshape((-1,) + (1,) * (x.ndim - 1)), x, y) for x, y in zip(xs, ys, strict=True)
    ]


def _while(
    instruction: Instruction, leaves: list[_Node], operands: list[_Node], functions: list[_Graph]
) -> Callable[..., Value]:
    condition, body = functions

    def run(*state: Array) -> Value:
        now = list(state)
        goes_on = condition.whole(now)[0]
        while goes_on.any():
            now = _where_each(goes_on, body.whole(now), now)
            goes_on = goes_on & condition.whole(now)[0]
        return tuple(now) if instruction.shape.is_tuple else now[0]

    return run


def _conditional(
    instruction: Instruction, leaves: list[_Node], operands: list[_Node], functions: list[_Graph]
) -> Callable[..., Value]:
    counts = [len(_leaves(operand)) for operand in operands[1:]]
    is_boolean = operands[0].shape.dtype == "pred"

    def run(which: Array, *given: Array) -> Value:
        # The first branch is the true one; an index that is out of bounds takes the last.
        last = len(functions) - 1
        index = np.where(which, 0, 1) if is_boolean else np.where((which < 0) | (which > last), last, which)
        answers, at = [], 0
        for count, function in zip(counts, functions, strict=True):
            answers.append(function.whole(given[at : at + count]))
            at += count
        chosen = answers[-1]
        for n in range(last):
            chosen = _where_each(index == n, answers[n], chosen)
        return tuple(chosen) if instruction.shape.is_tuple else chosen[0]

    return run


_CALLERS: dict[str, _Caller] = {"reduce": _reduce, "while": _while, "conditional": _conditional}


# The program --------------------------------------------------------------------------------


class HloProgram(Program):
    """A program compiled for a TPU, made from its text.

    Args:
      text: what `full_text` gives. ``compiled.as_text()`` will do for a program without large tables:
        those it leaves out, and then what looks something up in one is unknown.

    Raises:
      ValueError: it is no such text.
    """

    def __init__(self, text: str) -> None:
        self._module = parse(text)
        self._graph = _Graph(self._module, self._module.entry)
        self._plans: dict[tuple[int, ...], _Plan] = {}

    @property
    def outputs(self) -> int:
        """How many outputs it has."""
        return len(self._graph.outputs)

    def replay(self, arguments: Sequence[Array], outputs: Sequence[int] | None = None) -> list[Array]:
        """What the device answers, for n calls at once.

        Args:
          arguments: one array for each parameter of the program, in its order: of shape ``(n, *shape)``,
            where a call is given ``shape``, and of the parameter's type. A program without parameters is
            given any arrays, that say n, or none for one call.
          outputs: the numbers of those that are wanted, all if None; nothing else is executed.

        Returns:
          One array of shape ``(n, *shape)`` for each of them, with the bits that the device answers.

        Raises:
          UnknownOperation: they depend on an operation that cannot be executed here, or on one that HLO
            does not define for what it is given in one of the calls.
          ValueError: the arguments are of other shapes or types than the parameters.
        """
        wanted = tuple(range(self.outputs)) if outputs is None else tuple(outputs)
        nodes = [self._graph.outputs[n] for n in wanted]
        for node in _cone(nodes):
            if node.unknown:
                raise node.unknown[0]
        calls = self._check(arguments)
        plan = self._plans.get(wanted)
        if plan is None:
            plan = self._plans[wanted] = self._graph.plan(nodes)
        results = [np.empty((calls, *node.shape.dims), DTYPES[node.shape.dtype]) for node in nodes]
        step = min(_CALLS, max(1, _CALLS_OF_WIDE // max(1, plan.widest)))
        with np.errstate(all="ignore"):
            for start in range(0, calls, step):
                part = slice(start, start + step)
                for result, value in zip(results, plan([x[part] for x in arguments]), strict=True):
                    result[part] = value
        return results

    def _check(self, arguments: Sequence[Array]) -> int:
        """Checks arguments; how many calls they are for."""
        parameters = self._graph.parameters
        expected = [f"{p.shape.dtype}{list(p.shape.dims)}" for p in parameters]
        if parameters:
            fits = len(arguments) == len(parameters) and all(
                x.shape[1:] == p.shape.dims and x.dtype == DTYPES.get(p.shape.dtype)
                for x, p in zip(arguments, parameters, strict=True)
            )
            if not fits:
                given = [f"{x.dtype}{list(x.shape)}" for x in arguments]
                raise ValueError(f"The program takes, for each call, {expected}; it was given {given}.")
        lengths = {len(x) for x in arguments} or {1}
        if len(lengths) > 1:
            raise ValueError(f"All arguments must be for the same number of calls, not {sorted(lengths)}.")
        return lengths.pop()

    def instructions(self, *outputs: int) -> int:
        """How many instructions these outputs depend on, as printed lines, those of called computations too.

        Parameters and constants are among them; the tuple that gathers the outputs is not.
        """
        nodes = [self._graph.outputs[output] for output in outputs]
        return len({line for node in _cone(nodes) for line in node.lines})

    def unknown(self, output: int) -> list[UnknownOperation]:
        """The operations that an output depends on and that cannot be executed here; each once."""
        found: dict[tuple[str, str, str | None], UnknownOperation] = {}
        for node in _cone([self._graph.outputs[output]]):
            for error in node.unknown:
                found.setdefault((error.operation, error.why, error.source), error)
        return list(found.values())

    def constants(self) -> Iterator[tuple[str, Array, str | None]]:
        """Name, value and ``file:line`` of each constant of the program.

        Raises:
          UnknownOperation: the text leaves a value out.
        """
        for instructions in self._module.computations.values():
            for instruction in instructions:
                if instruction.opcode == "constant":
                    source = self._module.source(instruction)
                    try:
                        yield instruction.name, literal(instruction), source
                    except LiteralError as e:
                        raise UnknownOperation("constant", str(e), source) from None
