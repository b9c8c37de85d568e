"""What holds of every schedule, whatever its arguments: sign, ends, direction, period, symmetry."""

import math

import jax
import jax.numpy as jnp
import numpy as np
from catalogue import arguments, as_data
from hypothesis import assume, example, given, settings, strategies as st

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

LARGEST = 2**31 - 1

# Compiling is a hundred times the work of the rest.
few = settings(max_examples=max(5, settings.default.max_examples // 4))

rates = st.one_of(st.just(0.0), st.floats(1e-12, 1e-6), st.floats(1e-6, 1.0), st.floats(1.0, 1e6))
shares = st.one_of(st.just(0.0), st.floats(1e-6, 1.0), st.just(1.0))
# A decay nearer to 1 drowns in the noise of float64.
decays = st.one_of(st.floats(0, 1 - 1e-9), st.floats(0.99, 1 - 1e-9), st.just(1.0))
growths = st.one_of(st.floats(1 + 1e-9, 1.001), st.floats(1.001, 2))
lengths = st.one_of(st.integers(1, 10), st.integers(1, 10_000), st.integers(1, LARGEST))
powers = st.one_of(st.sampled_from([0.0, 1.0, 2.0]), st.floats(0, 5))
milestones = st.lists(st.integers(0, LARGEST), max_size=40)
modes = st.sampled_from(["triangular", "triangular2", "exp_range"])

constants = st.builds(ConstantLR, rates, shares, lengths)
linears = st.builds(LinearLR, rates, st.floats(1e-6, 1.0), shares, lengths)
steps = st.builds(StepLR, rates, lengths, decays)
multi_steps = st.builds(MultiStepLR, rates, milestones, decays)
exponentials = st.builds(ExponentialLR, rates, decays)
polynomials = st.builds(PolynomialLR, rates, lengths, powers)
cosines = st.builds(CosineAnnealingLR, rates, lengths, rates)
restarts = st.builds(CosineAnnealingWarmRestarts, rates, lengths, st.integers(1, 10), rates)
cyclics = st.builds(CyclicLR, rates, rates, lengths, st.none() | lengths, modes, decays)
one_cycles = st.builds(
    OneCycleLR,
    rates,
    lengths,
    pct_start=shares,
    anneal_strategy=st.sampled_from(["cos", "linear"]),
    div_factor=st.floats(1e-3, 1e3),
    final_div_factor=st.floats(1e-3, 1e6),
    three_phase=st.booleans(),
)
momenta = st.builds(lambda schedule: schedule.momentum, cyclics | one_cycles)

bounded = st.one_of(
    constants,
    linears,
    steps,
    multi_steps,
    exponentials,
    polynomials,
    cosines,
    restarts,
    cyclics,
    one_cycles,
    momenta,
)
growing = st.one_of(
    st.builds(StepLR, rates, lengths, growths),
    st.builds(MultiStepLR, rates, milestones, growths),
    st.builds(ExponentialLR, rates, growths),
    st.builds(
        lambda low, rise, up, gamma: CyclicLR(low, low + rise, up, mode="exp_range", gamma=gamma),
        rates,
        rates,
        lengths,
        growths,
    ),
)

int32_counts = st.lists(st.one_of(st.integers(0, 100), st.integers(0, LARGEST)))
counts = st.lists(st.one_of(st.integers(0, LARGEST), st.integers(0, 2**63 - 1)))


def around(schedule):
    """The counts next to which something happens."""
    schedule = getattr(schedule, "of", schedule)
    lengths = [x for x in arguments(schedule).values() if isinstance(x, int) and x < 2**31]
    lengths += getattr(schedule, "milestones", ())
    return [times * n + near for n in (*lengths, sum(lengths)) for times in (1, 2) for near in (-1, 0, 1)]


def same_bits(got, want):
    return np.array_equal(np.asarray(got).view(np.int32), np.asarray(want).view(np.int32))


# Sign and size --------------------------------------------------------------------------


@given(bounded, counts)
def test_finite_and_not_negative(schedule, counts):
    values = schedule.on_host(counts + around(schedule))
    assert np.isfinite(values).all()
    assert (values >= 0).all()


@given(growing, counts)
def test_growth_never_turns_negative_or_nan(schedule, counts):
    assert (schedule.on_host(counts + around(schedule)) >= 0).all()


@given(st.one_of(constants, linears, steps, multi_steps, exponentials, polynomials), counts)
def test_decays_stay_between_0_and_base_lr(schedule, counts):
    assert (schedule.on_host(counts + around(schedule)) <= np.float32(schedule.base_lr)).all()


@given(st.one_of(cosines, restarts), counts)
def test_cosines_stay_between_their_ends(schedule, counts):
    low, high = sorted([np.float32(schedule.base_lr), np.float32(schedule.eta_min)])
    values = schedule.on_host(counts + around(schedule))
    assert ((low <= values) & (values <= high)).all()


# Modes ----------------------------------------------------------------------------------


@few
@given(bounded | growing, counts, int32_counts)
def test_the_device_answers_as_the_host_does(schedule, far, near):
    far = np.resize([*far, 0], 40)
    near = np.clip(np.resize(near + around(schedule) + [0], 40), 0, LARGEST)
    with np.errstate(over="ignore"):
        assert same_bits(schedule(far), schedule.on_host(far))
        assert same_bits(jax.jit(jax.vmap(schedule))(near.astype(np.uint32)), schedule.on_host(near))
        one_by_one = jax.jit(lambda ks: jax.lax.map(schedule, ks))(near)
        assert same_bits(one_by_one, schedule.on_host(near))


@jax.jit
def evaluate(schedule, k):
    return schedule(k)


@given(bounded, int32_counts)
def test_arrays_on_the_device_answer_as_on_the_host(schedule, counts):
    schedule = as_data(schedule)
    # XLA's CPU programs read subnormal data as 0, and NumPy does not.
    assume(all(x == 0 or abs(x) >= 2.0**-126 for x in jax.tree.leaves(jax.device_get(schedule))))
    k = np.clip(np.resize(counts + around(schedule) + [0], 40), 0, LARGEST)
    assert same_bits(schedule(k), schedule.on_host(k))
    for dtype in (np.int32, np.uint32):
        assert same_bits(evaluate(schedule, jnp.asarray(k, dtype)), schedule.on_host(k))


# Ends -----------------------------------------------------------------------------------


@given(st.one_of(steps, exponentials, polynomials, cosines, restarts))
def test_starts_at_base_lr(schedule):
    assert schedule.on_host(0) == np.float32(schedule.base_lr)


@given(constants)
def test_ends_of_constant(schedule):
    n = schedule.total_iters
    reduced = np.float32(schedule.base_lr * schedule.factor)
    want = [reduced, reduced, np.float32(schedule.base_lr), np.float32(schedule.base_lr)]
    assert schedule.on_host([0, n - 1, n, 2**62]).tolist() == want


@given(linears)
def test_ends_of_linear(schedule):
    start = np.float32(schedule.base_lr * schedule.start_factor)
    end = np.float32(schedule.base_lr * schedule.end_factor)
    assert schedule.on_host([0, schedule.total_iters, 2**62]).tolist() == [start, end, end]


@given(polynomials)
def test_end_of_polynomial(schedule):
    end = np.float32(schedule.base_lr) if schedule.power == 0 else 0
    n = schedule.total_iters
    assert schedule.on_host([n, n + 1, 2**62]).tolist() == [end] * 3


@given(cosines)
def test_ends_of_cosine(schedule):
    n = schedule.T_max
    top, bottom = np.float32(schedule.base_lr), np.float32(schedule.eta_min)
    assert schedule.on_host([n, 2 * n, 3 * n, 1001 * n]).tolist() == [bottom, top, bottom, bottom]


@given(cyclics)
def test_ends_of_cyclic(schedule):
    up = schedule.step_size_up
    cycle = up + (schedule.step_size_down or up)
    bottom = np.float32(schedule.base_lr)
    assert schedule.on_host([0, cycle, 7 * cycle]).tolist() == [bottom] * 3
    if schedule.mode == "triangular":
        assert schedule.on_host([up, up + 7 * cycle]).tolist() == [np.float32(schedule.max_lr)] * 2


@given(rates, rates, lengths)
def test_first_peak_of_triangular2(base_lr, max_lr, up):
    schedule = CyclicLR(base_lr, max_lr, step_size_up=up, mode="triangular2")
    assert schedule.on_host(up) == np.float32(max_lr)
    third = np.float32(base_lr + (max_lr - base_lr) / 4)
    np.testing.assert_allclose(schedule.on_host(5 * up), third, rtol=1e-6)


@given(one_cycles)
def test_ends_of_one_cycle(schedule):
    first = schedule.max_lr / schedule.div_factor
    end = schedule.total_steps - 1
    last = schedule.on_host([end, end + 1, 2**62])
    assert last[0] == last[1] == last[2]
    if 1 < schedule.pct_start * schedule.total_steps < schedule.total_steps / 2:
        np.testing.assert_allclose(schedule.on_host(0), first, rtol=1e-7)
        np.testing.assert_allclose(last[0], first / schedule.final_div_factor, rtol=1e-7)


@given(rates, st.integers(1, LARGEST // 2), st.sampled_from(["cos", "linear"]), st.booleans())
def test_peak_of_one_cycle(max_lr, half, strategy, three_phase):
    schedule = OneCycleLR(
        max_lr,
        2 * half,
        pct_start=0.5,
        anneal_strategy=strategy,
        three_phase=three_phase,
        final_div_factor=10,
    )
    assert schedule.on_host(half - 1) == np.float32(max_lr)
    assert schedule.momentum.on_host([half - 1]) == np.float32(0.85)


# Direction ------------------------------------------------------------------------------


def run_from(start):
    return start + np.arange(50)


@given(st.one_of(steps, multi_steps, exponentials, polynomials), st.integers(0, LARGEST))
def test_decays_never_rise(schedule, start):
    for begin in (start, *(max(0, k - 25) for k in around(schedule))):
        assert (np.diff(schedule.on_host(run_from(begin))) <= 0).all()


@given(st.one_of(linears, cosines), st.integers(0, LARGEST))
def test_one_way_between_two_ends(schedule, start):
    first, last = 0, getattr(schedule, "T_max", None) or schedule.total_iters
    way = np.sign(schedule.on_host(last) - schedule.on_host(first))
    for begin in (0, start % last, max(0, last // 2 - 25), max(0, last - 49)):
        k = np.minimum(run_from(begin), last)
        assert (way * np.diff(schedule.on_host(k)) >= 0).all()


# Period and symmetry --------------------------------------------------------------------


@given(cosines, int32_counts)
def test_cosine_is_periodic_and_even(schedule, counts):
    k = np.array([*counts, *around(schedule)])
    n = schedule.T_max
    want = schedule.on_host(k)
    assert same_bits(schedule.on_host(k + 2 * n), want)
    assert same_bits(schedule.on_host(k + 1000 * n), want)
    mirrored = abs(k % (2 * n) - 2 * n)
    assert same_bits(schedule.on_host(mirrored), want)


@given(cosines, st.floats(0, 1))
def test_cosine_is_odd_about_its_middle(schedule, share):
    j = int(share * schedule.T_max)
    with jax.enable_x64(True):
        one, other = schedule.on_host([j, schedule.T_max - j])
    np.testing.assert_allclose(one + other, schedule.base_lr + schedule.eta_min, rtol=1e-15)


@given(rates, lengths, rates, int32_counts)
def test_restarts_of_one_length_are_periodic(base_lr, T_0, eta_min, counts):
    k = np.array([*counts, 0])
    schedule = CosineAnnealingWarmRestarts(base_lr, T_0, eta_min=eta_min)
    assert same_bits(schedule.on_host(k + 1000 * T_0), schedule.on_host(k))
    assert same_bits(schedule.on_host(k), CosineAnnealingLR(base_lr, T_0, eta_min).on_host(k % T_0))


@given(rates, rates, lengths, st.none() | lengths, int32_counts)
def test_triangular_is_periodic(base_lr, max_lr, up, down, counts):
    schedule = CyclicLR(base_lr, max_lr, up, down)
    k = np.array([*counts, *around(schedule)])
    cycle = up + (down or up)
    assert same_bits(schedule.on_host(k + 1000 * cycle), schedule.on_host(k))
    assert same_bits(schedule.momentum.on_host(k + 1000 * cycle), schedule.momentum.on_host(k))


# Restarts -------------------------------------------------------------------------------


@given(st.integers(1, 10**6), st.integers(2, 10), st.integers(0, 60))
@example(1, 3, 5)
@example(10**6, 3, 5)  # 121 * T_0, where a logarithm gives the wrong cycle
def test_every_restart_is_at_base_lr(T_0, T_mult, i):
    start = T_0 * (T_mult**i - 1) // (T_mult - 1)
    schedule = CosineAnnealingWarmRestarts(0.1, T_0, T_mult, eta_min=0.001)
    length = T_0 * T_mult**i
    assume(length < 2**62)
    cycle = CosineAnnealingLR(0.1, length, eta_min=0.001)
    within = np.array([0, 1, length // 3, length - 1])
    within = within[within < length]
    assert same_bits(schedule.on_host(start + within), cycle.on_host(within))
    if i:
        before = CosineAnnealingLR(0.1, T_0 * T_mult ** (i - 1), eta_min=0.001)
        assert same_bits(schedule.on_host(start - 1), before.on_host(T_0 * T_mult ** (i - 1) - 1))


@given(rates, lengths, st.integers(2, 10), rates, st.integers(2**40, 2**63 - 1))
@example(0.1, 1, 4, 0.0, 1714523170832589055)
@example(0.1, 1866418, 10, 0.0, 5474642387481149439)
def test_restarts_as_far_as_counts_go(base_lr, T_0, T_mult, eta_min, k):
    start, length = 0, T_0
    while k >= start + length:
        start, length = start + length, length * T_mult
    schedule = CosineAnnealingWarmRestarts(base_lr, T_0, T_mult, eta_min)
    way = (1 - math.cos(math.pi * ((k - start) / length))) / 2
    want = (1 - way) * base_lr + way * eta_min
    np.testing.assert_allclose(schedule.on_host(k), want, rtol=1e-6, atol=1e-7 * max(base_lr, eta_min))


@given(st.integers(1, 10**6), st.integers(1, 10), st.integers(0, 12))
@example(1, 3, 5)
@example(7, 3, 5)
@example(10**6, 3, 5)
def test_every_restart_is_met_by_fractional_counts(T_0, T_mult, i):
    start = T_0 * sum(T_mult**j for j in range(i))
    assume(start < 2**50)
    schedule = CosineAnnealingWarmRestarts(0.1, T_0, T_mult, eta_min=0.001)
    assert same_bits(schedule.on_host(float(start)), schedule.on_host(start))
    assert schedule.on_host(float(start)) == np.float32(0.1)
    assert schedule.on_host(math.nextafter(start, math.inf)) == np.float32(0.1)
    if i:
        assert schedule.on_host(math.nextafter(start, 0)) == np.float32(0.001)
