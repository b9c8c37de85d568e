"""Instructions of a schedule compiled for a TPU, which libtpu does without one."""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.experimental.topologies
import jax.numpy as jnp

from . import trajectories
from .harness import OURS, Goal, LeftOutError, Race, together

TOPOLOGY = "v5e:2x2"
ENVIRONMENT = {
    "JAX_PLATFORMS": "cpu",
    "TPU_SKIP_MDS_QUERY": "1",
    "TPU_ACCELERATOR_TYPE": "v5litepod-4",
    "TPU_WORKER_HOSTNAMES": "localhost",
    "ALLOW_MULTIPLE_LIBTPU_LOAD": "1",  # there is no TPU that two processes could fight for
}

STEPS = 100_000
"""Length of the run that the schedules are made for."""

FIRST_VERSION = {
    "StepLR": 3311,
    "MultiStepLR": 1605,
    "LinearLR": 431,
    "PolynomialLR": 328,
    "PolynomialLR power=0.9": 4466,
    "ExponentialLR": 1580,
    "CosineAnnealingLR": 2713,
    "OneCycleLR": 1376,
    "SequentialLR": 3114,
    "CosineAnnealingWarmRestarts": 2699,
}
"""Instructions of jaxsched's first version (5c081bb; SequentialLR: 3f38407), with libtpu 0.0.51 and
JAX 0.10.2."""

# Why a goal is missed, where it is.
WALLS = (
    "The first version did not promise the same bits in every mode; the walls around its roundings came on "
    "top. More than half is the remainder of two 64-bit integers, which a TPU emulates."
)


def scalar_count() -> jax.ShapeDtypeStruct:
    """One count, on a TPU that is not here."""
    topology = jax.experimental.topologies.get_topology_desc(TOPOLOGY, platform="tpu")
    sharding = jax.sharding.SingleDeviceSharding(topology.devices[0])
    return jax.ShapeDtypeStruct((), jnp.int32, sharding=sharding)


def cost(schedule: Callable[[Any], Any], count: jax.ShapeDtypeStruct) -> dict[str, float]:
    """Instructions of the compiled program, and XLA's own estimate of what they take."""
    program = jax.jit(schedule).lower(count).compile()
    instructions = re.findall(r"^ +(?:ROOT )?%?[\w.-]+ = ", program.as_text() or "", re.MULTILINE)
    estimate: Any = program.cost_analysis()
    keys = ("flops", "bytes accessed", "optimal_seconds")
    return {"instructions": len(instructions)} | {key: estimate.get(key, 0.0) for key in keys}


def compiled() -> dict[str, dict[str, dict[str, float]]]:
    """The cost of each scheduler, ours and Optax's."""
    count = scalar_count()
    return {
        trajectories.name(contest): {
            OURS: cost(contest.case.schedule(), count),
            "optax": cost(contest.optax, count),
        }
        for contest in trajectories.contests(STEPS)
    }


def races(quick: bool) -> Iterator[tuple[str, Callable[[], Race]]]:
    for contest in trajectories.contests(STEPS):
        label = trajectories.name(contest)
        yield f"TPU instructions {label}", functools.partial(_race, label)


def _race(label: str) -> Race:
    ours, theirs = (_compiled()[label][name] for name in (OURS, "optax"))
    counted = {OURS: ours["instructions"], "first version": FIRST_VERSION[label]}
    note = "; ".join(
        f"{name}: {cost['instructions']:,.0f} instructions, cost_analysis {cost['flops']:,.0f} flops, "
        f"{cost['bytes accessed']:,.0f} bytes"
        for name, cost in ((OURS, ours), ("optax", theirs))
    )
    sides = together(lambda: counted, list(counted))
    goals = [Goal("first version", 1.0, WALLS)]
    return Race(f"TPU instructions {label}", sides, goals, unit="integer", turns=1, note=note)


@functools.cache
def _compiled() -> dict[str, dict[str, dict[str, float]]]:
    """`compiled`, in a process of its own: this one has JAX on its CPU."""
    if not importlib.util.find_spec("libtpu"):
        raise LeftOutError("It takes no TPU, but libtpu: pip install libtpu, on x86-64 Linux.")
    command = [sys.executable, "-m", __name__]
    found = subprocess.run(command, check=True, stdout=subprocess.PIPE, env={**os.environ, **ENVIRONMENT})
    return json.loads(found.stdout)  # type: ignore[no-any-return]


if __name__ == "__main__":
    print(json.dumps(compiled()))
