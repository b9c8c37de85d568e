"""docs/training.md does what it says."""

import pathlib
import re

import jax
import pytest

import parity

PAGE = (pathlib.Path(__file__).parents[2] / "docs" / "training.md").read_text()
LOOP, TWINS, SAID = re.findall(r"^```\w*\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture(autouse=True)
def _as_users_have_it():
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


def defined(code):
    names = {"__name__": "mine"}
    exec(compile(code, "training.md", "exec"), names)
    return names


def numbers_aside(text):
    return re.sub(r"\d\.\d+(e-\d+)?", "…", text)


def test_the_twins_part_as_it_says():
    names = defined(TWINS)
    found = str(parity.compare_training(names["torch_twin"], names["flax_twin"], steps=50))
    assert numbers_aside(found).startswith(numbers_aside(SAID).rstrip())


def test_with_the_decay_they_stay_together():
    names = defined(TWINS.replace("optax.adamw(schedule)", "optax.adamw(schedule, weight_decay=0.01)"))
    parity.assert_training_parity(names["torch_twin"], names["flax_twin"], steps=50)


def test_the_loop():
    mine = defined(LOOP)["mine"]
    parity.assert_training_parity(mine, mine, steps=100)
