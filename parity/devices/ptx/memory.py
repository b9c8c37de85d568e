"""Regions of a device's memory, as bytes of which some have been written."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from ..program import Array

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
