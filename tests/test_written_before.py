"""Pickles and dicts that an earlier program wrote still load, whatever has moved since."""

import base64
import json
import pathlib
import pickle

import jax
import numpy as np
import pytest
from catalogue import CATALOGUE

import jaxsched
from jaxsched._value import Value

# Written by jaxsched at commit 62b3324: of every schedule in the catalogue, and of both state machines.
WRITTEN = json.loads((pathlib.Path(__file__).parent / "data" / "values.json").read_text())
PICKLED = {name: written for name, written in WRITTEN.items() if "pickle" in written}
DICTS = {name: written for name, written in WRITTEN.items() if "dict" in written}
NAMES = {**vars(jaxsched), **vars(jaxsched.hugging_face)}


@pytest.mark.parametrize("name", PICKLED)
def test_a_pickle_loads(name):
    value = pickle.loads(base64.b64decode(PICKLED[name]["pickle"]))
    if "repr" in PICKLED[name]:
        assert repr(value) == PICKLED[name]["repr"]
    if name in CATALOGUE:
        assert value == CATALOGUE[name]
    assert type(value) is NAMES.get(type(value).__name__, type(value))


@pytest.mark.parametrize("name", DICTS)
def test_a_dict_loads(name):
    value = Value.from_dict(DICTS[name]["dict"])
    assert repr(value) == DICTS[name]["repr"]
    assert value.to_dict() == DICTS[name]["dict"]
    if name in CATALOGUE:
        assert value == CATALOGUE[name]


def test_a_pickled_state_goes_on():
    state = pickle.loads(base64.b64decode(WRITTEN["plateau-state"]["pickle"]))
    plateau = Value.from_dict(WRITTEN["plateau"]["dict"])
    again, new = plateau.step(state, 1.0), plateau.step(plateau.init(), 1.0)
    assert type(again) is type(new) is jaxsched.PlateauState
    for x, y in zip(jax.tree.leaves(again), jax.tree.leaves(new), strict=True):
        np.testing.assert_array_equal(x, y)
