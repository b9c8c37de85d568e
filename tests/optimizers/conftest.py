import jax
import pytest


@pytest.fixture(autouse=True)
def optax_may_promote(strict):
    """``optax.adam`` raises a number to a power that is a count, which is forbidden where all is strict.

    What ours do there is in test_alone.py.
    """
    with jax.numpy_dtype_promotion("standard"):
        yield
