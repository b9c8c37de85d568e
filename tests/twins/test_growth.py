"""`compare_training`: what precision allows, and whether a distance is rounding that grows."""

import numpy as np
import pytest
from one_loop import compared, scaled, twin

import parity


@pytest.mark.parametrize(
    ("dtype", "name", "allowed"), [(np.float64, "float64", 1e-10), (np.float32, "float32", 1e-5)]
)
def test_the_tolerance_is_that_of_the_precision(dtype, name, allowed):
    found = parity.compare_training(twin(dtype=dtype), twin(), steps=9, relative=None)
    assert (found.precision, found.relative) == (name, allowed)
    assert found.passed
    hidden = ["weights", "initial_weights"]  # what is left are numbers of Python
    found = parity.compare_training(twin(dtype=dtype, hides=hidden), twin(hides=hidden), steps=9)
    assert found.precision == name


def test_an_accuracy_says_nothing_of_the_precision():
    def accuracy(of):
        return [("accuracy", lambda k: 27 / 32), ("seen", lambda k: np.float32(k))]

    found = parity.compare_training(twin(tells=accuracy(32)), twin(tells=accuracy(32)), steps=9)
    assert found.precision == "float64"

    def widened(told):
        return {name: np.asarray(w, np.float64) for name, w in told["weights"].items()}

    def float32():
        for told in twin(dtype=np.float32, hides=["loss", "initial_weights", "gradient_norm"])():
            yield {**told, "weights": widened(told)}

    assert parity.compare_training(float32, float32, steps=9).precision == "float32"


def test_one_rate_for_all_groups_is_that_of_each():
    def groups(lr, steps=9):
        return lambda: ({"loss": 0.3**k, "lr": lr} for k in range(steps))

    assert parity.compare_training(groups([0.1, 0.1]), groups(0.1), steps=9).passed
    assert parity.compare_training(groups(0.1), groups([0.1, 0.1]), steps=9).passed
    found = parity.compare_training(groups([0.1, 0.1]), groups(0.2), steps=9)
    assert found.culprit.because.startswith("0.2 where PyTorch's is 0.1 at update 0 of group 0: 2 times")
    with pytest.raises(ValueError, match=r"^lr must have one shape .*; one number for each parameter group$"):
        parity.compare_training(groups([0.1, 0.2]), groups(0.1), steps=9)


def test_a_gradient_without_a_loss_has_other_culprits_before_it():
    hidden = ["loss", "batch"]
    found = compared(twin(hides=hidden), hides=hidden, gradient_is=scaled)
    assert found.culprit.names == ("gradient", "loss", "data order")
    assert found.culprit.wanted == ("loss",)


def chaotic(rounding, factor=2.0):
    """A distance that doubles each update, from a rounding on."""

    def make(float64=False):
        value = 1.0
        for k in range(60):
            error = (rounding * 2.0**-29 if float64 else rounding) * factor**k
            yield {"loss": np.asarray([value + error], np.float64 if float64 else np.float32), "lr": 0.1}

    return make


def told_plainly(make):
    """The same, as a function that takes nothing."""
    return lambda: make()


def test_rounding_that_grows_is_not_taken_for_a_real_difference():
    ours, theirs = chaotic(2.0**-22), chaotic(0.0)
    found = parity.compare_training(told_plainly(theirs), told_plainly(ours), steps=30)
    assert not found.passed
    assert found.growth.factor == pytest.approx(2.0, rel=0.05)
    assert (found.growth.sudden, found.growth.is_rounding) == (False, None)
    assert "a factor of 2 each update (twice as much every 1)" in str(found)
    found = parity.compare_training(theirs, ours, steps=30)
    assert found.growth.is_rounding is True
    assert found.culprit.names == ("rounding",)
    assert not found.passed, "what was asked for is not there, whoever is to blame"
    assert "rounding, which the training magnifies" in str(found)


def test_what_grows_fast_all_the_time_is_no_jump():
    found = parity.compare_training(
        told_plainly(chaotic(0.0)), told_plainly(chaotic(2.0**-22, factor=300.0)), steps=3, relative=1e-2
    )
    assert found.growth.jump > 100
    assert not found.growth.sudden


def test_a_real_difference_is_one_in_float64_too():
    def real(float64=False):
        for k, told in enumerate(chaotic(0.0)(float64)):
            yield {**told, "loss": told["loss"] * (1 + 1e-4 * (k >= 4))}

    found = parity.compare_training(told_plainly(chaotic(0.0)), told_plainly(real), steps=30)
    assert (found.first.parts, found.growth.sudden, found.growth.is_rounding) == (4, True, False)
    found = parity.compare_training(chaotic(0.0), real, steps=30)
    assert found.growth.in_float64 == pytest.approx(1e-4, rel=1e-3)
    assert found.growth.is_rounding is False
    assert found.culprit.name != "rounding"
    assert "in float64 it is 1.0e-04 there: a real difference" in str(found)


def test_a_learning_rate_is_never_called_rounding():
    def other_rate(float64=False):
        for told in chaotic(2.0**-22)(float64):
            yield {**told, "lr": 0.2}

    found = parity.compare_training(chaotic(0.0), other_rate, steps=30)
    assert found["loss"].parts > 0  # by rounding, as above
    assert found.culprit.names == ("learning rate",)
