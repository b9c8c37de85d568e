"""A cause that is named is true at every count that was compared; of two that fit, both are named."""

import math

import jax.numpy as jnp
import numpy as np
import pytest
import torch

import parity
from parity import causes
from parity.causes import parting, sparse
from parity.reference.events import Event, Kind

LRS = torch.optim.lr_scheduler


def sgd(lr=0.1):
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)


def scheduler(name, *arguments, lr=0.1, **options):
    """A function that makes one of PyTorch's."""
    return lambda: getattr(LRS, name)(sgd(lr), *arguments, **options)


def warmed():
    """A warm-up of 10 counts, and a cosine of 90."""
    optimizer = sgd()
    warm_up = LRS.LinearLR(optimizer, start_factor=0.01, total_iters=10)
    return LRS.SequentialLR(optimizer, [warm_up, LRS.CosineAnnealingLR(optimizer, T_max=90)], milestones=[10])


def cosine(T, base=0.1, end=0.0):
    return lambda k: end + (base - end) * (1 + jnp.cos(jnp.pi * k / T)) / 2


def line(T, start=0.1, end=0.0):
    return lambda k: start + (end - start) * jnp.minimum(k, T) / T


def exponential(gamma, base=0.1):
    return lambda k: base * gamma**k


def steps(size, gamma=0.1, base=0.1):
    return lambda k: base * gamma ** (k // size)


def after_warm_up(then, warm_up=10, *, start=0.001, at=None):
    """A line up to 0.1, and from there on (or from another count on) something else."""
    at = warm_up if at is None else at
    up = line(warm_up, start, 0.1)
    return lambda k: jnp.where(k < at, up(k), then(jnp.maximum(k - at, 0)))


def restarting(T, base=0.1):
    return lambda k: base * (1 + jnp.cos(jnp.pi * (k % T) / T)) / 2


COSINE = scheduler("CosineAnnealingLR", T_max=10)
LONG = scheduler("CosineAnnealingLR", T_max=60)
RESTARTS = scheduler("CosineAnnealingWarmRestarts", 10)
DOUBLING = scheduler("CosineAnnealingWarmRestarts", 20, 2)
ONE_CYCLE = scheduler("OneCycleLR", max_lr=0.1, total_steps=100)
CYCLIC = scheduler("CyclicLR", base_lr=0.01, max_lr=0.1, step_size_up=5, cycle_momentum=False, lr=0.01)
EXPONENTIAL = scheduler("ExponentialLR", gamma=0.99)
LINEAR = scheduler("LinearLR", start_factor=1.0, end_factor=0.0, total_iters=100)
STEP = scheduler("StepLR", step_size=30)
MILESTONES = scheduler("MultiStepLR", milestones=[30, 80])
POLYNOMIAL = scheduler("PolynomialLR", total_iters=10, power=2.0)

SLOWLY = "moves 100 times as slowly: counts updates where PyTorch counts epochs of 100, or "
ADVICE = "in the first case give --steps-per-epoch 100"
TOO_SLOW = "if its counts are updates and PyTorch's are epochs, give --steps-per-epoch"

FORGOTTEN = {
    "cosine": (cosine(1000), COSINE, 1000, SLOWLY + "1000 instead of 10 counts up to the turn of the cosine"),
    "restarts": (restarting(1000), RESTARTS, 1000, SLOWLY + "1000 instead of 10 counts up to the restart"),
    "warm-up": (after_warm_up(cosine(9000), 1000), warmed, 1000, SLOWLY + "1000 instead of 10 counts up to"),
    "all of it": (after_warm_up(cosine(9000), 1000), warmed, 10_000, SLOWLY + "1000 instead of 10 counts up"),
    "exponential": (
        exponential(0.9**0.01),
        scheduler("ExponentialLR", gamma=0.9),
        300,
        SLOWLY + "gamma 0.998947 where PyTorch has 0.9",
    ),
    "steps": (steps(3000), STEP, 10_000, SLOWLY + "each step comes another 2970 counts later"),
    "held": (
        lambda k: cosine(10)(k // 100),
        COSINE,
        1000,
        "moves once in 100 counts: counts epochs of 100 updates where PyTorch counts steps; "
        "if PyTorch's counts are epochs, give --steps-per-epoch 100",
    ),
    "no further than a count": (
        cosine(1000), COSINE, 50, "comes no further in 49 counts than PyTorch in 1: " + TOO_SLOW,
    ),
    "one cycle": (
        lambda k: 0.004 + 0.096 * (1 - jnp.cos(jnp.pi * k / 2900)) / 2,
        ONE_CYCLE,
        100,
        "comes no further in 99 counts than PyTorch in 1: " + TOO_SLOW,
    ),
    "cyclic": (
        line(500, 0.01, 0.1), CYCLIC, 60, "comes no further in 59 counts than PyTorch in 1: " + TOO_SLOW,
    ),
    "restarts, few": (
        restarting(500),
        scheduler("CosineAnnealingWarmRestarts", 5),
        40,
        "comes no further in 39 counts than PyTorch in 1: " + TOO_SLOW,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FORGOTTEN)
def test_a_schedule_in_updates_is_said_to_be_slower(name):
    schedule, make, count, says = FORGOTTEN[name]
    cause = parity.compare(schedule, make, steps=count).cause
    assert says in cause
    assert "as fast" not in cause
    assert cause.endswith(ADVICE) or not says.startswith(SLOWLY)


LENGTHS = {
    "warm-up of 20": (after_warm_up(cosine(80), 20), warmed, "20 instead of 10 counts up to the hand-over"),
    "warm-up of 15": (after_warm_up(cosine(85), 15), warmed, "15 instead of 10 counts up to the hand-over"),
    "warm-up of 5": (after_warm_up(cosine(95), 5), warmed, "5 instead of 10 counts up to the hand-over"),
    "warm-up of 11": (after_warm_up(cosine(89), 11), warmed, "11 instead of 10 counts up to the hand-over"),
    "the total for T_max": (
        after_warm_up(cosine(100)),
        warmed,
        "from the hand-over at count 10 on, 100 instead of 90 counts up to the turn of the cosine",
    ),
    "T_max too small": (
        after_warm_up(cosine(80)),
        warmed,
        "from the hand-over at count 10 on, 80 instead of 90 counts",
    ),
    "T_mult forgotten": (
        restarting(20),
        DOUBLING,
        "from the restart at count 20 on, 20 instead of 40 counts up to the restart at count 60",
    ),
    "a line of 99": (line(99), LINEAR, "99 instead of 100 counts up to the end of total_iters at count 100"),
    "a line of 80": (line(80), LINEAR, "the same course, but 0.8 times as long: another number of counts"),
}  # fmt: skip


@pytest.mark.parametrize("name", LENGTHS)
def test_the_length_of_a_phase(name):
    schedule, make, says = LENGTHS[name]
    cause = parity.compare(schedule, make, steps=120).cause
    assert cause.startswith(says)
    assert "base learning rate" not in cause
    assert says.startswith("the same course") == ("the same course" in cause)


TWO_UNITS = ", or counts updates where PyTorch counts epochs of 2"

EITHER = {
    "gamma": (exponential(0.98), EXPONENTIAL, "gamma 0.98 where PyTorch has 0.99"),
    "gamma or updates": (exponential(0.9801), EXPONENTIAL, f"gamma 0.9801 where PyTorch has 0.99{TWO_UNITS}"),
    "a gamma squared": (
        exponential(0.81),
        scheduler("ExponentialLR", gamma=0.9),
        f"gamma 0.81 where PyTorch has 0.9{TWO_UNITS}",
    ),
    "a lower gamma": (exponential(0.97), EXPONENTIAL, "gamma 0.97 where PyTorch has 0.99"),
    "gamma and base": (
        exponential(0.97, 0.3),
        EXPONENTIAL,
        "gamma 0.97 where PyTorch has 0.99, and 3 times PyTorch's base learning rate",
    ),
    "gamma near 1": (
        exponential(0.999),
        scheduler("ExponentialLR", gamma=0.9999),
        "gamma 0.999 where PyTorch has 0.9999",
    ),
    "ahead, or another base": (
        exponential(0.99, 0.099),
        EXPONENTIAL,
        "1 count ahead of PyTorch: would agree if shifted by −1, or 0.99 times PyTorch's base learning rate",
    ),
    "gamma of steps": (steps(30, 0.5), STEP, "gamma 0.5 where PyTorch has 0.1"),
    "gamma and base of steps": (
        steps(30, 0.5, 0.2),
        STEP,
        "gamma 0.5 where PyTorch has 0.1, and 2 times PyTorch's base learning rate",
    ),
    "gamma of milestones": (
        lambda k: 0.1 * 0.2 ** ((k >= 30) * 1.0 + (k >= 80)),
        MILESTONES,
        "gamma 0.2 where PyTorch has 0.1",
    ),
    "steps twice as long": (
        steps(60),
        STEP,
        f"each step comes another 30 counts later: step_size is larger by 30{TWO_UNITS}; "
        "in the second case give --steps-per-epoch 2",
    ),
    "steps half as long": (
        steps(15),
        STEP,
        f"each step comes another 15 counts earlier: step_size is smaller by 15{TWO_UNITS}",
    ),
    "steps half as long again": (
        steps(45),
        STEP,
        "each step comes another 15 counts later: step_size is larger by 15",
    ),
    "a line half as long": (
        line(50),
        LINEAR,
        f"50 instead of 100 counts up to the end of total_iters at count 100{TWO_UNITS}",
    ),
    "a cosine half as long": (
        cosine(30),
        LONG,
        f"30 instead of 60 counts up to the turn of the cosine at count 60{TWO_UNITS}",
    ),
    "ten times as fast": (
        cosine(6),
        LONG,
        "moves 10 times as fast: counts updates where PyTorch counts epochs of 10, "
        "or 6 instead of 60 counts up to the turn of the cosine at count 60",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", EITHER)
def test_of_two_readings_the_likelier_is_first(name):
    schedule, make, says = EITHER[name]
    assert parity.compare(schedule, make, steps=190).cause == says


def test_a_gamma_that_cannot_be_told_is_a_sentence_nevertheless():
    def chained():
        optimizer = sgd()
        return LRS.ChainedScheduler(
            [LRS.ConstantLR(optimizer, factor=0.1, total_iters=5), LRS.ExponentialLR(optimizer, gamma=0.9)]
        )

    def schedule(k):
        return jnp.where(k < 5, 0.01, 0.1) * 0.8**k

    assert parity.compare(schedule, chained, steps=30).cause == (
        "0.888889 times PyTorch's from count 1 on, 0.790123 times from count 2 on, and so forth: "
        "another gamma"
    )


SMOOTH = "moves at every update where PyTorch moves once in 100, and agrees whenever that moves"
EPOCHS = {
    "cosine": (cosine(1000), COSINE, SMOOTH),
    "polynomial": (
        lambda k: 0.1 * jnp.maximum(1 - k / 1000, 0) ** 2, POLYNOMIAL, SMOOTH,
    ),
    "line": (line(1000), scheduler("LinearLR", 1.0, 0.0, 10), SMOOTH),
    "exponential": (exponential(0.9**0.01), scheduler("ExponentialLR", gamma=0.9), SMOOTH),
    "another course": (
        lambda k: 0.1 * jnp.exp(-k / 300.0),
        COSINE,
        "moves at every update where PyTorch moves once in 100, and through other values",
    ),
    "each update an epoch": (
        cosine(10),
        COSINE,
        "moves 100 times as fast: counts updates where PyTorch counts epochs of 100",
    ),
    "epochs of 98": (
        lambda k: 0.1 * 0.9 ** (k // 98),
        scheduler("ExponentialLR", gamma=0.9),
        "counts epochs of 98 updates where PyTorch counts epochs of 100: "
        "give --steps-per-epoch 98 if an epoch has so many",
    ),
    "another length": (
        lambda k: cosine(15)(k // 100),
        COSINE,
        "counted in epochs of 100, the same course, but 1.5 times as long: another number of counts",
    ),
    "another length of steps": (
        lambda k: 0.1 * 0.1 ** (k // 400),
        scheduler("StepLR", 2),
        "counted in epochs of 100, each step comes another 2 counts later: step_size is larger by 2",
    ),
    "one more step": (
        lambda k: 0.1 * 0.1 ** (k // 300),
        scheduler("StepLR", 2),
        "counted in epochs of 100, each step comes another 1 count later: step_size is larger by 1, "
        "or counts epochs of 150 updates where PyTorch counts epochs of 100: "
        "give --steps-per-epoch 150 if an epoch has so many",
    ),
    "rounded up": (
        lambda k: 0.1 * 0.9 ** ((k + 99) // 100),
        scheduler("ExponentialLR", gamma=0.9),
        "99 counts ahead of PyTorch: would agree if shifted by −99, as when epochs are rounded up",
    ),
    "from 1 on": (
        lambda k: 0.1 * 0.9 ** (k // 100 + 1),
        scheduler("ExponentialLR", gamma=0.9),
        "100 counts ahead of PyTorch: would agree if shifted by −100, "
        "or 0.9 times PyTorch's base learning rate",
    ),
    "gamma": (
        lambda k: 0.1 * 0.8 ** (k // 100),
        scheduler("ExponentialLR", gamma=0.9),
        "gamma 0.8 where PyTorch has 0.9",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", EPOCHS)
def test_beside_epochs(name):
    schedule, make, says = EPOCHS[name]
    assert parity.compare(schedule, make, steps=1000, steps_per_epoch=100).cause == says


KINDS = {
    "staircase=False": (
        lambda k: 0.1 * 0.1 ** (k / 30),
        STEP,
        "moves at every count where PyTorch moves once in 30, and agrees whenever that moves",
    ),
    "staircase=True": (
        lambda k: 0.1 * 0.99 ** (k // 10 * 10),
        EXPONENTIAL,
        "moves once in 10 counts where PyTorch moves at every count, and agrees whenever it moves",
    ),
    "another end": (
        after_warm_up(cosine(90, end=0.01)),
        warmed,
        "from the hand-over at count 10 on, the same course between other values: "
        "0.01 to 0.1, where PyTorch's are 0 to 0.1",
    ),
    "another start": (
        after_warm_up(cosine(90), start=0.01),
        warmed,
        "only before the hand-over at count 10, the same course between other values: "
        "0.01 to 0.091, where PyTorch's are 0.001 to 0.0901",
    ),
    "a hand-over late": (
        after_warm_up(cosine(90), at=11),
        warmed,
        "from the hand-over at count 10 on, 1 count behind PyTorch: would agree if shifted by +1",
    ),
    "a hand-over early": (
        after_warm_up(cosine(90), at=5),
        warmed,
        "the hand-over at count 10 comes 5 counts early, and all that follows it",
    ),
    "a hand-over later": (
        after_warm_up(cosine(90), at=15),
        warmed,
        "the hand-over at count 10 comes 5 counts late, and all that follows it",
    ),
    "a line for a cosine": (
        line(60), LONG, "goes in a straight line up to count 60, where PyTorch's is curved",
    ),
    "a cosine for a line": (
        lambda k: cosine(100)(jnp.minimum(k, 100)),
        LINEAR,
        "only before the end of total_iters at count 100, is curved, where PyTorch goes in a straight line",
    ),
    "a line after the warm-up": (
        after_warm_up(line(90)),
        warmed,
        "from count 10 up to the turn of the cosine at count 100, goes in a straight line, "
        "where PyTorch's is curved; and other values after it",
    ),
    "no warm-up": (cosine(100), warmed, "falls up to count 10, where PyTorch's rises"),
    "a warm-up": (after_warm_up(cosine(50)), LONG, "rises up to count 10, where PyTorch's falls"),
    "another level": (
        lambda k: jnp.where(k < 10, 0.05, 0.1),
        scheduler("ConstantLR", 0.3, 10),
        "only before the end of total_iters at count 10, 0.05 where PyTorch has 0.03",
    ),
    "only before an event": (
        lambda k: jnp.where(k < 60, 0.05 + 0.04 * jnp.sin(k + 1.0), cosine(60)(k)),
        LONG,
        "first differs at the first count; agrees from the turn of the cosine at count 60 on",
    ),
    "the sign": (
        lambda k: -cosine(60)(k) * (1 + 1e-6 * (k % 2)),
        LONG,
        "PyTorch's with the sign turned",
    ),
    "the sign, and more": (
        lambda k: -2 * cosine(60)(k),
        LONG,
        "-2 times PyTorch's at every count: another base learning rate, and the sign turned",
    ),
    "beside nothing": (
        lambda k: 0.1 + 0.0 * k,
        scheduler("StepLR", 30, lr=0.0),
        "0.1 at every count, where PyTorch has 0",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
def test_of_another_kind(name):
    schedule, make, says = KINDS[name]
    assert parity.compare(schedule, make, steps=120).cause.partition(": the sign is wrong")[0] == says


def named(ours, theirs, *events, each=1):
    ours, theirs = np.asarray(ours, np.float32), np.asarray(theirs, np.float64)
    return causes.name(ours, theirs, np.flatnonzero(ours != theirs.astype(np.float32)), events, each)


@pytest.mark.parametrize("seed", range(20))
def test_what_has_no_cause_is_given_none(seed):
    # Neither of the two follows from the other.
    rng = np.random.default_rng(seed)
    count = int(rng.integers(5, 200))
    theirs = 0.1 * np.exp(-np.cumsum(rng.random(count)) / 20)
    ours = 0.1 * np.exp(-np.cumsum(rng.random(count)) / 20)
    ours[0] = theirs[0]
    events = [Event(at, Kind.MILESTONE) for at in sorted({*rng.integers(1, count, 3).tolist()})]
    assert named(ours, theirs, *events).startswith(causes.WHERE)


@pytest.mark.parametrize("seed", range(5))
def test_what_has_no_cause_in_a_log_with_gaps_is_given_none(seed):
    rng = np.random.default_rng(seed)
    every = 0.1 * np.exp(-np.cumsum(rng.random(300)) / 40)
    counts = np.arange(0, 300, 10)
    ours = np.float32(0.1 * np.exp(-np.cumsum(rng.random(30)) / 4))
    found = sparse.name(ours, every[counts], np.arange(1, 30), counts, every, None, ())
    assert found.startswith(causes.WHERE)


@pytest.mark.parametrize(("away", "says"), [(0, "the milestone"), (1, "the milestone"), (2, "count")])
def test_what_is_clamped_is_clamped_at_an_event_next_to_it(away, says):
    theirs = 0.1 - np.arange(40.0) / 1000 - np.maximum(0, np.arange(40) - 20) ** 2 / 1e5
    ours = np.where(np.arange(40) <= 20, theirs, theirs[20])
    cause = named(ours, theirs, Event(20 + away, Kind.MILESTONE))
    assert cause.startswith(f"stays at its value from {says} ")


def test_a_sign_is_wrong_in_spite_of_rounding():
    theirs = np.linspace(1.0, 0.01, 30)
    within = 0.4 * parting.Parting(theirs, theirs, np.arange(30), (), False).rounding
    cause = named(np.where(np.arange(30) < 15, theirs, within - theirs), theirs)
    assert cause == "PyTorch's with the sign turned: the sign is wrong at 15 counts, first at count 15"


def test_what_speaks_of_half_the_counts_may_explain_them():
    theirs = np.linspace(1.0, 0.1, 8)
    p = parting.Parting(2 * theirs, theirs, np.arange(8), (), False)
    predicted = np.where(np.arange(8) < 4, 2 * theirs, np.nan)
    assert p.explained_by(predicted)
    assert not p.explained_by(np.where(np.arange(8) < 3, 2 * theirs, np.nan))


@pytest.mark.parametrize("period", [5, 10, 20])
@pytest.mark.parametrize("length", [30, 50, 400])
def test_the_same_at_every_period_is_no_pace(period, length):
    # At every period PyTorch is where it was, which is near to what hardly moves.
    k = np.arange(length)
    ours, theirs = (0.05 * (1 + np.cos(np.pi * (k % T) / T)) for T in (100 * period, period))
    cause = named(ours, theirs, Event(period, Kind.RESTART))
    assert "as fast" not in cause
    assert "100 times as slowly" in cause or TOO_SLOW in cause


def test_a_piece_of_a_line_may_be_stretched_either_way():
    k = np.arange(20)
    assert named(0.1 - 0.1 * k / 80, 0.1 - 0.1 * k / 100) == (
        "the same course, but 0.8 times as long: another number of counts, "
        "or the same course between other values: 0.07625 to 0.1, where PyTorch's are 0.081 to 0.1"
    )


def test_a_million_counts_are_looked_at():
    k = np.arange(1_000_000)
    wave, fast = (0.05 * (1 + np.cos(math.pi * k / T)) for T in (1_000_000, 1000))
    assert named(wave, fast, Event(1000, Kind.TURN)).startswith("moves 1000 times as slowly: ")


SHAPES = [
    lambda rng, k: np.full(len(k), rng.choice([0.0, 0.1, -0.1, 1e-30])),
    lambda rng, k: 0.1 * rng.choice([0.5, 0.9, 1.1]) ** (k // rng.choice([1, 3, 7])),
    lambda rng, k: 0.1 * np.maximum(1 - k / rng.choice([1, 4, 50]), 0.0),
    lambda rng, k: 0.05 * (1 + np.cos(np.pi * k / rng.choice([1, 2, 5, 40]))),
    lambda rng, k: rng.choice([-1.0, 1e-40, 1e30]) * rng.random(len(k)),
]


@pytest.mark.parametrize("seed", range(60))
def test_any_two_get_one_sentence(seed):
    rng = np.random.default_rng(seed)
    for count in (1, 2, 3, 4, 5, 7, 12, 40):
        k = np.arange(count)
        theirs, ours = (SHAPES[rng.integers(len(SHAPES))](rng, k) for _ in range(2))
        each = int(rng.choice([1, 1, 2, 5]))
        events = [Event(int(at), Kind.RESTART) for at in np.unique(rng.integers(0, 2 * count, 3))]
        theirs = np.repeat(theirs[::each], each)[:count]
        if (ours.astype(np.float32) != theirs.astype(np.float32)).any():
            cause = named(ours, theirs, *events, each=each)
            assert cause
            assert "nan" not in cause
            assert "\n" not in cause
