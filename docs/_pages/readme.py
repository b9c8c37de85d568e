"""``python -m docs._pages.readme``: the README's picture. Part of `make docs`."""

from __future__ import annotations

import pathlib
from typing import Any

import jax
import numpy as np
import optax
import torch

import jaxsched

from .pictures import save

FOLDER = pathlib.Path(__file__).parents[1]
STEPS = 20


def curves() -> dict[str, Any]:
    """Learning rates: PyTorch's, stepped; Optax's, compiled; and those of what `from_torch` makes."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, total_steps=STEPS)
    schedule = jaxsched.from_torch(scheduler)
    pytorch = []
    for _ in range(STEPS):
        pytorch.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if len(pytorch) < STEPS:
            scheduler.step()
    counts = np.arange(STEPS)
    with jax.numpy_dtype_promotion("standard"):  # as users have it; Optax needs it
        theirs = jax.jit(jax.vmap(optax.cosine_onecycle_schedule(STEPS, 0.1)))(counts)
    return {"pytorch": np.asarray(pytorch), "optax": np.asarray(theirs), "jaxsched": schedule.on_host(counts)}


def draw(axes: Any, colours: dict[str, str]) -> None:
    found = curves()
    counts = np.arange(STEPS)
    axes.plot(
        counts,
        found["pytorch"],
        color=colours["pytorch"],
        linewidth=6,
        alpha=0.7,
        label="PyTorch's OneCycleLR",
    )
    axes.plot(counts, found["optax"], color=colours["other"], label="Optax's cosine_onecycle_schedule")
    axes.plot(
        counts,
        found["jaxsched"],
        color=colours["ours"],
        marker="o",
        markersize=3,
        label="jaxsched.from_torch(…)",
    )
    axes.set(
        xlabel="count of updates", ylabel="learning rate", xlim=(0, STEPS - 1), xticks=range(0, STEPS, 5)
    )
    axes.legend()


if __name__ == "__main__":
    save(FOLDER, "readme", draw, (7.0, 2.8))
