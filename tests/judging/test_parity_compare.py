"""The checker is the product: what it must catch, and what it must let pass."""

import fractions
import importlib
import math
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import torch

import jaxsched
import parity
from parity.judge import asked_alone
from parity.reference import exact
from parity.reference.events import Event, Kind
from parity.stepped import Stepped


def make(scheduler, *, lr=0.1, optimizer=torch.optim.SGD, **arguments):
    def make_torch_scheduler():
        options = {"momentum": 0.9} if optimizer is torch.optim.SGD else {}
        return getattr(torch.optim.lr_scheduler, scheduler)(
            optimizer([torch.nn.Parameter(torch.zeros(1))], lr=lr, **options), **arguments
        )

    return make_torch_scheduler


STEP = make("StepLR", step_size=30)


def test_equal():
    found = parity.compare(jaxsched.StepLR(0.1, step_size=30), STEP, steps=100)
    assert found.passed
    assert (found.steps, found.identical, found.correctly_rounded) == (100, 100, 0)
    assert (found.max_ulp, found.worst, found.first_divergence, found.first_failure) == (0, None, None, None)
    assert found.eager == 100
    parity.assert_parity(jaxsched.StepLR(0.1, step_size=30), STEP, steps=100)


right = jaxsched.StepLR(0.1, step_size=30)

# Each is a way to be wrong, with the first count at which it shows.
WRONG = {
    "one step early": (lambda k: right(k + 1), 29),
    "one step late": (lambda k: right(jnp.maximum(k - 1, 0)), 30),
    "another step size": (jaxsched.StepLR(0.1, step_size=31), 30),
    "another base": (jaxsched.StepLR(0.2, step_size=30), 0),
    "another gamma": (jaxsched.StepLR(0.1, step_size=30, gamma=0.5), 30),
    "one bit, once": (lambda k: jnp.where(k == 57, jnp.nextafter(right(k), 1.0), right(k)), 57),
    "NaN, once": (lambda k: jnp.where(k == 3, jnp.nan, right(k)), 3),
    "infinite, once": (lambda k: jnp.where(k == 3, jnp.inf, right(k)), 3),
    "negative": (lambda k: -right(k), 0),
    "in half precision": (lambda k: right(k).astype(jnp.float16), 0),
    "clamped at the end": (lambda k: right(jnp.minimum(k, 80)), 90),
}


@pytest.mark.parametrize("name", WRONG)
def test_caught(name):
    schedule, first = WRONG[name]
    found = parity.compare(schedule, STEP, steps=100)
    assert not found.passed
    assert found.first_divergence == first
    assert found.first_failure is not None
    assert found.first_failure.count == first
    assert found.max_ulp > 0
    assert f"first at count {first}:" in str(found)
    with pytest.raises(AssertionError, match=f"first at count {first}:"):
        parity.assert_parity(schedule, STEP, steps=100)


def test_nan_never_equals_nan():
    found = parity.compare(
        lambda k: jnp.float32(jnp.nan) + 0 * right(k), make("LambdaLR", lr_lambda=lambda k: math.nan), steps=5
    )
    assert not found.passed
    assert found.identical == 0
    assert found.max_ulp == math.inf


def test_the_minus_sign_of_zero_is_seen():
    schedule = make("ConstantLR", factor=0.5, total_iters=3, lr=0.0)
    assert parity.compare(jaxsched.ConstantLR(0.0, factor=0.5, total_iters=3), schedule, steps=5).passed
    assert not parity.compare(lambda k: -0.0 * right(k), schedule, steps=5).passed


def test_nothing_compared_does_not_pass():
    found = parity.compare(right, STEP, steps=0)
    assert not found.passed
    assert str(found) == "failed: nothing was compared: there are no counts"


def test_pytorch_that_ends_early_does_not_pass():
    one_cycle = make("OneCycleLR", max_lr=0.1, total_steps=20)
    schedule = jaxsched.OneCycleLR(0.1, total_steps=20)
    assert parity.compare(schedule, one_cycle, steps=20).passed
    found = parity.compare(schedule, one_cycle, steps=30)
    assert not found.passed
    assert found.steps == 21


def test_a_schedule_that_is_another_one_when_evaluated_eagerly():
    def unstable(k):
        value = right(k)
        return value if isinstance(k, jax.core.Tracer) or k != 31 else jnp.nextafter(value, 1.0)

    found = parity.compare(unstable, STEP, steps=100)
    assert not found.passed
    assert found.identical == 100
    assert "1 value has other bits when evaluated eagerly than under jit, first at count 31" in str(found)


def test_torch_rounding_error_is_not_held_against_the_schedule():
    # The last counts of a long cosine, where PyTorch's recursion has drifted.
    cosine = make("CosineAnnealingLR", T_max=100_000)
    found = parity.compare(jaxsched.CosineAnnealingLR(0.1, T_max=100_000), cosine, steps=100_001)
    assert found.passed
    assert 0 < found.correctly_rounded < 10
    assert found.first_divergence > 99_000
    # One bit further, at the same count, it is.
    right = jaxsched.CosineAnnealingLR(0.1, T_max=100_000)
    at = found.first_divergence
    further = 0.0 if found.worst.torch > found.worst.ours else 1.0
    off = parity.compare(
        lambda k: jnp.where(k == at, jnp.nextafter(right(k), further), right(k)), cosine, steps=100_001
    )
    assert not off.passed
    assert off.first_failure.count == at


def test_without_an_exact_formula_every_difference_counts():
    class Mine(torch.optim.lr_scheduler.StepLR):
        pass

    def make_mine():
        return Mine(torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1), step_size=30)

    assert parity.compare(right, make_mine, steps=100).passed
    found = parity.compare(jaxsched.StepLR(0.1, step_size=31), make_mine, steps=100)
    assert not found.passed
    assert found.first_failure.exact is None


def test_anyones_schedule():
    cosine = make("CosineAnnealingLR", T_max=10_000)
    found = parity.compare(optax.cosine_decay_schedule(0.1, 10_000), cosine, steps=10_001)
    assert not found.passed
    assert found.max_ulp > 1e6  # float32 `1 + cos` next to its zero


@pytest.mark.parametrize("optimizer", [torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW])
def test_momentum_and_betas(optimizer):
    one_cycle = make("OneCycleLR", optimizer=optimizer, max_lr=0.1, total_steps=50)
    schedule = jaxsched.OneCycleLR(0.1, total_steps=50)
    parity.assert_parity(schedule, one_cycle, steps=50)
    parity.assert_parity(schedule.momentum, one_cycle, steps=50, quantity="momentum")
    assert not parity.compare(schedule, one_cycle, steps=50, quantity="momentum").passed


def test_groups():
    def make_torch_scheduler():
        groups = [{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": lr} for lr in (0.1, 0.03)]
        return torch.optim.lr_scheduler.ExponentialLR(torch.optim.SGD(groups), gamma=0.9)

    parity.assert_parity(jaxsched.ExponentialLR(0.1, gamma=0.9), make_torch_scheduler, steps=20)
    parity.assert_parity(jaxsched.ExponentialLR(0.03, gamma=0.9), make_torch_scheduler, steps=20, group=1)
    assert not parity.compare(
        jaxsched.ExponentialLR(0.1, gamma=0.9), make_torch_scheduler, steps=20, group=1
    ).passed


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"quantity": "weight_decay"}, "quantity must be one of lr, momentum, got 'weight_decay'."),
        ({"steps": -1}, "steps must be a whole number >= 0, got -1"),
        ({"fractions": [0.1]}, "fractions must be float32 numbers such as i / 16"),
    ],
)
def test_wrong_use(options, text):
    with pytest.raises(ValueError, match=text):
        parity.compare(right, STEP, **{"steps": 10, **options})


def test_exact_rounding_is_to_nearest_even():
    rng = np.random.default_rng(0)
    halves = [
        fractions.Fraction(int(m)) * fractions.Fraction(2) ** int(e)
        for m, e in zip(rng.integers(1, 2**26, 500), rng.integers(-176, 90, 500), strict=True)
    ]
    for value in halves:
        # An integer ratio with few bits is exact in float64, and NumPy rounds that once.
        assert float(value) == value
        assert exact.to_float32(exact.mp.mpf(value.numerator) / value.denominator) == np.float32(float(value))
    assert exact.to_float32(exact.mp.mpf(0)) == 0
    assert exact.to_float32(-exact.mp.mpf("0.1")) == np.float32(-0.1)


# What it says ---------------------------------------------------------------------------

MILESTONES = make("MultiStepLR", milestones=[30, 150])


def test_one_screen_says_where_why_and_who():
    text = str(parity.compare(jaxsched.MultiStepLR(0.1, [31, 150]), MILESTONES, steps=100))
    assert text.startswith(
        "failed: 1 count behind PyTorch: would agree if shifted by +1; wrong at 1 of 100 counts, most at "
        "count 30 (90 % of the peak); first at count 30: 0.100000001 (0x3dcccccd) against PyTorch's 0.01 "
    )
    assert text.splitlines()[1:] == [
        "who: the schedule is wrong: the schedule is far from the exact value, PyTorch 0 ULP",
        "count                        ours            PyTorch              exact",
        "   27    0.100000001 (0x3dcccccd)   0.1 (0x3dcccccd)   0.1 (0x3dcccccd)",
        "   28    0.100000001 (0x3dcccccd)   0.1 (0x3dcccccd)   0.1 (0x3dcccccd)",
        "   29    0.100000001 (0x3dcccccd)   0.1 (0x3dcccccd)   0.1 (0x3dcccccd)",
        "   30    0.100000001 (0x3dcccccd)  0.01 (0x3c23d70a)  0.01 (0x3c23d70a)",
        "   31  0.00999999978 (0x3c23d70a)  0.01 (0x3c23d70a)  0.01 (0x3c23d70a)",
        "   32  0.00999999978 (0x3c23d70a)  0.01 (0x3c23d70a)  0.01 (0x3c23d70a)",
        "   33  0.00999999978 (0x3c23d70a)  0.01 (0x3c23d70a)  0.01 (0x3c23d70a)",
        "would pass with: absolute 0.0901",
        "not judged: the milestone at count 150, which 100 counts do not reach",
    ]


def test_what_a_run_cannot_judge():
    def unseen(make_torch, steps):
        schedule = jaxsched.from_torch(make_torch())
        found = parity.compare(schedule, make_torch, steps=steps)
        assert found.passed
        return [(event.what, event.count) for event in found.unseen]

    assert unseen(MILESTONES, 30) == [("milestone", 30)]
    assert unseen(MILESTONES, 31) == [("milestone", 150)]
    assert unseen(MILESTONES, 151) == []
    # Of what comes again and again, one is enough.
    assert unseen(STEP, 30) == [("decay", 30)]
    assert unseen(STEP, 31) == []
    cyclic = make("CyclicLR", base_lr=0.1, max_lr=0.3, step_size_up=10, step_size_down=15)
    assert unseen(cyclic, 20) == [("bottom", 25)]


def two_groups(make):
    """A scheduler of PyTorch's on an optimizer with two groups, 0.1 and 0.2."""
    groups = [{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": lr} for lr in (0.1, 0.2)]
    return make(torch.optim.SGD(groups))


@pytest.mark.parametrize("group", [0, 1])
def test_the_arbiter_reads_the_group_that_is_asked_for(group):
    library = torch.optim.lr_scheduler

    def make_torch():
        return two_groups(
            lambda optimizer: library.ChainedScheduler(
                [library.LinearLR(optimizer, 0.5, total_iters=4), library.StepLR(optimizer, 6)]
            )
        )

    schedule = jaxsched.from_torch(make_torch(), group=group)
    found = parity.compare(schedule, make_torch, steps=20, group=group)
    assert found.passed
    assert found.who is None
    assert all(distance.max_ulp <= 0.5 + 1e-6 for distance in found.distances)


def every_step_later(k):
    return jnp.float32(0.1) * jnp.float32(0.5) ** (k // 11)


# Each goes down every 10 counts, and only the last has a step_size.
STAIRCASES = {
    "a function": (make("LambdaLR", lr_lambda=lambda k: 0.5 ** (k // 10)), ""),
    "milestones": (make("MultiStepLR", milestones=list(range(10, 100, 10)), gamma=0.5), ""),
    "a step size": (make("StepLR", step_size=10, gamma=0.5), ": step_size is larger by 1"),
}


@pytest.mark.parametrize("what", STAIRCASES)
def test_a_cause_names_an_argument_only_where_there_is_one(what):
    make_torch, argument = STAIRCASES[what]
    found = parity.compare(every_step_later, make_torch, steps=100)
    assert found.cause == f"each step comes another 1 count later{argument}"


def test_three_are_held_against_each_other():
    found = parity.compare(lambda k: right(k) * 2, STEP, steps=100)
    assert [d.between for d in found.distances] == [
        "schedule and PyTorch",
        "schedule and exact",
        "PyTorch and exact",
    ]
    both, schedule, pytorch = found.distances
    assert (both.counts, both.identical) == (100, 0)
    assert schedule.identical == 0
    assert pytorch.identical == pytorch.counts > 64
    assert both.max_ulp == pytest.approx(schedule.max_ulp)
    assert pytorch.max_ulp < 1e-6


def test_integrity():
    def odd(k):
        usual = jnp.where(k == 5, 1e-40, right(k))
        return jnp.select([k == 1, k == 2, k == 3, k == 4], [jnp.nan, jnp.inf, -1.0, -0.0], usual)

    def returns(schedule):
        return parity.compare(schedule, STEP, steps=9).integrity.returns

    found = parity.compare(odd, STEP, steps=100).integrity
    kinds = (found.nan, found.infinite, found.negative, found.negative_zero, found.subnormal)
    assert kinds == (1, 1, 1, 1, 1)
    assert returns(right) == "float32"
    assert returns(lambda k: 0.1) == "float32 (weak)"
    assert returns(lambda k: right(k).astype(jnp.bfloat16)) == "bfloat16"


def test_the_least_tolerance():
    found = parity.compare(lambda k: right(k) + jnp.float32(0.125) * (k == 40), STEP, steps=100).tolerance
    assert found.absolute == pytest.approx(0.125)
    assert found.relative == pytest.approx(12.5)
    assert parity.compare(right, STEP, steps=100).tolerance.ulp == 0


def test_what_is_looked_at_eagerly():
    def asked(steps, *events):
        counts = np.arange(steps, dtype=np.int32)
        return asked_alone(Stepped(counts, np.ones(steps), events=events)).tolist()

    found = asked(100_000, Event(5000, Kind.MILESTONE), Event(70_000, Kind.MILESTONE))
    assert {0, 1, 4999, 5000, 5001, 69_999, 70_000, 70_001, 99_998, 99_999} <= set(found)
    assert len(found) <= 210
    assert found == sorted(found)
    assert asked(3) == [0, 1, 2]


def test_the_module_is_not_the_function():
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("parity.compare")
    assert callable(parity.compare)


def test_what_is_public_survives_a_move_of_its_module():
    found = parity.compare(right, STEP, steps=5)
    assert b"parity.comparison\nComparison" not in pickle.dumps(found, protocol=0)
    assert pickle.loads(pickle.dumps(found)) == found
    for public in (parity.compare, parity.assert_parity, parity.compare_devices, parity.Difference):
        assert pickle.loads(pickle.dumps(public)) is public
        assert public.__module__ == "parity"
