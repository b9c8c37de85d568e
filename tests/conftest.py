"""JAX and Hypothesis as all tests see them."""

import os

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax  # noqa: E402  (reads JAX_PLATFORMS)
from hypothesis import settings  # noqa: E402

# Two devices, so that sharding is tested where there is only a CPU, too.
jax.config.update("jax_num_cpu_devices", 2)
# A library must not lean on promotions that its users may have forbidden.
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")

settings.register_profile("default", max_examples=25, deadline=None)
settings.register_profile("long", max_examples=2000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
