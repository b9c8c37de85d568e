"""braintools.optim: PyTorch's names, as objects that are stepped."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from ..cases import BaseSpec, ComparedCase
from .peer import Candidate, Values

_OTHER_NAMES = {"constant_with_warmup": "WarmupScheduler", "cosine": "WarmupCosineSchedule"}
"""Of the schedules of transformers."""

_OF_MOMENTUM = frozenset({"cycle_momentum", "base_momentum", "max_momentum"})
"""Arguments that say nothing of the learning rate."""

COMPILED_ANEW = 60
"""Counts of a SequentialLR, which compiles a program at each step: 65 ms."""


def find(case: ComparedCase) -> Candidate | None:
    library: Any = importlib.import_module("braintools.optim")
    setup = case.setup
    name = _OTHER_NAMES.get(case.scheduler, case.scheduler)
    if not _has(library, name, setup.spec) or setup.beside or case.arguments.get("num_cycles", 0.5) != 0.5:
        return None
    steps = min(case.steps, COMPILED_ANEW) if name == "SequentialLR" else case.steps
    if name == "WarmupCosineSchedule":
        warmup, training = case.arguments["num_warmup_steps"], case.arguments["num_training_steps"]
        steps = min(steps, training + 1)  # past the end PyTorch's comes up again
        if warmup >= training:
            return None
    told: Values = () if setup.metrics is None else setup.metrics[1]

    def applied(n: int) -> Values:
        live = _made(library, name, setup.spec, setup.base_lr)
        values = [live.current_lrs.value[0]]
        for k in range(n - 1):
            live.step(*told[k : k + 1])
            values.append(live.current_lrs.value[0])
        return values

    return Candidate(name, steps, applied)


def _has(library: Any, name: str, spec: BaseSpec) -> bool:
    """Whether there is such a class, and one for each member."""
    return hasattr(library, name) and all(_has(library, each.scheduler, each) for each in spec.members())


def _made(library: Any, name: str, spec: BaseSpec, base_lr: float) -> Any:
    given = {n: value for n, value in spec.arguments.items() if n not in _OF_MOMENTUM}
    if name == "WarmupScheduler":
        return library.WarmupScheduler(base_lr, warmup_epochs=given["num_warmup_steps"])
    if name == "WarmupCosineSchedule":
        steps = given["num_warmup_steps"], given["num_training_steps"]
        return library.WarmupCosineSchedule(base_lr, *steps)
    if any(True for _ in spec.members()):
        members = [_made(library, member.scheduler, member, base_lr) for member in given.pop("schedulers")]
        return getattr(library, name)(members, **given)
    own = "base_lr" in given or name == "OneCycleLR"
    return getattr(library, name)(*(() if own else (base_lr,)), **_plain(given))


def _plain(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in given.items()}
