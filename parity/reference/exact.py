"""The exact value: each scheduler's formula in 50-digit arithmetic.

The arbiter between PyTorch and a JAX schedule when the two differ. Written from PyTorch's
documentation and source, straight from the definition and with no thought of rounding;
nothing here may come from ``jaxsched``, and a test holds it to that.

The float64 hyperparameters are read off a live PyTorch scheduler, so that there is an
arbiter for any scheduler that somebody hands us. What PyTorch keeps only as a rounded
float64 (the learning rates and the ends of phases of OneCycleLR) is taken as it keeps it.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable, Sequence
from typing import Any

import mpmath
import numpy as np

from . import exact_hugging_face

mp = mpmath.mp.clone()
mp.dps = 50

Exact = Callable[[float], Any]
"""From a count to the value, a 50-digit number."""


def of(scheduler: Any, quantity: str = "lr", group: int = 0) -> Exact | None:
    """The exact value of what a live PyTorch scheduler does; None where none is known."""
    formula = _FORMULAS.get((type(scheduler).__name__, quantity))
    if formula is not None:
        return formula(scheduler, group)
    step = _step_of(scheduler, group) if quantity == "lr" else None
    return None if step is None else _recursion(step, mp.mpf(_initial_lr(scheduler, group)))


def to_float32(value: Any) -> np.float32:
    """The float32 nearest to a 50-digit number, ties to even; subnormal ones too."""
    if value == 0 or not mp.isfinite(value):
        return np.float32(float(value))
    exponent = max(int(mp.floor(mp.log(abs(value), 2))) - 23, -149)
    return np.float32(float(mp.ldexp(mp.nint(mp.ldexp(value, -exponent)), exponent)))


def _base(scheduler: Any, group: int) -> Any:
    return mp.mpf(float(scheduler.base_lrs[group]))


def _cosine(start: Any, end: Any, share: Any) -> Any:
    return end + (start - end) * (1 + mp.cospi(share)) / 2


def _line(start: Any, end: Any, share: Any) -> Any:
    return start + (end - start) * share


# Closed forms, from a count to a value.


def _lambda(s: Any, group: int) -> Exact:
    base, factor = _base(s, group), s.lr_lambdas[group]
    known = exact_hugging_face.of(factor)
    return lambda k: base * (known(k) if known else mp.mpf(float(factor(k))))


def _step(s: Any, group: int) -> Exact:
    base, gamma = _base(s, group), mp.mpf(s.gamma)
    return lambda k: base * gamma ** (k // s.step_size)


def _multi_step(s: Any, group: int) -> Exact:
    base, gamma = _base(s, group), mp.mpf(s.gamma)
    return lambda k: base * gamma ** sum(n for m, n in s.milestones.items() if m <= k)


def _constant(s: Any, group: int) -> Exact:
    base, factor = _base(s, group), mp.mpf(s.factor)
    return lambda k: base * factor if k < s.total_iters else base


def _linear(s: Any, group: int) -> Exact:
    base, start, end = _base(s, group), mp.mpf(s.start_factor), mp.mpf(s.end_factor)
    return lambda k: base * _line(start, end, mp.mpf(min(k, s.total_iters)) / s.total_iters)


def _exponential(s: Any, group: int) -> Exact:
    base, gamma = _base(s, group), mp.mpf(s.gamma)
    return lambda k: base * gamma**k


def _polynomial(s: Any, group: int) -> Exact:
    base, power = _base(s, group), mp.mpf(s.power)
    return lambda k: base * (1 - mp.mpf(min(k, s.total_iters)) / s.total_iters) ** power


def _cosine_annealing(s: Any, group: int) -> Exact:
    base, eta_min = _base(s, group), mp.mpf(s.eta_min)
    return lambda k: _cosine(base, eta_min, mp.mpf(k) / s.T_max)


def _warm_restarts(s: Any, group: int) -> Exact:
    base, eta_min = _base(s, group), mp.mpf(s.eta_min)

    def value(k: float) -> Any:
        since, length = mp.mpf(k), s.T_0
        if s.T_mult == 1:
            since -= length * mp.floor(since / length)
        else:
            while since >= length:
                since, length = since - length, length * s.T_mult
        return _cosine(base, eta_min, since / length)

    return value


def _cyclic(s: Any, low: Any, high: Any) -> Exact:
    total = round(s.total_size)
    up = round(s.step_ratio * s.total_size)

    def scale(k: int, cycle: int) -> Any:
        if s._scale_fn_custom is not None:
            return mp.mpf(float(s.scale_fn(cycle + 1 if s.scale_mode == "cycle" else k)))
        return {"triangular": mp.mpf(1), "triangular2": mp.mpf(2) ** -cycle}.get(s.mode) or mp.mpf(
            s.gamma
        ) ** k

    def value(k: float) -> Any:
        cycle, position = divmod(int(k), total)
        way = mp.mpf(position) / up if position <= up else mp.mpf(total - position) / (total - up)
        return low + (high - low) * way * scale(int(k), cycle)

    return value


def _cyclic_lr(s: Any, group: int) -> Exact:
    return _cyclic(s, _base(s, group), mp.mpf(s.max_lrs[group]))


def _cyclic_momentum(s: Any, group: int) -> Exact:
    return _cyclic(s, mp.mpf(s.max_momentums[group]), mp.mpf(s.base_momentums[group]))


def _one_cycle(s: Any, group: int, what: str) -> Exact:
    options = s.optimizer.param_groups[group]
    anneal = _cosine if s._anneal_func_type == "cos" else _line

    def value(k: float) -> Any:
        begin = mp.mpf(0)
        for phase in s._schedule_phases:
            end = mp.mpf(phase["end_step"])
            if k <= end or phase is s._schedule_phases[-1]:
                start, stop = (mp.mpf(options[phase[f"{side}_{what}"]]) for side in ("start", "end"))
                return anneal(start, stop, (k - begin) / (end - begin))
            begin = end
        raise AssertionError("a schedule has phases")

    return value


# Steps, from a count and the learning rate in force to the next one; for what has no closed
# form: schedulers that act on whatever is there, and several of them on one optimizer.

Step = Callable[[int, Any], Any]


def _recursion(step: Step, start: Any) -> Exact:
    values: list[Any] = []

    def value(k: float) -> Any:
        while len(values) <= k:
            values.append(step(len(values), values[-1] if values else start))
        return values[int(k)]

    return value


def _initial_lr(scheduler: Any, group: int) -> float:
    return float(scheduler.optimizer.param_groups[group]["initial_lr"])


def _step_of(scheduler: Any, group: int) -> Step | None:
    """One step of a live scheduler, whatever the learning rate in force; None if unknown."""
    name = type(scheduler).__name__
    if name in _STEPS:
        made: Step = _STEPS[name](scheduler, group)
        return made
    formula = _FORMULAS.get((name, "lr"))
    if formula is None:
        return None
    exact = formula(scheduler, group)
    if name in _MULTIPLY:
        base = _base(scheduler, group)
        return lambda k, lr: lr * _ratio(base, exact, k)
    return lambda k, lr: exact(k)


_MULTIPLY = ("ConstantLR", "LinearLR", "StepLR", "MultiStepLR", "ExponentialLR", "PolynomialLR")


def _ratio(base: Any, exact: Exact, k: int) -> Any:
    if k == 0:
        return exact(0) / base if base else mp.mpf(1)
    before = exact(k - 1)
    return exact(k) / before if before else mp.mpf(1)


def _multiplicative_step(s: Any, group: int) -> Step:
    factor = s.lr_lambdas[group]
    return lambda k, lr: lr * mp.mpf(float(factor(k))) if k else lr


def _cosine_step(s: Any, group: int) -> Step:
    base, eta_min, T_max = _base(s, group), mp.mpf(s.eta_min), s.T_max

    def step(k: int, lr: Any) -> Any:
        if k == 0:
            return lr
        if (k - 1 - T_max) % (2 * T_max) == 0:
            return lr + (base - eta_min) * (1 - mp.cospi(mp.mpf(1) / T_max)) / 2
        return eta_min + (lr - eta_min) * (1 + mp.cospi(mp.mpf(k) / T_max)) / (
            1 + mp.cospi(mp.mpf(k - 1) / T_max)
        )

    return step


def _swa_step(s: Any, group: int) -> Step:
    goal = mp.mpf(s.optimizer.param_groups[group]["swa_lr"])

    def way(k: int) -> Any:
        share = mp.mpf(min(max(k, 0), s.anneal_epochs)) / s.anneal_epochs if s.anneal_epochs else mp.mpf(1)
        return share if s._anneal_strategy == "linear" else (1 - mp.cospi(share)) / 2

    def step(k: int, lr: Any) -> Any:
        if k == 0:
            return goal if s.anneal_epochs == 0 else lr
        if way(k - 1) == 1:
            return goal
        start = (lr - goal * way(k - 1)) / (1 - way(k - 1))
        return goal * way(k) + start * (1 - way(k))

    return step


def _sequential_step(s: Any, group: int) -> Step | None:
    steps = [_step_of(member, group) for member in s._schedulers]
    if None in steps:
        return None
    start = mp.mpf(_initial_lr(s, group))

    def step(k: int, lr: Any) -> Any:
        phase = bisect.bisect_right(s._milestones, k)
        begin = s._milestones[phase - 1] if phase else 0
        member, own = s._schedulers[phase], steps[phase]
        assert own is not None
        if k > begin:
            return own(k - begin, lr)
        if k == 0:
            return own(0, start)
        # At a milestone a member starts from the optimizer's learning rate, but for the two
        # that have no closed form: these go on from the one in force.
        if type(member).__name__ in ("MultiplicativeLR", "SWALR"):
            first = (
                mp.mpf(float(member.lr_lambdas[group](0)))
                if type(member).__name__ == "MultiplicativeLR"
                else mp.mpf(1)
            )
            return own(0, lr * first)
        return own(0, start)

    return step


def _chained_step(s: Any, group: int) -> Step | None:
    steps = [_step_of(member, group) for member in s._schedulers]
    if None in steps:
        return None

    def step(k: int, lr: Any) -> Any:
        for own in steps:
            assert own is not None
            lr = own(k, lr)
        return lr

    return step


def plateau(s: Any, beside: Any, metrics: Sequence[float], base_lr: float) -> list[Any]:
    """The exact learning rate before each metric and after the last.

    ``s`` is a live ReduceLROnPlateau, ``beside`` the scheduler stepped before it, or None.
    Metrics and thresholds are float64, as PyTorch compares them; the rates are exact.
    """
    other = None if beside is None else _step_of(beside, 0)
    lr = mp.mpf(base_lr) if other is None else other(0, mp.mpf(base_lr))
    sign = 1 if s.mode == "min" else -1
    best, bad, cooling, rates = sign * float("inf"), 0, 0, [lr]
    for k, metric in enumerate(metrics, start=1):
        lr = lr if other is None else other(k, lr)
        relative = s.threshold_mode == "rel"
        bound = best * (1.0 - sign * s.threshold) if relative else best - sign * s.threshold
        if metric < bound if sign > 0 else metric > bound:
            best, bad = metric, 0
        else:
            bad += 1
        if cooling > 0:
            cooling, bad = cooling - 1, 0
        if bad > s.patience:
            reduced = max(lr * mp.mpf(s.factor), mp.mpf(s.min_lrs[0]))
            lr = reduced if lr - reduced > s.eps else lr
            cooling, bad = s.cooldown, 0
        rates.append(lr)
    return rates


_STEPS: dict[str, Callable[[Any, int], Any]] = {
    "MultiplicativeLR": _multiplicative_step,
    "CosineAnnealingLR": _cosine_step,
    "SWALR": _swa_step,
    "SequentialLR": _sequential_step,
    "ChainedScheduler": _chained_step,
}

_FORMULAS: dict[tuple[str, str], Callable[[Any, int], Exact]] = {
    ("LambdaLR", "lr"): _lambda,
    ("StepLR", "lr"): _step,
    ("MultiStepLR", "lr"): _multi_step,
    ("ConstantLR", "lr"): _constant,
    ("LinearLR", "lr"): _linear,
    ("ExponentialLR", "lr"): _exponential,
    ("PolynomialLR", "lr"): _polynomial,
    ("CosineAnnealingLR", "lr"): _cosine_annealing,
    ("CosineAnnealingWarmRestarts", "lr"): _warm_restarts,
    ("CyclicLR", "lr"): _cyclic_lr,
    ("CyclicLR", "momentum"): _cyclic_momentum,
    ("OneCycleLR", "lr"): lambda s, group: _one_cycle(s, group, "lr"),
    ("OneCycleLR", "momentum"): lambda s, group: _one_cycle(s, group, "momentum"),
}
