"""timm's schedulers, live, beside ours."""

import dataclasses
import json
import pickle
import warnings

import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

import jaxsched.timm as ours
from jaxsched import PerEpoch, Recorded, Schedule, from_torch
from parity.cases.timm import CASES, FILES
from parity.reference import events, timm
from parity.reference.turns import Kind

installed = pytest.mark.skipif(not timm.INSTALLED, reason="timm is not installed")
cases = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def sgd(*rates, **group):
    groups = [{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": lr, **group} for lr in rates or (0.1,)]
    return torch.optim.SGD(groups)


@installed
@cases
def test_a_live_one_becomes_ours(case):
    made = from_torch(case.make_torch_scheduler())
    assert made == case.schedule()
    assert made.position == 0


@installed
def test_making_a_case_gives_no_advice(caplog):
    case = next(case for case in CASES if case.arguments.get("t_initial") == 1)
    case.make_torch_scheduler()
    assert not caplog.records
    timm.module("cosine_lr").CosineLRScheduler(sgd(), t_initial=1)
    assert "will have no effect" in caplog.text  # whoever makes one is still told


@installed
def test_a_milestone_before_the_first_update_is_no_event():
    theirs = timm.module("multistep_lr").MultiStepLRScheduler(sgd(), decay_t=[0, 1, 8], decay_rate=0.5)
    assert [event.count for event in events.told_by(theirs, 30) if event.kind is Kind.MILESTONE] == [7]


@cases
def test_as_a_value(case):
    schedule = case.schedule()
    assert eval(repr(schedule), vars(ours)) == schedule
    assert pickle.loads(pickle.dumps(schedule)) == schedule
    assert Schedule.from_dict(json.loads(json.dumps(schedule.to_dict()))) == schedule
    assert hash(schedule) == hash(pickle.loads(pickle.dumps(schedule)))


def _counts(case):
    return np.arange(0, case.steps, max(case.steps // 300, 1))


@cases
def test_the_same_bits_in_every_mode(case):
    schedule, counts = case.schedule(), _counts(case)
    wanted = schedule.on_host(counts)

    @jax.jit  # of one program each, most is the same
    def compiled(by_uint32, by_int32, by_int64):
        return (
            schedule(by_uint32),
            jax.vmap(schedule)(by_int32),
            jax.lax.scan(lambda _, k: (None, schedule(k)), None, by_int64)[1],
        )

    for found in compiled(counts.astype(np.uint32), counts.astype(np.int32), counts):
        np.testing.assert_array_equal(found, wanted)
    with_far = np.append(counts, [-3, 2**31 - 1])
    np.testing.assert_array_equal(schedule(with_far), schedule.on_host(with_far))


RATES = ("base_lr", "lr_min", "warmup_lr_init", "decay_rate")


def _data(schedule):
    """The same with its learning rates as arrays, and again with what these arrays hold as numbers."""
    rates = {name: np.float32(getattr(schedule, name)) for name in RATES if hasattr(schedule, name)}
    return (
        dataclasses.replace(schedule, **{name: jnp.asarray(rate) for name, rate in rates.items()}),
        dataclasses.replace(schedule, **{name: float(rate) for name, rate in rates.items()}),
    )


@pytest.mark.parametrize(
    "case",
    # In every second one there are all classes, warm-ups, cycles and powers; the others are slow.
    [case if i % 2 == 0 else pytest.param(case, marks=pytest.mark.slow) for i, case in enumerate(CASES)],
    ids=lambda case: case.name,
)
def test_learning_rates_may_be_data(case):
    counts = _counts(case)
    data, numbers = _data(case.schedule())
    doubled = dataclasses.replace(data, base_lr=2 * data.base_lr)
    two = jax.tree.map(lambda x, y: jnp.stack([x, y]), data, doubled)

    @jax.jit  # of one program each, most is the same
    def compiled(data, two):
        return (
            data(counts),
            jax.vmap(lambda schedule: schedule(counts))(two),
            jax.grad(lambda schedule: schedule(counts).sum())(data),
        )

    @jax.jit
    def of_numbers():
        return numbers(counts), dataclasses.replace(numbers, base_lr=2 * numbers.base_lr)(counts)

    wanted, wanted_doubled = of_numbers()
    found, each, slope = compiled(data, two)
    np.testing.assert_array_equal(data(counts), wanted)
    np.testing.assert_array_equal(data.on_host(counts), wanted)
    np.testing.assert_array_equal(found, wanted)
    np.testing.assert_array_equal(each[0], wanted)
    np.testing.assert_array_equal(each[1], wanted_doubled)
    assert np.isfinite(slope.base_lr)
    assert slope.base_lr > 0 or case.arguments.get("cycle_limit") == 0


def test_a_plateaus_learning_rate_may_be_data():
    rates = jnp.array([0.1, 0.3])

    @jax.jit
    @jax.vmap
    def last(base_lr):
        plateau = ours.PlateauLRScheduler(base_lr, patience_t=0, decay_rate=0.5, warmup_t=2)
        state = plateau.init()
        for _ in range(4):
            state = plateau.step(state, 1.0)
        return state.lr

    np.testing.assert_array_equal(last(rates), rates * jnp.float32(0.5))


@installed
@hypothesis.given(
    st.sampled_from(["CosineLRScheduler", "PolyLRScheduler", "TanhLRScheduler"]),
    st.integers(1, 40),
    st.sampled_from([1.0, 2.0, 3.0]),
    st.sampled_from([1.0, 0.5, 0.9]),
    st.integers(0, 3),
    st.integers(0, 12),
    st.booleans(),
    st.sampled_from([0.0, 1e-4, 0.01]),
)
def test_random_arguments(name, t_initial, mul, decay, limit, warmup, prefix, lr_min):
    given = dict(
        t_initial=t_initial, cycle_mul=mul, cycle_decay=decay, cycle_limit=limit, warmup_t=warmup,
        warmup_prefix=prefix, warmup_lr_init=1e-5, lr_min=lr_min,
    )  # fmt: skip
    live = getattr(timm.module(FILES[name]), name)(sgd(), **given)
    found = getattr(ours, name)(0.1, **given).on_host(np.arange(150))
    restarts = {warmup * prefix + t_initial * n for n in range(60)}
    for k in range(150):
        if k:
            live.step(k)
        lr = live.optimizer.param_groups[0]["lr"]
        # Where a cycle begins, theirs may still be in the one before, by a rounded logarithm.
        assert found[k] == pytest.approx(lr, rel=2e-7, abs=1e-16) or (mul != 1 and k in restarts)


@installed
def test_epochs_and_updates():
    cosine = timm.module("cosine_lr").CosineLRScheduler
    by_epoch = from_torch(cosine(sgd(), t_initial=30), steps_per_epoch=10)
    assert by_epoch == PerEpoch(ours.CosineLRScheduler(0.1, 30), 10)
    by_update = cosine(sgd(), t_initial=300, t_in_epochs=False)
    assert from_torch(by_update) == ours.CosineLRScheduler(0.1, 300)


@installed
def test_groups():
    cosine = timm.module("cosine_lr").CosineLRScheduler
    live = cosine(sgd(0.1, 0.02), t_initial=30)
    assert from_torch(live, group=1) == ours.CosineLRScheduler(0.02, 30)
    with pytest.raises(ValueError, match="group must be given, from 0 to 1, got None"):
        from_torch(live)


@installed
def test_layer_decay():
    live = timm.module("cosine_lr").CosineLRScheduler(
        sgd(lr_scale=0.65), t_initial=30, lr_min=1e-5, warmup_t=3, warmup_lr_init=1e-6
    )
    schedule = from_torch(live)
    assert isinstance(schedule, ours.CosineLRScheduler)
    rates = []
    for k in range(40):
        live.step(k)
        rates.append(live.optimizer.param_groups[0]["lr"])
    np.testing.assert_allclose(schedule.on_host(np.arange(40)), rates, rtol=1e-7)


@installed
@pytest.mark.parametrize("horizon", [None, 30])
def test_one_that_has_stepped_says_so(horizon):
    live = timm.module("cosine_lr").CosineLRScheduler(
        sgd(5e-4), t_initial=30, lr_min=1e-5, warmup_t=5, warmup_lr_init=1e-6
    )
    live.step(7)
    for resume in (False, True):
        with pytest.raises(ValueError, match="it has been stepped, and timm's schedulers keep no count"):
            from_torch(live, total_steps=horizon, resume=resume)
    counts = iter(range(8, 99))
    by_hand = from_torch(live, total_steps=30, resume=True, step=lambda own: own.step(next(counts)))
    for k in range(30):
        assert by_hand.on_host(k) == np.float32(live.optimizer.param_groups[0]["lr"])
        live.step(8 + k)


@installed
def test_what_counts_updates_takes_no_epochs():
    live = timm.module("cosine_lr").CosineLRScheduler(sgd(), t_initial=600, t_in_epochs=False)
    with pytest.raises(
        ValueError, match="steps_per_epoch must be None for CosineLRScheduler with t_in_epochs=F"
    ):
        from_torch(live, steps_per_epoch=20)


@installed
def test_noise_is_recorded():
    live = timm.module("cosine_lr").CosineLRScheduler(sgd(), t_initial=30, noise_range_t=(5, 20))
    with pytest.raises(TypeError, match="give total_steps="):
        from_torch(live)
    recorded = from_torch(live, total_steps=30)
    for k in range(30):
        if k:
            live.step(k)
        assert recorded(k) == np.float32(live.optimizer.param_groups[0]["lr"])


@installed
def test_one_that_was_changed_is_recorded():
    live = timm.module("cosine_lr").CosineLRScheduler(sgd(), t_initial=30)
    live._get_lr = lambda t: [0.1 / (1 + t)]
    assert from_torch(live, total_steps=5) == Recorded([0.1 / (1 + t) for t in range(5)])


@installed
@hypothesis.given(
    st.lists(st.sampled_from([0.1, 0.5, 0.5001, 0.7, 0.9]), min_size=1, max_size=40),
    st.integers(0, 5), st.integers(0, 3), st.integers(0, 2), st.sampled_from(["max", "min"]),
)  # fmt: skip
def test_plateau(metrics, warmup, patience, cooldown, mode):
    given = dict(
        decay_rate=0.5, patience_t=patience, cooldown_t=cooldown, warmup_t=warmup, warmup_lr_init=0.01
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        live = timm.module("plateau_lr").PlateauLRScheduler(sgd(), mode=mode, lr_min=1e-3, **given)
    plateau = from_torch(live)
    assert plateau == ours.PlateauLRScheduler(0.1, mode=mode, lr_min=1e-3, **given)
    state, step = plateau.init(), jax.jit(plateau.step)
    rates = [state.lr]
    for metric in np.float32(metrics):
        state = step(state, metric)
        rates.append(state.lr)
    for epoch, lr in enumerate(rates):
        if epoch:
            live.step(epoch, float(np.float32(metrics[epoch - 1])))
        assert lr == np.float32(live.optimizer.param_groups[0]["lr"])
    scanned = jax.lax.scan(lambda s, m: (plateau.step(s, m),) * 2, plateau.init(), jnp.float32(metrics))[1].lr
    np.testing.assert_array_equal(scanned, rates[1:])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ours.CosineLRScheduler(0.1, 0), "t_initial must be an integer >= 1, got 0"),
        (lambda: ours.CosineLRScheduler(0.1, 9, cycle_mul=0.5), r"cycle_mul must be a finite number >= 1"),
        (lambda: ours.CosineLRScheduler(0.1, 10**8), "at most 10,000,000, got 100,000,000"),
        (lambda: ours.CosineLRScheduler(0.1, 9, k_decay=0), "k_decay must be a finite number > 0, got 0"),
        (lambda: ours.TanhLRScheduler(0.1, 9, lb=3.0), r"ub must be above lb = 3\.0, got 3\.0"),
        (lambda: ours.MultiStepLRScheduler(0.1, [9, 3]), r"decay_t must be in order, got \[9, 3\]"),
        (lambda: ours.StepLRScheduler(0.1, 2.4), r"decay_t must be an integer >= 1, got 2\.4"),
        (lambda: ours.CosineLRScheduler(0.1, 9, k_decay=jnp.ones(())), "k_decay must be a Python number"),
        (lambda: ours.PlateauLRScheduler(0.1, decay_rate=1.0), r"factor must be a finite number in \[0, 1\)"),
    ],
)  # fmt: skip
def test_what_they_do_not_take(make, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make()
