"""What twins may hand over, and what is said of what they may not."""

import os
import re
import sys

import jax.numpy as jnp
import numpy as np
import pytest
import torch

import parity
from parity.handed_in import NotComparable
from parity.twins.door import fingerprint


def told(*updates):
    """A twin that tells these."""
    return lambda: iter(updates)


FINE = told({"loss": 1.0, "lr": 0.1}, {"loss": 0.5, "lr": 0.1})


def refused(twin, steps=2):
    with pytest.raises(ValueError, match=r"^(jax_twin|lr) ") as error:
        parity.compare_training(FINE, twin, steps=steps)
    assert type(error.value) is NotComparable
    (line,) = str(error.value).splitlines()
    return line


def test_numbers_of_every_library_are_numbers():
    values = [
        {"a": np.ones((2, 3)), "b": {"c": np.float64(0.5)}},
        {"a": torch.ones(2, 3, dtype=torch.float64, requires_grad=True), "b": {"c": torch.tensor(0.5)}},
        {"a": jnp.ones((2, 3)), "b.c": 0.5},
        {"a": [[1, 1, 1], [1.0, 1, 1]], "b": {"c": jnp.bfloat16(0.5)}},
        {"a": torch.ones(2, 3, dtype=torch.bfloat16), "b": {"c": 0.5}},
    ]
    for ours in values:
        for theirs in values:
            assert parity.compare_training(told({"weights": theirs}), told({"weights": ours}), steps=1).passed
    assert parity.compare_training(
        told({"lr": (0.1, 0.2)}), told({"lr": {"x": 0.1, "y": 0.2}}), steps=1
    ).passed


def test_what_is_handed_over_may_be_changed_afterwards():
    def goes_on(by):
        def make():
            weights = torch.zeros(3, dtype=torch.float64)
            for _ in range(3):
                yield {"weights": weights}
                weights += by

        return make

    found = parity.compare_training(goes_on(1.0), goes_on(2.0), steps=3)
    assert found.first.parts == 1
    assert found.culprit.because == "update 1 is 2 times PyTorch's"  # which takes the weights before it


def test_an_object_that_steps_is_a_twin():
    class Loop:
        k = 0

        def step(self):
            self.k += 1
            if self.k > 2:
                raise StopIteration
            return {"loss": 0.5**self.k * 2, "lr": 0.1}

    assert parity.compare_training(FINE, Loop, steps=2).passed
    assert parity.compare_training(FINE, Loop, steps=3).problem == (
        "torch_twin and jax_twin have ended after 2 of 3 updates"
    )


def fails_at_1():
    yield {"loss": 1.0, "lr": 0.1}
    raise RuntimeError("out of memory\nand more")


def leaves():
    yield {"loss": 1.0, "lr": 0.1}
    sys.exit(0)


def leaves_at_once():
    os._exit(0)


@pytest.mark.parametrize(
    ("twin", "says"),
    [
        (3, r"^jax_twin must be a function of no arguments .* got 3$"),
        (lambda x: x, r"^jax_twin must be a function of no arguments"),
        (lambda: 3, r"^jax_twin must return an iterator over updates, or an object with step\(\), got 3$"),
        (fails_at_1, r"^jax_twin at update 1 failed: RuntimeError: out of memory, at .*door\.py:\d+$"),
        (leaves, r"^jax_twin at update 1 failed: it calls sys\.exit\(0\)"),
        (leaves_at_once, r"^jax_twin failed: it calls os\._exit\(0\)"),
        (told(0.5), r"^jax_twin must tell of each update a mapping such as .*, got 0\.5 at update 0$"),
        (told(None), r"got None at update 0$"),
        (told({1: 0.5}), r"^jax_twin must name quantities with text, got 1 at update 0$"),
        (told({"loss": "low"}), r"^jax_twin must tell real numbers, .* got 'low' as loss at update 0$"),
        (told({"loss": None}), r"got None as loss at update 0$"),
        (told({"loss": True}), r"got True as loss at update 0$"),
        (told({"loss": 1j}), r"got 1j as loss at update 0$"),
        (told({"loss": [1.0, 2.0]}), r"^jax_twin must tell one number as loss, got \[1\.0, 2\.0\] at up"),
        (told({"lr": []}), r"^jax_twin tells nothing as lr at update 0, got \[\]$"),
        (told({"weights": {}}), r"^jax_twin tells nothing as weights at update 0"),
        (told({"weights": {"a": [1.0, "x"]}}), r"as weights\['a'\] at update 0$"),
        (told({"lr": 0.1}, {"initial_weights": 1.0}), r"^jax_twin tells initial_weights at update 1; they"),
        (told({"lr": (0.1, 0.2)}), r"^lr must have one shape .* one number for each parameter group$"),
    ],
)  # fmt: skip
def test_what_is_no_twin_is_refused_in_one_line(twin, says):
    assert re.search(says, refused(twin)), refused(twin)


def test_arrays_must_be_alike():
    def beside(ours, theirs):
        with pytest.raises(NotComparable) as error:
            parity.compare_training(told({"weights": theirs}), told({"weights": ours}), steps=1)
        return str(error.value)

    a, b = np.ones((2, 3)), np.ones(3)
    assert beside({"w": a, "b": b}, {"w": a.T, "b": b}) == (
        "weights['w'] must have one shape on both sides, got (3, 2) from torch_twin and (2, 3) from jax_twin "
        "at update 0; transpose one of them"
    )
    assert beside({"kernel": a, "b": b}, {"w": a, "b": b}) == (
        "weights must have the same names on both sides at update 0: only torch_twin has 'w'; only jax_twin "
        "has 'kernel'"
    )


@pytest.mark.parametrize("steps", [-1, 1.5, True])
def test_steps(steps):
    with pytest.raises(ValueError, match=r"^steps must be a whole number >= 0, got "):
        parity.compare_training(FINE, FINE, steps=steps)


@pytest.mark.parametrize("relative", [-1, float("nan"), "1e-3", True])
def test_relative(relative):
    with pytest.raises(ValueError, match=r"^relative must be a finite number >= 0, or None, got "):
        parity.compare_training(FINE, FINE, steps=1, relative=relative)


def test_a_batch_is_its_numbers_in_whatever_layout():
    rng = np.random.default_rng(0)
    images, labels = rng.normal(size=(2, 3, 4, 4)), np.array([1, 2])
    one = fingerprint((torch.tensor(images), torch.tensor(labels)))
    assert one == fingerprint((jnp.asarray(images.transpose(0, 2, 3, 1)), labels.astype(np.int32)))
    assert one != fingerprint((images + 1, labels))
    assert fingerprint({"x": images, "y": labels}) == one
    assert fingerprint(7) == fingerprint(np.int32(7)) != fingerprint(8)
    assert fingerprint("seven") == "seven"
    nested = {"x": (images, {"mask": labels}), "text": ["a", "b"]}
    other = {"x": (images, {"mask": labels}), "text": ["a", "c"]}
    assert fingerprint(nested) == fingerprint(dict(nested)) != fingerprint(other)
    assert fingerprint([3, 1, 2]) == fingerprint(torch.tensor([1, 2, 3]))


def test_one_iterator_is_not_two_twins():
    both = iter([{"loss": 1.0}, {"loss": 0.5}])
    with pytest.raises(
        NotComparable, match=r"^jax_twin returns the very list_iterator that torch_twin returns"
    ):
        parity.compare_training(lambda: both, lambda: both, steps=1)


def test_one_function_that_does_not_do_the_same_twice_is_told():
    rng = np.random.default_rng(0)

    def draws():
        while True:
            yield {"loss": rng.normal()}

    found = parity.compare_training(draws, draws, steps=3)
    assert found.culprit.names == ("chance",)
    assert "does not do the same twice, from update 0 on" in found.culprit.because


def test_what_is_finite_in_neither_twin_is_not_blamed_on_one():
    lost = told({"loss": float("nan")})
    found = parity.compare_training(lost, told({"loss": float("nan")}), steps=1)
    assert not found.passed
    assert found.culprit.names == ("loss",)
    assert "in either twin" in found.culprit.because
    assert found.growth is None


def test_arrays_without_names_are_to_be_named():
    line = refused(told({"loss": 1.0, "weights": list(torch.nn.Linear(3, 2).parameters())}))
    assert line.endswith("as weights at update 0; name arrays of several shapes in a mapping")


def test_weights_that_one_twin_leaves_as_they_are_are_told():
    def trains(rate):
        def make():
            yield {"initial_weights": np.array([1.0, 2.0]), "lr": 0.1, "weights": np.array([1.0 + rate, 2.0])}

        return make

    found = parity.compare_training(trains(0.3), trains(0.0), steps=1)
    assert found.culprit.because == "update 0 leaves the weights as they are, unlike PyTorch's"


def test_labels_that_go_with_other_inputs_are_another_batch():
    x, y = np.arange(24.0).reshape(4, 2, 3), np.array([0, 1, 2, 3])
    order = np.array([2, 0, 3, 1])
    assert fingerprint((x, y)) == fingerprint((x[order].transpose(0, 2, 1), torch.tensor(y[order])))
    found = parity.compare_training(told({"batch": (x, y)}), told({"batch": (x, np.roll(y, 1))}), steps=1)
    assert found.culprit.names == ("data order",)
    assert "other labels go with the inputs" in found.culprit.because
    turned = parity.compare_training(
        told({"batch": (x, y)}), told({"batch": (x.transpose(1, 0, 2), y)}), steps=1
    )
    assert turned.passed  # where the samples are is not known


def test_names_are_two_texts():
    for names in (("a",), "ab", ("a", 1)):
        with pytest.raises(ValueError, match=r"^names must be two texts, PyTorch's first, got "):
            parity.compare_training(told({"loss": 1.0}), told({"loss": 1.0}), steps=1, names=names)


def test_a_tolerance_may_be_of_numpys_types():
    twins = told({"loss": 1.0}), told({"loss": 1.01})
    assert parity.compare_training(*twins, steps=1, relative=np.float32(0.1)).passed
    assert not parity.compare_training(*twins, steps=1, relative=np.float32(0.001)).passed


def test_a_note_is_printed_once():
    found = parity.compare_training(told({"loss": 1.0}), told({"lr": 1.0}), steps=1)
    assert str(found).count("loss, which only torch_twin tells") == 1


def test_pytorchs_default_type_is_put_back():
    def sets():
        torch.set_default_dtype(torch.float64)
        yield {"loss": torch.ones(())}

    assert parity.compare_training(sets, told({"loss": 1.0}), steps=1).passed
    assert torch.get_default_dtype() == torch.float32
