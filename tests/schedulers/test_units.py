"""What a count counts: updates, also where a schedule is written in epochs, or gradients accumulate."""

import copy
import json
import pickle
from fractions import Fraction

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import optax
import pytest
import torch
from torch.optim import lr_scheduler

from jaxsched import (
    SWALR,
    ChainedScheduler,
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    CyclicLR,
    ExponentialLR,
    LinearLR,
    MultiStepLR,
    PerEpoch,
    Schedule,
    SequentialLR,
    StepLR,
)

STEPS = 7  # updates in an epoch
COUNTS = np.arange(121)

PAIRS = {
    "step": (StepLR(0.1, step_size=3), lambda o: lr_scheduler.StepLR(o, 3)),
    "milestones": (MultiStepLR(0.1, [2, 5, 5]), lambda o: lr_scheduler.MultiStepLR(o, [2, 5, 5])),
    "cosine": (CosineAnnealingLR(0.1, 10, 1e-4), lambda o: lr_scheduler.CosineAnnealingLR(o, 10, 1e-4)),
    "exponential": (ExponentialLR(0.1, 0.7), lambda o: lr_scheduler.ExponentialLR(o, 0.7)),
    "warm-up": (
        SequentialLR([LinearLR(0.1, 0.1, total_iters=3), CosineAnnealingLR(0.1, 10)], [3]),
        lambda o: lr_scheduler.SequentialLR(
            o, [lr_scheduler.LinearLR(o, 0.1, total_iters=3), lr_scheduler.CosineAnnealingLR(o, 10)], [3]
        ),
    ),
}


def torch_sgd(lr=0.1):
    """An optimizer over one parameter, 0, in float64: the change by a gradient of 1 is the learning rate."""
    parameter = torch.nn.Parameter(torch.zeros((), dtype=torch.float64))
    return parameter, torch.optim.SGD([parameter], lr=lr)


def torch_update(parameter, optimizer):
    """The learning rate that an update applies."""
    parameter.data.zero_()
    parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    return -parameter.item()


def applied(optimizer, n):
    """The learning rate that each of n updates applies, in one compiled loop."""

    @jax.jit
    def train():
        def step(state, _):
            updates, state = optimizer.update(jnp.float32(1), state, jnp.float32(0))
            return state, -optax.apply_updates(jnp.float32(0), updates)

        return jax.lax.scan(step, optimizer.init(jnp.float32(0)), length=n)[1]

    with jax.numpy_dtype_promotion("standard"):  # which Optax itself relies on
        return np.asarray(train())


def nearest(values):
    return np.asarray(values, np.float64).astype(np.float32)


# Epochs ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PAIRS)
def test_applies_what_torch_applies_with_one_step_an_epoch(name):
    schedule, make = PAIRS[name]
    parameter, optimizer = torch_sgd()
    scheduler = make(optimizer)
    want = []
    for _ in range(12):
        for _ in range(STEPS):
            want.append(torch_update(parameter, optimizer))
        scheduler.step()
    got = applied(optax.sgd(PerEpoch(schedule, STEPS)), 12 * STEPS)
    np.testing.assert_array_equal(got, nearest(want))
    assert len(set(got.tolist())) >= 3
    assert got[STEPS - 1] == got[0]


@pytest.mark.parametrize("steps", [1, STEPS, 41])
def test_is_the_member_at_the_epoch_to_the_bit(steps):
    for member, _ in PAIRS.values():
        schedule = PerEpoch(member, steps)
        want = member.on_host(COUNTS // steps)
        np.testing.assert_array_equal(schedule.on_host(COUNTS), want)
        np.testing.assert_array_equal(schedule(COUNTS), want)
        np.testing.assert_array_equal(jax.jit(jax.vmap(schedule))(COUNTS.astype(np.uint32)), want)
    with jax.enable_x64(True):
        np.testing.assert_array_equal(schedule(COUNTS), member.on_host(COUNTS // steps))
    assert schedule(-5) == schedule(0)


def test_last_update_of_an_epoch_at_counts_that_float32_cannot_hold():
    steps = 41
    epoch = (2**31 - 1) // steps
    member = StepLR(0.1, step_size=epoch)
    counts = np.array([epoch * steps - 1, epoch * steps], np.int32)
    np.testing.assert_array_equal(PerEpoch(member, steps)(counts), np.float32([0.1, 0.01]))


def test_steps_per_epoch_as_data():
    schedule = PerEpoch(StepLR(jnp.float32(0.1), step_size=2), jnp.arange(1, 5))
    got = jax.vmap(lambda s: s(COUNTS))(PerEpoch(StepLR(0.1, step_size=2), jnp.arange(1, 5)))
    for n, row in zip(range(1, 5), got, strict=True):
        np.testing.assert_array_equal(row, PerEpoch(StepLR(0.1, step_size=2), n).on_host(COUNTS))
    assert len(jax.tree.leaves(schedule)) == 2


def test_is_a_value():
    schedule = PerEpoch(CosineAnnealingWarmRestarts(0.1, T_0=3), steps_per_epoch=391, fractional=True)
    text = "PerEpoch(CosineAnnealingWarmRestarts(0.1, T_0=3), steps_per_epoch=391, fractional=True)"
    assert repr(schedule) == text
    assert eval(text) == schedule
    assert hash(eval(text)) == hash(schedule)
    assert PerEpoch(schedule.schedule, 391) != schedule
    assert pickle.loads(pickle.dumps(schedule)) == schedule
    assert Schedule.from_dict(json.loads(json.dumps(schedule.to_dict()))) == schedule
    assert copy.copy(schedule)(9) == schedule(9)


def test_a_momentum_per_epoch():
    member = CyclicLR(0.01, max_lr=0.1, step_size_up=4).momentum
    np.testing.assert_array_equal(PerEpoch(member, STEPS)(COUNTS), member.on_host(COUNTS // STEPS))


# Parts of an epoch ----------------------------------------------------------------------


@pytest.mark.parametrize("T_mult", [1, 2])
def test_applies_what_torch_applies_at_fractions_of_an_epoch(T_mult):
    parameter, optimizer = torch_sgd()
    scheduler = lr_scheduler.CosineAnnealingWarmRestarts(optimizer, 2, T_mult, 1e-3)
    want = []
    for epoch in range(12):
        for i in range(STEPS):
            scheduler.step(epoch + i / STEPS)
            want.append(torch_update(parameter, optimizer))
    member = CosineAnnealingWarmRestarts(0.1, 2, T_mult, 1e-3)
    got = applied(optax.sgd(PerEpoch(member, STEPS, fractional=True)), 12 * STEPS)
    np.testing.assert_array_equal(got, nearest(want))
    np.testing.assert_array_equal(got[::STEPS], member.on_host(np.arange(12)))
    assert (got[1::STEPS] < got[::STEPS]).all()


@pytest.mark.parametrize("T_mult", [1, 2, 3])
def test_fractions_that_floats_hold_agree_with_fractional_counts(T_mult):
    member = CosineAnnealingWarmRestarts(0.1, 3, T_mult, 1e-3)
    got = PerEpoch(member, 8, fractional=True)(COUNTS)
    np.testing.assert_array_equal(got, member.on_host(COUNTS / 8))


def test_an_epoch_is_divided_exactly():
    # A rounded k/n leaves 5 digits of the last values of an epoch that late.
    steps = 2**20 - 3
    counts = steps * np.arange(2040, 2048) + steps - np.arange(1, 9)
    schedule = PerEpoch(CosineAnnealingWarmRestarts(0.1, T_0=1), steps, fractional=True)
    with mpmath.workdps(50):
        shares = [Fraction(int(k) % steps, steps) for k in counts]
        exact = [
            mpmath.mpf(0.1) * (1 + mpmath.cospi(mpmath.mpf(x.numerator) / x.denominator)) / 2 for x in shares
        ]
        want = nearest([float(x) for x in exact])
    np.testing.assert_array_equal(schedule.on_host(counts), want)
    np.testing.assert_array_equal(schedule(counts), want)


def test_fractions_with_arguments_that_are_data():
    member = CosineAnnealingWarmRestarts(jnp.float32(0.1), jnp.int32(2))
    schedule = PerEpoch(member, jnp.int32(STEPS), fractional=True)
    want = PerEpoch(CosineAnnealingWarmRestarts(float(np.float32(0.1)), 2), STEPS, fractional=True)(COUNTS)
    np.testing.assert_array_equal(schedule.on_host(COUNTS), want)
    np.testing.assert_array_equal(schedule(COUNTS), want)
    np.testing.assert_array_equal(jax.jit(lambda s: s(COUNTS))(schedule), want)


# Among others on one optimizer ----------------------------------------------------------


def test_in_a_chain_with_one_that_steps_at_every_update():
    parameter, optimizer = torch_sgd()
    decay = lr_scheduler.ExponentialLR(optimizer, 0.99)
    cosine = lr_scheduler.CosineAnnealingLR(optimizer, 5, 1e-3)
    want = []
    for k in range(60):
        want.append(torch_update(parameter, optimizer))
        decay.step()
        if (k + 1) % STEPS == 0:
            cosine.step()
    members = [ExponentialLR(0.1, 0.99), PerEpoch(CosineAnnealingLR(0.1, 5, 1e-3), STEPS)]
    got = applied(optax.sgd(ChainedScheduler(members, total_steps=60)), 60)
    np.testing.assert_allclose(got, nearest(want), rtol=2e-7)


def test_one_that_overwrites_does_so_once_an_epoch():
    parameter, optimizer = torch_sgd()
    decay = lr_scheduler.ExponentialLR(optimizer, 0.9)
    restarts = lr_scheduler.CosineAnnealingWarmRestarts(optimizer, 3)
    want = []
    for k in range(60):
        want.append(torch_update(parameter, optimizer))
        decay.step()
        if (k + 1) % STEPS == 0:
            restarts.step()
    members = [ExponentialLR(0.1, 0.9), PerEpoch(CosineAnnealingWarmRestarts(0.1, 3), STEPS)]
    got = applied(optax.sgd(ChainedScheduler(members, total_steps=60)), 60)
    np.testing.assert_allclose(got, nearest(want), rtol=2e-7)


def test_fractional_overwrites_at_every_update():
    restarts = PerEpoch(CosineAnnealingWarmRestarts(0.1, 3), STEPS, fractional=True)
    chain = ChainedScheduler([ExponentialLR(0.1, 0.9), restarts])
    np.testing.assert_array_equal(chain.on_host(COUNTS), restarts.on_host(COUNTS))


def test_one_that_goes_on_from_the_learning_rate_in_force():
    first, average = StepLR(0.1, step_size=5, gamma=0.5), SWALR(0.1, swa_lr=0.01, anneal_epochs=4)
    in_epochs = SequentialLR([first, average], [8])
    in_updates = SequentialLR([PerEpoch(first, STEPS), PerEpoch(average, STEPS)], [8 * STEPS])
    np.testing.assert_array_equal(in_updates.on_host(COUNTS), in_epochs.on_host(COUNTS // STEPS))
    assert in_updates.on_host(8 * STEPS) == np.float32(0.05)


# Accumulation ---------------------------------------------------------------------------


def test_accumulation_counts_updates():
    schedule, micro_batches = CosineAnnealingLR(0.1, 10, 1e-4), 4
    parameter, optimizer = torch_sgd()
    scheduler = lr_scheduler.CosineAnnealingLR(optimizer, 10, 1e-4)
    want = []
    for i in range(48):
        (parameter / micro_batches).backward()
        want.append(0.0)
        if (i + 1) % micro_batches == 0:
            parameter.data.zero_()
            optimizer.step()
            optimizer.zero_grad()
            want[-1] = -parameter.item()
            scheduler.step()
    accumulating = optax.MultiSteps(optax.sgd(schedule), every_k_schedule=micro_batches)
    got = applied(accumulating, 48)
    np.testing.assert_array_equal(got, nearest(want))
    np.testing.assert_array_equal(got[micro_batches - 1 :: micro_batches], schedule.on_host(np.arange(12)))
    assert not got.reshape(12, 4)[:, :3].any()


def test_epochs_under_accumulation():
    batches, micro_batches = 12, 4
    schedule = PerEpoch(StepLR(0.1, step_size=1, gamma=0.5), batches // micro_batches)
    got = applied(optax.MultiSteps(optax.sgd(schedule), micro_batches), 4 * batches)
    per_epoch = got.reshape(4, batches // micro_batches, micro_batches)[..., -1]
    np.testing.assert_array_equal(per_epoch, np.float32([[0.1] * 3, [0.05] * 3, [0.025] * 3, [0.0125] * 3]))


# Errors ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "make", "message"),
    [
        (
            ValueError,
            lambda: PerEpoch(StepLR(0.1, 3), 7, fractional=True),
            "PerEpoch: fractional must be False for StepLR(0.1, step_size=3), got True. "
            "Only CosineAnnealingWarmRestarts has values between epochs.",
        ),
        (
            ValueError,
            lambda: PerEpoch(StepLR(0.1, 3), 0),
            "PerEpoch: steps_per_epoch must be an integer >= 1, got 0. "
            "It is the number of updates in an epoch.",
        ),
        (
            TypeError,
            lambda: PerEpoch(StepLR(0.1, 3), 50_000 / 128),
            "PerEpoch: steps_per_epoch must be an integer >= 1, got 390.625. "
            "Round it the way your training loop counts.",
        ),
        (
            TypeError,
            lambda: PerEpoch(0.1, 7),
            "PerEpoch: schedule must be a schedule, got 0.1. "
            "Convert a PyTorch one with from_torch; a function f goes in LambdaLR(1.0, f).",
        ),
        (
            TypeError,
            lambda: PerEpoch(StepLR(0.1, 3), 7)(1.5),
            "PerEpoch: count must be an integer or an array of integers, got dtype float64. "
            "Count updates in an integer: float32 has no odd numbers above 2**24.",
        ),
    ],
)
def test_error(kind, make, message):
    with pytest.raises(kind) as raised:
        make()
    assert str(raised.value) == message
