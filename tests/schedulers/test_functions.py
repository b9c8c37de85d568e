"""A user's function of a count: PyTorch calls it from Python, and a compiled program computes the same."""

import math
import operator

import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from jaxsched import CyclicLR, LambdaLR, MultiplicativeLR, Recorded, from_torch

COUNTS = np.arange(0, 301)


def in_every_mode(*functions):
    """The values of each in float64: called one by one, mapped, compiled, in a loop."""
    schedules = [LambdaLR(1.0, function) for function in functions]

    def together(k):
        return [schedule(k) for schedule in schedules]

    @jax.jit  # one program: by itself, each takes longer to compile
    def compiled(counts):
        return [
            together(counts),
            jax.vmap(together)(counts),
            jax.lax.scan(lambda _, k: (None, together(k)), None, counts)[1],
        ]

    with jax.enable_x64(True):
        yield [schedule.on_host(COUNTS) for schedule in schedules]
        yield together(COUNTS)
        yield from compiled(COUNTS)


# Random expressions of + - * / and whole numbers, which Python rounds once each.

OPERATIONS = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "abs": lambda x, y: abs(x) + y,
    "square": lambda x, y: x * x - y,
    "/": lambda x, y: x / (abs(y) + 1.5),
    "//": lambda x, y: x // 7 + y,
    "%": lambda x, y: (x % 7) * y,
}
constants = st.one_of(st.integers(-9, 99), st.floats(-3, 3).filter(lambda x: abs(x) > 1e-3))
expressions = st.recursive(
    st.one_of(st.just("k"), constants),
    lambda inner: st.tuples(st.sampled_from(sorted(OPERATIONS)), inner, inner),
    max_leaves=8,
)


def computed(expression, k):
    if expression == "k":
        return k
    if not isinstance(expression, tuple):
        return expression
    name, x, y = expression
    return OPERATIONS[name](computed(x, k), computed(y, k))


def fits(expression):
    """Whether every whole number on the way is one of int64, which JAX counts in; Python's have no end."""
    if not isinstance(expression, tuple):
        return True
    return all(map(fits, expression[1:])) and abs(computed(expression, 99_999)) < 2**62


def function_of(expression):
    return lambda k: computed(expression, k) * 1.0


def values_of(expression):
    """Python's at every count."""
    return np.array([function_of(expression)(k) for k in COUNTS.tolist()], np.float64)


answered = expressions.filter(lambda e: fits(e) and np.abs(values_of(e)).max() < 1e30)


@hypothesis.settings(max_examples=max(10, hypothesis.settings().max_examples // 16))
@hypothesis.given(st.lists(answered, min_size=4, max_size=4, unique=True))
@hypothesis.example(
    [
        ("-", 1, ("/", "k", 49)),
        ("/", ("/", "k", "k"), ("-", "k", "k")),
        ("+", ("*", 0.1, ("-", 1, ("/", "k", 90))), ("*", 0.3, "k")),
    ]
)
def test_arithmetic_is_pythons(several):
    """Of several expressions at once: of one example most of the time goes into compiling."""
    wanted = [values_of(expression) for expression in several]
    for found in in_every_mode(*map(function_of, several)):
        np.testing.assert_array_equal(np.asarray(found), wanted)


@pytest.mark.parametrize(
    "function",
    [
        lambda k: 1 - k / 49,
        lambda k: 1 - 0.01 * k,
        lambda k: 1 - k / 30,
        lambda k: k / -7 + 1,
        lambda k: 1 / (1 + 0.1 * k),
    ],
)
def test_what_xla_would_make_something_else_of(function):
    wanted = [function(k) for k in COUNTS.tolist()]
    for (found,) in in_every_mode(function):
        np.testing.assert_array_equal(np.asarray(found), wanted)
    with jax.enable_x64(True), jax.numpy_dtype_promotion("standard"):
        bare = jax.jit(jax.vmap(lambda k: jnp.asarray(function(k))))(COUNTS)
    assert (np.asarray(bare) != wanted).any()  # so the test above can fail


def test_square_roots():
    for (found,) in in_every_mode(
        lambda k: jnp.sqrt(k / 3) if isinstance(k, jax.Array) else math.sqrt(k / 3)
    ):
        np.testing.assert_array_equal(np.asarray(found), np.sqrt(COUNTS / 3))


def test_a_derivative_goes_through():
    slope = jax.grad(lambda a: LambdaLR(1.0, lambda k: 1 / (1 + a * k))(3))
    assert slope(0.1) == pytest.approx(-3 / 1.3**2)


# found.md, kind 2 ---------------------------------------------------------------------------


def live(function):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    return torch.optim.lr_scheduler.LambdaLR(optimizer, function)


TABLE = [1.0, 0.5, 0.25]


def table_or_last(k):
    try:
        return TABLE[k]
    except IndexError:
        return 0.1


# The function, a horizon that it needs (None: it needs none), counts it answers.
KIND_2 = {
    "a torch function": (lambda k: torch.sigmoid(torch.tensor(float(k))), 60, 60),
    "a power of a tensor": (lambda k: torch.tensor(0.9) ** k, 60, 60),
    "complex past its end": (lambda k: (1 - k / 90) ** 0.9, None, 90),
    "an overflow far out": (lambda k: 1.01**k, None, 60),
    "a float overflow far out": (lambda k: 1e6 ** (k / 100), None, 60),
    "a division by zero further on": (lambda k: 1 / (100 - k), None, 60),
    "a method of int": (lambda k: 1 / (1 + k.bit_length()), 60, 60),
    "the type of the count": (lambda k: 0.5 if isinstance(k, int) else 1.0, 60, 60),
    "try and except": (table_or_last, 60, 60),
    "if": (lambda k: 1.0 if k < 5 else 0.5, 60, 60),
    "math.cos": (lambda k: math.cos(k / 100), 60, 60),
    "ends at 0, by 49": (lambda k: 1 - k / 49, None, 50),
    "ends at 0, by a hundredth": (lambda k: 1 - 0.01 * k, None, 101),
    "a power that ends at 0": (lambda k: (1 - k / 300) ** 0.9, None, 301),
}


@pytest.mark.parametrize(("function", "horizon", "answers"), KIND_2.values(), ids=KIND_2)
def test_from_torch(function, horizon, answers):
    if horizon is None:
        schedule = from_torch(live(function))
        assert schedule.total_steps is None
    else:
        with pytest.raises(ValueError, match="from_torch: total_steps must be given for the function of"):
            from_torch(live(function))
        schedule = from_torch(live(function), total_steps=horizon)
    assert isinstance(schedule, LambdaLR)
    counts = np.arange(answers)
    wanted = np.array([float(function(k)) for k in range(answers)]).astype(np.float32)
    np.testing.assert_array_equal(schedule.on_host(counts), wanted)
    np.testing.assert_array_equal(schedule(counts), wanted)


@pytest.mark.parametrize("kind", [LambdaLR, CyclicLR, MultiplicativeLR])
def test_where_python_and_jax_part_it_says_so(kind):
    def fickle(k):
        return 0.5 if isinstance(k, int) else 1.0

    if kind is CyclicLR:
        with pytest.raises(TypeError, match=r"CyclicLR: scale_fn must .* Python has 0.5 and JAX 1"):
            CyclicLR(0.1, 0.5, scale_fn=fickle)
    elif kind is MultiplicativeLR:
        with pytest.raises(ValueError, match="given for a function that looks at the count"):
            MultiplicativeLR(0.1, fickle)
    else:
        with pytest.raises(TypeError, match=r"LambdaLR: lr_lambda .* At count 0 Python has 0.5 and JAX 1"):
            LambdaLR(0.1, fickle)
        assert LambdaLR(0.1, fickle, total_steps=3)(2) == np.float32(0.05)


def test_an_error_is_told_with_its_count():
    with pytest.raises(TypeError, match=r"at count 3 it raises ZeroDivisionError: division by zero\."):
        LambdaLR(0.1, lambda k: 1 / (3 - k), total_steps=9)
    with pytest.raises(TypeError, match=r"finite number; at count 4 it returns \(.*j\) \(complex\)"):
        LambdaLR(0.1, lambda k: (1 - k / 3) ** 0.5, total_steps=9)
    with pytest.raises(ValueError, match=r"It failed in the step to count 3|failed in the step to count 3"):
        from_torch(live(lambda k: 1.0 if k < 3 else 1 / 0), total_steps=60)


def test_what_only_python_can_be_asked_far_out_is_recorded_up_to_a_horizon():
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    own = torch.optim.lr_scheduler.LRScheduler

    class Own(own):
        def get_lr(self):
            return [1 / (1 + self.last_epoch) for _ in self.base_lrs]

    schedule = from_torch(Own(optimizer), total_steps=5)
    assert schedule == Recorded([1.0, 1 / 2, 1 / 3, 1 / 4, 1 / 5])
