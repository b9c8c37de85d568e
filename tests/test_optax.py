"""Real Optax and Flax take every schedule as it is, and update ``k`` applies ``schedule(k)``.

What an optimizer has applied is read off its updates for a gradient of 1, which plain gradient
descent only multiplies by the learning rate, and off the hyperparameters in its state.
"""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from catalogue import CATALOGUE, as_data
from flax import nnx

from jaxsched import CosineAnnealingLR, LinearLR, OneCycleLR, StepLR

K = np.arange(100)
WANT = {name: schedule.on_host(K) for name, schedule in CATALOGUE.items()}
FEW = {name: CATALOGUE[name] for name in ("step", "restarts-2", "one-cycle-three", "lambda")}


@pytest.fixture(autouse=True)
def strict():
    """Optax itself leans on promotions, in Adam's bias correction and for bfloat16 parameters."""


def run(make_optimizer, read, gradient=1.0, parameter=0.0, schedules=CATALOGUE):
    """What ``read(updates, state)`` is at every update, by every schedule, in one compiled loop."""
    optimizers = {name: make_optimizer(schedule) for name, schedule in schedules.items()}
    parameter = jnp.asarray(parameter)
    gradient = jnp.asarray(gradient, parameter.dtype)

    def step(states, _):
        found, new = {}, {}
        for name, optimizer in optimizers.items():
            updates, new[name] = optimizer.update(gradient, states[name], parameter)
            found[name] = read(updates, new[name])
        return new, found

    @jax.jit  # each by itself is compiled, too, and takes longer
    def begin():
        return {name: optimizer.init(parameter) for name, optimizer in optimizers.items()}

    return jax.lax.scan(step, begin(), length=len(K))[1]


def different(got, want):
    return [name for name in got if not np.array_equal(got[name], want[name])]


def updates(updates, _):
    return updates


def test_update_k_applies_schedule_k():
    got = run(optax.inject_hyperparams(optax.sgd), lambda updates, state: (updates, state.hyperparams))
    assert different({name: -applied for name, (applied, _) in got.items()}, WANT) == []
    assert different({name: shown["learning_rate"] for name, (_, shown) in got.items()}, WANT) == []


@pytest.mark.parametrize(
    ("make_optimizer", "sign"),
    [
        (optax.sgd, -1),
        (optax.scale_by_learning_rate, -1),
        (optax.scale_by_schedule, 1),
        (lambda schedule: optax.chain(optax.clip(2.0), optax.sgd(schedule)), -1),
    ],
    ids=["sgd", "scale_by_learning_rate", "scale_by_schedule", "chain"],
)
def test_whoever_takes_a_schedule(make_optimizer, sign):
    got = run(make_optimizer, updates, schedules=FEW)
    assert different(got, {name: sign * WANT[name] for name in FEW}) == []


@pytest.mark.parametrize("jit", [lambda f: f, jax.jit], ids=["eager", "jit"])
def test_parameters_move_by_the_learning_rate(jit):
    schedule = CATALOGUE["one-cycle"]
    optimizer = optax.sgd(schedule)
    state = optimizer.init(jnp.zeros(2))
    update = jit(optimizer.update)
    for k in range(5):
        moves, state = update(jnp.array([1.0, -1.0]), state)
        moved = optax.apply_updates(jnp.zeros(2), moves)
        np.testing.assert_array_equal(moved, schedule(k) * np.array([-1, 1], np.float32))


def test_adamw():
    direction = optax.chain(optax.scale_by_adam(), optax.add_decayed_weights(1e-4))
    want = run(lambda _: direction, updates, parameter=3.0, schedules=FEW)
    got = run(optax.adamw, updates, parameter=3.0, schedules=FEW)
    for name in FEW:
        np.testing.assert_allclose(got[name], -WANT[name] * want[name], rtol=1e-6)


def test_weight_decay():
    want = {name: WANT[name] for name in FEW}
    decay = optax.inject_hyperparams(optax.add_decayed_weights)
    got = run(decay, updates, gradient=0.0, parameter=1.0, schedules=FEW)
    assert different(got, want) == []
    got = run(
        lambda schedule: optax.inject_hyperparams(optax.adamw)(0.1, weight_decay=schedule),
        lambda _, state: state.hyperparams["weight_decay"],
        parameter=1.0,
        schedules=FEW,
    )
    assert different(got, want) == []


def test_arguments_that_are_arrays():
    schedules = {name: as_data(CATALOGUE[name]) for name in ("cosine", "step", "one-cycle-three")}
    want = {name: schedule.on_host(K) for name, schedule in schedules.items()}
    assert different(run(optax.scale_by_schedule, updates, schedules=schedules), want) == []


def test_join_schedules():
    # Every branch is evaluated at every count: before its start, at negative ones.
    def joined(schedule):
        return optax.join_schedules([LinearLR(0.1, start_factor=0.5, total_iters=7), schedule], [7])

    got = run(lambda schedule: optax.scale_by_schedule(joined(schedule)), updates)
    warm_up = LinearLR(0.1, start_factor=0.5, total_iters=7).on_host(K[:7])
    assert different(got, {name: np.append(warm_up, want[:-7]) for name, want in WANT.items()}) == []


def test_gradient_accumulation_counts_updates():
    schedule = CATALOGUE["exponential"]
    optimizer = optax.MultiSteps(optax.sgd(schedule), every_k_schedule=3)
    parameter = jnp.zeros(())

    def step(state, _):
        return optimizer.update(jnp.ones(()), state, parameter)[::-1]

    _, got = jax.lax.scan(step, optimizer.init(parameter), length=12)
    np.testing.assert_array_equal(got[2::3], -schedule.on_host(range(4)))
    assert not np.delete(got, [2, 5, 8, 11]).any()


def test_one_schedule_for_each_group_of_parameters():
    groups = {"body": CosineAnnealingLR(0.01, T_max=10), "head": StepLR(0.1, step_size=3)}
    optimizers = {name: optax.sgd(schedule) for name, schedule in groups.items()}
    optimizer = optax.multi_transform(optimizers, {name: name for name in groups})
    ones = {name: jnp.ones(()) for name in groups}
    state = optimizer.init(ones)
    for k in range(5):
        moves, state = optimizer.update(ones, state)
        assert moves == {name: -schedule(k) for name, schedule in groups.items()}


# Momentum -------------------------------------------------------------------------------


def test_momentum_drives_b1():
    schedule = OneCycleLR(0.1, total_steps=50)
    optimizer = optax.inject_hyperparams(optax.adam)(schedule, b1=schedule.momentum)
    got = run(lambda _: optimizer, lambda _, state: state.hyperparams, schedules={"": schedule})[""]
    np.testing.assert_array_equal(got["b1"], schedule.momentum.on_host(K))
    np.testing.assert_array_equal(got["learning_rate"], schedule.on_host(K))
    assert (np.unique(got["b2"]) == np.float32(0.999)).all()


def test_momentum_drives_sgd():
    momentum = CATALOGUE["cyclic-momentum"]
    optimizer = optax.inject_hyperparams(optax.sgd)(1.0, momentum=momentum)
    got = run(lambda _: optimizer, updates, schedules={"": momentum})[""]
    trace = np.float32(0)
    for k in K:
        trace = np.float32(1) + momentum.on_host(k) * trace
        np.testing.assert_allclose(got[k], -trace, rtol=1e-5)


# bfloat16 -------------------------------------------------------------------------------


CASTS_ALL = tuple(map(int, optax.__version__.split(".")[:3])) < (0, 2, 8)


@pytest.mark.parametrize(
    "dtype",
    [
        pytest.param(None, marks=pytest.mark.skipif(CASTS_ALL, reason="before 0.2.8 Optax casts rates, too")),
        jnp.float32,
    ],
)
def test_the_learning_rate_stays_float32_beside_bfloat16_parameters(dtype):
    # A schedule's value is a strong float32, which Optax leaves alone either way. Left out,
    # hyperparam_dtype is that of the parameters, and what is given as a number becomes
    # bfloat16: a b2 of 0.999 turns into 1, and Adam's second moment never moves.
    schedule = CATALOGUE["cosine-eta-min"]
    optimizer = optax.inject_hyperparams(optax.adam, hyperparam_dtype=dtype)(schedule)
    parameter = jnp.ones(2, jnp.bfloat16)
    state = optimizer.init(parameter)
    for k in range(3):
        _, state = optimizer.update(parameter, state, parameter)
        rate, b2 = state.hyperparams["learning_rate"], state.hyperparams["b2"]
        assert rate.dtype == np.float32
        assert rate == schedule.on_host(k)
        assert b2.dtype == (dtype or jnp.bfloat16)
        assert (b2 == 1) == (dtype is None)


def test_bfloat16_parameters():
    schedule = CATALOGUE["cosine-eta-min"]
    got = run(optax.sgd, updates, parameter=jnp.bfloat16(0), schedules={"": schedule})[""]
    np.testing.assert_array_equal(got.astype(jnp.bfloat16), -schedule.on_host(K).astype(jnp.bfloat16))


# Flax -----------------------------------------------------------------------------------


@pytest.mark.parametrize("jit", [lambda f: f, nnx.jit], ids=["eager", "nnx.jit"])
def test_nnx_training_step(jit):
    schedule = CATALOGUE["triangular"]
    model = nnx.Linear(2, 1, use_bias=False, rngs=nnx.Rngs(0))
    optimizer = nnx.Optimizer(model, optax.inject_hyperparams(optax.sgd)(schedule), wrt=nnx.Param)
    x = jnp.array([[1.0, 2.0]])

    @jit
    def train_step(model, optimizer):
        _, gradients = nnx.value_and_grad(lambda model: model(x).sum())(model)
        # The step counts in uint32.
        rate = schedule(optimizer.step[...])
        optimizer.update(model, gradients)
        return rate

    for k in range(5):
        before = np.asarray(model.kernel[...])
        assert optimizer.step[...].dtype == np.uint32
        assert train_step(model, optimizer) == schedule.on_host(k)
        assert optimizer.opt_state.hyperparams["learning_rate"][...] == schedule.on_host(k)
        moved = before - np.asarray(model.kernel[...])
        np.testing.assert_allclose(moved, schedule.on_host(k) * np.array([[1], [2]]), rtol=1e-4)
    assert optimizer.step[...] == 5


def test_a_schedule_in_a_module():
    class Model(nnx.Module):
        def __init__(self):
            self.schedule = CosineAnnealingLR(0.1, T_max=10)
            self.count = nnx.Variable(jnp.uint32(0))

        def __call__(self):
            self.count[...] += 1
            return self.schedule(self.count[...] - 1)

    model = Model()
    step = nnx.jit(lambda model: model())
    for k in range(3):
        assert step(model) == CosineAnnealingLR(0.1, T_max=10).on_host(k)
