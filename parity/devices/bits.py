"""Arrays bit by bit: where two differ, by how much, and how that is written."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import numpy.typing as npt

from .program import Array


def differing(device: Array, host: Array) -> Array:
    """Which of n answers have other bits, of arrays of shape ``(n, …)``.

    A NaN is a NaN: no standard says what its other bits are.
    """
    if device.dtype != host.dtype or device.shape != host.shape:
        raise TypeError(
            f"the device answers {device.dtype}{device.shape}, and the host {host.dtype}{host.shape}"
        )
    unlike = words(device) != words(host)
    if is_float(device.dtype):
        unlike &= ~(np.isnan(device) & np.isnan(host))
    rows: Array = unlike.any(axis=tuple(range(1, unlike.ndim)))
    return rows


def distances(device: Array, host: Array) -> npt.NDArray[np.float64]:
    """How far apart n answers are, of arrays of shape ``(n, …)``: see `Difference.ulp`."""
    apart = np.abs(_steps(device) - _steps(host))
    if is_float(device.dtype):
        finite = np.isfinite(device) & np.isfinite(host)
        apart = np.where(
            finite, apart, np.where(differing(*_flat(device, host)).reshape(apart.shape), np.inf, 0)
        )
    most: npt.NDArray[np.float64] = apart.reshape(len(apart), -1).max(axis=1, initial=0)
    return most


def _flat(*arrays: Array) -> tuple[Array, ...]:
    return tuple(each.reshape(-1) for each in arrays)


def _steps(values: Array) -> npt.NDArray[np.float64]:
    """The values as numbers of which neighbours are 1 apart, both zeros as 0."""
    if not is_float(values.dtype):
        return values.astype(np.float64)
    word = words(values).astype(np.int64)
    sign = 1 << (8 * values.dtype.itemsize - 1)
    return np.where(word < sign, word, sign - word).astype(np.float64)


def is_float(dtype: np.dtype[Any]) -> bool:
    return bool(jax.numpy.issubdtype(dtype, jax.numpy.floating))


def decimals(value: Array) -> str:
    """A number as people write it; of an array, all its values."""
    return " ".join(str(each) for each in np.atleast_1d(value).ravel())


def words(values: Array) -> Array:
    """The bits of each value, as an unsigned number."""
    found: Array = np.ascontiguousarray(values).view(f"u{values.dtype.itemsize}")
    return found


def bits(value: Array) -> str:
    """As people write them: ``0x3dcccccd``; of an array, those of all its values."""
    return " ".join(f"0x{word:0{2 * value.dtype.itemsize}x}" for word in words(np.atleast_1d(value)).ravel())
