"""A wrapper that adds nothing is not there, wherever it stands."""

import itertools

import numpy as np
import pytest
from catalogue import CATALOGUE, COUNTS

from jaxsched import (
    SWALR,
    ChainedScheduler,
    ConstantLR,
    CosineAnnealingLR,
    ExponentialLR,
    LinearLR,
    MultiplicativeLR,
    PerEpoch,
    SequentialLR,
    StartingAt,
    StepLR,
)
from parity.cases import CASES

HORIZON = len(COUNTS) + 9

WRAPPERS = {
    "StartingAt": lambda s: StartingAt(s, 0),
    "PerEpoch": lambda s: PerEpoch(s, 1),
    "SequentialLR": lambda s: SequentialLR([s], []),
    "ChainedScheduler": lambda s: ChainedScheduler([s]),
}


def base_lr(schedule):
    """The learning rate of the optimizer, whose all members of a chain must be."""
    lr = schedule._optimizer_lr
    return 0.1 if lr is None else lr


PLACES = {
    "alone": lambda s: s,
    "later in a sequence": lambda s: SequentialLR([ExponentialLR(base_lr(s), 0.5), s], [5]),
    "first in a chain": lambda s: ChainedScheduler([s, StepLR(base_lr(s), 7, 0.5)], HORIZON),
    "second in a chain": lambda s: ChainedScheduler([LinearLR(base_lr(s), 0.5), s], HORIZON),
    "after what overwrites": lambda s: ChainedScheduler([PLACES["later in a sequence"](s), s], HORIZON),
}

SCHEDULES = {**CATALOGUE, **{case.name: case.schedule() for case in CASES if case.quantity == "lr"}}
schedules = pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES)
places = pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)


def same(got, want):
    np.testing.assert_array_equal(got.on_host(COUNTS), want.on_host(COUNTS))


@places
@schedules
def test_a_wrapper_that_adds_nothing_is_not_there(schedule, place):
    want = place(schedule)
    for name, wrap in WRAPPERS.items():
        try:
            same(place(wrap(schedule)), want)
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from None


@places
@pytest.mark.parametrize("schedule", CATALOGUE.values(), ids=CATALOGUE)
def test_nor_are_two(schedule, place):
    want = place(schedule)
    for (one, inner), (other, outer) in itertools.product(WRAPPERS.items(), repeat=2):
        try:
            same(place(outer(inner(schedule))), want)
        except AssertionError as error:
            raise AssertionError(f"{other} of {one}: {error}") from None


# Wrappers that add something: what is left of a schedule, and one in epochs.
CHANGED = {
    "as it is": lambda s: s,
    "StartingAt": lambda s: StartingAt(s, 13),
    "PerEpoch": lambda s: PerEpoch(s, 3),
    "StartingAt of PerEpoch": lambda s: StartingAt(PerEpoch(s, 3), 13),
    "PerEpoch of StartingAt": lambda s: PerEpoch(StartingAt(s, 13), 3),
}
changed = pytest.mark.parametrize("change", CHANGED.values(), ids=CHANGED)


@changed
@schedules
def test_a_factor_of_one_changes_nothing(schedule, change):
    # A chain within a chain has the horizon of the outer one.
    counts = COUNTS[: getattr(schedule, "total_steps", None)]
    counts = counts[: len(counts) - 13]
    schedule = change(schedule)
    one = ConstantLR(base_lr(schedule), factor=1.0)
    for members in ([schedule, one], [one, schedule]):
        chain = ChainedScheduler(members, HORIZON)
        # Step by step, a rounding error of float64 at each.
        np.testing.assert_allclose(chain.on_host(counts), schedule.on_host(counts), rtol=1.2e-7, atol=1e-14)


def multiplying(schedule):
    return schedule._multiplies(None)


@changed
def test_what_multiplies_does_so_in_any_order(change):
    members = [change(s) for s in CATALOGUE.values() if multiplying(s)]
    assert len(members) >= 9
    chain = ChainedScheduler(members)
    assert chain.total_steps is None
    product = 0.1 * np.prod([m.on_host(COUNTS) / np.float64(0.1) for m in members], axis=0)
    np.testing.assert_allclose(chain.on_host(COUNTS), product, rtol=1e-6, atol=1e-30)
    for order in (members[::-1], members[4:] + members[:4]):
        np.testing.assert_array_max_ulp(ChainedScheduler(order).on_host(COUNTS), chain.on_host(COUNTS), 1)


def test_what_is_left_of_a_warm_up_is_no_step():
    rest = StartingAt(LinearLR(0.1, start_factor=0.5, total_iters=4), 2)
    chain = ChainedScheduler([rest, ConstantLR(0.1, factor=1.0)], total_steps=8)
    np.testing.assert_allclose(chain.on_host([0, 1, 2]), [0.075, 0.0875, 0.1], rtol=1e-7)


@pytest.mark.parametrize(
    ("before", "schedule"),
    [
        (SWALR(0.1, swa_lr=0.05, anneal_epochs=10), StartingAt(SWALR(0.1, swa_lr=0.05, anneal_epochs=10), 0)),
        (MultiplicativeLR(0.1, lambda k: 0.5), PerEpoch(MultiplicativeLR(0.1, lambda k: 0.5), 1)),
    ],
)
def test_what_goes_on_does_so_when_it_is_wrapped(before, schedule):
    for s in (before, schedule):
        assert SequentialLR([ExponentialLR(0.1, 0.5), s], [2]).on_host(1) == np.float32(0.05)
    want = SequentialLR([ExponentialLR(0.1, 0.5), before], [2])
    same(SequentialLR([ExponentialLR(0.1, 0.5), schedule], [2]), want)


@pytest.mark.parametrize("count", [0, 3, 40])
@pytest.mark.parametrize("strategy", ["cos", "linear"])
def test_what_is_left_goes_on_from_the_learning_rate_in_force(strategy, count):
    swa = SWALR(0.1, swa_lr=0.03, anneal_epochs=20, anneal_strategy=strategy)
    rest = SequentialLR([ExponentialLR(0.1, 0.5), StartingAt(swa, count)], [2])
    want = StartingAt(SWALR(0.05, swa_lr=0.03, anneal_epochs=20, anneal_strategy=strategy), count)
    np.testing.assert_array_equal(rest.on_host(COUNTS + 2), want.on_host(COUNTS))
    # Step by step, too: a chain of it is tabulated.
    chain = ChainedScheduler([rest, ConstantLR(0.1, factor=1.0)], HORIZON)
    np.testing.assert_allclose(chain.on_host(COUNTS), rest.on_host(COUNTS), rtol=1e-6)


def test_a_cosine_down_to_0_multiplies_as_far_as_it_falls():
    cosine = CosineAnnealingLR(0.1, T_max=40)
    decay = ExponentialLR(0.1, 0.97)
    want = ChainedScheduler([cosine, decay], 41).on_host(np.arange(41))
    for chain in (
        ChainedScheduler([SequentialLR([cosine], []), decay], 41),
        ChainedScheduler([PerEpoch(cosine, 1), decay], 41),
    ):
        np.testing.assert_array_equal(chain.on_host(np.arange(41)), want)
