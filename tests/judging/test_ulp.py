"""One measure of distance, in which neighbouring float32 numbers are 1 apart."""

import math

import hypothesis
import hypothesis.strategies as st
import jax.numpy as jnp
import numpy as np
import torch

import parity
from parity import ulp
from parity.report import wording

float32 = st.floats(width=32, allow_nan=False, allow_infinity=False)


def at(value, right, rest=0.0):
    (found,) = ulp.distance(np.array([value]), np.array([right]), rest)
    return found


@hypothesis.given(float32)
@hypothesis.example(1.0)
@hypothesis.example(-1.0)
@hypothesis.example(float(np.finfo(np.float32).max))
@hypothesis.example(2.0**-126)
@hypothesis.example(2.0**-149)
@hypothesis.example(0.0)
def test_neighbours_are_one_apart(x):
    x = np.float32(x)
    with np.errstate(over="ignore"):  # next to the largest one is infinity
        neighbours = (np.nextafter(x, np.float32(np.inf)), np.nextafter(x, np.float32(-np.inf)))
    for other in neighbours:
        if np.isfinite(other):
            assert at(other, x) == at(x, other) == 1


@hypothesis.given(float32, st.integers(-10, 10))
def test_a_few_float32_numbers_away(x, by):
    """Within a binade, and down to the power of two at its end, they are counted."""
    mantissa, exponent = math.frexp(x)
    hypothesis.assume(abs(x) > 1e-30)
    other = math.ldexp(mantissa + by * 2.0**-24, exponent)
    hypothesis.assume(0.5 <= abs(mantissa) + math.copysign(by, by * mantissa) * 2.0**-24 < 1)
    assert at(other, x) == abs(by)


def test_zero_is_a_float32_number_like_others():
    smallest = 2.0**-149
    assert [at(x, 0.0) for x in (0.0, -0.0, smallest, -smallest, smallest / 2)] == [0, 0, 1, 1, 0.5]


def test_what_is_no_number_is_infinitely_far():
    nan, inf = np.nan, np.inf
    for pair in ((nan, 1.0), (1.0, nan), (nan, nan), (inf, inf), (1.0, 1e39), (inf, 1.0)):
        assert at(*pair) == math.inf


def test_nothing_is_rounded_before():
    gap = 2.0**-24  # of float32 numbers below 1
    assert at(1 - gap, 1 - gap / 4) == 0.75  # although float32 of the right one is 1
    assert at(1.0, 1 + gap, 2.0**-70) > 0.5 > at(1.0, 1 + gap, -(2.0**-70))
    (rounded,) = ulp.rounded_distance(np.array([1 - gap]), np.array([1 - gap / 4]))
    assert rounded == 1


def test_reports_say_that_a_float_below_one_is_one_away():
    def make_torch_scheduler():
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
        return torch.optim.lr_scheduler.ConstantLR(optimizer, factor=1.0)

    below = jnp.nextafter(jnp.float32(1), jnp.float32(0))
    found = parity.compare(lambda k: below, make_torch_scheduler, steps=5)
    assert not found.passed
    assert found.max_ulp == found.tolerance.ulp == found.first_failure.ulp == 1
    assert wording.ulp(found.max_ulp) == "1"
    assert found.who == "the schedule is wrong: the schedule is 1 ULP from the exact value, PyTorch 0 ULP"
