"""Correctly rounded: every scheduler against its formula in 50-digit arithmetic.

The formulas are written down here once more, straight from PyTorch's documentation and without
a thought for rounding, so that nothing is shared with the code under test. That the device
answers as the host does is the business of `test_modes`; here the host speaks for both.
"""

import random

import jax
import numpy as np
import pytest
from accuracy import counts_up_to, exactly, excess, float32_ulps, float64_ulps, length, mp, rate
from catalogue import as_data

from jaxsched import (
    ConstantLR,
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    CyclicLR,
    ExponentialLR,
    LinearLR,
    MultiStepLR,
    OneCycleLR,
    PolynomialLR,
    StepLR,
)


def line(start, end, x):
    return exactly(start) + (exactly(end) - exactly(start)) * x


def cosine(start, end, x):
    return line(start, end, (1 - mp.cos(mp.pi * x)) / 2)


# One function for each scheduler: a schedule drawn at random, its formula, and about how far
# something happens.


def constant(draw):
    base_lr, factor, total_iters = rate(draw), draw.random(), length(draw)

    def exact(k):
        return exactly(base_lr) * (exactly(factor) if k < total_iters else 1)

    return ConstantLR(base_lr, factor, total_iters), exact, total_iters


def linear(draw):
    base_lr, total_iters = rate(draw), length(draw)
    start, end = 1 - draw.random(), draw.choice([0.0, 1.0, draw.random()])

    def exact(k):
        return exactly(base_lr) * line(start, end, exactly(min(k, total_iters)) / total_iters)

    return LinearLR(base_lr, start, end, total_iters), exact, total_iters


def gamma_and_reach(draw):
    """A decay, and after how many of them nothing is left."""
    gamma = draw.choice([0.1, 0.5, draw.random(), 1 - 10 ** draw.uniform(-9, -1)])
    return gamma, int(100 / -mp.log(gamma, 2)) + 1


def step(draw):
    base_lr, step_size = rate(draw), length(draw)
    gamma, reach = gamma_and_reach(draw)

    def exact(k):
        return exactly(base_lr) * exactly(gamma) ** (k // step_size)

    return StepLR(base_lr, step_size, gamma), exact, reach * step_size


def multi_step(draw):
    base_lr, gamma = rate(draw), gamma_and_reach(draw)[0]
    far = length(draw)
    milestones = [draw.randint(0, far) for _ in range(draw.choice([1, 5, 40]))]

    def exact(k):
        return exactly(base_lr) * exactly(gamma) ** sum(m <= k for m in milestones)

    return MultiStepLR(base_lr, milestones, gamma), exact, far


def exponential(draw):
    base_lr, (gamma, reach) = rate(draw), gamma_and_reach(draw)
    return ExponentialLR(base_lr, gamma), lambda k: exactly(base_lr) * exactly(gamma) ** k, reach


def growing(draw):
    base_lr, gamma = rate(draw), 1 + 10 ** draw.uniform(-9, 0)
    reach = int(100 / mp.log(gamma, 2))
    return ExponentialLR(base_lr, gamma), lambda k: exactly(base_lr) * exactly(gamma) ** k, reach


def polynomial(draw):
    base_lr, total_iters = rate(draw), length(draw)
    power = draw.choice([1.0, 2.0, 0.9, 0.5, draw.uniform(0, 5), 10 ** draw.uniform(-2, 3)])

    def exact(k):
        return exactly(base_lr) * (exactly(total_iters - min(k, total_iters)) / total_iters) ** exactly(power)

    return PolynomialLR(base_lr, total_iters, power), exact, total_iters


def cosine_annealing(draw):
    base_lr, T_max = rate(draw), length(draw)
    eta_min = draw.choice([0.0, base_lr * draw.uniform(0, 1.5), rate(draw)])

    def exact(k):
        return cosine(base_lr, eta_min, exactly(k) / T_max)

    return CosineAnnealingLR(base_lr, T_max, eta_min), exact, 2 * T_max


def warm_restarts(draw):
    base_lr, T_0, T_mult = rate(draw), length(draw), draw.choice([1, 2, 3, 10])
    eta_min = draw.choice([0.0, base_lr * draw.random()])

    def exact(k):
        if T_mult == 1:
            return cosine(base_lr, eta_min, exactly(k % T_0) / T_0)
        T_i = T_0
        while k >= T_i:
            k, T_i = k - T_i, T_i * T_mult
        return cosine(base_lr, eta_min, exactly(k) / T_i)

    return CosineAnnealingWarmRestarts(base_lr, T_0, T_mult, eta_min), exact, 50 * T_0


def cyclic(draw):
    return any_cyclic(draw, rate(draw), rate(draw), draw.choice(["triangular", "triangular2"]))


def cyclic_exp_range(draw):
    return any_cyclic(draw, *sorted([rate(draw), rate(draw)]), "exp_range")


def any_cyclic(draw, base_lr, max_lr, mode):
    up, down = length(draw) // 4 + 1, length(draw) // 4 + 1
    gamma = gamma_and_reach(draw)[0]
    if draw.random() < 0.3:
        down = up

    def exact(k, low=base_lr, high=max_lr):
        cycle, position = divmod(k, up + down)
        x = exactly(position) / up if position <= up else exactly(up + down - position) / down
        scale = {"triangular": 1, "triangular2": mp.mpf(2) ** -cycle, "exp_range": exactly(gamma) ** k}[mode]
        return line(low, high, x * scale)

    schedule = CyclicLR(base_lr, max_lr, up, None if up == down else down, mode, gamma)
    if draw.random() < 0.2:
        return schedule.momentum, lambda k: exact(k, 0.9, 0.8), 5 * (up + down)
    return schedule, exact, 5 * (up + down)


def one_cycle(draw):
    max_lr, total_steps = rate(draw), length(draw)
    pct_start, strategy = draw.choice([0.3, draw.random()]), draw.choice(["cos", "linear"])
    div_factor, final_div_factor = draw.choice([25.0, 10 ** draw.uniform(-1, 3)]), 10 ** draw.uniform(0, 6)
    three_phase = draw.random() < 0.5

    first = exactly(max_lr) / exactly(div_factor)
    rates = first, exactly(max_lr), first / exactly(final_div_factor)

    def exact(k, rates=rates):
        start, peak, end = rates
        # As in PyTorch, phases end at these float64 numbers.
        phases = [(float(pct_start * total_steps) - 1, start, peak)]
        if three_phase:
            phases.append((float(2 * pct_start * total_steps) - 2, peak, start))
        phases.append((total_steps - 1, phases[-1][2], end))
        k, began = min(k, total_steps - 1), 0
        while k > phases[0][0]:
            began = phases.pop(0)[0]
        until, low, high = phases[0]
        if until == began:
            return high
        x = (exactly(k) - exactly(began)) / (exactly(until) - exactly(began))
        return (cosine if strategy == "cos" else line)(low, high, x)

    schedule = OneCycleLR(
        max_lr,
        total_steps,
        pct_start=pct_start,
        anneal_strategy=strategy,
        div_factor=div_factor,
        final_div_factor=final_div_factor,
        three_phase=three_phase,
    )
    if draw.random() < 0.2:
        return (
            schedule.momentum,
            lambda k: exact(k, (exactly(0.95), exactly(0.85), exactly(0.95))),
            total_steps,
        )
    return schedule, exact, total_steps


SCHEDULERS = (
    constant,
    linear,
    step,
    multi_step,
    exponential,
    growing,
    polynomial,
    cosine_annealing,
    warm_restarts,
    cyclic,
    cyclic_exp_range,
    one_cycle,
)


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_numbers(scheduler):
    draw = random.Random(scheduler.__name__)
    for _ in range(100):
        schedule, exact, far = scheduler(draw)
        counts = counts_up_to(far, draw)
        assert excess(schedule.on_host(counts), counts, exact, float32_ulps, 0.5 + 1e-6) == [], schedule
        with jax.enable_x64(True):
            assert excess(schedule.on_host(counts), counts, exact, float64_ulps, 4) == [], schedule


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_arrays(scheduler):
    draw = random.Random(scheduler.__name__)
    for _ in range(100):
        schedule, exact, far = scheduler(draw)
        counts = counts_up_to(far, draw)
        with jax.enable_x64(True):
            data = as_data(schedule, np.float64)
        assert excess(data.on_host(counts), counts, exact, float32_ulps, 0.5 + 1e-6) == [], schedule


def test_exp_range_downwards():
    """The one limit: the error is relative to the larger end, as docs/numerics.md says."""
    draw = random.Random(0)
    for _ in range(100):
        schedule, exact, far = any_cyclic(draw, *sorted([rate(draw), rate(draw)], reverse=True), "exp_range")
        counts = counts_up_to(far, draw)
        larger = schedule.of.max_momentum if hasattr(schedule, "of") else schedule.base_lr
        with jax.enable_x64(True):
            values = schedule.on_host(counts).tolist()
        worst = max(abs(exactly(value) - exact(k)) for k, value in zip(counts, values, strict=True))
        assert worst <= 4 * 2**-53 * exactly(larger), schedule
