"""The mode matrix sees what one way of calling does not show."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxsched
from parity import answers, modes
from parity.comparison import Curves

RIGHT = jaxsched.CosineAnnealingLR(0.1, T_max=60)


def off(value):
    return jnp.nextafter(value, jnp.ones_like(value))


BROKEN = {
    "jit": lambda k: off(RIGHT(k)) if k.shape else RIGHT(k),
    "scan": lambda k: off(RIGHT(k)) if not k.shape and k.dtype == np.int32 else RIGHT(k),
    "uint32": lambda k: off(RIGHT(k)) if k.dtype == np.uint32 else RIGHT(k),
    "x64": lambda k: off(RIGHT(k).astype(np.float32)) if k.dtype == np.int64 else RIGHT(k),
}


def matrix(schedule, steps=500):
    counts = np.arange(steps, dtype=np.int32)
    values = RIGHT.on_host(counts)
    found = Curves(counts, values, values.astype(np.float64), ())
    return modes.matrix([schedule, RIGHT], [found, found])


def test_nothing_to_find():
    assert [set(row.values()) for row in matrix(RIGHT)] == [{0}, {0}]
    assert list(matrix(RIGHT)[0]) == ["jit", "scan", "resumed", "uint32", "x64"]


@pytest.mark.parametrize("mode", BROKEN)
def test_found_in_its_mode(mode):
    broken, right = matrix(BROKEN[mode])
    assert broken[mode] > 0
    assert set(right.values()) == {0}


def test_short_trajectories():
    assert [set(row.values()) for row in matrix(RIGHT, steps=3)] == [{0}, {0}]


def test_every_kind_of_device():
    assert set(answers.devices()) >= {"cpu", jax.default_backend()}
