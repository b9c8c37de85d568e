"""How far apart two numbers are, in ULP of float32: the one measure of values beside PyTorch's.

An ULP is the gap between neighbouring float32 numbers next to the right value, on the side on which the other
value lies. At a power of two the gap below is half the one above; everywhere else both are the same. Two
neighbouring float32 numbers are therefore 1 ULP apart, whichever of them is right.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32] | npt.NDArray[np.float64]


def distance(
    values: Floats, right: Floats, rest: npt.NDArray[np.float64] | float = 0.0
) -> npt.NDArray[np.float64]:
    """How far each value is from the right one, neither of them rounded before.

    Args:
      values: what is judged; the shape is that of ``right``.
      right: what the values should be. The ULP of 0 is the smallest float32, 1.4e-45.
      rest: what is to be added to ``right``: of a number in double-double its smaller half.

    Returns:
      ULP, at least 0; infinitely many where the value is not finite, or the right one is nothing that float32
      can hold.
    """
    right = np.asarray(right, np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        apart = (np.asarray(values, np.float64) - right) - rest
        known = np.isfinite(apart) & np.isfinite(right.astype(np.float32))
        apart = np.where(known, apart, np.inf)
    # Below the smallest normal number the gap no longer halves, and 0 has an exponent like the others.
    mantissa, exponent = np.frexp(np.maximum(np.abs(right), 2.0**-126))
    inward = (mantissa == 0.5) & (np.signbit(apart) != np.signbit(right))
    gap = np.ldexp(1.0, np.maximum(exponent - 24 - inward, -149))
    ulps: npt.NDArray[np.float64] = np.abs(apart) / gap
    return ulps


def rounded_distance(values: Floats, right: Floats) -> npt.NDArray[np.float64]:
    """How far each value is from the right one once that is rounded to float32; see `distance`."""
    with np.errstate(over="ignore"):
        return distance(values, np.asarray(right).astype(np.float32))
