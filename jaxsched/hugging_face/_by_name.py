"""One call for all of them, by the names that transformers gives them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping
from typing import Literal, TypeAlias, overload

from .._arguments import describe
from .._numerics import Number, Whole
from .._schedule import Schedule
from ..by_metric.greedy_lr import GreedyLR
from ..by_metric.reduce_lr_on_plateau import ReduceLROnPlateau
from ..schedulers.constant_lr import ConstantLR
from .constant_with_warmup import ConstantWithWarmup
from .cosine_warmup_with_min_lr import CosineWarmupWithMinLR
from .cosine_with_min_lr import CosineWithMinLR
from .cosine_with_restarts import CosineWithRestarts
from .cosine_with_warmup import CosineWithWarmup
from .inverse_sqrt import InverseSqrt
from .linear_with_warmup import LinearWithWarmup
from .polynomial_decay_with_warmup import PolynomialDecayWithWarmup
from .warmup_stable_decay import WarmupStableDecay

Scheduler: TypeAlias = Schedule | ReduceLROnPlateau | GreedyLR
"""What `get_scheduler` returns: a function of the count, or one of the two that look at a metric."""

ByCount: TypeAlias = Literal[
    "linear",
    "cosine",
    "cosine_with_restarts",
    "polynomial",
    "constant",
    "constant_with_warmup",
    "inverse_sqrt",
    "cosine_with_min_lr",
    "cosine_warmup_with_min_lr",
    "warmup_stable_decay",
]
"""The names of those that are a function of the count alone."""

ByMetric: TypeAlias = Literal["reduce_lr_on_plateau", "greedy"]
"""The names of those that look at a metric."""

SCHEDULERS: Mapping[str, Callable[..., Scheduler]] = {
    "linear": LinearWithWarmup,
    "cosine": CosineWithWarmup,
    "cosine_with_restarts": CosineWithRestarts,
    "polynomial": PolynomialDecayWithWarmup,
    "constant": ConstantLR,
    "constant_with_warmup": ConstantWithWarmup,
    "inverse_sqrt": InverseSqrt,
    "reduce_lr_on_plateau": ReduceLROnPlateau,
    "cosine_with_min_lr": CosineWithMinLR,
    "cosine_warmup_with_min_lr": CosineWarmupWithMinLR,
    "warmup_stable_decay": WarmupStableDecay,
    "greedy": GreedyLR,
}


@overload
def get_scheduler(
    name: ByCount,
    base_lr: Number,
    num_warmup_steps: Whole | None = None,
    num_training_steps: Whole | None = None,
    scheduler_specific_kwargs: Mapping[str, object] | None = None,
) -> Schedule: ...
@overload
def get_scheduler(
    name: ByMetric,
    base_lr: Number,
    num_warmup_steps: Whole | None = None,
    num_training_steps: Whole | None = None,
    scheduler_specific_kwargs: Mapping[str, object] | None = None,
) -> ReduceLROnPlateau | GreedyLR: ...
@overload
def get_scheduler(
    name: str,
    base_lr: Number,
    num_warmup_steps: Whole | None = None,
    num_training_steps: Whole | None = None,
    scheduler_specific_kwargs: Mapping[str, object] | None = None,
) -> Scheduler: ...
def get_scheduler(
    name: str,
    base_lr: Number,
    num_warmup_steps: Whole | None = None,
    num_training_steps: Whole | None = None,
    scheduler_specific_kwargs: Mapping[str, object] | None = None,
) -> Scheduler:
    """The schedule that ``transformers.get_scheduler`` makes, as a value of jaxsched.

    >>> from jaxsched.hugging_face import get_scheduler
    >>> get_scheduler("cosine", 5e-5, num_warmup_steps=100, num_training_steps=1000)
    CosineWithWarmup(5e-05, num_warmup_steps=100, num_training_steps=1000)
    >>> get_scheduler("warmup_stable_decay", 5e-5, 100, 1000, {"num_decay_steps": 200})
    WarmupStableDecay(5e-05, num_warmup_steps=100, num_decay_steps=200, num_stable_steps=700)

    Args:
      name: as in transformers; its ``SchedulerType`` will do, too.
      base_lr: the optimizer's learning rate, finite and >= 0.
      num_warmup_steps: needed by all but ``"constant"`` and the two that look at a metric,
        which do not use it.
      num_training_steps: needed by those that end; the others do not use it.
      scheduler_specific_kwargs: what only this schedule has, such as ``num_cycles``.

    Returns:
      A schedule; for ``"reduce_lr_on_plateau"`` a `ReduceLROnPlateau`, for ``"greedy"`` a `GreedyLR`.

    Raises:
      ValueError: no schedule has the name, one of the two numbers is missing, or an argument is out of
        its range.
      TypeError: an argument is unknown, or of the wrong type.
    """
    name = getattr(name, "value", name)
    if name not in SCHEDULERS:
        raise ValueError(
            f"get_scheduler: name must be one of {', '.join(map(repr, SCHEDULERS))}, got {describe(name)}. "
            "Spell it exactly so."
        )
    if name == "constant":
        _refuse(name, scheduler_specific_kwargs, ())
        return ConstantLR(base_lr, factor=1.0)
    make = SCHEDULERS[name]
    _, *parameters = (name for name in inspect.signature(make).parameters if name != "position")
    given: dict[str, Whole | None] = {}
    for step, value in (("num_warmup_steps", num_warmup_steps), ("num_training_steps", num_training_steps)):
        if step not in parameters:
            continue
        parameters.remove(step)
        if value is None and name != "warmup_stable_decay":
            raise ValueError(f"get_scheduler: {step} must be given for {name!r}, got None. Count updates.")
        given[step] = value
    if name == "warmup_stable_decay" and num_warmup_steps is None:
        raise ValueError(
            f"get_scheduler: num_warmup_steps must be given for {name!r}, got None. Count updates."
        )
    _refuse(name, scheduler_specific_kwargs, parameters)
    return make(base_lr, **given, **(scheduler_specific_kwargs or {}))


def _refuse(name: str, given: Mapping[str, object] | None, known: Collection[str]) -> None:
    """Raises for what a schedule does not know."""
    for argument in given or {}:
        if argument not in known:
            allowed = f"one of {', '.join(known)}" if known else "empty"
            raise TypeError(
                f"get_scheduler: scheduler_specific_kwargs must be {allowed} for {name!r}, got {argument!r}. "
                "Remove it, or choose the schedule that has it."
            )
