"""A line up to any schedule, beside the loop that interpolates with NumPy."""

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
from catalogue import CATALOGUE

from jaxsched import CosineAnnealingLR, PerEpoch, StepLR, Warmup


@hypothesis.given(
    st.integers(1, 40), st.integers(1, 9), st.floats(0, 0.5), st.floats(1e-6, 2), st.floats(0.1, 1)
)
def test_is_what_the_loop_does(warmup, per_epoch, start, base_lr, gamma):
    # As YOLO's: np.interp towards what the epoch's scheduler says, at every update.
    schedule = Warmup(PerEpoch(StepLR(base_lr, 2, gamma), per_epoch), warmup, start)
    counts = np.arange(60)
    goals = [base_lr * gamma ** (k // per_epoch // 2) for k in counts.tolist()]
    wanted = [
        np.interp(k, [0, warmup], [start, goal]) for k, goal in zip(counts.tolist(), goals, strict=True)
    ]
    found = schedule.on_host(counts)
    assert (np.abs(found - np.float64(wanted)) <= 0.5001 * np.spacing(np.float32(wanted))).all()
    np.testing.assert_array_equal(schedule(counts), found)


def test_the_ends_are_exact():
    schedule = Warmup(CosineAnnealingLR(0.1, T_max=100), 10, 1e-3)
    assert schedule(0) == np.float32(1e-3)
    np.testing.assert_array_equal(
        schedule(np.arange(10, 200)), CosineAnnealingLR(0.1, T_max=100)(np.arange(10, 200))
    )


@pytest.mark.parametrize("name", CATALOGUE)
def test_no_warm_up_is_the_schedule(name):
    counts = np.arange(150)
    schedule = CATALOGUE[name]
    np.testing.assert_array_equal(Warmup(schedule, 0, 0.7).on_host(counts), schedule.on_host(counts))
