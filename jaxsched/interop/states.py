"""Where a scheduler of PyTorch stands: at a count, or in the state of one that looks at a metric."""

from __future__ import annotations

from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np

from ..hugging_face import GreedyLR, GreedyState
from ..schedulers._carried import split
from ..schedulers.reduce_lr_on_plateau import PlateauState, ReduceLROnPlateau
from .source import Source


def position(s: Source) -> int:
    """At which count it stands; a chain where its members do."""
    return int(s.number("last_epoch")) if "last_epoch" in s.attributes else position(s.members[0])


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
