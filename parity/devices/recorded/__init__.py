"""Compiled programs, written down: for what must work where no compiler is.

``python -m parity.devices.recorded`` compiles all anew but those of earlier versions.
"""

from __future__ import annotations

import dataclasses
import gzip
import json
import pathlib
from collections.abc import Mapping

import jaxsched

from ..compiler import Texts
from ..targets import BY_NAME, Target

FOLDER = pathlib.Path(__file__).parent


@dataclasses.dataclass(frozen=True)
class Recorded:
    """A schedule, and what it was compiled to."""

    schedule: jaxsched.Schedule
    target: Target
    texts: Texts


@dataclasses.dataclass(frozen=True)
class Recipe:
    """What is written down under a name."""

    schedule: jaxsched.Schedule
    target: str

    lasting: bool = False
    """Whether it is of an earlier version of jaxsched, and not compiled anew."""

    faulty: bool = False


RECIPES: Mapping[str, Recipe] = {
    "linear.tpu-v5e": Recipe(jaxsched.LinearLR(0.1, start_factor=0.25, total_iters=30), "tpu:v5e"),
    "exponential.tpu-v5e": Recipe(jaxsched.ExponentialLR(0.1, gamma=0.999), "tpu:v5e"),
    "cosine.cuda-h100": Recipe(jaxsched.CosineAnnealingLR(0.1, T_max=100, eta_min=1e-4), "cuda:h100"),
    "exponential.cuda-h100": Recipe(jaxsched.ExponentialLR(0.1, gamma=0.999), "cuda:h100"),
    # By a formula, in which numbers are rounded to whole ones.
    "exponential_formula.cuda-h100": Recipe(
        jaxsched.ExponentialLR(0.1, gamma=0.9), "cuda:h100", lasting=True
    ),
    # In its rounding to float32 was 2.0**149, which a pair of float32 cannot hold: instead of 0 there came
    # 3.5762787e-07.
    "linear_to_zero.tpu-v5e": Recipe(
        jaxsched.LinearLR(0.1, start_factor=1.0, end_factor=0.0, total_iters=10),
        "tpu:v5e",
        lasting=True,
        faulty=True,
    ),
}


def load(name: str) -> Recorded:
    """What is written down under this name."""
    recipe = RECIPES[name]
    texts: Texts = json.loads(gzip.decompress(_path(name).read_bytes()))
    return Recorded(recipe.schedule, BY_NAME[recipe.target], texts)


def _path(name: str) -> pathlib.Path:
    return FOLDER / f"{name}.json.gz"


def write(name: str, texts: Texts) -> None:
    """Writes a program down."""
    text = json.dumps(texts, indent=0, sort_keys=True)
    _path(name).write_bytes(gzip.compress(text.encode(), 9, mtime=0))
