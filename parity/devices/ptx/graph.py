"""A program as a graph of operations without branches, and its execution on NumPy.

What the tracer makes of kernels (`kernel`) and the reader of their launches (`launches`). An array here has a
row for each call of the program and a column for each thread of a kernel; one row or column stands
for all of them where they are the same.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

import numpy as np

from ..program import Array, UnknownOperation
from .memory import Memory

Value: TypeAlias = Array | Memory


@dataclasses.dataclass(frozen=True)
class Node:
    """One value of the program."""

    call: Callable[..., Value]
    arguments: tuple[int, ...]
    """Nodes, all of them earlier ones."""

    instruction: int | None = None
    """The number of the instruction that it comes from; several of one where it has several results."""

    unknown: UnknownOperation | None = None
    constant: Array | None = None
    regions: frozenset[int] = frozenset()
    """Which regions it may be an address in."""

    contracts: bool = False
    """Whether it is a product that ptxas may merge with an addition."""


class Graph:
    """Nodes, each behind those that it needs."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.region_count = 0

    def new_region(self) -> int:
        self.region_count += 1
        return self.region_count

    def add(self, node: Node) -> int:
        self.nodes.append(node)
        return len(self.nodes) - 1

    def constant(self, value: Array, instruction: int | None = None, regions: Iterable[int] = ()) -> int:
        """A node of an array of shape ``(1, 1)``, or ``(1, threads)``."""
        return self.add(Node(lambda: value, (), instruction, constant=value, regions=frozenset(regions)))

    def compute(
        self,
        call: Callable[..., Value],
        arguments: Sequence[int],
        instruction: int | None,
        regions: frozenset[int] = frozenset(),
        contracts: bool = False,
    ) -> int:
        """A node of a function of arrays; its value, if those of the arguments are constant."""
        constants = [self.nodes[i].constant for i in arguments]
        constant = None
        if all(value is not None for value in constants):
            with np.errstate(all="ignore"):
                value = call(*constants)
            assert isinstance(value, np.ndarray)
            constant = value
        return self.add(Node(call, tuple(arguments), instruction, None, constant, regions, contracts))

    def cone(self, targets: Iterable[int]) -> list[int]:
        """What the targets depend on, themselves among it, in order."""
        found: set[int] = set()
        todo = list(targets)
        while todo:
            i = todo.pop()
            if i not in found:
                found.add(i)
                todo.extend(self.nodes[i].arguments)
        return sorted(found)

    def plan(self, targets: Sequence[int]) -> Plan:
        """How to compute the targets."""
        last: dict[int, int] = {}
        cone = self.cone(targets)
        for i in cone:
            for argument in self.nodes[i].arguments:
                last[argument] = i
        forget: dict[int, list[int]] = {}
        for i, user in last.items():
            if i not in targets:
                forget.setdefault(user, []).append(i)
        return Plan(tuple(targets), tuple((i, self.nodes[i], tuple(forget.get(i, ()))) for i in cone))


@dataclasses.dataclass(frozen=True)
class Plan:
    """The steps to some targets."""

    targets: tuple[int, ...]
    steps: tuple[tuple[int, Node, tuple[int, ...]], ...]
    """A node, and which values nobody needs any more behind it."""

    def run(self, given: Mapping[int, Value]) -> list[Value]:
        """The values of the targets, if some nodes have the given ones."""
        values = dict(given)
        with np.errstate(all="ignore"):
            for i, node, forget in self.steps:
                if i not in values:
                    values[i] = (
                        node.call(*[values[j] for j in node.arguments])
                        if node.constant is None
                        else node.constant
                    )
                for j in forget:
                    values.pop(j, None)
        return [values[i] for i in self.targets]
