"""Where the PyTorch scheduler stood stays with the value that was made of it."""

import copy
import dataclasses
import json
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

import jaxsched
from jaxsched import PlateauState, ReduceLROnPlateau, StepLR, from_torch
from jaxsched._value import Value
from jaxsched.hugging_face import GreedyLR, GreedyState


def optimizer():
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)


def live(steps):
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer(), 30)
    for _ in range(steps):
        scheduler.optimizer.step()
        scheduler.step()
    return scheduler


def plateau(steps):
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer(), patience=1)
    for metric in range(steps):
        scheduler.step(1.0 + metric)
    return scheduler


def greedy():
    made = GreedyLR(0.1, smooth=True, window_size=3)
    return made._standing_at(made.step(made.init(), 3.0))


VALUES = {
    "start": from_torch(live(0)),
    "later": from_torch(live(25)),
    "resumed": from_torch(live(25), resume=True),
    "data": dataclasses.replace(from_torch(live(25)), gamma=jnp.float32(0.5)),
    "plateau": from_torch(plateau(0)),
    "plateau later": from_torch(plateau(4)),
    "greedy": greedy(),
}

WAYS = {
    "tree.map": lambda value: jax.tree.map(lambda x: x, value),
    "replace": lambda value: dataclasses.replace(value),
    "dict": lambda value: Value.from_dict(json.loads(json.dumps(value.to_dict(), allow_nan=False))),
    "pickle": lambda value: pickle.loads(pickle.dumps(value)),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "all of them": lambda value: WAYS["dict"](WAYS["pickle"](WAYS["replace"](WAYS["tree.map"](value)))),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_it_stays(value, way):
    again = way(value)
    assert again == value
    assert type(again.position) is type(value.position)
    for x, y in zip(jax.tree.leaves(again.position), jax.tree.leaves(value.position), strict=True):
        np.testing.assert_array_equal(x, y)
        assert getattr(x, "dtype", int) == getattr(y, "dtype", int)


def test_what_it_is():
    assert [value.position for value in VALUES.values()][:4] == [0, 25, 25, 25]
    assert isinstance(VALUES["plateau later"].position, PlateauState)
    assert isinstance(VALUES["greedy"].position, GreedyState)
    assert StepLR(0.1, 30).position is None
    assert StepLR(0.1, 30, position=25).position == 25


def test_it_says_nothing_about_the_value():
    value = VALUES["later"]
    assert value == StepLR(0.1, 30)
    assert hash(value) == hash(StepLR(0.1, 30))
    assert repr(value) == "StepLR(0.1, step_size=30)"
    assert "position" not in StepLR(0.1, 30).to_dict()
    assert [field.name for field in dataclasses.fields(value)] == ["base_lr", "step_size", "gamma"]
    np.testing.assert_array_equal(value(jnp.arange(90)), StepLR(0.1, 30)(jnp.arange(90)))


def test_it_does_not_pass_from_one_to_another_through_jit():
    same = jax.jit(lambda schedule: schedule)
    for steps in (3, 5):
        made = dataclasses.replace(from_torch(live(steps)), gamma=jnp.float32(0.5))
        assert same(made).position == steps
    for steps in (0, 4):
        made = dataclasses.replace(from_torch(plateau(steps)), factor=jnp.float32(0.5))
        assert same(made).position is made.position


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("name", ["data", "plateau later", "greedy"])
def test_what_is_equal_has_the_same_structure(name, way):
    value = dataclasses.replace(VALUES[name], base_lr=jnp.float32(0.1))
    again = way(value)
    assert jax.tree.structure(again) == jax.tree.structure(value)
    traced = []
    read = jax.jit(lambda schedule: traced.append(1) or 2 * schedule.base_lr)
    assert read(value) == read(again)
    assert len(traced) == 1


def test_a_count_of_numpys_is_one_of_pythons():
    made = StepLR(jnp.float32(0.1), 30, position=np.int64(3))
    assert type(made.position) is int
    assert jax.tree.structure(made) == jax.tree.structure(pickle.loads(pickle.dumps(made)))


def test_the_plateau_goes_on():
    value = VALUES["plateau later"]
    again = ReduceLROnPlateau.from_dict(json.loads(json.dumps(value.to_dict())))
    for x, y in zip(value.step(value.position, 9.0), again.step(again.position, 9.0), strict=True):
        np.testing.assert_array_equal(x, y)


def test_from_torch_does_not_mark_what_it_was_given():
    function = jaxsched.LambdaLR(0.1, lambda k: 0.5).lr_lambda
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer(), function)
    assert from_torch(scheduler).position == 0
