"""What all of timm's have in common: the warm-up, and the cycles of three of them."""

from __future__ import annotations

import abc
import fractions
import math
from typing import Any

from ..arithmetic import Arithmetic
from ..known import Formula, Known
from ..turns import Kind, Turns, once


class Warmed(Known):
    """A line up, and something else."""

    @property
    def base_lr(self) -> float:
        return float(self.scheduler.base_values[self.group])

    @abc.abstractmethod
    def after(self, a: Arithmetic, t: int) -> Any:
        """The value at a count of its own."""

    def goal(self, a: Arithmetic) -> Any:
        """Where the line ends."""
        return a.number(self.base_lr)

    def formula(self, a: Arithmetic, quantity: str) -> Formula:
        s = self.scheduler

        def value(k: int) -> Any:
            k = int(k)
            if k < s.warmup_t:
                first = a.number(s.warmup_lr_init)
                return first + (self.goal(a) - first) * k / s.warmup_t
            if k == 0:  # nobody has stepped yet
                return a.number(self.base_lr)
            return self.after(a, k - s.warmup_t if s.warmup_prefix else k)

        return value

    def closed_form(self, a: Arithmetic, quantity: str) -> None:
        return None

    def turns(self) -> Turns:
        s = self.scheduler
        begin = s.warmup_t if s.warmup_prefix else 0
        told = once(Kind.END_OF_WARMUP, s.warmup_t) if s.warmup_t else []
        return told + once(self.kind, *(begin + t for t in self.own_turns()))

    kind = Kind.RESTART

    @abc.abstractmethod
    def own_turns(self) -> list[int]:
        """Where what follows the warm-up turns, in counts of its own."""


class Cycles(Warmed):
    """From the peak of a cycle to its end, so many times."""

    def places(self) -> list[tuple[fractions.Fraction, fractions.Fraction]]:
        """Where each cycle begins, and how long it is."""
        s = self.scheduler
        found, begin = [], fractions.Fraction(0)
        length = fractions.Fraction(s.t_initial)
        for _ in range(s.cycle_limit):
            found.append((begin, length))
            begin, length = begin + length, length * fractions.Fraction(s.cycle_mul)
        return found

    def own_turns(self) -> list[int]:
        return [math.ceil(begin + length) for begin, length in self.places()]

    @abc.abstractmethod
    def share(self, a: Arithmetic, gone: Any) -> Any:
        """What is left of the way from the peak, where a share of the cycle is gone."""

    def after(self, a: Arithmetic, t: int) -> Any:
        s = self.scheduler
        least = a.number(s.lr_min)
        for i, (begin, length) in enumerate(self.places()):
            if begin <= t < begin + length:
                gone = (t - begin) / length
                peak = a.number(self.base_lr) * a.power(a.number(s.cycle_decay), i)
                share = self.share(a, a.number(gone.numerator) / gone.denominator)
                return least + (peak - least) * share
        return least
