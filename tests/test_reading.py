"""`current_lr` says what was applied: compared with what the parameters did, update by update."""

import functools
import inspect
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import optax.contrib
import pytest
from flax import nnx
from flax.training.train_state import TrainState

from jaxsched import CosineAnnealingLR, ExponentialLR, StepLR, by_group, current_lr

SCHEDULE = CosineAnnealingLR(0.1, T_max=7, eta_min=1e-3)
OTHER = ExponentialLR(0.3, gamma=0.7)
inject = optax.inject_hyperparams
partition = getattr(optax, "partition", None) or optax.multi_transform  # as in jaxsched/_groups.py
INJECTED = inject(optax.sgd)(learning_rate=SCHEDULE)
PARAMS = {"a": jnp.zeros(2), "b": jnp.zeros(2)}
ONES = {"a": jnp.ones(2), "b": jnp.ones(2)}
LABELS = {"a": "x", "b": "y"}


class RateState(NamedTuple):
    """The state of somebody's transformation that decides on the learning rate itself."""

    lr: jax.Array  # shape=(), dtype=float32
    seen: jax.Array  # shape=(), dtype=int32


def halving():
    def update(updates, state, params=None):
        lr = state.lr * jnp.where(state.seen > 0, np.float32(0.5), np.float32(1))
        return jax.tree.map(lambda g: -lr * g, updates), RateState(lr, state.seen + 1)

    return optax.GradientTransformation(lambda _: RateState(jnp.float32(0.1), jnp.int32(0)), update)


def staircase(count):
    """A schedule that is not one of ours: before count 0 it means nothing."""
    value = jnp.where(count < 5, np.float32(0.1), np.float32(0.02))
    return jnp.where(count < 0, np.float32(np.nan), value)


HOLDING = {
    "alone": INJECTED,
    "chain": optax.chain(optax.clip(1.0), optax.chain(optax.identity(), INJECTED)),
    "named chain": optax.named_chain(("clip", optax.clip(1.0)), ("sgd", INJECTED)),
    "dtype given": inject(optax.sgd, hyperparam_dtype=jnp.float32)(learning_rate=SCHEDULE),
    "a number": inject(optax.sgd)(learning_rate=0.1),
    "MultiSteps": optax.MultiSteps(INJECTED, 3).gradient_transformation(),
    "masked": optax.masked(INJECTED, {"a": True, "b": True}),
    "apply_if_finite": optax.apply_if_finite(INJECTED, 3),
    "one partition": partition({"x": INJECTED}, {"a": "x", "b": "x"}),
    "all of these": optax.apply_if_finite(
        optax.MultiSteps(optax.chain(optax.masked(INJECTED, {"a": True, "b": True})), 2), 3
    ),
    "a field lr": halving(),
    "a field lr in a chain": optax.chain(optax.clip(1.0), halving()),
}
COUNTING = {
    "alone": optax.sgd(SCHEDULE),
    "chain": optax.chain(optax.clip(1.0), optax.sgd(SCHEDULE)),
    "MultiSteps": optax.MultiSteps(optax.sgd(SCHEDULE), 3).gradient_transformation(),
    "apply_if_finite": optax.apply_if_finite(optax.sgd(SCHEDULE), 3),
    "a plain function": optax.sgd(staircase),
}


def observed(optimizer, n=13, grads=ONES):
    """For each update, its state and the learning rate that the parameters felt (0 for none)."""

    @jax.jit
    def step(state):
        updates, state = optimizer.update(grads, state, PARAMS)
        return jax.tree.map(jnp.negative, optax.apply_updates(PARAMS, updates)), state

    state = optimizer.init(PARAMS)
    yield state, None
    for _ in range(n):
        with jax.numpy_dtype_promotion("standard"):  # which Optax itself relies on
            rates, state = step(state)
        yield state, rates


@functools.cache
def seen(optimizer):
    """The same, of which two tests read."""
    return list(observed(optimizer))


def check(optimizer, read):
    """What is read is what was applied last; before that, what will be."""
    early, last = [], None
    for state, rates in seen(optimizer):
        if rates is not None and rates["a"].any():
            last = rates["a"][0]
        if last is None:
            early.append(read(state))
            continue
        assert read(state) == last
        np.testing.assert_array_equal(rates["b"], rates["a"])
        assert all(lr == last for lr in early)
        if rates["a"].any():
            early = []
    assert last is not None
    assert isinstance(read(state), (jax.Array, np.ndarray, np.generic))


@pytest.mark.parametrize("name", HOLDING)
@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "jit"])
def test_state_that_holds_it(name, compiled):
    check(HOLDING[name], jax.jit(current_lr) if compiled else current_lr)


@pytest.mark.parametrize("name", COUNTING)
@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "jit"])
def test_state_that_holds_a_count(name, compiled):
    schedule = staircase if name == "a plain function" else SCHEDULE
    read = functools.partial(current_lr, schedule=schedule)
    check(COUNTING[name], jax.jit(read) if compiled else read)


def test_what_the_state_holds_goes_first():
    state = INJECTED.init(PARAMS)
    assert current_lr(state, schedule=OTHER) == np.float32(0.1)


def test_refused_updates_change_nothing():
    optimizer = optax.apply_if_finite(optax.sgd(SCHEDULE), 9)
    for state, _ in observed(optimizer, 4, jax.tree.map(lambda x: x * jnp.nan, ONES)):
        assert current_lr(state, schedule=SCHEDULE) == SCHEDULE.on_host(0)


def test_several_groups():
    optimizer = optax.chain(
        optax.clip(1.0), partition({"x": INJECTED, "y": inject(optax.sgd)(learning_rate=OTHER)}, LABELS)
    )
    for state, rates in observed(optimizer):
        read = current_lr(state)
        assert set(read) == {"x", "y"}
        assert jax.jit(current_lr)(state) == read
        if rates is not None:
            assert read["x"] == rates["a"][0]
            assert read["y"] == rates["b"][0]
    assert read["x"] != read["y"]


def test_a_group_that_stands_still_has_no_learning_rate():
    optimizer = partition({"x": INJECTED, "y": optax.set_to_zero()}, LABELS)
    for state, rates in observed(optimizer, 3):
        if rates is not None:
            assert current_lr(state) == rates["a"][0]


def test_groups_within_groups():
    inner = partition({0: INJECTED, 1: inject(optax.sgd)(learning_rate=OTHER)}, {"a": 0, "b": 1})
    outer = partition({"x": inner}, "x")
    assert current_lr(outer.init(PARAMS)) == {("x", 0): np.float32(0.1), ("x", 1): np.float32(0.3)}


def test_groups_with_one_schedule():
    shared = {"x": optax.sgd(SCHEDULE), "y": optax.adamw(SCHEDULE)}
    for state, rates in observed(partition(shared, LABELS), 3):
        read = current_lr(state, schedule={"x": SCHEDULE, "y": SCHEDULE})
        assert set(read) == {"x", "y"}
        with pytest.raises(ValueError, match="must be a dict with the schedule of the label 'x'"):
            current_lr(state, schedule=SCHEDULE)  # who says that it is of both?
        assert read["x"] == read["y"]
        if rates is not None:
            assert read["x"] == rates["a"][0]


def after(optimizer):
    state = optimizer.init(PARAMS)
    for _ in range(3):
        with jax.numpy_dtype_promotion("standard"):
            updates, state = optimizer.update(ONES, state, PARAMS)
    return state, {name: -float(each[0]) for name, each in updates.items()}


def test_each_group_has_its_own_schedule():
    state, applied = after(partition({"x": optax.sgd(SCHEDULE), "y": optax.sgd(OTHER)}, LABELS))
    read = current_lr(state, schedule={"x": SCHEDULE, "y": OTHER})
    assert read == {"x": np.float32(applied["a"]), "y": np.float32(applied["b"])}
    with pytest.raises(ValueError, match=r"schedule of the label 'y', .* got a dict without it"):
        current_lr(state, schedule={"x": SCHEDULE})
    with pytest.raises(ValueError, match=r"schedule of the label 'x', .* got one"):
        current_lr(state, schedule=SCHEDULE)


def test_no_group_is_left_out():
    state, applied = after(partition({"x": INJECTED, "y": optax.sgd(OTHER)}, LABELS))
    with pytest.raises(ValueError, match=r"schedule of the label 'y', .* got none"):
        current_lr(state)
    assert current_lr(state, schedule={"y": OTHER}) == {
        "x": np.float32(applied["a"]),
        "y": np.float32(applied["b"]),
    }
    state, _ = after(partition({"x": INJECTED, "y": optax.adam(0.1)}, LABELS))
    with pytest.raises(ValueError, match="a learning rate for each label, got none for 'y'"):
        current_lr(state)
    state, applied = after(partition({"x": INJECTED, "y": optax.set_to_zero()}, LABELS))
    assert current_lr(state) == np.float32(applied["a"])  # a frozen group has none


@pytest.mark.parametrize("given", [None, SCHEDULE])
def test_what_is_scaled_twice_is_not_told_once(given):
    twice = optax.chain(inject(optax.sgd)(1.0), optax.scale_by_schedule(SCHEDULE))
    with pytest.raises(ValueError, match="the count of a schedule that may scale the same updates"):
        current_lr(after(twice)[0], schedule=given)


def test_muons_groups_are_asked_for():
    params = {"w": jnp.ones((3, 3)), "b": jnp.ones(3)}
    state = optax.contrib.muon(SCHEDULE).init(params)
    with pytest.raises(ValueError, match="schedule of the label 'adam'"):
        current_lr(state, schedule=SCHEDULE)
    assert current_lr(state, schedule={"adam": OTHER, "muon": SCHEDULE}) == {
        "adam": np.float32(0.3),
        "muon": np.float32(0.1),
    }


def takes_a_schedule(function):
    """Whether a function of Optax says so: these have one name for what may be a number or a schedule."""
    if not inspect.isfunction(function):
        return False
    learning_rate = inspect.signature(function).parameters.get("learning_rate")
    return learning_rate is not None and "Callable" in str(learning_rate.annotation)


OPTIMIZERS = {
    name: function
    for module in (optax, optax.contrib)
    for name, function in vars(module).items()
    if takes_a_schedule(function) and not name.startswith(("_", "scale"))
}
WANT_MORE = {"lbfgs", "sophia", "schedule_free", "momo", "momo_adam", "dpsgd"}
"""What else than gradients their updates want: the loss and its function, or gradients one by one."""

ARGUMENTS = {"noisy_sgd": {"key": 0}}
UNLIKE_A_FACTOR = {
    "fromage", "lars", "cocob", "dadapt_adamw", "madgrad", "prodigy",

}  # fmt: skip
"""Of these twice the learning rate is not twice the update."""

NOT_INJECTED = {"adopt", "galore"}
"""Optax's inject_hyperparams takes a choice of theirs, or a size, for a number that may change."""

IN_THREE_COPIES = {"muon"}
"""With a schedule for each of its own groups, which is asked for: below."""

MATRIX = {"a": jnp.full((2, 3), 0.5), "b": jnp.full(2, 0.5)}
WAYS = {
    "by count": lambda make, rate, arguments: make(learning_rate=rate, **arguments),
    "injected": lambda make, rate, arguments: inject(make)(learning_rate=rate, **arguments),
}


def test_the_optimizers_of_optax_are_found():
    assert {"sgd", "adam", "adamw", "lion", "adopt", "prodigy", "muon"} <= set(OPTIMIZERS)
    assert len(OPTIMIZERS) > 30


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", sorted(OPTIMIZERS.keys() - WANT_MORE))
def test_read_is_applied_is_the_schedule(name, way):
    """Of every optimizer of Optax that takes a schedule; what is read is right, or an error."""
    if way == "injected" and name in NOT_INJECTED:
        pytest.skip("Optax cannot inject it")
    arguments = ARGUMENTS.get(name, {})
    # Optax relies on promotion itself.
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        optimizer = WAYS[way](OPTIMIZERS[name], SCHEDULE, arguments)
        by_one = WAYS[way](OPTIMIZERS[name], 1.0, arguments)
        state, state_by_one = optimizer.init(MATRIX), by_one.init(MATRIX)
        for k in range(3):
            grads = jax.tree.map(lambda x, k=k: (k + 1) * x, MATRIX)
            updates, state = optimizer.update(grads, state, MATRIX)
            whole, state_by_one = by_one.update(grads, state_by_one, MATRIX)
            wanted = SCHEDULE.on_host(k)
            if name not in UNLIKE_A_FACTOR:
                jax.tree.map(
                    lambda x, y, lr=wanted: np.testing.assert_allclose(x, lr * y, rtol=2e-6), updates, whole
                )
            try:
                read = current_lr(state, schedule=None if way == "injected" else SCHEDULE)
            except ValueError:
                if name not in UNLIKE_A_FACTOR | IN_THREE_COPIES:
                    raise
            else:
                assert read == wanted


WRAPPED = {
    "alone": lambda tx: tx,
    "in all": lambda tx: optax.apply_if_finite(
        optax.MultiSteps(
            partition({"x": optax.chain(optax.clip(1.0), tx)}, {"a": "x", "b": "x"}), 1
        ).gradient_transformation(),
        3,
    ),
}
IN_ALL = ["sgd", "adam", "adamw", "adafactor", "lamb", "lion", "noisy_sgd", "rmsprop", "acprop", "dog"]


@pytest.mark.parametrize("wrap", WRAPPED.values(), ids=WRAPPED)
@pytest.mark.parametrize("name", IN_ALL)
def test_within_whatever_wraps_it(name, wrap):
    """Rate read = schedule: injected, and with the schedule by name."""
    needed = ARGUMENTS.get(name, {})
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        optimizers = [wrap(way(OPTIMIZERS[name], SCHEDULE, needed)) for way in WAYS.values()]

        @jax.jit  # but for the learning rate both are the same program
        def update(grads, states, params):
            return [
                optimizer.update(grads, state, params)[1]
                for optimizer, state in zip(optimizers, states, strict=True)
            ]

        states = [optimizer.init(PARAMS) for optimizer in optimizers]
        for k in range(2):
            states = update(ONES, states, PARAMS)
            for state, given in zip(states, (SCHEDULE, None), strict=True):
                assert current_lr(state, schedule=given) == SCHEDULE.on_host(k)


def test_parameters_are_not_taken_for_states():
    # Adam's state holds trees like the parameters.
    params = {"hyperparams": {"learning_rate": jnp.ones(3)}, "lr": jnp.ones(3), "count": jnp.ones(3)}
    state = inject(optax.adam)(learning_rate=SCHEDULE).init(params)
    assert current_lr(state) == np.float32(0.1)
    with pytest.raises(ValueError, match="got none"):
        current_lr(optax.adam(SCHEDULE).init(params))
    assert current_lr(optax.adam(SCHEDULE).init(params), schedule=SCHEDULE) == np.float32(0.1)


def test_it_can_be_used_in_the_update_that_applies_it():
    @jax.jit
    def step(state):
        updates, state = INJECTED.update(ONES, state, PARAMS)
        return updates["a"][0] + current_lr(state), state

    difference, state = step(INJECTED.init(PARAMS))
    assert difference == 0
    assert int(state.count) == 1


def test_many_runs_at_once():
    counts = jnp.array([0, 1, 2, 5])
    state = jax.vmap(lambda _: optax.sgd(SCHEDULE).init(PARAMS))(counts)
    state = jax.tree.map(lambda x: counts.astype(x.dtype), state)
    np.testing.assert_array_equal(current_lr(state, schedule=SCHEDULE), SCHEDULE.on_host([0, 0, 1, 4]))


def test_reading_starts_no_program(compilations):
    optimizer = optax.sgd(StepLR(0.123, step_size=2))
    held, counted = INJECTED.init(PARAMS), optimizer.init(PARAMS)
    compilations.clear()
    assert isinstance(current_lr(held), jax.Array)
    assert current_lr(counted, schedule=StepLR(0.123, step_size=2)) == np.float32(0.123)
    assert compilations == []
    assert StepLR(0.123, step_size=2)(0) == np.float32(0.123)  # which does
    assert compilations != []


# Loops ----------------------------------------------------------------------------------


def test_linen_train_state():
    state = TrainState.create(apply_fn=None, params=PARAMS, tx=INJECTED)
    step = jax.jit(lambda s: s.apply_gradients(grads=ONES))
    for k in range(9):
        state = step(state.replace(params=PARAMS))
        assert current_lr(state.opt_state) == -state.params["a"][0] == SCHEDULE.on_host(k)


class Model(nnx.Module):
    def __init__(self):
        self.a = nnx.Param(jnp.zeros(2))


@pytest.mark.parametrize(
    ("optimizer", "arguments"),
    [
        (INJECTED, {}),
        (optax.chain(optax.clip(1.0), INJECTED), {}),
        (halving(), {}),
        (optax.sgd(SCHEDULE), {"schedule": SCHEDULE}),
    ],
    ids=["injected", "chain", "field lr", "count"],
)
def test_nnx_optimizer(optimizer, arguments):
    model = Model()
    trained = nnx.Optimizer(model, optimizer, wrt=nnx.Param)
    first = current_lr(trained.opt_state, **arguments)
    assert first == np.float32(0.1)

    @nnx.jit
    def step(model, trained):
        trained.update(model, nnx.grad(lambda m: m.a.sum())(model))
        return current_lr(trained.opt_state, **arguments)

    for _ in range(9):
        model.a[...] = jnp.zeros(2)
        inside = step(model, trained)
        outside = current_lr(trained.opt_state, **arguments)
        assert isinstance(outside, (jax.Array, np.ndarray, np.generic))
        assert inside == outside == -model.a[0]
    assert outside < first


# Errors ---------------------------------------------------------------------------------


def state_of(optimizer: Any) -> Any:
    return optimizer.init(PARAMS)


@pytest.mark.parametrize(
    ("read", "message"),
    [
        (
            lambda: current_lr(state_of(optax.adamw(SCHEDULE))),
            "current_lr: opt_state must hold a learning rate, got none (tuple). "
            "Make the optimizer like optax.inject_hyperparams(optax.adamw)(learning_rate=schedule), "
            "or pass schedule=.",
        ),
        (
            lambda: current_lr(state_of(optax.adamw(0.1)), schedule=SCHEDULE),
            "current_lr: opt_state must hold the count of a schedule, got none (tuple). "
            "Make the optimizer like optax.adamw(schedule).",
        ),
        (
            lambda: current_lr(state_of(optax.chain(INJECTED, halving()))),
            "current_lr: opt_state must hold one learning rate, or one for each label, got several: "
            "opt_state[0], opt_state[1]. Pass the part of the state that you mean.",
        ),
        (
            lambda: current_lr(
                state_of(partition({"x": optax.chain(INJECTED, halving()), "y": INJECTED}, LABELS))
            ),
            "current_lr: opt_state must hold one learning rate, or one for each label, got several: "
            "opt_state.inner_states['x'].inner_state[0], opt_state.inner_states['x'].inner_state[1], "
            "opt_state.inner_states['y'].inner_state. Pass the part of the state that you mean.",
        ),
        (
            lambda: current_lr(
                state_of(optax.chain(optax.adamw(SCHEDULE), optax.scale_by_schedule(OTHER))),
                schedule=SCHEDULE,
            ),
            "current_lr: opt_state must hold one learning rate, or one for each label, got several: "
            "opt_state[0][2], opt_state[1]. Pass the part of the state that you mean.",
        ),
    ],
)
def test_error(read, message):
    with pytest.raises(ValueError, match="current_lr") as raised:
        read()
    assert str(raised.value) == message


# More than one learning rate ------------------------------------------------------------

HALVES, THIRD = StepLR(0.1, step_size=1, gamma=0.5), StepLR(0.3, step_size=1, gamma=0.5)
AB, LABELS = {"a": np.ones(2, np.float32), "b": np.ones(2, np.float32)}, {"a": "x", "b": "y"}
A, B = {"a": True, "b": False}, {"a": False, "b": True}


def after_three(optimizer):
    with jax.numpy_dtype_promotion("standard"):  # Optax's own
        state = optimizer.init(AB)
        for _ in range(3):
            _, state = optimizer.update(AB, state, AB)
    return state


@pytest.mark.parametrize(
    "optimizer",
    [
        optax.inject_hyperparams(
            lambda learning_rate, head_lr: optax.partition(
                {"x": optax.sgd(learning_rate), "y": optax.sgd(head_lr)}, LABELS
            )
        )(learning_rate=HALVES, head_lr=THIRD),
        optax.inject_hyperparams(lambda learning_rate: by_group(optax.sgd, {"x": THIRD, "y": THIRD}, LABELS))(
            learning_rate=HALVES
        ),
        optax.inject_hyperparams(lambda learning_rate: optax.inject_hyperparams(optax.sgd)(THIRD))(HALVES),
        optax.chain(
            optax.masked(optax.inject_hyperparams(optax.sgd)(HALVES), A), optax.masked(optax.sgd(0.9), B)
        ),
        optax.chain(
            optax.masked(optax.inject_hyperparams(optax.sgd)(HALVES), A), optax.masked(optax.adam(0.9), B)
        ),
    ],
    ids=["two injected", "groups within", "injected twice", "a masked sgd", "a masked adam"],
)
def test_another_learning_rate_beside_it_or_within_it(optimizer):
    with pytest.raises(ValueError, match="opt_state must hold"):
        current_lr(after_three(optimizer))


@pytest.mark.parametrize(
    "optimizer",
    [
        optax.chain(
            optax.masked(optax.inject_hyperparams(optax.sgd)(HALVES), A), optax.masked(optax.set_to_zero(), B)
        ),
        optax.chain(
            optax.masked(optax.add_decayed_weights(1e-4), A), optax.inject_hyperparams(optax.sgd)(HALVES)
        ),
        optax.inject_hyperparams(
            lambda learning_rate: optax.partition(
                {"x": optax.adamw(learning_rate), "y": optax.adamw(learning_rate, weight_decay=0.0)}, LABELS
            )
        )(learning_rate=HALVES),
    ],
    ids=["frozen", "decay of some", "one for two groups"],
)
def test_one_learning_rate_for_all(optimizer):
    assert current_lr(after_three(optimizer)) == np.float32(0.025)
