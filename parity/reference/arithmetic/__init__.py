"""What the formulas are written over, so that each is written once.

`fifty_digits` is the arbiter's, one count at a time; `double_double` does millions of counts at once.
Either module is an `Arithmetic`. Counts are plain numbers, or arrays of them, and NumPy's business; what
is made of them and of float64 hyperparameters is a `Number`, and no float64 operation may come before.
"""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

Counts: TypeAlias = Any
"""One count, as Python's ``int`` (or an epoch, as ``float``), or an array of them."""

Float64: TypeAlias = float | npt.NDArray[Any] | np.generic
"""What a float64 holds exactly: a hyperparameter, a count, or an array of either."""


class Number(Protocol):
    """A number of an arithmetic, or an array of them; the operand may also be a float64."""

    def __neg__(self) -> Number: ...
    def __add__(self, other: Any, /) -> Number: ...
    def __radd__(self, other: Any, /) -> Number: ...
    def __sub__(self, other: Any, /) -> Number: ...
    def __rsub__(self, other: Any, /) -> Number: ...
    def __mul__(self, other: Any, /) -> Number: ...
    def __rmul__(self, other: Any, /) -> Number: ...
    def __truediv__(self, other: Any, /) -> Number: ...
    def __rtruediv__(self, other: Any, /) -> Number: ...


class Arithmetic(Protocol):
    """The functions that the formulas need besides the four operations."""

    def number(self, x: Any, /) -> Number:
        """The number that a float64 is, exactly."""

    def where(self, condition: Any, x: Any, y: Any, /) -> Number:
        """``x`` where the condition holds, ``y`` elsewhere; both are computed."""

    def power(self, x: Any, y: Any, /) -> Number:
        """``x**y`` for ``x >= 0``, ``y >= 0``; ``0**0`` is 1."""

    def exp(self, x: Any, /) -> Number:
        """The exponential."""

    def cospi(self, x: Any, /) -> Number:
        """``cos(pi*x)``; exactly 1 or -1 at whole numbers."""
