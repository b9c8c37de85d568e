"""How the distance of two trainings grows: rounding that the training magnifies, or a real difference."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

SUDDEN = 100.0
"""By so many times what it usually rises a distance rises at the update at which something differs."""

LOST = 0.1
"""A distance beyond which two trainings have nothing to do with one another, and it grows no more."""

EPSILON = {"float64": 2.0**-52, "float32": 2.0**-23, "float16": 2.0**-10, "bfloat16": 2.0**-7}


class Growth(NamedTuple):
    """How the distance of a quantity grows."""

    name: str
    """Of what, in words."""

    begins: float
    """The first distance that is not 0; relative, as all here."""

    factor: float
    """By which it grows each update: the slope on a log scale; NaN of fewer than 3 distances."""

    jump: float
    """By how much it rose at the update at which the two part; infinite from 0."""

    sudden: bool
    """Whether that is more than rounding does."""

    in_float64: float | None = None
    """The distance at the update at which they part, where the twins were trained in float64, too."""

    here: float = math.nan
    """The distance at that update."""

    @property
    def is_rounding(self) -> bool | None:
        """Whether it is rounding that training magnifies; None where that is not known."""
        if self.in_float64 is not None:
            return self.in_float64 < 1e-4 * self.here  # of float64 2e-9 of the roundings are left
        return False if self.sudden else None

    def __str__(self) -> str:
        steady = ""
        if math.isfinite(self.factor):
            steady = f", by a factor of {self.factor:.3g} each update"
            if self.factor > 1.001:
                steady += f" (twice as much every {math.log(2) / math.log(self.factor):.3g})"
        text = f"the distance of the {self.name} begins at {self.begins:.1e}"
        if self.in_float64 is not None:
            real = "rounding, which the training magnifies" if self.is_rounding else "a real difference"
            return f"{text} and grows{steady}; in float64 it is {self.in_float64:.1e} there: {real}"
        if self.sudden:
            return f"{text} and rises at once where they part: a real difference rather than rounding"
        return (
            f"{text} and grows{steady}: rounding that the training magnifies, or a difference too small "
            "to be seen at once; twins that take float64=True would tell"
        )


def growth(
    name: str, distances: Sequence[float], parts: int, precision: str, in_float64: float | None = None
) -> Growth:
    """How a distance grows up to where it is lost.

    Args:
      name: of what, in words.
      distances: at each update.
      parts: the update at which the two part.
      precision: in which they were computed.
      in_float64: the distance there in float64, if that is known.
    """
    epsilon = EPSILON.get(precision, EPSILON["float64"])
    apart = np.asarray(distances)
    lost = np.flatnonzero(~(apart < LOST))
    end = int(lost[0]) if len(lost) else len(apart)
    where = np.flatnonzero(apart[:end] > 0)
    factor = math.nan
    if len(where) >= 3:
        factor = float(np.exp(np.polyfit(where, np.log(apart[where]), 1)[0]))
    before = max(float(apart[parts - 1]) if parts else 0.0, epsilon)
    jump = float(apart[parts]) / before
    # What has grown as fast before is no jump.
    earlier = np.maximum(apart[:parts], epsilon)
    usual = float(np.max(earlier[1:] / earlier[:-1], initial=1.0))
    nonzero = apart[apart > 0]
    return Growth(
        name=name,
        begins=float(nonzero[0]) if len(nonzero) else 0.0,
        factor=factor,
        jump=jump,
        sudden=not jump <= SUDDEN * usual,
        in_float64=in_float64,
        here=float(apart[parts]),
    )
