import abc
import fractions
import math
from typing import Annotated, Any, NamedTuple

import numpy as np

from .. import _numerics as nx
from .._arguments import Integer, Real
from ._warmed import Share, Tabulated

Initial = Annotated[int, Integer(1, "It is the number of counts in the first cycle.", array=False)]
CycleMul = Annotated[float, Real(1, array=False, remedy="Cycles cannot get shorter.")]
CycleDecay = Annotated[float, Real(array=False, remedy="It multiplies base_lr from cycle to cycle.")]
CycleLimit = Annotated[int, Integer(0, "It is the number of cycles.", array=False)]


class Place(NamedTuple):
    """Where counts lie in their cycles."""

    gone: nx.Values
    """The share of the cycle that is over, in [0, 1)."""
    left: nx.Values
    """The share that is left: 1 less the other, and exact to its last digits."""


class Cycles(Tabulated):
    """From ``base_lr`` to ``lr_min``, in cycles that get longer and begin lower; then ``lr_min``."""

    @abc.abstractmethod
    def _cycle(self, place: Place) -> Share:
        """The shares within cycles."""

    def _ends(self) -> list[fractions.Fraction]:
        """Where each cycle ends, exactly."""
        own: Any = self
        length, mul = fractions.Fraction(own.t_initial), fractions.Fraction(own.cycle_mul)
        ends, end = [], fractions.Fraction(0)
        for _ in range(own.cycle_limit if mul > 1 else 0):
            end += length
            ends.append(end)
            length *= mul
            if end > 2 * 10**7:
                break
        return ends

    def _counts(self) -> int:
        own: Any = self
        if own.cycle_mul == 1:
            return int(own.t_initial * own.cycle_limit)
        return math.ceil(max(self._ends(), default=0))

    def _shares(self, t: nx.Values) -> Share:
        own: Any = self
        if own.cycle_limit == 0:
            return Share(np.zeros(len(t)), np.ones(len(t)))
        if own.cycle_mul == 1:
            i, elapsed = np.divmod(t, own.t_initial)
            length = np.full(len(t), float(own.t_initial))
            left = length - elapsed
        else:
            ends = self._ends()
            whole = [math.ceil(end) for end in ends]
            i = np.searchsorted(whole, t, side="right").astype(np.float64)
            at = np.minimum(i, len(ends) - 1).astype(int)
            starts = [fractions.Fraction(0), *ends[:-1]]
            # From a start and to an end that need not be whole: their whole part is taken off exactly.
            elapsed = _from(t, starts, at)
            left = -_from(t, ends, at)
            length = np.array([float(e - s) for s, e in zip(starts, ends, strict=True)])[at]
        within = i < own.cycle_limit
        share = self._cycle(Place(elapsed / length, left / length))
        peak = own.cycle_decay ** np.minimum(i, own.cycle_limit)
        return Share(np.where(within, share.above * peak, 0.0), np.where(within, share.below, 1.0))


def _from(t: nx.Values, points: list[fractions.Fraction], at: np.ndarray) -> nx.Values:
    whole = np.array([math.floor(point) for point in points], np.float64)
    rest = np.array([float(point - math.floor(point)) for point in points])
    found: nx.Values = (t - whole[at]) - rest[at]
    return found


def risen(place: Place, k_decay: float) -> tuple[nx.Values, nx.Values]:
    """``gone**k_decay``, and 1 less it."""
    if k_decay == 1:
        return place.gone, place.left
    with np.errstate(divide="ignore"):
        return place.gone**k_decay, -np.expm1(k_decay * np.log1p(-np.minimum(place.left, 1.0)))
