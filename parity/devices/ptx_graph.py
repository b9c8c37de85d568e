"""A program as a graph of operations without branches, and its execution on NumPy.

What the tracer makes of kernels (`ptx_kernel`) and the reader of their launches (`ptx`). An array here has a
row for each call of the program and a column for each thread of a kernel; one row or column stands
for all of them where they are the same.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

import numpy as np

from .program import Array, UnknownOperation

REGION_BITS = 40
"""An address is the number of a region above so many bits, and the place in it."""


@dataclasses.dataclass(frozen=True)
class Memory:
    """What lies in one region; never changed, a store makes another one."""

    data: Array
    """uint8 of shape ``(calls, size)``, the size a multiple of 8; one row where all calls have the same."""

    written: Array
    """The same for 1 where something is."""

    @classmethod
    def empty(cls, size: int) -> Memory:
        zeros = np.zeros((1, -(-size // 8) * 8), np.uint8)
        return cls(zeros, zeros)

    @classmethod
    def holding(cls, rows: Array) -> Memory:
        """With these values, of shape ``(calls, …)``, from its start on."""
        data = np.ascontiguousarray(rows).reshape(len(rows), -1).view(np.uint8)
        padding = ((0, 0), (0, -data.shape[1] % 8))
        return cls(np.pad(data, padding), np.pad(np.ones((1, data.shape[1]), np.uint8), padding))

    def copied(self, source: Memory, at: int, start: int, size: int) -> Memory:
        """With ``size`` bytes of another one, from ``start`` on, put at ``at``."""

        def put(into: Array, out_of: Array) -> Array:
            rows = max(len(into), len(out_of))
            into = _writable(into, rows)
            into[:, at : at + size] = out_of[:, start : start + size]
            return into

        return Memory(put(self.data, source.data), put(self.written, source.written))

    def values(self, at: int, dtype: np.dtype[np.generic], shape: Sequence[int]) -> Array:
        """What lies at ``at``: an array of shape ``(calls, *shape)``."""
        size = dtype.itemsize * int(np.prod(shape, dtype=int))
        if not self.written[:, at : at + size].all():
            raise ValueError("an output that nothing has been written to")
        data = np.ascontiguousarray(self.data[:, at : at + size])
        return data.view(dtype).reshape(len(data), *shape)

    def load(self, place: Array, size: int, active: Array) -> Array:
        """Whole numbers of so many bytes; 0 where a thread is not active.

        Args:
          place: int64, relative to the region.
        """
        self._check(place, size, active)
        words, written = self.data.view(f"u{size}"), self.written.view(f"u{size}")
        index = np.where(active, place, 0) // size
        if not (~active | (_take(written, index) == _ALL_WRITTEN[size])).all():
            raise ValueError("a load of what nothing has been written to")
        return _take(words, index)

    def store(self, place: Array, values: Array, active: Array) -> Memory:
        """With these values where a thread is active."""
        size = values.dtype.itemsize
        self._check(place, size, active)
        if len(place) == len(active) == 1:  # each call stores at the same places
            threads = np.broadcast(place, values, active).shape[1]
            chosen = np.broadcast_to(active, (1, threads))[0]
            index = np.broadcast_to(place, (1, threads))[0][chosen] // size
            values = np.broadcast_to(values, (len(values), threads))[:, chosen]
            data = _writable(self.data, len(values))
            written = _writable(self.written, 1)
            data.view(values.dtype)[:, index] = values
            written.view(values.dtype)[:, index] = _ALL_WRITTEN[size]
            if len(index) > 1 and not (data.view(values.dtype)[:, index] == values).all():
                raise ValueError("threads that store at one place")
            return Memory(data, written)
        rows, threads = np.broadcast(place, values, active).shape
        data, written = _writable(self.data, rows), _writable(self.written, rows)
        each = np.arange(rows)
        for thread in range(threads):
            chosen = np.broadcast_to(active, (rows, threads))[:, thread]
            index = np.broadcast_to(place, (rows, threads))[chosen, thread] // size
            data.view(values.dtype)[each[chosen], index] = np.broadcast_to(values, (rows, threads))[
                chosen, thread
            ]
            written.view(values.dtype)[each[chosen], index] = _ALL_WRITTEN[size]
        return Memory(data, written)

    def _check(self, place: Array, size: int, active: Array) -> None:
        outside = (place < 0) | (place > self.data.shape[1] - size) | (place % size != 0)
        if (active & outside).any():
            raise ValueError("an access outside of the region, or not aligned")


_ALL_WRITTEN = {size: int("01" * size, 16) for size in (1, 2, 4, 8)}


def _writable(x: Array, rows: int) -> Array:
    return np.array(np.broadcast_to(x, (max(rows, len(x)), x.shape[1])), order="C")


def _take(words: Array, index: Array) -> Array:
    if len(index) == 1:
        return words[:, index[0]]
    if len(words) == 1:
        shared: Array = words[0]
        return shared[index]
    return np.take_along_axis(words, index, axis=1)


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
