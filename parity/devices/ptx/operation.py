"""What an instruction of PTX that computes looks at and answers, and the types it has for that."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ..program import Array

MAY_CONTRACT = "ptxas may contract it"
Floats = npt.NDArray[np.float64]
FLOATS: dict[str, npt.DTypeLike] = {"f32": np.float32, "f64": np.float64}
_SIGNED: dict[str, npt.DTypeLike] = {"s8": np.int8, "s16": np.int16, "s32": np.int32, "s64": np.int64}

_UNSIGNED: dict[str, npt.DTypeLike] = {
    f"{letter}{8 * size}": f"u{size}" for letter in "ub" for size in (1, 2, 4, 8)
}

TYPES: dict[str, np.dtype[np.generic]] = {
    name: np.dtype(dtype) for name, dtype in {**FLOATS, **_SIGNED, **_UNSIGNED, "pred": np.bool_}.items()
}


@dataclasses.dataclass(frozen=True)
class Operation:
    """An instruction that computes; what it does in memory and to the flow is elsewhere."""

    sources: tuple[str, ...]
    """The type in which it looks at each operand."""

    result: str
    """The type of what it answers."""

    call: Callable[..., Array]
    """Arrays of these types in, one of that type out."""

    undefined: Callable[..., Array] | None = None
    """Of the same arrays: where the ISA does not say what comes out."""


Builder = Callable[[list[str], list[str]], Operation | None]
