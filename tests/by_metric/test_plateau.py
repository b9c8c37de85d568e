"""ReduceLROnPlateau beside PyTorch's own, in every mode, and as an Optax transformation."""

import dataclasses
import functools
import json
import pickle
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import torch
from flax import nnx
from hypothesis import given, strategies as st

import jaxsched
from jaxsched import (
    CosineAnnealingLR,
    ExponentialLR,
    LinearLR,
    ReduceLROnPlateau,
    Schedule,
    StepLR,
    current_lr,
)
from jaxsched.by_metric.carried import join, split
from jaxsched.hugging_face import GreedyLR
from parity.metrics import METRIC_CASES

CASES = {case.name: case for case in METRIC_CASES}
SETS_OWN_LR = ("CyclicLR", "OneCycleLR")


def ours(case):
    lr = case.base_lr
    if case.scheduler is not None:
        first = () if case.scheduler in SETS_OWN_LR else (lr,)
        lr = getattr(jaxsched, case.scheduler)(*first, **case.scheduler_arguments)
    return ReduceLROnPlateau(lr, **case.arguments)


def pytorch(metrics, arguments, base_lr=0.1, scheduler=None, scheduler_arguments=None):
    """What PyTorch has at first and after each step."""
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=base_lr, momentum=0.9)
    if isinstance(scheduler, str):
        first = getattr(torch.optim.lr_scheduler, scheduler)(optimizer, **scheduler_arguments)
    else:
        first = scheduler and scheduler(optimizer)
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, **arguments)
    rows = []
    for metric in [None, *metrics]:
        if metric is not None:
            optimizer.step()
            if first:
                first.step()
            plateau.step(metric)
        lr = optimizer.param_groups[0]["lr"]
        rows.append((lr, plateau.best, plateau.num_bad_epochs, plateau.cooldown_counter, plateau.last_epoch))
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    names = ("lr", "best", "num_bad_epochs", "cooldown_counter", "last_epoch")
    return SimpleNamespace(**dict(zip(names, columns, strict=True)))


@jax.jit
def first_and_rest(plateau, metrics):
    def step(state, metric):
        state = plateau.step(state, metric)
        return state, state

    first = plateau.init()
    return first, jax.lax.scan(step, first, metrics)[1]


def scan(plateau, metrics):
    """All states, the first one too."""
    return prepend(*first_and_rest(plateau, jnp.asarray(metrics, np.float32)))


def prepend(first, states):
    return jax.tree.map(lambda x, xs: np.concatenate([np.asarray(x)[None], xs]), first, states)


def same(got, want):
    """Equal to the bit, -0 and 0 told apart."""
    return jax.tree.all(
        jax.tree.map(
            lambda x, y: x.dtype == y.dtype and np.asarray(x).tobytes() == np.asarray(y).tobytes(), got, want
        )
    )


def assert_equals_pytorch(states, want):
    assert np.array_equal(states.num_bad_epochs, want.num_bad_epochs)
    assert np.array_equal(states.cooldown_counter, want.cooldown_counter)
    assert np.array_equal(states.last_epoch, want.last_epoch)
    assert np.array_equal(states.best, want.best)
    assert np.array_equal(states.lr, want.lr.astype(states.lr.dtype))


# PyTorch --------------------------------------------------------------------------------


def test_the_table_of_traces():
    assert len(CASES) == len(METRIC_CASES) >= 30
    for case in METRIC_CASES:
        assert np.array_equal(np.float32(case.metrics), np.float64(case.metrics), equal_nan=True)
    schedulers = {case.scheduler for case in METRIC_CASES}
    assert {"StepLR", "ExponentialLR", "CosineAnnealingLR", "LinearLR"} < schedulers


@functools.cache
def states_of(first, last):
    """All states of some of the cases, by name: compiled in one program, which takes less than one each."""
    some = list(CASES.values())[first:last]
    metrics = {case.name: np.asarray(case.metrics, np.float32) for case in some}

    @jax.jit
    def together(metrics):
        return {case.name: first_and_rest(ours(case), metrics[case.name]) for case in some}

    return {name: prepend(*states) for name, states in together(metrics).items()}


@pytest.mark.parametrize("name", CASES)
def test_equals_pytorch(name):
    case = CASES[name]
    first = list(CASES).index(name) // 10 * 10
    arguments = (case.metrics, case.arguments, case.base_lr, case.scheduler, case.scheduler_arguments)
    assert_equals_pytorch(states_of(first, first + 10)[name], pytorch(*arguments))


def sequence(lib, of):
    """``of`` is PyTorch's optimizer or our learning rate."""
    schedulers = [lib.LinearLR(of, total_iters=4), lib.StepLR(of, step_size=30, gamma=0.5)]
    return lib.SequentialLR(*([] if lib is jaxsched else [of]), schedulers, [4])


def chain(lib, of):
    return lib.ChainedScheduler(
        [lib.ConstantLR(of, total_iters=4), lib.ExponentialLR(of, gamma=0.99), lib.StepLR(of, step_size=30)]
    )


@pytest.mark.parametrize("compose", [sequence, chain])
def test_equals_pytorch_after_composed_schedulers(compose):
    metrics, arguments = CASES["noisy"].metrics[:90], {"patience": 1, "factor": 0.7}
    lr = compose(jaxsched, 0.1)
    states = scan(ReduceLROnPlateau(lr, **arguments), metrics)
    want = pytorch(metrics, arguments, 0.1, lambda optimizer: compose(torch.optim.lr_scheduler, optimizer))
    assert len(set(want.lr)) > 10
    assert_equals_pytorch(states, want)


@pytest.mark.parametrize("name", ["factor next to 1", "noisy", "eps is the reduction", "NaN now and then"])
def test_equals_pytorch_in_float64(name):
    case = CASES[name]
    with jax.enable_x64(True):
        states = scan(ours(case), case.metrics)
    assert states.lr.dtype == states.best.dtype == np.float64
    assert_equals_pytorch(states, pytorch(case.metrics, case.arguments, case.base_lr))


def test_float64_metrics_under_x64():
    metrics, arguments = [1.0, 1 - 2**-40, 1 - 2**-39, 1 - 2**-38], {"patience": 5, "threshold": 2**-39.5}
    bad = []
    with jax.enable_x64(True):
        plateau = ReduceLROnPlateau(0.1, **arguments)
        state = plateau.init()
        for metric in metrics:
            state = plateau.step(state, metric)
            bad.append(int(state.num_bad_epochs))
    assert bad == pytorch(metrics, arguments).num_bad_epochs[1:].tolist() == [0, 1, 0, 0]


def test_without_x64_the_learning_rate_keeps_its_float64_digits():
    case = CASES["factor next to 1"]
    state = scan(ours(case), case.metrics)
    assert state.lr.dtype == np.float32
    with jax.enable_x64(True):
        carried = [float(join(lr, rest)) for lr, rest in zip(state.lr, state.lr_rest, strict=True)]
    assert carried == pytorch(case.metrics, case.arguments).lr.tolist()


def test_a_float64_is_three_float32():
    rng = np.random.default_rng(0)
    x = rng.choice([-1.0, 1.0], 4000) * rng.uniform(1, 2, 4000) * 2.0 ** rng.integers(-121, 127, 4000)
    x = np.concatenate([x, [0.0, np.inf, -np.inf]])
    with jax.enable_x64(True):
        first, rest = jax.jit(split, static_argnums=1)(x, np.float32)
        assert first.dtype == rest.dtype == np.float32
        assert np.array_equal(first, x.astype(np.float32))
        assert np.array_equal(jax.jit(join)(first, rest), x)
        assert np.isnan(join(*split(jnp.float64(np.nan), np.float32)))
        # Far below any learning rate the digits run out one by one.
        small = rng.uniform(1, 2, 100) * 2.0 ** rng.integers(-140, -121, 100)
        assert np.allclose(
            jax.jit(join)(*jax.jit(split, static_argnums=1)(small, np.float32)), small, rtol=2**-30
        )


floats = st.floats(width=32, allow_infinity=False, allow_nan=False)
STEPS = 24


@given(
    mode=st.sampled_from(["min", "max"]),
    threshold_mode=st.sampled_from(["rel", "abs"]),
    factor=st.floats(0, 0.9990234375, width=32),
    patience=st.integers(0, 5),
    threshold=st.sampled_from([0.0, 1e-4, 0.1, 1.0, 1.5]) | st.floats(0, 2, width=32),
    cooldown=st.integers(0, 5),
    min_lr=st.sampled_from([0.0, 1e-3, 1.0]) | st.floats(0, 1, width=32),
    eps=st.sampled_from([0.0, 1e-8, 1e-2]) | st.floats(0, 1, width=32),
    base_lr=st.floats(0, 10, width=32),
    metrics=st.lists(
        st.sampled_from([0.0, 1.0, 1 + 2**-23, 1 - 2**-24, -1.0, np.nan, np.inf, -np.inf]) | floats,
        min_size=STEPS,
        max_size=STEPS,
    ),
)
def test_equals_pytorch_at_random(mode, threshold_mode, metrics, base_lr, **numbers):
    data = {
        name: jnp.asarray(x, np.float32 if isinstance(x, float) else np.int32) for name, x in numbers.items()
    }
    plateau = ReduceLROnPlateau(jnp.float32(base_lr), mode=mode, threshold_mode=threshold_mode, **data)
    # What is subnormal is 0 to XLA on a CPU.
    metrics = [0.0 if abs(metric) < 2**-126 else metric for metric in metrics]
    states = scan(plateau, metrics)  # compiled once for each mode: the numbers are data
    arguments = {name: x.item() for name, x in data.items()}
    want = pytorch(
        metrics, {"mode": mode, "threshold_mode": threshold_mode, **arguments}, float(np.float32(base_lr))
    )
    normal = want.lr >= 2**-100
    states = states._replace(lr=np.where(normal, states.lr, want.lr.astype(np.float32)))
    assert_equals_pytorch(states, want)


# Modes ----------------------------------------------------------------------------------

FEW = ["noisy, cooldown", "NaN now and then", "accuracy, absolute", "CosineAnnealingLR, eta_min"]


def one_at_a_time(plateau, metrics, step=None):
    state = plateau.init()
    states = [state]
    for metric in np.float32(metrics):
        state = (step or plateau.step)(state, metric)
        states.append(state)
    return jax.tree.map(lambda *xs: np.stack(xs), *states)


def jit(plateau, metrics):
    return one_at_a_time(plateau, metrics, jax.jit(plateau.step))


def disable_jit(plateau, metrics):
    with jax.disable_jit():
        return one_at_a_time(plateau, metrics)


def vmap(plateau, metrics):
    """Beside others: the same trace shifted."""
    traces = np.stack([np.roll(np.float32(metrics), shift) for shift in (0, 1, 2)])
    states = jax.vmap(first_and_rest, in_axes=(None, 0))(plateau, traces)
    return prepend(*jax.tree.map(lambda x: x[0], states))


MODES = {"one at a time": one_at_a_time, "jit": jit, "vmap": vmap}


@pytest.mark.parametrize("name", FEW)
@pytest.mark.parametrize("mode", MODES)
def test_same_bits(name, mode):
    case = CASES[name]
    assert same(MODES[mode](ours(case), case.metrics), scan(ours(case), case.metrics))


def test_same_bits_without_compiling():
    plateau, metrics = ReduceLROnPlateau(0.1, patience=0, factor=0.7), [1.0, 1.0, np.nan]
    assert same(disable_jit(plateau, metrics), scan(plateau, metrics))


def test_same_bits_with_the_schedule_as_data():
    metrics = CASES["noisy"].metrics
    numbers = {
        "factor": 0.75,
        "patience": 2,
        "threshold": 2**-10,
        "cooldown": 1,
        "min_lr": 2**-10,
        "eps": 2**-27,
    }
    schedule = {"T_max": 50, "eta_min": 2**-9}
    constant = ReduceLROnPlateau(CosineAnnealingLR(0.125, **schedule), **numbers)
    data = ReduceLROnPlateau(
        CosineAnnealingLR(jnp.float32(0.125), **{name: jnp.asarray(x) for name, x in schedule.items()}),
        **{name: jnp.asarray(x) for name, x in numbers.items()},
    )
    assert len(jax.tree.leaves(data)) == 9
    # Of numbers more is computed on the host, in 50 digits: what float32 does not hold may differ.
    got, want = (scan(plateau, metrics)._replace(lr_rest=np.zeros(0)) for plateau in (data, constant))
    assert same(got, want)


GRID = {
    "base_lr": [0.5, 0.25, 0.125],
    "factor": [0.5, 0.75, 0.875],
    "patience": [0, 2, 3],
    "threshold": [0.0, 0.125, 2**-10],
    "cooldown": [0, 1, 3],
    "min_lr": [0.0, 2**-6, 2**-9],
    "eps": [0.0, 2**-20, 2**-6],
}


def test_vmap_over_configurations():
    metrics = CASES["noisy"].metrics
    plateaus = ReduceLROnPlateau(**{name: jnp.asarray(values) for name, values in GRID.items()})
    vmapped = jax.vmap(first_and_rest, in_axes=(0, None))(plateaus, np.float32(metrics))
    broadcast = scan(plateaus, metrics)  # arrays are many plateaus without vmap, too
    assert broadcast.lr.shape == (len(metrics) + 1, 3)
    assert broadcast.lr_rest.shape == (len(metrics) + 1, 2, 3)
    for i in range(3):
        arguments = {name: values[i] for name, values in GRID.items()}
        want = scan(ReduceLROnPlateau(**arguments), metrics)
        assert same(prepend(*jax.tree.map(lambda x, i=i: x[i], vmapped)), want)
        assert same(jax.tree.map(lambda x, i=i: x[..., i], broadcast), want)
        assert_equals_pytorch(
            want,
            pytorch(metrics, {k: v for k, v in arguments.items() if k != "base_lr"}, arguments["base_lr"]),
        )


@pytest.mark.parametrize("x64", [False, True], ids=["float32", "float64"])
def test_the_state(x64):
    with jax.enable_x64(x64):
        plateau = ReduceLROnPlateau(StepLR(0.1, step_size=3), patience=0)
        first = plateau.init()
        for state in (first, plateau.step(first, 1.0), jax.jit(plateau.step)(first, 1.0)):
            wide = np.float64 if x64 else np.float32
            assert [x.dtype for x in state] == [wide, np.float32, wide, np.int32, np.int32, np.int32]
            assert [x.shape for x in state] == [(), (2,), (), (), (), ()]
            assert not any(x.weak_type for x in state)
            assert len({x.unsafe_buffer_pointer() for x in state}) == len(state)  # each can be donated


def test_the_state_survives_a_checkpoint():
    case = CASES["StepLR"]
    plateau, metrics = ours(case), np.float32(case.metrics)
    want = scan(plateau, metrics)
    state = jax.tree.map(lambda x: x[60], want)  # NumPy arrays
    state = pickle.loads(pickle.dumps(jax.tree.map(np.asarray, state)))
    for metric in metrics[60:]:
        state = plateau.step(state, metric)
    assert same(state, jax.tree.map(lambda x: x[-1], want))


@pytest.mark.parametrize(
    "as_metric",
    [
        float,
        np.float32,
        np.float64,
        jnp.float32,
        jnp.bfloat16,
        np.float16,
        int,
        np.int8,
        jnp.uint32,
        np.asarray,
        bool,
    ],
)
def test_types_of_metrics(as_metric):
    plateau = ReduceLROnPlateau(0.1, patience=0)
    state = plateau.step(plateau.step(plateau.init(), as_metric(1)), as_metric(1))
    assert state.best == 1
    assert state.best.dtype == np.float32
    assert float(state.lr) == np.float32(0.1 * 0.1)


def test_a_float64_metric_of_numpy_under_vmap():
    # A tracer of it claims to be float32.
    metrics = np.array([0.1, 0.2])
    plateau = ReduceLROnPlateau(0.1)
    states = jax.vmap(lambda metric: plateau.step(plateau.init(), metric))(metrics)
    assert np.array_equal(states.best, metrics.astype(np.float32))
    assert states.best.dtype == np.float32


def test_export_for_every_platform():
    plateau = ReduceLROnPlateau(ExponentialLR(0.1, gamma=0.9))
    platforms = ("cpu", "cuda", "tpu", "rocm")
    program = jax.export.export(jax.jit(plateau.step), platforms=platforms)(plateau.init(), jnp.float32(1))
    assert program.platforms == platforms


def test_steps_compile_once(compilations):
    plateau = ReduceLROnPlateau(0.1, factor=0.321)
    state = plateau.step(plateau.init(), 1.0)
    assert compilations
    compilations.clear()
    for k in range(20):
        state = plateau.step(state, 1.0 + k)
    assert compilations == []


# Optax ----------------------------------------------------------------------------------


def loss(w):
    return 0.5 * jnp.sum(w * w)


def test_applied_in_a_training_loop_like_pytorchs():
    plateau = ReduceLROnPlateau(0.5, factor=0.5, patience=1, threshold=0.99, cooldown=1)
    optimizer = plateau.scale_by_learning_rate()
    w, w_torch = jnp.array([4.0, -2.0]), torch.nn.Parameter(torch.tensor([4.0, -2.0]))
    sgd = torch.optim.SGD([w_torch], lr=0.5)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
        sgd, factor=0.5, patience=1, threshold=0.99, cooldown=1
    )

    @jax.jit
    def train(w, state):
        value, gradient = jax.value_and_grad(loss)(w)
        updates, state = optimizer.update(gradient, state, w, value=value)
        return optax.apply_updates(w, updates), state, updates, gradient

    state = optimizer.init(w)
    applied = []
    for _ in range(25):
        sgd.zero_grad()
        value = 0.5 * (w_torch * w_torch).sum()
        value.backward()
        sgd.step()
        applied.append(np.float32(sgd.param_groups[0]["lr"]))
        scheduler.step(value.detach())
        w, state, updates, gradient = train(w, state)
        assert np.array_equal(updates, -applied[-1] * gradient)
        assert current_lr(state) == state.lr == applied[-1]
        assert state.plateau.lr == np.float32(sgd.param_groups[0]["lr"])
        assert np.allclose(w, w_torch.detach().numpy(), rtol=1e-5)
    assert len(set(applied)) > 4


def test_in_nnx_with_adam():
    plateau = ReduceLROnPlateau(LinearLR(0.1, total_iters=3), factor=0.5, patience=1)
    model = nnx.Linear(2, 1, rngs=nnx.Rngs(0))
    tx = optax.chain(optax.scale_by_adam(), plateau.scale_by_learning_rate())
    optimizer = nnx.Optimizer(model, tx, wrt=nnx.Param)
    x, y = jnp.ones((4, 2)), jnp.zeros((4, 1))

    @nnx.jit
    def train(model, optimizer):
        value, gradients = nnx.value_and_grad(lambda model: jnp.mean((model(x) - y) ** 2))(model)
        with jax.numpy_dtype_promotion("standard"):  # optax's Adam leans on it
            optimizer.update(model, gradients, value=value)
        return value

    values, applied = [], []
    for _ in range(20):
        values.append(float(train(model, optimizer)))
        applied.append(np.asarray(current_lr(optimizer.opt_state)))
    want = pytorch(values, {"factor": 0.5, "patience": 1}, 0.1, "LinearLR", {"total_iters": 3})
    assert np.array_equal(applied, want.lr[:-1].astype(np.float32))
    assert len(set(want.lr[:-1])) > 4


def run(transformation, values, update=1.0):
    """The scale that each update gets."""

    def step(state, value):
        updates, state = transformation.update(jnp.float32(update), state, value=value)
        return state, (updates, state)

    return jax.jit(lambda values: jax.lax.scan(step, transformation.init(jnp.zeros(())), values))(
        jnp.asarray(values, np.float32)
    )


def test_every_case_as_a_transformation_is_one_step_behind():
    for name in ("noisy", "StepLR", "NaN now and then"):
        case = CASES[name]
        _, (updates, states) = run(ours(case).scale_by_learning_rate(), case.metrics)
        want = scan(ours(case), case.metrics)
        assert np.array_equal(updates, -want.lr[:-1])
        assert np.array_equal(states.lr, want.lr[:-1])
        assert same(states.plateau, jax.tree.map(lambda x: x[1:], want))


def test_where_contrib_is_used():
    values = CASES["noisy"].metrics
    plateau = ReduceLROnPlateau(1.0, factor=0.5, patience=2, min_lr=0.01)
    _, (scales, _) = run(plateau.scale_by_learning_rate(flip_sign=False), values)
    assert np.array_equal(scales, scan(plateau, values).lr[:-1])
    tx = optax.chain(optax.sgd(0.5), plateau.scale_by_learning_rate(flip_sign=False))
    updates, _ = tx.update(jnp.float32(2), tx.init(jnp.float32(1)), value=1.0)
    assert updates == -1


@pytest.mark.parametrize("size", [1, 3, 4])
def test_accumulation(size):
    values = np.float32(CASES["noisy"].metrics)
    plateau = ReduceLROnPlateau(ExponentialLR(0.1, gamma=0.9), factor=0.5, patience=1)
    _, (updates, states) = run(plateau.scale_by_learning_rate(size), values)
    means = values.astype(np.float64).reshape(-1, size).mean(1).astype(np.float32)
    want = scan(plateau, means)
    assert np.array_equal(updates, -np.repeat(want.lr[:-1], size))
    assert same(
        jax.tree.map(lambda x: np.ascontiguousarray(x[size - 1 :: size]), states.plateau),
        jax.tree.map(lambda x: x[1:], want),
    )


@pytest.mark.parametrize("size", [4, 7])
def test_a_value_given_for_a_whole_epoch_is_its_own_mean(size):
    values = np.float32([-0.7, 0.1, 1 / 3, 2**-20, np.nan, 1e30, np.inf])
    plateau = ReduceLROnPlateau(0.1, mode="max", threshold_mode="abs", threshold=0.0)
    _, (_, states) = run(plateau.scale_by_learning_rate(size), np.repeat(values, size))
    want = scan(plateau, values)
    assert np.array_equal(states.plateau.best[size - 1 :: size], want.best[1:])
    assert np.array_equal(states.plateau.num_bad_epochs[size - 1 :: size], want.num_bad_epochs[1:])


def test_types_of_updates():
    transformation = ReduceLROnPlateau(0.1).scale_by_learning_rate()
    updates = {"a": jnp.ones(2, jnp.bfloat16), "b": None, "c": jnp.ones(2)}
    for x64 in (False, True):
        with jax.enable_x64(x64):
            scaled, state = transformation.update(updates, transformation.init(updates), value=jnp.float32(1))
        assert scaled["a"].dtype == jnp.bfloat16
        assert scaled["b"] is None
        assert scaled["c"].dtype == np.float32
        assert state.lr.dtype == (np.float64 if x64 else np.float32)


def test_the_state_of_a_transformation_can_be_donated():
    transformation = ReduceLROnPlateau(0.1, patience=0).scale_by_learning_rate(2)
    step = jax.jit(
        lambda state: transformation.update(jnp.ones(2), state, value=jnp.float32(1)), donate_argnums=0
    )
    state = transformation.init(jnp.ones(2))
    leaves = jax.tree.leaves(state)
    assert len({x.unsafe_buffer_pointer() for x in leaves}) == len(leaves)
    for _ in range(6):
        _, state = step(state)
    assert state.lr == np.float32(0.01)


# Errors, warnings -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "kind", "text"),
    [
        (
            lambda: ReduceLROnPlateau(-0.1),
            ValueError,
            "base_lr must be a finite number >= 0, got -0.1. Give a finite",
        ),
        (
            lambda: ReduceLROnPlateau("0.1"),
            TypeError,
            "base_lr must be a finite number >= 0, got '0.1' (str). Convert",
        ),
        (
            lambda: ReduceLROnPlateau(optax.constant_schedule(0.1)),
            TypeError,
            "base_lr must be a finite number >= 0 or a jaxsched schedule, got",
        ),
        (
            lambda: ReduceLROnPlateau(0.1, mode="up"),
            ValueError,
            "mode must be one of 'min', 'max', got 'up' (str).",
        ),
        (
            lambda: ReduceLROnPlateau(0.1, factor=1.0),
            ValueError,
            "factor must be a finite number in [0, 1), got 1.0. It multiplies the learning rate at",
        ),
        (
            lambda: ReduceLROnPlateau(0.1, factor=jnp.array([0.5, 1.5])),
            ValueError,
            "factor must be a finite number in [0, 1)",
        ),
        (
            lambda: ReduceLROnPlateau(0.1, factor=-0.5),
            ValueError,
            "factor must be a finite number >= 0, got -0.5.",
        ),
        (
            lambda: ReduceLROnPlateau(0.1, patience=-1),
            ValueError,
            "patience must be an integer >= 0, got -1.",
        ),
        (
            lambda: ReduceLROnPlateau(0.1, patience=2.5),
            TypeError,
            "patience must be an integer >= 0, got 2.5.",
        ),
        (
            lambda: ReduceLROnPlateau(0.1, threshold=-1),
            ValueError,
            "threshold must be a finite number >= 0, got -1.0.",
        ),
        (
            lambda: ReduceLROnPlateau(0.1, threshold_mode="relative"),
            ValueError,
            "threshold_mode must be one of 'rel', 'abs', got 'relative' (str).",
        ),
        (
            lambda: ReduceLROnPlateau(0.1, cooldown=-1),
            ValueError,
            "cooldown must be an integer >= 0, got -1.",
        ),
        (
            lambda: ReduceLROnPlateau(0.1, min_lr=[0.1, 0.2]),
            TypeError,
            "min_lr must be a finite number >= 0, got [0.1, 0.2] (list). A schedule drives one",
        ),
        (
            lambda: ReduceLROnPlateau(0.1, eps=float("nan")),
            ValueError,
            "eps must be a finite number >= 0, got nan.",
        ),
        (
            lambda: step(torch.tensor(1.0)),
            TypeError,
            "metric must be a real number or an array of them, got tensor(1.) (Tensor). Convert a one-",
        ),
        (
            lambda: step("1.0"),
            TypeError,
            "metric must be a real number or an array of them, got '1.0' (str).",
        ),
        (lambda: step(1j), TypeError, "metric must be a real number or an array of them, got 1j (complex)."),
        (
            lambda: step(jnp.ones(2)),
            ValueError,
            "metric must be of the shape () of the state, got (2,). Reduce it",
        ),
    ],
)
def test_errors(make, kind, text):
    with pytest.raises(kind) as raised:
        make()
    assert str(raised.value).startswith(f"ReduceLROnPlateau: {text}")


def step(metric):
    plateau = ReduceLROnPlateau(0.1)
    return plateau.step(plateau.init(), metric)


def test_errors_of_the_transformation():
    with pytest.raises(
        ValueError, match=r"^scale_by_learning_rate: accumulation_size must be an integer >= 1, got 0"
    ):
        ReduceLROnPlateau(0.1).scale_by_learning_rate(0)
    with pytest.raises(
        ValueError, match=r"^scale_by_learning_rate: all arguments must be single numbers, got Red"
    ):
        ReduceLROnPlateau(jnp.ones(2)).scale_by_learning_rate()
    transformation = ReduceLROnPlateau(0.1).scale_by_learning_rate()
    with pytest.raises(TypeError, match="value"):
        transformation.update(1.0, transformation.init(1.0))


def test_a_negative_metric_warns_where_it_can_be_seen():
    relative = ReduceLROnPlateau(0.1)
    for metric in (-1.0, np.float32(-1), jnp.float32(-1)):
        with pytest.warns(
            UserWarning, match="^ReduceLROnPlateau: with threshold_mode='rel' a negative metric"
        ) as seen:
            relative.step(relative.init(), metric)
        assert seen[0].filename == __file__
    # Here warnings are errors.
    jax.jit(relative.step)(relative.init(), -1.0)
    relative.step(relative.init(), jnp.float32(np.nan))
    absolute = ReduceLROnPlateau(0.1, threshold_mode="abs")
    absolute.step(absolute.init(), -1.0)


# The value ------------------------------------------------------------------------------

VALUES = [
    ReduceLROnPlateau(0.1),
    ReduceLROnPlateau(
        0.1, mode="max", factor=0.5, patience=3, threshold=0.01, threshold_mode="abs", cooldown=2
    ),
    ReduceLROnPlateau(LinearLR(0.1, total_iters=3), patience=3, min_lr=1e-5, eps=0.0),
    ReduceLROnPlateau(CosineAnnealingLR(jnp.float32(0.1), T_max=jnp.int32(9)), factor=jnp.float32(0.5)),
]


@pytest.mark.parametrize("plateau", VALUES, ids=repr)
def test_is_a_value(plateau):
    assert pickle.loads(pickle.dumps(plateau)) == plateau
    assert ReduceLROnPlateau.from_dict(json.loads(json.dumps(plateau.to_dict()))) == plateau
    assert dataclasses.replace(plateau, patience=7) != plateau
    leaves, structure = jax.tree.flatten(plateau)
    assert jax.tree.unflatten(structure, leaves) == plateau
    assert not isinstance(plateau, Schedule)
    if not leaves:
        assert hash(plateau) == hash(dataclasses.replace(plateau))
        assert eval(repr(plateau), vars(jaxsched)) == plateau
    with pytest.raises(dataclasses.FrozenInstanceError):
        plateau.factor = 0.2
    with pytest.raises(ValueError, match=r"^from_dict: scheduler must be one of .*, got 'ReduceLROnPlateau'"):
        Schedule.from_dict(plateau.to_dict())


def test_prints_as_its_call():
    plateau = ReduceLROnPlateau(LinearLR(0.1, start_factor=0.01), factor=0.5, mode="max")
    assert repr(plateau) == "ReduceLROnPlateau(LinearLR(0.1, start_factor=0.01), mode='max', factor=0.5)"


@pytest.mark.parametrize(
    "make", [lambda: ReduceLROnPlateau(0.1, patience=0), lambda: GreedyLR(0.1, patience=0)]
)
def test_a_state_saved_with_64_bits_and_gone_on_with_without_is_said(make):
    machine = make()
    with jax.enable_x64(True):
        wide = jax.tree.map(np.asarray, machine.step(machine.init(), 1.0))
    with pytest.warns(UserWarning, match=r"the state is of float64, saved under jax_enable_x64"):
        machine.step(wide, 1.0)
    narrow = jax.tree.map(np.asarray, machine.step(machine.init(), 1.0))
    with jax.enable_x64(True):  # its bits go on as they were
        later = machine.step(narrow, 1.0)
    assert later.lr.dtype == np.float32
    assert later.lr == machine.step(narrow, 1.0).lr


@pytest.mark.parametrize("metric", [np.timedelta64(3, "s"), 10**400, 1 + 2j, np.complex64(1)], ids=repr)
@pytest.mark.parametrize("machine", [ReduceLROnPlateau(0.1), GreedyLR(0.1)], ids=lambda m: type(m).__name__)
def test_a_metric_that_is_no_real_number(machine, metric):
    with pytest.raises((TypeError, ValueError), match=": metric must be "):
        machine.step(machine.init(), metric)
