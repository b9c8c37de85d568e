"""The exact value at hundreds of millions of counts: each closed form in double-double arithmetic.

What `exact` is for a handful of counts, this is for all of them: a number is the unevaluated
sum of two float64 of NumPy, which together have some 106 bits (Dekker 1971; Joldes, Muller and
Popescu 2017). The formulas are straight from PyTorch's documentation, with no thought of
rounding; nothing here may come from ``jaxsched``, and a test holds it to that. The
hyperparameters are read off a live PyTorch scheduler, as `exact` reads them.

Relative errors, for numbers that float32 can hold: at most ``2**-102`` of a sum, product or quotient,
``2**-95`` of `exp`, `log` and `power`. `cospi` is within ``2**-100``, absolute, as it may be 0.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any, TypeAlias

import mpmath
import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True, eq=False)
class DoubleDouble:
    """``high + low``, where ``high`` is the float64 nearest to the sum; elementwise."""

    high: Floats
    low: Floats

    __array_ufunc__ = None  # NumPy arrays on the left leave the operation to us

    def __neg__(self) -> DoubleDouble:
        return DoubleDouble(-self.high, -self.low)

    def __add__(self, other: Number) -> DoubleDouble:
        other = number(other)
        high, error = _two_sum(self.high, other.high)
        low, rest = _two_sum(self.low, other.low)
        high, error = _fast_two_sum(high, error + low)
        return DoubleDouble(*_fast_two_sum(high, error + rest))

    def __sub__(self, other: Number) -> DoubleDouble:
        return self + -number(other)

    def __mul__(self, other: Number) -> DoubleDouble:
        other = number(other)
        high, error = _two_product(self.high, other.high)
        error = error + (self.high * other.low + self.low * other.high)
        return DoubleDouble(*_fast_two_sum(high, error))

    def __truediv__(self, other: Number) -> DoubleDouble:
        other = number(other)
        quotient = self.high / other.high
        rest = self - other * quotient
        return DoubleDouble(*_fast_two_sum(quotient, rest.high / other.high))

    __radd__, __rmul__ = __add__, __mul__

    def __rsub__(self, other: Number) -> DoubleDouble:
        return number(other) - self

    def __rtruediv__(self, other: Number) -> DoubleDouble:
        return number(other) / self

    def scaled(self, by: Floats | float) -> DoubleDouble:
        """Times a power of two, which is exact."""
        return DoubleDouble(self.high * by, self.low * by)


Number: TypeAlias = DoubleDouble | npt.NDArray[Any] | float


def number(x: Number) -> DoubleDouble:
    """A double-double from what a float64 holds."""
    return x if isinstance(x, DoubleDouble) else DoubleDouble(np.asarray(x, np.float64), np.zeros(()))


def where(condition: npt.NDArray[np.bool_], x: Number, y: Number) -> DoubleDouble:
    x, y = number(x), number(y)
    return DoubleDouble(np.where(condition, x.high, y.high), np.where(condition, x.low, y.low))


def _two_sum(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """The rounded sum and its error (Knuth)."""
    total = a + b
    of_b = total - a
    return total, (a - (total - of_b)) + (b - of_b)


def _fast_two_sum(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """The same for ``|a| >= |b|`` (Dekker)."""
    total = a + b
    return total, b - (total - a)


def _split(x: Floats) -> tuple[Floats, Floats]:
    """Two halves of 26 bits, whose products are exact (Veltkamp)."""
    c = x * (2.0**27 + 1)
    high = c - (c - x)
    return high, x - high


def _two_product(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """The rounded product and its error (Dekker)."""
    product = a * b
    (a1, a2), (b1, b2) = _split(a), _split(b)
    return product, ((a1 * b1 - product) + a1 * b2 + a2 * b1) + a2 * b2


# Functions ------------------------------------------------------------------------------


def _constant(x: Any) -> DoubleDouble:
    """From a fraction or a number of mpmath."""
    return DoubleDouble(np.asarray(float(x)), np.asarray(float(x - type(x)(float(x)))))


with mpmath.workprec(200):
    PI, LOG2 = _constant(+mpmath.mp.pi), _constant(+mpmath.mp.ln2)

# The series of (exp(x) - 1)/x, and that of (1 - cos(x))/x**2 in powers of x**2, with as many terms as
# matter to 106 bits where they are used.
_EXPM1 = [_constant(Fraction(1, math.factorial(n + 1))) for n in range(11)]
_VERSINE = [_constant(Fraction((-1) ** n, math.factorial(2 * n + 2))) for n in range(8)]


def _series(coefficients: Sequence[DoubleDouble], x: DoubleDouble) -> DoubleDouble:
    return functools.reduce(lambda total, one: total * x + one, reversed(coefficients))


def cospi(x: DoubleDouble) -> DoubleDouble:
    """``cos(pi*x)``; exactly 1 or -1 at whole numbers."""
    whole = np.rint(x.high)
    small = (x - whole) * PI.scaled(2.0**-5)
    square = small * small
    versine = square * _series(_VERSINE, square)
    for _ in range(5):  # 1 - cos(2*a) = 2*v*(2 - v), where v = 1 - cos(a)
        versine = (versine * (2 - versine)).scaled(2.0)
    return (1 - versine).scaled(1.0 - 2.0 * (whole % 2))


def _exponential(x: DoubleDouble) -> tuple[Floats, DoubleDouble]:
    """``s, e`` such that ``exp(x) = s * (1 + e)``, where ``s`` is a power of two."""
    times = np.rint(x.high / LOG2.high)
    small = (x - LOG2 * times).scaled(2.0**-6)
    rest = small * _series(_EXPM1, small)
    for _ in range(6):  # exp(2*a) - 1 = 2*e + e**2, where e = exp(a) - 1
        rest = rest.scaled(2.0) + rest * rest
    return np.ldexp(1.0, times.astype(np.int32)), rest


def exp(x: DoubleDouble) -> DoubleDouble:
    """``exp(x)`` for ``x < 700``; below -700, where every float32 is 0, it is ``exp(-700)``."""
    scale, rest = _exponential(where(x.high < -700, -700.0, x))
    return (1 + rest).scaled(scale)


def log(x: DoubleDouble) -> DoubleDouble:
    """The logarithm of ``x > 0``: NumPy's, and one step of Newton's method with its second term."""
    near = number(np.log(x.high))
    scale, rest = _exponential(near)
    # x/exp(near) - 1, so that nothing is lost where both are close to 1.
    off = ((x - scale) - rest.scaled(scale)) / (1 + rest).scaled(scale)
    return near + (off - (off * off).scaled(0.5))


def power(x: Number, y: Number) -> DoubleDouble:
    """``x**y`` for ``x >= 0``, ``y >= 0``; ``0**0`` is 1."""
    x, y = number(x), number(y)
    zero = x.high == 0
    of_zero = np.where(y.high == 0, 1.0, 0.0)
    return where(zero, of_zero, exp(log(where(zero, 1.0, x)) * y))


# Closed forms, from counts to values -----------------------------------------------------

Counts: TypeAlias = npt.NDArray[np.int64]
ClosedForm: TypeAlias = Callable[[Counts], DoubleDouble]


def of(scheduler: Any, quantity: str = "lr") -> ClosedForm:
    """The closed form of what a live PyTorch scheduler does to its first parameter group."""
    return _CLOSED_FORMS[type(scheduler).__name__, quantity](scheduler)


def _base(s: Any) -> float:
    return float(s.base_lrs[0])


def _line(start: Number, end: Number, share: DoubleDouble) -> DoubleDouble:
    return start + (number(end) - start) * share


def _cosine(start: Number, end: Number, share: DoubleDouble) -> DoubleDouble:
    return end + (number(start) - end) * (1 + cospi(share)) / 2


def _share(k: npt.NDArray[Any], of: int) -> DoubleDouble:
    """How much of the way is gone after ``k`` steps; all of it past the end."""
    return number(np.minimum(k, of)) / of


def _step(s: Any) -> ClosedForm:
    return lambda k: _base(s) * power(s.gamma, k // s.step_size)


def _multi_step(s: Any) -> ClosedForm:
    milestones = sorted(s.milestones.elements())
    return lambda k: _base(s) * power(s.gamma, np.searchsorted(milestones, k, side="right"))


def _constant_lr(s: Any) -> ClosedForm:
    return lambda k: _base(s) * where(k < s.total_iters, s.factor, 1.0)


def _linear(s: Any) -> ClosedForm:
    return lambda k: _base(s) * _line(s.start_factor, s.end_factor, _share(k, s.total_iters))


def _exponential_lr(s: Any) -> ClosedForm:
    return lambda k: _base(s) * power(s.gamma, k)


def _multiplicative(s: Any) -> ClosedForm:
    """For a function that does not look at the count; any other has no closed form."""
    return lambda k: _base(s) * power(s.lr_lambdas[0](1), k)


def _polynomial(s: Any) -> ClosedForm:
    return lambda k: _base(s) * power(1 - _share(k, s.total_iters), s.power)


def _cosine_annealing(s: Any) -> ClosedForm:
    return lambda k: _cosine(_base(s), s.eta_min, number(k) / s.T_max)


def _warm_restarts(s: Any) -> ClosedForm:
    def values(k: Counts) -> DoubleDouble:
        since, lasts = k, np.full_like(k, s.T_0)
        if s.T_mult == 1:
            since = k % s.T_0
        while s.T_mult > 1 and (over := since >= lasts).any():
            since, lasts = np.where(over, since - lasts, since), np.where(over, lasts * s.T_mult, lasts)
        return _cosine(_base(s), s.eta_min, number(since) / lasts)

    return values


def _cyclic(s: Any, low: float, high: float) -> ClosedForm:
    """For the three modes; a ``scale_fn`` of the user's is none of them."""
    total, up = round(s.total_size), round(s.step_ratio * s.total_size)

    def values(k: Counts) -> DoubleDouble:
        cycle, position = np.divmod(k, total)
        rising = position <= up
        way = number(np.where(rising, position, total - position)) / np.where(rising, up, total - up)
        if s.mode == "triangular2":
            way = way * np.ldexp(1.0, -cycle.astype(np.int32))
        elif s.mode == "exp_range":
            way = way * power(s.gamma, k)
        return _line(low, high, way)

    return values


def _one_cycle(s: Any, what: str) -> ClosedForm:
    """Past the end the last value stays, where PyTorch raises."""
    options = s.optimizer.param_groups[0]
    anneal = _cosine if s._anneal_func_type == "cos" else _line
    ends = np.array([phase["end_step"] for phase in s._schedule_phases])
    begins = np.array([0.0, *ends[:-1]])
    starts, stops = (
        np.array([options[phase[f"{side}_{what}"]] for phase in s._schedule_phases])
        for side in ("start", "end")
    )

    def values(k: Counts) -> DoubleDouble:
        k = np.minimum(k, s.total_steps - 1)
        i = np.searchsorted(ends, k)
        share = (number(k) - begins[i]) / (number(ends[i]) - begins[i])
        return anneal(starts[i], stops[i], share)

    return values


def _swa(s: Any) -> ClosedForm:
    options = s.optimizer.param_groups[0]
    anneal = _line if s._anneal_strategy == "linear" else _cosine
    return lambda k: anneal(options["initial_lr"], options["swa_lr"], _share(k, s.anneal_epochs))


def _sequential(s: Any) -> ClosedForm:
    """For members that start anew at their milestone, as most do."""
    first, *later = [of(member) for member in s._schedulers]

    def values(k: Counts) -> DoubleDouble:
        value = first(k)
        for milestone, member in zip(s._milestones, later, strict=True):
            value = where(k >= milestone, member(np.maximum(k - milestone, 0)), value)
        return value

    return values


def _chained(s: Any) -> ClosedForm:
    """For members that multiply the learning rate in force."""
    members = [of(member) for member in s._schedulers]
    base = _base(s._schedulers[0])
    return lambda k: functools.reduce(lambda value, member: value * (member(k) / base), members, number(base))


_CLOSED_FORMS: dict[tuple[str, str], Callable[[Any], ClosedForm]] = {
    ("ConstantLR", "lr"): _constant_lr,
    ("LinearLR", "lr"): _linear,
    ("StepLR", "lr"): _step,
    ("MultiStepLR", "lr"): _multi_step,
    ("ExponentialLR", "lr"): _exponential_lr,
    ("MultiplicativeLR", "lr"): _multiplicative,
    ("PolynomialLR", "lr"): _polynomial,
    ("CosineAnnealingLR", "lr"): _cosine_annealing,
    ("CosineAnnealingWarmRestarts", "lr"): _warm_restarts,
    ("CyclicLR", "lr"): lambda s: _cyclic(s, _base(s), s.max_lrs[0]),
    ("CyclicLR", "momentum"): lambda s: _cyclic(s, s.max_momentums[0], s.base_momentums[0]),
    ("OneCycleLR", "lr"): lambda s: _one_cycle(s, "lr"),
    ("OneCycleLR", "momentum"): lambda s: _one_cycle(s, "momentum"),
    ("SWALR", "lr"): _swa,
    ("SequentialLR", "lr"): _sequential,
    ("ChainedScheduler", "lr"): _chained,
}
