"""Parameter groups: every labelled part of the parameters with a schedule of its own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping
from typing import Any, TypeAlias

import jax
import optax
from jax.typing import ArrayLike

from ._arguments import Real, error
from ._schedule import Schedule
from .optimizers.scheduled import scheduled

Group: TypeAlias = Callable[[jax.Array], ArrayLike] | float | jax.Array | Mapping[str, object]
"""What a group is given: a schedule, a number, or all of its settings."""


def by_group(
    make_optimizer: Callable[..., optax.GradientTransformation],
    groups: Mapping[Any, Group],
    labels: object,
) -> optax.GradientTransformationExtraArgs:
    """One optimizer in which each group of parameters has its own schedule.

    Equals a PyTorch optimizer with parameter groups, each stepped by its own scheduler or,
    which is the same, by one scheduler with a list of ``base_lr``, ``max_lr``, … : make one
    schedule for each group.

    >>> import jax.numpy as jnp, optax
    >>> from jaxsched import CosineAnnealingLR, by_group, current_lr
    >>> optimizer = by_group(
    ...     optax.adamw,
    ...     {"backbone": CosineAnnealingLR(0.01, T_max=100), "head": CosineAnnealingLR(0.1, T_max=100)},
    ...     labels={"conv": "backbone", "dense": "backbone", "out": "head"},
    ... )
    >>> params = {"conv": jnp.zeros(3), "dense": jnp.zeros(2), "out": jnp.zeros(2)}
    >>> current_lr(optimizer.init(params))
    {'backbone': Array(0.01, dtype=float32), 'head': Array(0.1, dtype=float32)}

    A group's other settings go in a mapping, as in PyTorch, and may be schedules, too:

    >>> from jaxsched import OneCycleLR
    >>> peak = OneCycleLR(0.1, total_steps=100)
    >>> optimizer = by_group(
    ...     optax.adamw,
    ...     {
    ...         "backbone": CosineAnnealingLR(0.01, T_max=100),
    ...         "head": {"learning_rate": peak, "b1": peak.momentum, "weight_decay": 0.0},
    ...     },
    ...     labels={"conv": "backbone", "dense": "backbone", "out": "head"},
    ... )

    Args:
      make_optimizer: ``optax.adamw``, ``functools.partial(optax.sgd, momentum=0.9)``, or any
        function that takes a learning rate first and returns a transformation. It sees the
        learning rate of an update, not the schedule.
      groups: for each label a schedule, a number, or a mapping of ``make_optimizer``'s
        arguments with ``"learning_rate"`` among them. The learning rate and every schedule
        are put in the optimizer's state by ``optax.inject_hyperparams``, where `current_lr`
        reads them; all else is passed on as it is, and keeps all its digits.
      labels: a pytree of labels with the structure of the parameters or of its upper part,
        or a function that makes one from the parameters.

    Returns:
      A transformation. Its ``init`` raises ValueError if a parameter has no group, or a
      group no parameter.

    Raises:
      ValueError: an argument is out of its range, or a group has no learning rate.
      TypeError: an argument is of the wrong type.
    """
    if not callable(make_optimizer):
        remedy = "Pass the function itself, like optax.adamw."
        raise error(TypeError, "by_group", "make_optimizer", make_optimizer, "a function", remedy)
    if not isinstance(groups, Mapping):
        remedy = 'Write it like {"backbone": slow, "head": fast}.'
        raise error(TypeError, "by_group", "groups", groups, "a mapping from labels to schedules", remedy)
    if not groups:
        raise error(ValueError, "by_group", "groups", groups, "a mapping with labels", "Give at least one.")
    optimizers = {label: _optimizer(make_optimizer, label, group) for label, group in groups.items()}
    return partitioned("by_group", optimizers, labels, "Give the label a schedule in groups.")


def partitioned(
    owner: str,
    optimizers: Mapping[Any, optax.GradientTransformation],
    labels: object,
    remedy: str,
    maybe_without: Collection[Hashable] = (),
) -> optax.GradientTransformationExtraArgs:
    """``optax.partition``, whose ``init`` raises unless all parameters and groups belong together.

    Groups that are maybe without parameters need none.
    """
    made = optax.partition(optimizers, labels)

    def init(params: object) -> object:
        told = labels(params) if callable(labels) else labels
        _check_labels(owner, told, optimizers, params, remedy, maybe_without)
        return made.init(params)

    return optax.GradientTransformationExtraArgs(init, made.update)


def _optimizer(
    make_optimizer: Callable[..., optax.GradientTransformation], label: Hashable, group: Group
) -> optax.GradientTransformation:
    arguments = dict(group) if isinstance(group, Mapping) else {"learning_rate": group}
    if "learning_rate" not in arguments:
        remedy = "Only its schedule can tell how fast it learns."
        raise error(ValueError, "by_group", f"groups[{label!r}]", group, 'given a "learning_rate"', remedy)
    if not callable(arguments["learning_rate"]):
        check = Real(remedy="Give a schedule, or a number to keep.")
        arguments["learning_rate"] = check("by_group", f"groups[{label!r}]", arguments["learning_rate"])
    injected = {n: x for n, x in arguments.items() if n == "learning_rate" or isinstance(x, Schedule)}
    fixed = {n: x for n, x in arguments.items() if n not in injected}

    def make(learning_rate: jax.Array, **others: jax.Array) -> optax.GradientTransformation:
        return make_optimizer(learning_rate, **fixed, **others)

    return scheduled(make, **injected)


def _check_labels(
    owner: str,
    labels: object,
    groups: Collection[Hashable],
    params: object,
    remedy: str,
    maybe_without: Collection[Hashable],
) -> None:
    """Raises unless every parameter has a group and every group a parameter."""
    seen: list[tuple[tuple[object, ...], object]] = []

    def look(path: tuple[object, ...], label: object, part: object) -> None:
        if jax.tree.leaves(part):
            seen.append((path, label))

    try:
        jax.tree_util.tree_map_with_path(look, labels, params)
    except ValueError as reason:
        raise ValueError(
            f"{owner}: labels must have the structure of the parameters, or of its upper part, got "
            f"{jax.tree.structure(labels)}. Make them from the parameters, with jax.tree.map_with_path."
        ) from reason
    for path, label in seen:
        if not isinstance(label, Hashable) or label not in groups:
            where = f"labels{jax.tree_util.keystr(path)}"
            allowed = "one of " + ", ".join(map(repr, groups))
            raise error(ValueError, owner, where, label, allowed, remedy)
    used = {label for _, label in seen}
    for label in groups:
        if label not in used and label not in maybe_without:
            raise ValueError(
                f"{owner}: groups must have parameters, got none with the label {label!r}. "
                "Remove the group, or correct the labels."
            )
