"""Where a scheduler of PyTorch stands: at a count, or in the state of one that looks at a metric."""

from __future__ import annotations

from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np

from .._arguments import describe
from ..by_metric.carried import split
from ..by_metric.reduce_lr_on_plateau import PlateauState, ReduceLROnPlateau
from ..hugging_face import GreedyLR, GreedyState
from .source import Source


def position(s: Source) -> int:
    """At which count it stands; a chain where the member does that has stepped least."""
    if s.members and s.name == "ChainedScheduler":
        return min(map(position, s.members))
    count = s["last_epoch"]
    if isinstance(count, bool) or not isinstance(count, (int, float)) or not count >= 0:
        raise ValueError(
            f"from_torch: {s.name}.last_epoch must be a number >= 0, got {describe(count)}. It is the count "
            "at which the scheduler stands."
        )
    return int(count)


def state(machine: ReduceLROnPlateau | GreedyLR, s: Source) -> PlateauState | GreedyState:
    """What one that looks at a metric has seen, at the learning rate in force."""
    return _plateau(machine, s) if isinstance(machine, ReduceLROnPlateau) else _greedy(machine, s)


def _plateau(plateau: ReduceLROnPlateau, s: Source) -> PlateauState:
    start = plateau.init()
    return start._replace(
        best=jnp.asarray(s.number("best"), start.best.dtype),
        num_bad_epochs=jnp.asarray(int(s.number("num_bad_epochs")), np.int32),
        cooldown_counter=jnp.asarray(int(s.number("cooldown_counter")), np.int32),
        last_epoch=jnp.asarray(int(s.number("last_epoch")), np.int32),
    )


def _greedy(greedy: GreedyLR, s: Source) -> GreedyState:
    start = greedy.init()
    average = s.attributes.get("_streaming_avg")
    average = average if isinstance(average, Mapping) else vars(average) if average else {}
    values = average.get("values", [])
    window = np.zeros(start.window.shape)
    window[len(window) - len(values) :] = values
    with jax.enable_x64(True):
        carried = {
            name: split(jnp.asarray(x, np.float64), start.lr.dtype)
            for name, x in (("lr", s.lr), ("best", s.number("best")), ("total", average.get("sum", 0.0)))
        }
    counters = ("num_bad_epochs", "num_good_epochs", "cooldown_counter", "warmup_counter", "reset_start")
    return start._replace(
        **{name: first for name, (first, _) in carried.items()},
        **{f"{name}_rest": rest for name, (_, rest) in carried.items()},
        **{name: jnp.asarray(int(s.number(name)), np.int32) for name in (*counters, "last_epoch")},
        window=jnp.asarray(window, start.window.dtype),
        seen=jnp.asarray(len(values), np.int32),
    )
