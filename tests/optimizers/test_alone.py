"""The transformations by themselves: with schedules, arrays, in loops, and where nothing is promoted."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxsched import CosineAnnealingLR, StepLR, current_lr, optimizers

OURS = sorted(name for name, each in vars(optimizers).items() if inspect.isfunction(each))
OURS.remove("scheduled")
SCHEDULE = StepLR(0.5, step_size=2, gamma=0.5)
PARAMS = {"w": jnp.asarray([[1.0, 2.0], [3.0, -4.0]]), "v": jnp.asarray([[0.5, -1.0]])}


def gradients(k):
    return jax.tree.map(lambda p: jnp.cos(p + k), PARAMS)


def updates_of(make, steps=5):
    params, found = PARAMS, []
    state = make(0).init(params)
    for k in range(steps):
        updates, state = make(k).update(gradients(k), state, params)
        params = optax.apply_updates(params, updates)
        found.append(updates)
    return found


def same(one, other):
    for x, y in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-6)


def test_there_are_nine():
    assert OURS == ["adafactor", "adagrad", "adam", "asgd", "muon", "nadam", "radam", "rprop", "sgd"]


@pytest.mark.parametrize("name", OURS)
def test_a_schedule_is_its_values(name):
    make = getattr(optimizers, name)
    scheduled = make(SCHEDULE)
    numbers = updates_of(lambda k: make(float(SCHEDULE.on_host(k))))
    arrays = updates_of(lambda k: make(SCHEDULE(k)))
    same(numbers, arrays)
    if name in ("rprop", "asgd", "adafactor"):  # no count of its own for the rate
        same(updates_of(lambda k: scheduled), numbers)
    else:
        state = scheduled.init(PARAMS)
        found, params = [], PARAMS
        for k in range(5):
            updates, state = scheduled.update(gradients(k), state, params)
            params = optax.apply_updates(params, updates)
            found.append(updates)
        same(found, numbers)
        assert current_lr(state, schedule=SCHEDULE) == SCHEDULE(4)


@pytest.mark.parametrize("name", OURS)
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_strict_and_in_a_loop(name, dtype):
    """No type changes from update to update, and nothing is promoted."""
    params = jax.tree.map(lambda p: p.astype(dtype), PARAMS)
    with jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        optimizer = getattr(optimizers, name)(CosineAnnealingLR(0.1, T_max=5))

        def one(carried, _):
            params, state = carried
            updates, state = optimizer.update(params, state, params)
            return (optax.apply_updates(params, updates), state), None

        end, _ = jax.lax.scan(one, (params, optimizer.init(params)), length=5)
    assert jax.tree.structure(end[0]) == jax.tree.structure(params)
    assert all(np.isfinite(np.asarray(x, np.float32)).all() for x in jax.tree.leaves(end[0]))


@pytest.mark.parametrize("name", OURS)
def test_wide_rates_beside_narrow_parameters(name):
    """With x64 a schedule has 64 bits, and float32 parameters keep theirs."""
    with jax.enable_x64(True):
        params = jax.tree.map(lambda p: p.astype(np.float32), PARAMS)
        optimizer = getattr(optimizers, name)(SCHEDULE)
        state = optimizer.init(params)
        updates, after = optimizer.update(params, state, params)
    for x, y in zip(jax.tree.leaves((params, state)), jax.tree.leaves((updates, after)), strict=True):
        assert x.dtype == y.dtype


@pytest.mark.parametrize("name", OURS)
def test_no_parameters_are_no_work(name):
    optimizer = getattr(optimizers, name)(0.1)
    updates, _ = optimizer.update({}, optimizer.init({}), {})
    assert updates == {}


@pytest.mark.parametrize("name", OURS)
def test_many_at_once(name):
    """Learning rates as data: under vmap each has its own."""
    rates = jnp.asarray([0.1, 0.2])

    def first(rate):
        optimizer = getattr(optimizers, name)(rate)
        return optimizer.update(gradients(0), optimizer.init(PARAMS), PARAMS)[0]

    together = jax.vmap(first)(rates)
    for i, rate in enumerate(rates):
        same(jax.tree.map(lambda x, i=i: x[i], together), first(rate))


def test_what_says_it_differs_from_optax_differs():
    """Each sentence of a docstring that says so, by the first updates."""
    both = {
        "adam": (lambda k: optimizers.adam(0.1, amsgrad=True), lambda k: optax.amsgrad(0.1)),
        "sgd": (lambda k: optimizers.sgd(0.1, 0.9, 0.5), lambda k: optax.sgd(0.1, 0.9)),
        "nadam": (lambda k: optimizers.nadam(0.1), lambda k: optax.nadam(0.1)),
        "adagrad": (lambda k: optimizers.adagrad(0.1), lambda k: optax.adagrad(0.1)),
        "rprop": (lambda k: optimizers.rprop(0.1), lambda k: optax.rprop(0.1)),
        "adafactor": (lambda k: optimizers.adafactor(0.1), lambda k: optax.adafactor(0.1)),
        "muon": (lambda k: optimizers.muon(0.1), lambda k: optax.contrib.muon(0.1)),
    }
    for name, (ours, theirs) in both.items():
        one, other = (jax.tree.leaves(updates_of(make)) for make in (ours, theirs))
        apart = max(np.abs(np.asarray(x) - np.asarray(y)).max() for x, y in zip(one, other, strict=True))
        assert apart > 1e-4, name


@pytest.mark.parametrize("name", OURS)
def test_what_has_16_bits_is_computed_in_float32(name):
    narrow = jax.tree.map(lambda p: p.astype(jnp.bfloat16), (gradients(3), PARAMS))
    wide = jax.tree.map(lambda p: p.astype(np.float32), narrow)
    optimizer = getattr(optimizers, name)(0.3)
    if name == "adafactor":  # whose spacing is that of the type
        optimizer = optimizers.adafactor(0.3, eps=(1e-3, 1e-3))
    (one, _), (other, _) = (optimizer.update(g, optimizer.init(p), p) for g, p in (narrow, wide))
    for x, y in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        assert x.dtype == jnp.bfloat16
        if name == "muon":  # its decay is a part of Optax's, and rounds by itself
            np.testing.assert_allclose(x.astype(np.float32), y, rtol=2**-6)
        else:
            np.testing.assert_array_equal(x, y.astype(jnp.bfloat16))


def test_scheduled_computes_in_float32_what_has_16_bits():
    """A momentum of 0.9 is not 0.8984, though the trace is kept in bfloat16."""
    params = jnp.ones(1, jnp.bfloat16)
    optimizer = optimizers.scheduled(lambda learning_rate: optax.sgd(learning_rate, 0.9), learning_rate=0.1)
    state, expected = optimizer.init(params), np.float32(0)
    for _ in range(40):
        _, state = optimizer.update(params, state, params)
        expected = np.float32(jnp.bfloat16(np.float32(0.9) * expected + np.float32(1)))
    assert state.inner_state[0].trace.astype(np.float32) == expected
    assert state.inner_state[0].trace.dtype == jnp.bfloat16


@pytest.mark.parametrize("name", OURS)
def test_the_learning_rate_can_be_differentiated(name):
    def first(rate):
        optimizer = getattr(optimizers, name)(rate)
        return optimizer.update(gradients(0), optimizer.init(PARAMS), PARAMS)[0]

    slope, updates = jax.jacrev(first)(0.5), first(0.5)
    for x, y in zip(jax.tree.leaves(slope), jax.tree.leaves(updates), strict=True):
        assert np.isfinite(x).all()
        np.testing.assert_allclose(0.5 * x, y, rtol=1e-5)
