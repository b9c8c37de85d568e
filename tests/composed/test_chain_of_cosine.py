"""A warm-up times a cosine down to 0 and up again, and the like: in closed form, beside the real PyTorch."""

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from torch.optim import lr_scheduler

from jaxsched import (
    ChainedScheduler,
    CosineAnnealingLR,
    ExponentialLR,
    LinearLR,
    PerEpoch,
    SetAt,
    StartingAt,
    from_torch,
)

STEPS = 80

others = st.one_of(
    st.tuples(
        st.just("LinearLR"), st.sampled_from([0.25, 1e-3]), st.sampled_from([1.0, 0.0]), st.integers(1, 30)
    ),
    st.tuples(st.just("ExponentialLR"), st.sampled_from([0.9, 1.02])),
    st.tuples(st.just("StepLR"), st.integers(1, 9), st.just(0.5)),
    st.tuples(st.just("MultiStepLR"), st.just([3, 3, 17]), st.just(0.5)),
    st.tuples(st.just("ConstantLR"), st.just(0.3), st.integers(1, 20)),
    st.tuples(st.just("PolynomialLR"), st.integers(1, 40), st.sampled_from([1.0, 2.0])),
)


def stepped(live, optimizer):
    rates = []
    for _ in range(STEPS):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        live.step()
    return np.array(rates)


@hypothesis.given(
    st.lists(others, max_size=2), st.integers(1, 12), st.lists(others, min_size=1, max_size=2), st.booleans()
)
@hypothesis.example([], 1, [("ExponentialLR", 0.9)], False)
@hypothesis.example([("ExponentialLR", 0.9)], 3, [("StepLR", 2, 0.5)], True)
def test_needs_no_horizon(before, T_max, after, nested):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    drawn = [*before, ("CosineAnnealingLR", T_max), *after]
    members = [getattr(lr_scheduler, name)(optimizer, *arguments) for name, *arguments in drawn]
    if nested:
        members[:2] = [lr_scheduler.ChainedScheduler(members[:2], optimizer)]
    live = lr_scheduler.ChainedScheduler(members, optimizer)
    schedule = from_torch(live)
    assert schedule.total_steps is None
    wanted = stepped(live, optimizer)
    np.testing.assert_allclose(schedule.on_host(np.arange(STEPS)), wanted, rtol=2e-7, atol=1e-15)


@hypothesis.given(st.lists(st.one_of(others, st.integers(1, 9)), min_size=2, max_size=4))
@hypothesis.example([20, 20])
@hypothesis.example([3, ("ExponentialLR", 0.9), 3])
@hypothesis.example([2, 5, ("StepLR", 2, 0.5), 3])
@hypothesis.example([1, 1])
@hypothesis.example([1, 2])
def test_several_cosines_need_none_either(drawn):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    members = [
        lr_scheduler.CosineAnnealingLR(optimizer, each)
        if isinstance(each, int)
        else getattr(lr_scheduler, each[0])(optimizer, *each[1:])
        for each in drawn
    ]
    live = lr_scheduler.ChainedScheduler(members, optimizer)
    schedule = from_torch(live, verify=0)
    assert schedule.total_steps is None
    wanted = stepped(live, optimizer)
    # Two that rise together multiply each other's ratios: PyTorch's values grow, and its errors with them.
    clean = np.abs(wanted) > 1e-9 * np.maximum.accumulate(np.abs(wanted))
    found = schedule.on_host(np.arange(STEPS))
    np.testing.assert_allclose(found[clean], np.array(wanted)[clean], rtol=1e-5, atol=1e-12)
    np.testing.assert_array_equal(schedule(np.arange(STEPS)), found)


def test_bits_are_the_same_in_a_program():
    schedule = ChainedScheduler([LinearLR(0.1, 0.01, total_iters=30), CosineAnnealingLR(0.1, T_max=7)])
    counts = np.arange(200)
    np.testing.assert_array_equal(schedule(counts), schedule.on_host(counts))
    np.testing.assert_array_equal(schedule(counts.astype(np.uint32)), schedule.on_host(counts))


def test_a_warm_up_by_updates_and_a_cosine_by_epochs():
    # torchvision's and YOLO's: the one steps at every update, the other after each epoch.
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    warmup = lr_scheduler.LinearLR(optimizer, 0.01, total_iters=12)
    cosine = lr_scheduler.CosineAnnealingLR(optimizer, 3)
    schedule = ChainedScheduler([LinearLR(0.1, 0.01, total_iters=12), PerEpoch(CosineAnnealingLR(0.1, 3), 5)])
    wanted = []
    for k in range(STEPS):
        wanted.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        warmup.step()
        if k % 5 == 4:
            cosine.step()
    np.testing.assert_allclose(schedule.on_host(np.arange(STEPS)), wanted, rtol=2e-7, atol=1e-15)


@pytest.mark.parametrize("count", [0, 1, 6, 8, 9, 30])
def test_what_is_left_of_it(count):
    chain = ChainedScheduler([ExponentialLR(0.1, 0.9), CosineAnnealingLR(0.1, T_max=7)])
    own, left = np.arange(60), StartingAt(chain, count)
    np.testing.assert_array_equal(left.on_host(own), chain.on_host(own + count))
    if count <= 7:  # what has risen before the parts begin is not theirs
        parts = ChainedScheduler([StartingAt(s, count) for s in chain.schedulers])
        np.testing.assert_allclose(parts.on_host(own), chain.on_host(own + count), rtol=2e-7)


@pytest.mark.parametrize("count", [0, 3, 6, 8, 20])
def test_a_learning_rate_set_by_hand(count):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    members = [lr_scheduler.ExponentialLR(optimizer, 0.9), lr_scheduler.CosineAnnealingLR(optimizer, 7)]
    live = lr_scheduler.ChainedScheduler(members, optimizer)
    schedule = SetAt(from_torch(live), count, 0.3)
    wanted = []
    for k in range(STEPS):
        if k == count:
            optimizer.param_groups[0]["lr"] = 0.3
        wanted.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        live.step()
    np.testing.assert_allclose(schedule.on_host(np.arange(STEPS)), wanted, rtol=2e-7, atol=1e-15)


def test_at_the_end_of_the_cosine_there_is_no_closed_form():
    chain = ChainedScheduler([ExponentialLR(0.1, 0.9), CosineAnnealingLR(0.1, T_max=7)])
    with pytest.raises(ValueError, match="SetAt: schedule must be one that goes on in closed form"):
        SetAt(chain, 7, 0.3)
