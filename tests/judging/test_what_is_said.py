"""What a comparison says besides its verdict: a tolerance that does, and what would mislead unsaid."""

import re

import jax.numpy as jnp
import numpy as np
import optax
import pytest
import torch
from torch.optim import lr_scheduler as theirs

import jaxsched
import parity
from parity.comparison import Tolerance
from parity.handed_in import NotComparable
from parity.judge import Answers, judge
from parity.stepped import Stepped


def sgd(*rates, momentum=0.0):
    groups = [{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": rate} for rate in rates or (0.1,)]
    return torch.optim.SGD(groups, momentum=momentum)


def stepped(scheduler, times):
    for _ in range(times):
        scheduler.optimizer.step()
        scheduler.step()
    return scheduler


def set_by_hand(scheduler, lr):
    scheduler.optimizer.param_groups[0]["lr"] = lr
    return scheduler


PAIRS = {
    "linear": (optax.linear_schedule(0.1, 0.0, 100), lambda: theirs.LinearLR(sgd(), 1.0, 0.0, 100)),
    "cosine": (optax.cosine_decay_schedule(0.1, 50), lambda: theirs.CosineAnnealingLR(sgd(), 50)),
    "exponential": (
        optax.exponential_decay(0.1, 1, 0.99),
        lambda: theirs.ExponentialLR(sgd(), 0.99),
    ),
    "another gamma": (jaxsched.ExponentialLR(0.1, 0.98), lambda: theirs.ExponentialLR(sgd(), 0.99)),
    "eagerly otherwise": (
        lambda k: 0.1 * jnp.cos(k / 7.3) ** 2 / (1.0 + k / 3),
        lambda: theirs.StepLR(sgd(), 3),
    ),
}


@pytest.mark.parametrize("name", PAIRS)
def test_the_tolerance_that_is_named_will_do(name):
    schedule, make = PAIRS[name]
    found = parity.compare(schedule, make, steps=80)
    (line,) = [line for line in found.explanation() if line.startswith("would pass with: ")]
    for option, pattern in (
        ("absolute", r"absolute (\S+?)(,|$)"),
        ("relative", r"relative (\S+?)(,|$)"),
        ("max_ulp", r"(\S+) ULP"),
    ):
        told = re.search(pattern, line)
        if told:
            limit = float(told[1])
            assert parity.compare(schedule, make, steps=80, **{option: limit}).passed, (line, option)
            assert not parity.compare(schedule, make, steps=80, **{option: 0.98 * limit}).passed


def test_what_is_called_eagerly_counts_into_it():
    answers = Answers(np.full(3, 0.1, np.float32), np.array([1]), np.array([0.2], np.float32))
    found = judge(answers, Stepped(np.arange(3), np.full(3, np.float32(0.1), float)))
    assert found.max_ulp == 0
    assert found.tolerance.absolute == pytest.approx(0.1)
    assert found.problem.startswith("1 value has other bits when evaluated eagerly")


def test_a_tolerance_in_words():
    assert str(Tolerance(7.4506e-09, 2.0, 1.5)) == "absolute 7.46e-09, or 1.5 ULP"
    assert str(Tolerance(0.5, 0.1, 1e9)) == "absolute 0.5, or relative 0.1"
    assert str(Tolerance(float("inf"), 1.0, 1.0)) == "nothing: a value is not finite"


def test_a_zero_with_a_sign():
    found = parity.compare(
        lambda k: jnp.float32(-0.0) * (k + 1.0), lambda: theirs.StepLR(sgd(0.0), 30), steps=5
    )
    assert not found.passed
    assert "would pass with: any tolerance, 0 too: −0 and 0 are other bits" in str(found)


STEP, STEP_LR = jaxsched.StepLR(0.1, 30), lambda: theirs.StepLR(sgd(), 30)


@pytest.mark.parametrize(
    ("make", "options", "note"),
    [
        (lambda: stepped(theirs.ExponentialLR(sgd(), 0.9), 5), {}, "the scheduler had made 5 steps before"),
        (lambda: set_by_hand(STEP_LR(), 0.3), {}, "the lr was changed before count 0, from 0.1 to 0.3"),
        (
            lambda: theirs.StepLR(sgd(0.1, 0.01, 0.2), 30),
            {"group": 1},
            "group 1 of 3 parameter groups was compared; group 0 begins at 0.1, 2 begins at 0.2",
        ),
        (
            STEP_LR,
            {"steps_per_epoch": 100},
            "PyTorch made no step in these 40 counts, which are updates: an epoch has 100",
        ),
        (STEP_LR, {"quantity": "momentum"}, "the optimizer's momentum is 0"),
    ],
)
def test_what_would_mislead(make, options, note):
    found = parity.compare(STEP, make, steps=40, **options)
    assert any(each.startswith(note) for each in found.notes)
    assert f"note: {note}" in str(found)
    if "before" in note:  # the formula counts from the start, and knows of no hand
        assert {distance.between for distance in found.distances} == {"schedule and PyTorch"}
        assert "PyTorch" not in (found.who or "")


def test_there_is_no_note_without_a_reason():
    assert parity.compare(STEP, STEP_LR, steps=40).notes == ()
    momentum = lambda: theirs.OneCycleLR(sgd(momentum=0.9), 0.1, 100)  # noqa: E731
    assert parity.compare(STEP, momentum, steps=40, quantity="momentum").notes == ()


def test_a_resumed_pair_still_passes():
    found = parity.compare(
        jaxsched.StartingAt(jaxsched.ExponentialLR(0.1, 0.9), 5),
        lambda: stepped(theirs.ExponentialLR(sgd(), 0.9), 5),
        steps=40,
        max_ulp=1,
    )
    assert found.passed


def test_a_function_of_more_than_the_count_is_refused():
    class Counting:
        made = 0

        def __call__(self, count):
            self.made += 1
            return 0.1 / self.made

    drawn = np.random.default_rng(0)
    for function in (Counting(), lambda count: drawn.random()):
        with pytest.raises(
            NotComparable, match="must be a function of the count alone; called twice at count 0"
        ):
            parity.compare(function, STEP_LR, steps=5)


def test_an_assertion_begins_with_the_verdict():
    with pytest.raises(AssertionError) as caught:
        parity.assert_parity(lambda k: 0.2, STEP_LR, steps=5)
    lines = str(caught.value).splitlines()
    assert lines[0].startswith("failed: ")
    assert lines[-1].startswith("schedule: <function")


def test_pytorchs_own_rounding_at_the_start_is_nobodys_hand():
    def make():
        return theirs.CosineAnnealingWarmRestarts(sgd(1e-8), 10, eta_min=1.0)

    found = parity.compare(jaxsched.CosineAnnealingWarmRestarts(1e-8, 10, eta_min=1.0), make, steps=30)
    assert found.notes == ()
    assert found.passed


def test_where_pytorch_cancels_all_along_it_is_its_own_rounding():
    """Its 1e-8 is e − (e − 1e-8), and no value of the run is as large as that e."""
    make = lambda: theirs.CosineAnnealingWarmRestarts(sgd(1e-8), 1, eta_min=9.0)  # noqa: E731
    found = parity.compare(jaxsched.CosineAnnealingWarmRestarts(1e-8, 1, eta_min=9.0), make, steps=5)
    assert found.passed
    assert found.correctly_rounded


class Odd(theirs.LRScheduler):
    """A user's own, with attributes that are something else than PyTorch's."""

    def __init__(self, optimizer):
        self.eta_min = None
        super().__init__(optimizer)

    def get_lr(self):
        return [0.1 for _ in self.base_lrs]


class Bare:
    last_epoch = None
    eta_min = "none"

    def __init__(self, optimizer):
        self.optimizer = optimizer

    def step(self):
        pass


@pytest.mark.parametrize("cls", [Odd, Bare])
def test_nothing_is_asked_of_a_users_own_attributes(cls):
    found = parity.compare(lambda k: 0.1, lambda: cls(sgd()), steps=5)
    assert found.passed
    assert found.notes == ()
