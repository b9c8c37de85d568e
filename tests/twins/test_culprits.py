"""`compare_training`: what parts first, and what is to blame. One loop in NumPy, with one thing changed."""

import doctest
import math
import pickle
import re

import numpy as np
import pytest
from one_loop import BATCHES, START, compared, scaled, twin

import parity


def clipped(gradient):
    size = math.sqrt(sum((g**2).sum() for g in gradient.values()))
    return {name: g * min(1.0, 0.3 / size) for name, g in gradient.items()}


def test_two_that_are_one_stay_together():
    found = compared()
    assert found.passed
    assert (found.steps, found.first, found.culprit, found.growth) == (40, None, None, None)
    names = [quantity.name for quantity in found.quantities]
    assert names == [
        "batch", "initial weights", "loss", "gradient norm", "learning rate", "momentum", "weights"
    ]  # fmt: skip
    assert str(found).startswith(
        "passed: the twins stay together for 40 updates\nbatch: the same at every update\n"
    )
    assert "allowed: 1e-10 of what is summed in another order, as the twins compute in float64" in str(found)


CHANGES = {
    "data order": (
        {"batches": [*BATCHES[1:], BATCHES[0]]},
        "batch", 0, "data order", r"^the batches are one update ahead of PyTorch's$",
    ),
    "other data": (
        {"batches": [*BATCHES[:3], *[(x + 1, y) for x, y in BATCHES[3:]]]},
        "batch", 3, "data order", r"^from update 3 on the batches are others; 3 of 40 are on both sides$",
    ),
    "shuffled": (
        {"batches": [*BATCHES[:3], BATCHES[4], BATCHES[3], *BATCHES[5:]]},
        "batch", 3, "data order", r"^from update 3 on the same batches come in another order$",
    ),
    "initial weights": (
        {"start": {**START, "b": START["b"] * 1.001}},
        "initial weights", 0, "initial weights", r"^1 of 2 arrays are not the same .* \(b\), up to 0.001"
        " apart",
    ),
    "loss": (
        {"loss_is": lambda loss: 8 * loss},
        "loss", 0, "loss", r"from the same weights and the same batch: 8 times PyTorch's, as a sum is"
        " of a mean",
    ),
    "gradient": (
        {"gradient_is": scaled},
        "gradient norm", 0, "gradient", r"1/2 times PyTorch's.*, while the loss is the same$",
    ),
    "clipped": (
        {"gradient_is": clipped},
        "gradient norm", 0, "gradient", r"; the JAX twin clips it to 0\.3, while the loss is the same$",
    ),
    "learning rate": (
        {"lr_is": lambda k: 0.1 * 0.97 ** (k + 1)},
        "learning rate", 0, "learning rate", r"^0\.097 where PyTorch's is 0\.1 at update 0: 1 count ahead",
    ),
    "momentum": ({"momentum": 0.8}, "momentum", 0, "momentum", r"^0\.8 where PyTorch's is 0\.9 at update 0$"),
    "decay": (
        {"decay": 0.01},
        "weights", 0, "decay", r"shrinks the weights by 0\.001 of themselves more .* a decay of 0\.01 at",
    ),
    "optimizer": (
        {"update_is": lambda k, update: np.sign(update)},
        "weights", 0, "optimizer", r"^update 0 is another, though not along the weights$",
    ),
    "size of the update": (
        {"update_is": lambda k, update: 1.9 * update},
        "weights", 0, "optimizer", r"^update 0 is 1\.9 times PyTorch's$",
    ),
    "memory": (
        {"update_is": lambda k, update: update if k < 3 else np.sign(update)},
        "weights", 3, "optimizer", r"; the updates before it agree, so it is what the optimizer remembers",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_each_culprit_is_told_apart(name):
    changes, first, at, culprit, because = CHANGES[name]
    found = compared(**changes)
    assert not found.passed
    assert (found.first.name, found.first.parts) == (first, at)
    assert found.culprit.names == (culprit,)
    assert re.search(because, found.culprit.because), found.culprit.because
    assert f"culprit: {found.culprit}" in str(found)
    assert found.problem.startswith(f"the twins part at update {at}, by the {first}")
    if first == "batch":
        assert f"\nbatch: the same until update {at}\n" in str(found)


def test_a_momentum_that_is_not_told_is_seen_by_the_update_before():
    found = compared(twin(hides=["momentum"]), momentum=0.7, hides=["momentum"])
    assert (found.first.name, found.first.parts) == ("weights", 1)
    assert found.culprit.names == ("momentum",)
    assert found.culprit.because.startswith("update 1 has 0.194 times the update before it less")


def test_a_decay_of_some_arrays_names_them():
    def some(k, update):
        return update + 0.01 * START["b"] if update.shape == (3,) else update

    found = compared(update_is=lambda k, update: some(k, update) if k == 0 else update)
    assert found.culprit.name == "decay"
    assert found.culprit.because.endswith("in 1 of 2 arrays (b)")


# What is not known is said


def test_without_batches_and_weights_a_loss_has_three_culprits():
    hidden = ["batch", "initial_weights", "weights"]
    found = compared(twin(hides=hidden), hides=hidden, start={**START, "b": START["b"] + 1})
    assert found.culprit.names == ("initial weights", "data order", "loss")
    assert found.culprit.wanted == ("batch", "initial_weights")
    assert str(found.culprit).endswith("; tell batch and initial_weights to be sure")


def test_without_batches_losses_in_another_order_show_it():
    def still(k):
        return 0.0

    hidden = ["batch"]
    order = [*BATCHES[3:6], *BATCHES[:3]]
    theirs = twin(hides=hidden, batches=BATCHES[:6], lr_is=still)
    found = compared(theirs, steps=6, hides=hidden, batches=order, lr_is=still)
    assert found.culprit.names == ("data order",)
    assert found.culprit.because == "the losses are PyTorch's in another order"


def test_without_weights_the_loss_after_it_shows_another_update():
    hidden = ["weights", "lr"]
    found = compared(twin(hides=hidden), hides=hidden, decay=0.01)
    assert (found.first.name, found.first.parts) == ("loss", 1)
    assert found.culprit.names == ("optimizer", "decay", "learning rate")
    assert found.culprit.wanted == ("weights", "lr")


def test_weights_that_part_without_a_learning_rate_may_be_its_fault():
    found = compared(twin(hides=["lr"]), hides=["lr"], lr_is=lambda k: 0.2)
    assert found.culprit.names == ("optimizer", "learning rate")
    assert found.culprit.because == "update 0 is 2 times PyTorch's"


def test_a_quantity_of_your_own_is_named_by_its_name():
    def accuracy(by):
        return [("accuracy", lambda k: 0.5 + by * (k == 4))]

    found = compared(twin(tells=accuracy(0.0)), tells=accuracy(0.1))
    assert (found.first.name, found.first.parts) == ("accuracy", 4)
    assert found.culprit.name == "accuracy"
    assert found["accuracy"].furthest == pytest.approx(0.2)


# Never green by accident


def test_nothing_compared_is_no_parity():
    assert compared(steps=0).problem == "nothing was compared"
    found = compared(twin(hides=["loss", "weights", "lr", "momentum", "gradient_norm", "initial_weights"]),
                     hides=["batch"])  # fmt: skip
    assert not found.passed
    assert found.problem.startswith("nothing was compared: not compared: batch, which only torch_twin tells")


def test_what_only_one_of_the_two_tells_is_said():
    found = compared(hides=["weights"])
    assert found.passed
    assert found.notes == ("not compared: weights, which only torch_twin tells",)
    assert "note: not compared: weights, which only torch_twin tells" in str(found)


@pytest.mark.parametrize("who", ["torch_twin", "jax_twin"])
def test_a_twin_that_ends_too_soon_fails(who):
    short, whole = twin(batches=BATCHES[:7]), twin()
    pair = (short, whole) if who == "torch_twin" else (whole, short)
    found = parity.compare_training(*pair, steps=40)
    assert found.problem == f"{who} has ended after 7 of 40 updates"
    assert found.steps == 7
    assert parity.compare_training(short, short, steps=8).problem == (
        "torch_twin and jax_twin have ended after 7 of 8 updates"
    )


def test_a_twin_that_stops_telling_something_fails():
    def stops():
        for k, told in enumerate(twin()()):
            yield {name: value for name, value in told.items() if k < 5 or name != "loss"}

    found = parity.compare_training(twin(), stops, steps=40)
    assert found.problem == ("jax_twin does not tell loss at update 5, so that 5 of 40 updates were compared")

    def begins():
        for k, told in enumerate(twin()()):
            yield told if k < 5 else {**told, "more": 1.0}

    found = parity.compare_training(begins, begins, steps=40)
    assert found.problem.startswith("torch_twin tells more at update 5, and not before") or (
        found.problem.startswith("jax_twin tells more at update 5, and not before")
    )


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_not_finite_is_never_together(value):
    def lost():
        for k, told in enumerate(twin()()):
            yield {**told, "loss": value if k == 3 else told["loss"]}

    found = parity.compare_training(lost, lost, steps=10)
    assert (found.first.name, found.first.parts, found.first.furthest) == ("loss", 3, math.inf)
    assert found.problem.endswith("; the loss of jax_twin and of torch_twin is not finite at update 3")


def test_learning_rates_have_no_tolerance_and_the_rest_has_one():
    found = compared(lr_is=lambda k: np.float64(np.float32(0.1 * 0.97**k)))
    assert found["lr"].parts is None
    assert found.first.name == "weights"  # 1e-8 apart, in float64
    assert parity.compare_training(
        twin(), twin(lr_is=lambda k: np.float64(np.float32(0.1 * 0.97**k))), steps=40, relative=1e-6
    ).passed
    next_one = np.nextafter(np.float32(0.1), np.float32(1))
    found = parity.compare_training(
        twin(lr_is=lambda k: 0.1), twin(lr_is=lambda k: float(next_one)), steps=9, relative=1.0
    )
    assert (found.first.name, found.first.parts, found.first.furthest) == ("learning rate", 0, 1.0)


# As an assertion


def test_assertion():
    parity.assert_training_parity(twin(), twin(), steps=9)
    with pytest.raises(AssertionError, match="failed: the twins part at update 0, by the weights") as error:
        parity.assert_training_parity(twin(), twin(decay=0.01), steps=9)
    assert "culprit: decay: " in str(error.value)


def test_what_was_found_is_pickled():
    found = compared(decay=0.01)
    again = pickle.loads(pickle.dumps(found))
    assert again == found
    assert again.culprit.name == "decay"
    assert type(found).__module__ == "parity"


def test_the_example():
    run = doctest.DocTestRunner()
    for example in doctest.DocTestFinder().find(parity.compare_training, "example", module=False, globs={}):
        run.run(example)
    assert run.tries > 4
    assert run.failures == 0
