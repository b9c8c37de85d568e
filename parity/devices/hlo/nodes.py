"""The nodes of a program, and which of them an output depends on."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from typing import TypeAlias

from ..program import Array, UnknownOperation
from .text import Instruction, Shape

Value: TypeAlias = Array | tuple[Array, ...]


@dataclasses.dataclass(eq=False, slots=True)
class Node:
    """A value of the program. Called computations are written out: each of their lines is a node, too."""

    number: int
    """Grows along the program: operands have smaller ones."""

    instruction: Instruction
    shape: Shape
    operands: tuple[Node, ...]
    lines: tuple[int, ...]
    """The printed lines that it adds to those of its operands."""

    same_as: Node | None = None
    """The node that has this value, where an instruction only passes it on."""

    elements: tuple[Node, ...] = ()
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
    def value(self) -> Node:
        return self if self.same_as is None else self.same_as


def leaves_of(node: Node) -> list[Node]:
    """The arrays of a value."""
    if node.shape.is_tuple:
        return [leaf for element in node.elements for leaf in leaves_of(element)]
    return [node]


def cone_of(outputs: Iterable[Node]) -> list[Node]:
    """All nodes that these depend on, in their order."""
    found: dict[int, Node] = {}
    waiting = list(outputs)
    while waiting:
        node = waiting.pop()
        if node.number not in found:
            found[node.number] = node
            waiting += node.operands
    return [found[number] for number in sorted(found)]
