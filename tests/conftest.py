"""JAX and Hypothesis as all tests see them."""

import gc
import os
import pathlib

os.environ.setdefault("JAX_PLATFORMS", "cpu")
# Of PyTorch's threads: tests run side by side, and several in each would wait for one another.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# What was compiled is kept for the next run, and for the processes that tests start: most of the time goes
# into compiling. A program that changed in the least is another one to JAX.
os.environ.setdefault(
    "JAX_COMPILATION_CACHE_DIR", str(pathlib.Path(__file__).parents[1] / ".pytest_cache" / "programs")
)
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")

from parity import _quiet

# isort: split
import jax
import pytest
from hypothesis import settings

# Eight devices, so that sharding is tested where there is only a CPU, too.
jax.config.update("jax_num_cpu_devices", 8)
_quiet.begin()

# Nearly a million objects are made before the first test, and are still there after the last: to look through
# them again and again for what nobody holds took a tenth of the time.
gc.disable()

settings.register_profile("default", max_examples=25, deadline=None)
settings.register_profile("long", max_examples=2000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


def pytest_collection_finish() -> None:
    """From here on only what tests make is looked through."""
    gc.freeze()
    gc.set_threshold(100_000)
    gc.enable()


@pytest.fixture(autouse=True)
def strict():
    """A library must not lean on promotions that its users may have forbidden.

    Not set for good: the doctests run in the same process, and are as users see them.
    """
    with jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        yield


_compiled: list[str] = []


def _listen(event: str, duration: float, **_: object) -> None:
    if event == "/jax/core/compile/backend_compile_duration":
        _compiled.append(event)


# For good: the oldest JAX cannot unregister one.
jax.monitoring.register_event_duration_secs_listener(_listen)


@pytest.fixture
def compilations():
    """A list that grows by one with every program compiled."""
    _compiled.clear()
    return _compiled
