"""The float64 primitives: their constants, their bounds, and that a compiler keeps its hands off.

Everything is measured in ``u = 2**-53`` against 50-digit arithmetic.
"""

import bisect
import fractions
import math

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from hypothesis import example, given, strategies as st

from jaxsched import _numerics as nx
from jaxsched._numerics import curves, powers, rounding

mp = mpmath.mp.clone()
mp.dps = 50
exactly = mp.mpf
U = mp.mpf(2) ** -53


def errors(got, want):
    """Relative errors in u; where the exact value is 0, nothing else will do."""
    pairs = zip(np.ravel(got).tolist(), want, strict=True)
    return [abs((exactly(g) - w) / w) / U if w else (0 if g == 0 else mp.inf) for g, w in pairs]


def everywhere(f, *arrays):
    """``f`` by NumPy, when compiled for vectors and for scalars: the same bits. Returns them."""
    with np.errstate(all="ignore"):
        want = f(*arrays)

    @jax.jit  # a program for each would take longer to compile
    def compiled(*xs):
        return f(*xs), jax.lax.map(lambda x: f(*x), xs)

    with jax.enable_x64(True):
        vector, scalars = compiled(*arrays)
    for got in (vector, scalars):
        for g, w in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
            np.testing.assert_array_equal(np.asarray(g), w)
    return want


def sample(seed):
    return np.random.default_rng(seed)


# Constants ------------------------------------------------------------------------------

POLYNOMIALS = {
    "half_cosine": (
        curves._HALF_COSINE,
        lambda s: mp.sin(mp.pi * mp.sqrt(s) / 2) ** 2 / s if s else (mp.pi / 2) ** 2,
        (0, mp.mpf(1) / 4),
        6.4e-17,
    ),
    "exp2": (
        powers._EXP2,
        lambda f: mp.expm1(f * mp.log(2)) / f if f else mp.log(2),
        (0, 1),
        8.1e-17,
    ),
    "log2": (
        powers._LOG2,
        lambda t: (mp.atanh(mp.sqrt(t)) / mp.sqrt(t) - 1) / t * 2 / mp.log(2) if t else 2 / (3 * mp.log(2)),
        (0, mp.mpf("0.0298")),
        5.3e-17,
    ),
}
polynomials = pytest.mark.parametrize("name", POLYNOMIALS)


@polynomials
def test_coefficients_are_what_chebyfit_says(name):
    coefficients, f, interval, _ = POLYNOMIALS[name]
    assert [float(c) for c in reversed(mp.chebyfit(f, interval, len(coefficients)))] == list(coefficients)


@polynomials
def test_relative_error_of_the_rounded_coefficients(name):
    coefficients, f, (low, high), stated = POLYNOMIALS[name]
    points = [low + (high - low) * mp.mpf(i) / 1000 for i in range(1001)]
    exact = [exactly(c) for c in reversed(coefficients)]
    error = max(abs(mp.polyval(exact, x) / f(x) - 1) for x in points)
    assert 0 <= stated - error < 1e-18  # stated to two digits, rounded up


def test_two_over_ln2():
    high, low = powers._TWO_OVER_LN2
    assert high == float(2 / mp.log(2))
    assert low == float(2 / mp.log(2) - exactly(high))


def test_log2_reaches_far_enough():
    s = (mp.sqrt(2) - 1) / (mp.sqrt(2) + 1)
    assert s**2 < mp.mpf("0.0298")


# The compiler ---------------------------------------------------------------------------


def test_product_is_not_contracted():
    a, b, c = sample(0).random((3, 10_000))
    with jax.enable_x64(True):
        bare = jax.jit(lambda a, b, c: a * b + c)(a, b, c)
    everywhere(lambda a, b, c: nx.product(a, b) + c, a, b, c)
    everywhere(lambda a, b, c: c - nx.product(a, b), a, b, c)
    if np.array_equal(bare, a * b + c):
        pytest.skip("this backend contracts nothing, so that nothing was shown")


def test_products_of_known_sign_are_not_contracted():
    # LLVM sees that squares, and sums of such, are not negative. The wall must not lean on signs.
    a, b, c = sample(1).uniform(-1, 1, (3, 10_000))
    everywhere(lambda a, b, c: nx.product(a * a, b * b) + c, a, b, c)
    everywhere(lambda a, b, c: 0.1 + nx.product(a * a, 0.3 + nx.product(b * b, abs(c))), a, b, c)


def test_additions_of_constants_are_not_joined():
    # XLA turns (x + constant) - constant into x, for scalars.
    x = sample(2).uniform(-1, 1, 500)
    with jax.enable_x64(True):
        bare = jax.jit(lambda x: jax.lax.map(lambda one: (0.1 + one) - 0.1, x))(x)
    everywhere(lambda x: nx.rounded(0.1 + x) - 0.1, x)
    if np.array_equal(bare, (0.1 + x) - 0.1):
        pytest.skip("this backend does not rearrange sums")


def test_fraction_is_not_a_product_with_a_rounded_reciprocal():
    m = np.arange(10_000)
    with jax.enable_x64(True):
        bare = jax.jit(lambda m: m.astype(float) / 41.0)(m)
    everywhere(lambda m: nx.fraction(m, 41), m)
    if np.array_equal(bare, m / 41):
        pytest.skip("this backend divides by constants, so that nothing was shown")


def test_product_keeps_nan_and_its_derivative_at_0():
    with jax.enable_x64(True):
        assert math.isnan(jax.jit(nx.product)(jnp.nan, 1.0))
        assert jax.grad(nx.product)(0.0, 3.0) == 3
        assert jax.grad(nx.product)(-0.0, 3.0) == 3


# Integers -------------------------------------------------------------------------------

wholes = st.integers(1, 2**31 - 1)


@given(st.lists(st.integers(0, 2**63 - 1), min_size=1), st.integers(1, 2**62))
def test_divmod_of_integers(counts, n):
    k = np.array(counts)
    for divisor in (n, np.array(n)):
        q, rest = nx.divmod_count(k, divisor)
        assert list(zip(q.tolist(), rest.tolist(), strict=True)) == [divmod(one, n) for one in counts]


def test_divmod_is_the_same_when_compiled():
    k = np.append(sample(2).integers(0, 2**63 - 1, 1000), [0, 1, 2**53 + 1, 2**63 - 1])
    for n in (1, 2, 41, 2**31 - 1, 2**62):
        everywhere(lambda k, n=n: nx.divmod_count(k, n), k)
        everywhere(nx.divmod_count, k, np.full_like(k, n))


@given(wholes, st.integers(1, 2**20))
def test_divmod_of_fractional_counts_next_to_multiples(n, times):
    multiple = float(n * times)
    k = np.array([np.nextafter(multiple, 0), multiple, np.nextafter(multiple, math.inf)])
    for q, rest, one in zip(*nx.divmod_count(k, n), k, strict=True):
        want_q, want_rest = divmod(fractions.Fraction(one), n)
        assert (q, rest) == (want_q, want_rest)


def test_divmod_of_fractional_counts_is_the_same_when_compiled():
    multiples = 41.0 * sample(3).integers(1, 2**40, 1000)
    k = np.concatenate([np.nextafter(multiples, 0), multiples, multiples + 0.375, sample(4).random(1000)])
    q, rest = everywhere(lambda k: nx.divmod_count(k, 41), k)
    everywhere(nx.divmod_count, k, np.full(k.shape, 41))
    assert (q[:1000] < q[1000:2000]).all()
    assert ((rest >= 0) & (rest < 41)).all()


@pytest.mark.parametrize("size", [0, 1, 16, 17, 60])
@pytest.mark.parametrize("dtype", [np.int64, np.float64])
def test_count_reached(size, dtype):
    boundaries = tuple(sorted(sample(size).integers(0, 30, size).tolist()))
    k = np.arange(35).astype(dtype)
    got = everywhere(lambda k: nx.count_reached(k, boundaries), k)
    assert got.dtype == np.int64
    assert got.tolist() == [bisect.bisect_right(boundaries, one) for one in range(35)]
    assert nx.count_reached(k.reshape(5, 7), boundaries).tolist() == got.reshape(5, 7).tolist()


@pytest.mark.parametrize("n", [0, 1, 3, 16, 17, 40])
def test_piecewise(n):
    boundaries = sorted(sample(16).integers(0, 50, n).tolist())  # some of them twice
    numbers, k = [float(i) for i in range(n + 1)], np.arange(60)
    value = everywhere(lambda k: nx.piecewise(k, boundaries, numbers) + nx.to_float(0 * k), k)
    assert value.tolist() == [sum(boundary <= one for boundary in boundaries) for one in k.tolist()]


def test_powers_are_rounded_once():
    for x in (0.0, 0.1, 0.9999, 1.0, 1.7):
        for scale in (1.0, 0.1):
            exact = [float(exactly(scale) * exactly(x) ** i) for i in range(21)]
            assert list(nx.first_powers(x, 20, scale)) == exact


def test_lookup():
    table = (3, 1, 4, 2**62)
    assert everywhere(lambda i: nx.lookup(table, i), np.array([3, 0, 0, 2])).tolist() == [2**62, 3, 3, 4]


# Fractions, interpolation ---------------------------------------------------------------


# Next to the bound, of an array and of a Python number.
@example(260_645)
@example(64_960)
@given(st.one_of(st.integers(1, 2**32 - 1), st.floats(1e-30, 1e30)))
def test_reciprocal(n):
    for number in (n, np.array(n, float)):
        high, low = map(float, nx.reciprocal(number))
        assert abs(low) <= high * 2.0**-19
        assert math.ldexp(math.frexp(high)[0], 21).is_integer()
        tight = isinstance(number, int | float) or isinstance(n, int)
        # The low part is 2**-20 of the whole at most (2**-21 of an array) and rounded once (twice).
        assert abs((exactly(high) + exactly(low)) * n - 1) <= (2**-73 if tight else U)


@given(st.integers(1, 2**32 - 1), st.randoms(use_true_random=False))
def test_fraction_of_whole_numbers(n, draw):
    m = np.array([0, 1, n // 2, n - 1, n, 2**32 - 1] + [draw.randint(0, n) for _ in range(20)])
    want = [exactly(one) / n for one in m.tolist()]
    for length in (n, np.array(n)):
        got = nx.fraction(m, length)
        assert got[0] == 0
        assert got[4] == 1
        assert max(errors(got, want)) <= 1 + 2**-15


@given(st.floats(1e-30, 1e30), st.just(0.0) | st.floats(1e-200, 1e30))
def test_fraction_of_real_numbers(n, m):
    for length in (n, np.array(n)):
        assert max(errors(nx.fraction(np.array(m), length), [exactly(m) / exactly(n)])) <= 3


def test_fraction_is_the_same_when_compiled():
    m, n = np.sort(sample(5).integers(0, 2**32, (2, 2000)), axis=0)
    everywhere(nx.fraction, m, n + 1)
    everywhere(nx.fraction, *sample(6).random((2, 2000)))


def test_half_cosine():
    x = np.concatenate([np.linspace(0, 0.5, 1001), 10 ** sample(7).uniform(-30, 0, 1000) / 2])
    x_low = x * 2.0**-21 * sample(15).uniform(-1, 1, x.shape)
    got = everywhere(nx.half_cosine, x, x_low)
    want = [
        mp.sin(mp.pi * (exactly(high) + exactly(low)) / 2) ** 2
        for high, low in zip(x.tolist(), x_low.tolist(), strict=True)
    ]
    assert max(errors(got, want)) <= 4
    assert max(errors(nx.half_cosine(x), [mp.sin(mp.pi * exactly(one) / 2) ** 2 for one in x.tolist()])) <= 4


@pytest.mark.parametrize(("shape", "bound"), [(nx.linear, 4), (nx.half_cosine, 7)])
def test_interpolate(shape, bound):
    rng = sample(8)
    start, end = 10 ** rng.uniform(-9, 3, (2, 3000))
    start[::7], end[::11], end[::13] = 0, 0, start[::13]
    length = rng.integers(1, 2 ** rng.integers(1, 32, 3000))
    elapsed = rng.integers(0, length, endpoint=True)
    elapsed[::5], elapsed[1::5] = 0, length[1::5]
    got = everywhere(
        lambda *xs: nx.interpolate(*xs, shape),
        *(start, end, elapsed, length - elapsed, length),
    )

    def exact(a, b, elapsed, length):
        x = exactly(elapsed) / length
        return exactly(a) + (exactly(b) - exactly(a)) * (
            x if shape is nx.linear else mp.sin(mp.pi * x / 2) ** 2
        )

    want = map(exact, start.tolist(), end.tolist(), elapsed.tolist(), length.tolist())
    assert max(errors(got, want)) <= bound
    np.testing.assert_array_equal(got[::5], start[::5])
    np.testing.assert_array_equal(got[1::5], end[1::5])


def test_interpolate_over_no_length_is_at_the_end():
    zero = np.zeros(3, np.int64)
    assert everywhere(lambda z: nx.interpolate(0.3, 0.7, z, z, z, nx.linear), zero).tolist() == [0.7] * 3


@pytest.mark.parametrize(("shape", "bound"), [(nx.linear, 3), (nx.half_cosine, 6)])
@given(
    st.floats(0, 1e3) | st.just(0.0),
    st.floats(0, 1e3) | st.just(0.0),
    st.one_of(st.integers(1, 60), wholes, st.integers(2**31, 2**52)),
    st.randoms(use_true_random=False),
)
def test_interpolate_between_numbers(shape, bound, start, end, length, draw):
    elapsed = np.array([0, 1, length // 2, length - 1, length] + [draw.randint(0, length) for _ in range(20)])
    got = nx.interpolate(start, end, elapsed, length - elapsed, length, shape)
    share = (lambda x: x) if shape is nx.linear else (lambda x: mp.sin(mp.pi * x / 2) ** 2)
    shares = [share(exactly(one) / length) for one in elapsed.tolist()]
    want = [exactly(start) * (1 - x) + exactly(end) * x for x in shares]  # nothing cancels at the end
    smallest = 1e-290  # below it float64 has fewer digits
    assert max([0, *(e for e, w in zip(errors(got, want), want, strict=True) if w > smallest)]) <= bound
    assert got[0] == start
    assert got[4] == end


@pytest.mark.parametrize("shape", [nx.linear, nx.half_cosine])
def test_interpolation_between_numbers_is_the_same_when_compiled(shape):
    for start, end, length in ((0.1, 0.0, 100), (0.0, 0.3, 999), (0.2, 0.7, 2**31 - 1), (0.3, 0.3, 7)):
        elapsed = np.append(np.arange(min(length, 2000) + 1), [length // 2, length - 1, length])
        everywhere(lambda e, s=start, f=end, n=length: nx.interpolate(s, f, e, n - e, n, shape), elapsed)


# Powers ---------------------------------------------------------------------------------


@given(
    st.one_of(st.floats(1e-30, 1e30), st.floats(0.5, 1.5), st.floats(0.99, 1.01)),
    st.randoms(use_true_random=False),
)
def test_power(x, draw):
    reach = min(2**32 - 1, 990 / abs(math.log2(x))) if x != 1 else 2**32 - 1
    n = np.array([0, 1, 2] + [draw.randint(0, int(reach)) for _ in range(10)])
    for power, one in zip(nx.power(x, n), n, strict=True):
        if one <= reach:
            assert errors(power, [exactly(x) ** int(one)])[0] <= 6
    for power, one in zip(nx.power(np.array(x), n), n, strict=True):
        if one <= reach:
            lost = 2**-57 * one * abs(math.log2(x)) / U
            assert errors(power, [exactly(x) ** int(one)])[0] <= 5 + lost


@given(st.floats(0, 10))
def test_power_of_0_and_to_0(x):
    for base in (x, np.array(x)):
        assert nx.power(base, np.array(0)) == 1
    for zero in (0.0, np.array(0.0)):
        assert nx.power(zero, np.array([0, 1, 2, 2**31, 2**63 - 1])).tolist() == [1, 0, 0, 0, 0]


def test_power_is_the_same_when_compiled():
    rng = sample(9)
    x, n = 10 ** rng.uniform(-3, 1, 2000), rng.integers(0, 2 ** rng.integers(1, 32, 2000))
    x[::3] = 1 - 10 ** rng.uniform(-9, -1, x[::3].shape)
    everywhere(nx.power, x, n)
    for base in (0.1, 0.5, 0.97, 1 - 1e-9, 1.5):
        everywhere(lambda n, base=base: nx.power(base, n), n)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_power_never_overflows(dtype):
    n = np.append(2 ** np.arange(63), 2**63 - 1)
    for x in (1e30, 2.0, 1.5, 1.1, 1 + 1e-9):
        for scale in (1.0, 1e-6, 0.1):
            with nx.to_be(dtype):
                values = nx.power(x, n, scale)
                limit = rounding.most()
            exact = [min(exactly(scale) * exactly(x) ** int(one), exactly(limit)) for one in n]
            assert max(errors(values, exact)) <= 6
    with np.errstate(over="ignore"):
        for x in (1e30, 2.0, 1.5, 1.1, 1 + 1e-9):
            assert np.isfinite(nx.power(np.array(x), n)).all()


@pytest.mark.parametrize("x", [0.0, 1e-300, 0.1, 0.5, 0.93, 0.9999, 1 - 1e-9, 1.0, 1.01, 10.0, 1e300])
@pytest.mark.parametrize("data", [False, True])
def test_a_lifted_power_is_the_power_with_another_exponent(x, data):
    if data and not 2.0**-126 <= x < 2.0**128:
        pytest.skip("data is a float32")
    n = np.unique(np.append(2 ** np.arange(40), np.arange(3000)))
    with nx.to_be(np.float32):
        value, exponent = everywhere(lambda n: nx.lifted_power(np.array(x) if data else x, n), n)
    exact = [exactly(x) ** int(each) for each in n]
    inside = np.array([2.0**-990 < each < 2.0**990 for each in exact])
    got = [exactly(v) * exactly(2) ** int(e) for v, e in zip(value, exponent, strict=True)]
    assert all(abs(g / e - 1) < 20 * 2.0**-53 for g, e, i in zip(got, exact, inside, strict=True) if i)
    # What keeps a pair of float32 exact: the number itself is never next to float32's ends.
    assert (((value >= 2.0**-20) & (value < 2.0**20)) | (value == 0)).all()
    assert (exponent == np.floor(exponent)).all()


@pytest.mark.parametrize("data", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_grows_times_what_shrinks(data, dtype):
    """Neither is in range by itself; beyond 2**1000 it ends."""
    n = np.arange(0, 300)
    convert = np.array if data else float
    with nx.to_be(dtype):
        got = everywhere(
            lambda n: nx.product_of_lifted(
                [(0.3, 0), nx.lifted_power(convert(8.0), n), nx.lifted_power(convert(0.125), n)]
            ),
            n,
        )
        grows = everywhere(lambda n: nx.product_of_lifted([(3.0, 0), nx.lifted_power(convert(16.0), n)]), n)
    np.testing.assert_array_equal(got, 0.3)
    np.testing.assert_array_equal(grows, np.minimum(3.0 * 16.0 ** np.minimum(n, 250), grows[-1]))
    assert grows[-1] == {np.float32: 2.0**128, np.float64: 2.0**1000}[dtype] * (1 - 2.0**-12)


@pytest.mark.parametrize("bits", [31, 32, 63])
def test_a_power_of_counts_with_fewer_bits(bits):
    n = sample(bits).integers(0, 2 ** min(bits, 31), 2000)
    dtype = {31: np.int32, 32: np.uint32, 63: np.int64}[bits]
    for x in (0.5, 0.97, 1 - 1e-9, 1 - 2.0**-53, 1.001):
        np.testing.assert_array_equal(nx.power(x, n.astype(dtype)), nx.power(x, n))


def test_log2_compiled():
    x = np.concatenate(
        [10 ** sample(10).uniform(-37, 38, 2000), sample(11).uniform(0.5, 2, 2000), [1.0, 2.0, 0.5]]
    )
    high, low = everywhere(powers._log2, x, np.ones_like(x))
    for h, w, one in zip(high.tolist(), low.tolist(), x.tolist(), strict=True):
        want = mp.log(exactly(one), 2)
        assert abs(exactly(h) + exactly(w) - want) <= 2**-57 * abs(want)


def test_log2_of_0():
    assert [float(part) for part in powers._log2(np.array(0.0), np.array(1.0))] == [-4096, 0]


def test_log2_of_a_fraction_keeps_its_digits_near_1():
    n = np.concatenate([sample(13).integers(2, 2**31, 1000), sample(14).integers(2**40, 2**52, 1000)])
    m = np.maximum(1, n - sample(15).integers(0, np.minimum(n, 2**20), 2000))
    high, low = everywhere(powers._log2, m.astype(np.float64), n.astype(np.float64))
    for h, w, one, other in zip(high.tolist(), low.tolist(), m.tolist(), n.tolist(), strict=True):
        want = mp.log(mp.mpf(one) / other, 2)
        assert abs(exactly(h) + exactly(w) - want) <= 2**-57 * abs(want)


@given(wholes, st.one_of(st.floats(0, 10), st.floats(0, 1000)), st.randoms(use_true_random=False))
def test_fraction_power(n, exponent, draw):
    m = np.array([0, n, n - 1, 1] + [draw.randint(0, n) for _ in range(10)])
    for length in (n, np.array(n)):
        for power in (exponent, np.array(exponent)):
            got = nx.fraction_power(m, length, power)
            assert got[0] == (exponent == 0)
            assert got[1] == 1
            for value, one in zip(got, m.tolist(), strict=True):
                logarithm = exponent * abs(math.log2(one / n)) if one else math.inf
                if logarithm < 1000:
                    exact = (exactly(one) / n) ** exactly(exponent)
                    assert errors(value, [exact])[0] <= 5 + 2**-57 * logarithm / U


def test_fraction_power_is_the_same_when_compiled():
    m, n = np.sort(sample(12).integers(0, 2**31, (2, 2000)), axis=0)
    everywhere(nx.fraction_power, m, n + 1, sample(13).uniform(0, 5, 2000))
    for exponent in (0.9, 0.5, 1.5, 2, 3.0, 40.5):
        everywhere(lambda m, e=exponent: nx.fraction_power(m, 2**31, e, 0.1), m)


# What a TPU computes instead -------------------------------------------------------------
#
# Its own division and root are known to it alone, so it is given steps of Newton's. Here they run in
# float64, where they must be next to exact: what a TPU's 48 bits make of them is `parity devices`' business.


def test_division_by_steps():
    rng = sample(21)
    x, y = 10 ** rng.uniform(-20, 20, 3000), 10 ** rng.uniform(-15, 15, 3000)
    with jax.enable_x64(True):
        got = np.asarray(jax.jit(rounding._divided)(x, y))
    assert np.max(np.abs(got / (x / y) - 1)) <= 2.0**-51


def test_root_by_steps():
    x = np.append(10 ** sample(22).uniform(-30, 30, 3000), [0.0, 1.0, 4.0])
    with jax.enable_x64(True):
        got = np.asarray(jax.jit(rounding._root)(x))
    assert got[-3] == 0
    np.testing.assert_allclose(got[:-3], np.sqrt(x[:-3]), rtol=2.0**-51, atol=0)


@pytest.mark.parametrize("leading", [5, 8])
def test_polynomial_with_a_narrow_tail(leading):
    s = np.linspace(0, 0.25, 1001)
    with jax.enable_x64(True):
        got = np.asarray(rounding._on_a_tpu(curves._HALF_COSINE, jnp.asarray(s), leading))
        want = np.asarray(
            rounding._by_pairs(curves._HALF_COSINE, jnp.asarray(s), rounding.product, rounding.plus)
        )
    assert np.max(np.abs(got / want - 1)) <= (2.0**-44 if leading == 5 else 2.0**-51)


@pytest.mark.parametrize("cycles", [0.3, 0.7, 1.1, 12.345])
def test_phase_in_whole_numbers(cycles):
    k = np.append(np.arange(3000), sample(23).integers(0, 2**31, 1000)).astype(np.int32)
    with jax.enable_x64(True):
        ways = [way(jnp.asarray(k), 1, 900, cycles, -0.1) for way in (curves._fixed_wave, curves._wave)]
        got, want = (np.where(first, 0.1 + gone, -gone) for first, gone in jax.tree.map(np.asarray, ways))
    # One cycle of 0.3 comes as near to 0 as 1e-16 waves, of which 2**-96 is 2**-43.
    np.testing.assert_allclose(got, want, rtol=2.0**-41, atol=0)


def test_quotient_and_root_are_those_of_python():
    rng = sample(24)
    x, y = rng.random((2, 3000)) + 0.01
    np.testing.assert_array_equal(everywhere(nx.quotient, x, y), x / y)
    np.testing.assert_array_equal(everywhere(lambda x: nx.quotient(x, 41.0), x), x / 41.0)
    np.testing.assert_array_equal(everywhere(nx.sqrt, x), np.sqrt(x))


def test_a_difference_from_a_constant_has_the_bits_of_the_difference():
    x = sample(25).random(1000)
    np.testing.assert_array_equal(everywhere(lambda x: nx.minus(0.3, x), x), 0.3 - x)


# The one rounding -----------------------------------------------------------------------


def test_round_to_float32():
    rng = sample(14)
    tiny = np.float64(2**-149)  # the smallest float32 above 0
    between = np.arange(0, 65) * 0.25 * tiny
    subnormal = rng.integers(0, 2**23, 1000) * tiny
    halfway = subnormal + 0.5 * tiny
    edge = 2.0**-126 + np.arange(-8, 9) * 0.25 * tiny
    ordinary = rng.random(1000) * 10 ** rng.uniform(-45, 39, 1000)
    ties = (1 + (2 * rng.integers(0, 2**23, 1000) + 1) * 2.0**-24) * 2.0 ** rng.integers(-126, 127, 1000)
    rest = [0.0, np.nextafter(0, 1), 2.0**128, 3.4028235e38, 3.4028235677973366e38, math.inf, math.nan]
    values = np.concatenate([between, subnormal, halfway, edge, ordinary, ties, rest])
    values = np.concatenate([values, -values])
    # XLA takes a subnormal float64 for 0, and 0 has no sign here.
    values = values[(values != -np.nextafter(0, 1)) & ~((values == 0) & np.signbit(values))]
    with np.errstate(over="ignore"):
        want = values.astype(np.float32)
    with jax.enable_x64(True):
        compiled = jax.jit(lambda x: nx.round_to(x, np.dtype(np.float32)))(values)
        eager = nx.round_to(jnp.asarray(values), np.dtype(np.float32))
    for got in (np.asarray(compiled), np.asarray(eager)):
        assert got.dtype == np.float32
        different = (got.view(np.int32) != want.view(np.int32)) & ~(np.isnan(got) & np.isnan(want))
        assert values[different].tolist() == []


def test_round_to_float64_is_nothing():
    values = np.array([0.1, 5e-324, math.inf])
    with jax.enable_x64(True):
        assert np.asarray(nx.round_to(jnp.asarray(values), np.dtype(np.float64))).tolist() == values.tolist()


def test_a_quotient_by_one_number_for_all():
    """A loop over counts is tempted to multiply by the inverse of what does not change in it."""
    x = sample(40).uniform(0, 1, 1000)
    with jax.enable_x64(True), nx.to_be(np.float64):
        divided = jax.jit(lambda x, y: nx.quotient(x, y))
        for y in (0.1, 0.3, 1 / 3, 49.0):
            np.testing.assert_array_equal(divided(x, y), x / y)


def test_a_choice_between_what_numpy_holds_and_a_number():
    with jax.enable_x64(True):
        for x, y in ((np.float64(0.5), 1.0), (1.0, np.float64(0.5)), (np.asarray([0.5, 2.0]), 1.0)):
            condition = jnp.ones(np.broadcast(x, y).shape, bool)
            np.testing.assert_array_equal(nx.where(condition, x, y), np.where(condition, x, y))
