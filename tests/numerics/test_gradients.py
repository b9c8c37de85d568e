"""Derivatives with respect to arguments given as arrays, by every road JAX has to them."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from catalogue import COUNTS, DISTINCT, arguments

from jaxsched import (
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    CyclicLR,
    ExponentialLR,
    LinearLR,
    MultiStepLR,
    PolynomialLR,
    StepLR,
)

WEIGHTS = np.random.default_rng(0).uniform(0.5, 1.5, COUNTS.shape)


def floats(schedule):
    """The real-valued arguments; those of a momentum are its schedule's."""
    return {n: x for n, x in arguments(getattr(schedule, "of", schedule)).items() if isinstance(x, float)}


def rebuild(schedule, values):
    if hasattr(schedule, "of"):
        return dataclasses.replace(schedule, of=dataclasses.replace(schedule.of, **values))
    return dataclasses.replace(schedule, **values)


def as_arrays(values):
    return jax.tree.map(lambda x: jnp.asarray(x, np.float64), values)


VALUES = {name: floats(schedule) for name, schedule in DISTINCT.items()}
PAIRS = [(name, argument) for name, values in VALUES.items() for argument in values]
# A power of data, a power to data, and an interpolation between and over data.
FEW = ("exponential", "polynomial-0.9", "one-cycle")


def difference_quotient(f, x):
    """The derivative to about 10 digits; to the right of 0, where no argument may go left."""
    if x == 0:
        h = 1e-3
        return (-25 * f(0.0) + 48 * f(h) - 36 * f(2 * h) + 16 * f(3 * h) - 3 * f(4 * h)) / (12 * h)
    h = 1e-4 * x
    return (8 * (f(x + h) - f(x - h)) - (f(x + 2 * h) - f(x - 2 * h))) / (12 * h)


def quotient(name, argument):
    """The derivative at every count, from the host's values."""
    with jax.enable_x64(True):
        return difference_quotient(
            lambda x: rebuild(DISTINCT[name], {argument: x}).on_host(COUNTS), VALUES[name][argument]
        )


def wrong(got, want, pairs):
    return [(n, a) for n, a in pairs if not np.allclose(got[n][a], want(n, a), rtol=1e-7, atol=1e-9)]


@pytest.mark.slow
def test_every_argument_at_every_count():
    def total(values, k):
        return sum(rebuild(s, values[name])(k) for name, s in DISTINCT.items())

    with jax.enable_x64(True):
        got = jax.jit(jax.vmap(jax.grad(total), (None, 0)))(as_arrays(VALUES), COUNTS)
    assert wrong(got, quotient, PAIRS) == []


# Roads ----------------------------------------------------------------------------------

FEW_VALUES = {name: VALUES[name] for name in FEW}
FEW_PAIRS = [pair for pair in PAIRS if pair[0] in FEW]


def at(values, k):
    return jnp.stack([rebuild(DISTINCT[name], values[name])(k) for name in FEW])


def weighted(values):
    return (at(values, COUNTS) @ WEIGHTS).sum()


def weighted_by_scan(values):
    def add(sum_so_far, x):
        k, weight = x
        return sum_so_far + weight * at(values, k).sum(), None

    return jax.lax.scan(add, jnp.zeros(()), (jnp.arange(len(COUNTS)), jnp.asarray(WEIGHTS)))[0]


ROADS = {
    "grad": jax.grad(weighted),
    "grad of jit": jax.grad(jax.jit(weighted)),
    "grad of scan": jax.jit(jax.grad(weighted_by_scan)),
    "grad of checkpoint": jax.jit(jax.grad(jax.checkpoint(weighted))),
    "jacfwd": jax.jit(jax.jacfwd(weighted)),
}


@pytest.mark.parametrize(
    "road",
    [
        pytest.param(road, id=name, marks=pytest.mark.slow if name in ("grad of jit", "grad of scan") else [])
        for name, road in ROADS.items()
    ],
)
def test_road(road):
    with jax.enable_x64(True):
        got = road(as_arrays(FEW_VALUES))
    assert wrong(got, lambda name, argument: WEIGHTS @ quotient(name, argument), FEW_PAIRS) == []


@pytest.mark.parametrize("name", FEW)
def test_hessian(name):
    with jax.enable_x64(True):
        gradient = jax.jit(jax.grad(lambda values: WEIGHTS @ rebuild(DISTINCT[name], values)(COUNTS)))
        hessian = jax.jit(jax.jacfwd(gradient))(as_arrays(VALUES[name]))
        for argument, x in VALUES[name].items():

            def column(x, argument=argument):
                slopes = gradient(as_arrays(VALUES[name] | {argument: x}))
                return np.stack([slopes[row] for row in VALUES[name]])

            got = np.stack([hessian[row][argument] for row in VALUES[name]])
            np.testing.assert_allclose(got, difference_quotient(column, x), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", FEW)
def test_float32(name):
    values = jax.tree.map(jnp.float32, VALUES[name])
    got = jax.jit(jax.jacrev(lambda values: rebuild(DISTINCT[name], values)(COUNTS)))(values)
    for argument in VALUES[name]:
        assert got[argument].dtype == np.float32
        want = quotient(name, argument)
        np.testing.assert_allclose(got[argument], want, rtol=1e-4, atol=1e-5 * (1 + abs(want).max()))


def test_with_respect_to_a_fractional_count():
    schedule = CosineAnnealingWarmRestarts(0.1, T_0=7, T_mult=2, eta_min=0.003)
    with jax.enable_x64(True):
        for k in (0.25, 3.3, 9.1, 20.5):
            np.testing.assert_allclose(
                jax.grad(schedule)(k), difference_quotient(schedule.on_host, k), rtol=1e-7
            )


# Exact ----------------------------------------------------------------------------------


def derivatives(f, xs):
    """How ``f`` changes at each of ``xs``: one row for each."""
    return np.asarray(jax.jit(jax.vmap(jax.jacrev(f)))(jnp.asarray(xs, np.float32)))


def test_the_ends_of_a_cosine():
    counts = np.array([0, 5, 10])
    by_end = derivatives(lambda x: CosineAnnealingLR(0.1, T_max=10, eta_min=x)(counts), [0, 0.003, 0.1, 0.7])
    by_start = derivatives(lambda x: CosineAnnealingLR(x, T_max=10)(counts), [0, 0.1, 1])
    assert by_end.tolist() == [[0, 0.5, 1]] * 4
    assert by_start.tolist() == [[1, 0.5, 0]] * 3


def test_the_learning_rate_is_a_factor():
    counts = np.array([0, 1, 2, 4])
    xs = [0, 0.1, 1]
    linear = derivatives(lambda x: LinearLR(x, start_factor=0.25, total_iters=4)(counts), xs)
    cyclic = derivatives(lambda x: CyclicLR(x, max_lr=0.5, step_size_up=4)(counts), xs)
    polynomial = derivatives(lambda x: PolynomialLR(x, total_iters=4)(counts), xs)
    assert linear.tolist() == [[0.25, 0.4375, 0.625, 1]] * 3
    assert cyclic.tolist() == [[1, 0.75, 0.5, 0]] * 3
    assert polynomial.tolist() == [[1, 0.75, 0.5, 0]] * 3


def test_powers_of_gamma():
    counts = np.arange(4)
    xs = np.array([0, 0.5, 1])
    want = np.stack([0 * xs, 1 + 0 * xs, 2 * xs, 3 * xs**2], axis=1)
    np.testing.assert_array_equal(derivatives(lambda x: ExponentialLR(1.0, gamma=x)(counts), xs), want)
    np.testing.assert_array_equal(derivatives(lambda x: StepLR(1.0, 5, gamma=x)(5 * counts + 3), xs), want)
    np.testing.assert_array_equal(
        derivatives(lambda x: MultiStepLR(1.0, [1, 2, 3], gamma=x)(counts), xs), want
    )


def test_second_derivatives_of_powers_of_gamma():
    counts = np.arange(4)
    xs = np.array([0, 0.5, 1])
    want = np.stack([0 * xs, 0 * xs, 2 + 0 * xs, 6 * xs], axis=1)
    got = derivatives(jax.jacfwd(lambda x: ExponentialLR(1.0, gamma=x)(counts)), xs)
    np.testing.assert_array_equal(got, want)


def test_the_ends_of_a_polynomial_do_not_depend_on_its_power():
    counts = np.array([0, 10, 11])
    got = derivatives(lambda x: PolynomialLR(0.1, total_iters=10, power=x)(counts), [0, 0.5, 1, 2])
    assert got.tolist() == [[0, 0, 0]] * 4
