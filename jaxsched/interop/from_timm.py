"""timm's schedulers, read off a live one."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from .. import timm
from .._schedule import Schedule
from ..timm import PlateauLRScheduler

_MODULE = "timm.scheduler."


_PLATEAU = {"decay_rate": "factor", "patience_t": "patience", "cooldown_t": "cooldown"}
"""What PyTorch's plateau, which does the work within timm's, calls it."""


def recognized(scheduler: object, group: int) -> Schedule | PlateauLRScheduler | None:
    """The schedule of one parameter group of a live scheduler of timm's; None if it is none, or has noise.

    It begins at count 0: timm's schedulers keep no count.
    """
    kind = getattr(timm, type(scheduler).__name__, None)
    if kind is None or not type(scheduler).__module__.startswith(_MODULE):
        return None
    kept = vars(scheduler)
    options = kept["optimizer"].param_groups[group]
    if kept.get("noise_range_t") is not None:
        return None
    base_lr, scale = kept["base_values"][group], options.get("lr_scale", 1.0)  # that of layer decay
    if scale != 1.0:
        scaled: dict[str, Any] = {
            name: kept[name] * scale for name in ("lr_min", "warmup_lr_init") if name in kept
        }
        kept, base_lr = {**kept, **scaled}, base_lr * scale
    if kind is PlateauLRScheduler:
        within = vars(kept["lr_scheduler"])
        kept = {**kept, **{ours: within[theirs] for ours, theirs in _PLATEAU.items()}}
        kept |= {"threshold": within["threshold"], "mode": within["mode"], "lr_min": within["min_lrs"][group]}
    names = [field.name for field in dataclasses.fields(kind) if field.name != "base_lr"]
    try:
        made: Schedule | PlateauLRScheduler = kind(base_lr, **{name: _whole(kept[name]) for name in names})
    except (KeyError, TypeError, ValueError):  # what another version has otherwise, or ours does not take
        return None
    return made


def check_new(scheduler: object) -> None:
    """Whether a live scheduler of timm's is at its start, as far as that can be seen.

    Raises:
      ValueError: it is not. timm's schedulers keep no count, so nobody can say where it is.
    """
    if not type(scheduler).__module__.startswith(_MODULE):
        return
    kept = vars(scheduler)
    for options, base in zip(kept["optimizer"].param_groups, kept["base_values"], strict=False):
        first = kept.get("warmup_lr_init") if kept.get("warmup_t") else base
        now, scale = (
            float(options.get(kept.get("param_group_field", "lr"), 0.0)),
            options.get("lr_scale", 1.0),
        )
        if first is not None and not any(math.isclose(now, x, rel_tol=1e-9) for x in (first, first * scale)):
            raise ValueError(
                f"from_torch: {type(scheduler).__name__} must be as it was made, with the learning rate "
                f"{first!r}, got one with {now!r}: it has been stepped, and timm's schedulers keep no count. "
                "Convert a new one, and go on with StartingAt(schedule, count)."
            )


def _whole(value: object) -> object:
    """timm's command line counts in floats, too; a whole one is meant as the integer where that is wanted."""
    return int(value) if isinstance(value, float) and value.is_integer() and value >= 1 else value
