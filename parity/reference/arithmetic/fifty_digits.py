"""Numbers of fifty decimal digits, one at a time: the arbiter's."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np

from . import Float64, Number

mp = mpmath.mp.clone()
mp.dps = 50


def _plain(x: Any) -> Any:
    """What NumPy holds, as Python does; mpmath takes no others."""
    return x.item() if isinstance(x, np.generic | np.ndarray) else x


def number(x: Number | Float64) -> Any:
    return mp.mpf(_plain(x))


def where(condition: Any, x: Number | Float64, y: Number | Float64) -> Any:
    return number(x if condition else y)


def power(x: Number | Float64, y: Float64) -> Any:
    return number(x) ** _plain(y)  # a whole power of a negative number is one, too


def cospi(x: Number | Float64) -> Any:
    return mp.cospi(number(x))


def exp(x: Number | Float64) -> Any:
    return mp.exp(number(x))


def to_float32(value: Any) -> np.float32:
    """The float32 nearest to a number, ties to even; subnormal ones too."""
    if value == 0 or not mp.isfinite(value):
        return np.float32(float(value))
    exponent = max(int(mp.floor(mp.log(abs(value), 2))) - 23, -149)
    return np.float32(float(mp.ldexp(mp.nint(mp.ldexp(value, -exponent)), exponent)))
