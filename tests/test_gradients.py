"""Derivatives with respect to arguments given as arrays, by every road JAX has to them."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from catalogue import CATALOGUE, COUNTS, arguments
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


VALUES = {name: floats(schedule) for name, schedule in CATALOGUE.items()}
PAIRS = [(name, argument) for name, values in VALUES.items() for argument in values]


def as_arrays(values):
    return jax.tree.map(lambda x: jnp.asarray(x, np.float64), values)


def difference_quotient(f, x):
    """The derivative to about 10 digits; to the right of 0, where no argument may go left."""
    if x == 0:
        h = 1e-3
        return (-25 * f(0.0) + 48 * f(h) - 36 * f(2 * h) + 16 * f(3 * h) - 3 * f(4 * h)) / (12 * h)
    h = 1e-4 * x
    return (8 * (f(x + h) - f(x - h)) - (f(x + 2 * h) - f(x - 2 * h))) / (12 * h)


@pytest.fixture(scope="module")
def quotients():
    """By finite differences, on the host: the derivative of every schedule at every count."""
    with jax.enable_x64(True):
        return {
            (name, argument): difference_quotient(
                lambda x, name=name, argument=argument: rebuild(CATALOGUE[name], {argument: x}).on_host(COUNTS),
                VALUES[name][argument],
            )
            for name, argument in PAIRS
        }


def total(values):
    """One number in which every schedule and count has its share."""
    return sum(WEIGHTS @ rebuild(s, values[name])(COUNTS) for name, s in CATALOGUE.items())


def total_by_scan(values):
    def add(sum_so_far, at):
        k, weight = at
        return sum_so_far + sum(weight * rebuild(s, values[n])(k) for n, s in CATALOGUE.items()), None

    return jax.lax.scan(add, jnp.zeros(()), (jnp.asarray(COUNTS), jnp.asarray(WEIGHTS)))[0]


def total_at(values, k):
    return sum(rebuild(s, values[name])(k) for name, s in CATALOGUE.items())


ROADS = {
    "grad": jax.grad(total),
    "jit of grad": jax.jit(jax.grad(total)),
    "grad of jit": jax.grad(jax.jit(total)),
    "grad of scan": jax.jit(jax.grad(total_by_scan)),
    "grad of checkpoint": jax.jit(jax.grad(jax.checkpoint(total))),
}


def wrong(got, want):
    return [pair for pair in PAIRS if not np.allclose(got[pair[0]][pair[1]], want(pair), rtol=1e-7, atol=1e-9)]


@pytest.mark.parametrize("road", ROADS.values(), ids=ROADS)
def test_gradient(road, quotients):
    with jax.enable_x64(True):
        got = road(as_arrays(VALUES))
    assert wrong(got, lambda pair: WEIGHTS @ quotients[pair]) == []


def test_vmap_of_grad(quotients):
    with jax.enable_x64(True):
        got = jax.jit(jax.vmap(jax.grad(total_at), (None, 0)))(as_arrays(VALUES), COUNTS)
    assert wrong(got, lambda pair: quotients[pair]) == []


def test_jacfwd(quotients):
    def values_at_counts(values):
        return {name: rebuild(s, values[name])(COUNTS) for name, s in CATALOGUE.items()}

    with jax.enable_x64(True):
        got = jax.jit(jax.jacfwd(values_at_counts))(as_arrays(VALUES))
    assert wrong({name: got[name][name] for name in CATALOGUE}, lambda pair: quotients[pair]) == []
