"""The examples are scripts: their folder is put where Python finds it when one is run."""

import pathlib
import sys

import jax
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "examples"))


@pytest.fixture(autouse=True)
def strict():
    """What the examples show is run as people run it: with JAX's own promotion."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield
