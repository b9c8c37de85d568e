"""Reading the learning rate that an optimizer has applied, out of its state."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Hashable, Mapping
from typing import Any, TypeAlias, cast

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.typing import ArrayLike

from ._schedule import Schedule

Rate: TypeAlias = jax.Array | np.ndarray | float
"""A learning rate: JAX's in a state, NumPy's from the host, a number where a user's function returns one."""


Function: TypeAlias = Callable[[jax.Array], ArrayLike]


def current_lr(
    opt_state: object, *, schedule: Function | Mapping[Hashable, Function] | None = None
) -> Rate | dict[Hashable, Rate]:
    """The learning rate that the last update applied; before any, that of the first.

    >>> import jax.numpy as jnp, optax
    >>> from jaxsched import StepLR, current_lr
    >>> schedule = StepLR(0.1, step_size=1, gamma=0.5)
    >>> optimizer = optax.chain(
    ...     optax.clip_by_global_norm(1.0),
    ...     optax.inject_hyperparams(optax.adamw)(learning_rate=schedule),
    ... )
    >>> params = jnp.zeros(2)
    >>> state = optimizer.init(params)
    >>> for k in range(3):
    ...     _, state = optimizer.update(jnp.ones(2), state, params)
    ...     print(k, current_lr(state))
    0 0.1
    1 0.05
    2 0.025

    It is found in any Optax state, however nested, that holds it: that of
    ``inject_hyperparams``, or one with a field ``lr``. ``optax.adamw(schedule)`` holds only
    a count. Pass the schedule, too, and it is evaluated there, on the host:

    >>> optimizer = optax.adamw(schedule)
    >>> _, state = optimizer.update(jnp.ones(2), optimizer.init(params), params)
    >>> print(current_lr(state, schedule=schedule))
    0.1

    Under ``optax.MultiSteps`` and ``optax.apply_if_finite`` the last update is the last one
    that was made; micro-batches between two, and refused ones, change nothing.

    A factor that another transformation applies on top of the learning rate, like that of
    ``optax.contrib.reduce_on_plateau``, is not part of it. What is injected as ``learning_rate``
    is taken to be applied to all parameters, and a group that keeps no state to be a frozen one,
    like ``optax.set_to_zero()``: a fixed rate within either is in no state.

    Args:
      opt_state: the state of an Optax transformation; also ``opt_state`` of ``nnx.Optimizer``
        or ``TrainState``. It may be traced.
      schedule: the schedule that the optimizer was made with, for a state that holds no
        learning rate; of several groups a dict from their labels.

    Returns:
      The array that the state holds: a traced one if the state is traced; with a schedule of
      this package and a state that is not, a NumPy array. It starts no program on the device.

      For ``by_group``, ``optax.partition`` and ``optax.multi_transform``, if several groups
      have a learning rate, a dict from their labels. (A label within a label is a tuple.)

    Raises:
      ValueError: the state has no learning rate, or several that no label tells apart; or a group has one
        that is not in the state; or a schedule scales what has a learning rate already.
    """
    _check_one_for_all(opt_state)
    rates: list[tuple[tuple[Any, ...], Rate]] = list(_find(opt_state, _learning_rate))
    counts = _find(opt_state, _count)
    held = {_label(path) for path, _ in rates}
    twice = [path for path, _ in counts if _label(path) in held]
    if twice:
        raise ValueError(
            "current_lr: opt_state must hold one learning rate, or one for each label, got one and, at "
            f"opt_state{jax.tree_util.keystr(twice[0])}, the count of a schedule that may scale the same "
            "updates. Give the schedule to the optimizer as its learning_rate, or pass the part of the state "
            "that you mean."
        )
    places = [path for path, _ in (*rates, *counts)]
    if len(set(map(_label, places))) < len(places):
        raise ValueError(
            "current_lr: opt_state must hold one learning rate, or one for each label, got several: "
            f"{', '.join(f'opt_state{jax.tree_util.keystr(path)}' for path in places)}. "
            "Pass the part of the state that you mean."
        )
    if not rates and schedule is not None and not counts:
        raise ValueError(
            "current_lr: opt_state must hold the count of a schedule, got none "
            f"({type(opt_state).__name__}). Make the optimizer like optax.adamw(schedule)."
        )
    if not rates and schedule is None:
        raise ValueError(
            f"current_lr: opt_state must hold a learning rate, got none ({type(opt_state).__name__}). "
            "Make the optimizer like optax.inject_hyperparams(optax.adamw)(learning_rate=schedule), "
            "or pass schedule=."
        )
    rates += [(path, _scheduled(schedule, _label(path), count, len(places))) for path, count in counts]
    untold = _without(opt_state, {_label(path) for path, _ in rates})
    if untold:
        raise ValueError(
            f"current_lr: opt_state must hold a learning rate for each label, got none for {untold[0]!r}. "
            "Make its optimizer like optax.inject_hyperparams(optax.adamw)(learning_rate=…), or pass the "
            "part of the state that you mean."
        )
    return rates[0][1] if len(rates) == 1 else {_label(path): rate for path, rate in rates}


def _check_one_for_all(opt_state: object) -> None:
    """Whether what is called the learning rate is that of all parameters, as far as a state can tell.

    Raises:
      ValueError: there is another one beside it or within it.
    """
    for path, node in _nodes(opt_state, lambda node: _learning_rate(node) is not None):
        others = [n for n in getattr(node, "hyperparams", ()) if n != "learning_rate" and _LIKE_A_RATE(n)]
        within = _find(getattr(node, "inner_state", ()), lambda x: _first(_learning_rate(x), _count(x)))
        beside = [f"hyperparams[{name!r}]" for name in others]
        beside += [f"inner_state{jax.tree_util.keystr(inner)}" for inner, _ in within]
        if beside:
            raise ValueError(
                "current_lr: opt_state must hold one learning rate, or one for each label, got "
                f"'learning_rate' and, at opt_state{jax.tree_util.keystr(path)}, {', '.join(beside)}. "
                "Pass the part of the state that you mean, or read its hyperparams."
            )
    masked = _nodes(opt_state, lambda node: isinstance(node, optax.MaskedState))
    masked = [(path, node) for path, node in masked if _label(path) == ()]
    told = [bool(_find(node, lambda x: _first(_learning_rate(x), _count(x)))) for _, node in masked]
    for (path, node), tells in zip(masked, told, strict=True):
        keeps = [x for x in jax.tree.leaves(node, is_leaf=_is_empty) if not isinstance(x, optax.EmptyState)]
        empties = len(jax.tree.leaves(node, is_leaf=_is_empty))
        frozen = not keeps and empties <= 1  # set_to_zero, or a decay
        if any(told) and not tells and not frozen:
            raise ValueError(
                "current_lr: opt_state must hold a learning rate for all parameters, got one for some, and "
                f"none at opt_state{jax.tree_util.keystr(path)}, which is masked too. Make its optimizer "
                "like optax.inject_hyperparams(optax.adamw)(learning_rate=…), or the groups by by_group, or "
                "pass the part of the state that you mean."
            )


_LIKE_A_RATE = re.compile(r"(^|_)(lr|learning_rate)(_|$)").search


def _first(*found: object) -> object:
    return next((each for each in found if each is not None), None)


def _is_empty(node: object) -> bool:
    return isinstance(node, optax.EmptyState)


def _nodes(opt_state: object, wanted: Callable[[object], bool]) -> list[tuple[tuple[Any, ...], Any]]:
    """The outermost nodes of a kind, and where."""
    nodes, _ = jax.tree_util.tree_flatten_with_path(opt_state, is_leaf=wanted)
    return [(path, node) for path, node in nodes if wanted(node)]


def _scheduled(
    schedule: Function | Mapping[Hashable, Function] | None, label: Hashable, count: jax.Array, number: int
) -> Rate:
    """What the schedule of a group has applied."""
    if isinstance(schedule, Mapping) and label in schedule:
        schedule = schedule[label]
    elif schedule is None or isinstance(schedule, Mapping) or number > 1:
        given = "a dict without it" if isinstance(schedule, Mapping) else "one" if schedule else "none"
        raise ValueError(
            f"current_lr: schedule must be a dict with the schedule of the label {label!r}, of which the "
            f"state holds only the count, got {given}. Or make its optimizer like "
            "optax.inject_hyperparams(optax.adamw)(learning_rate=schedule)."
        )
    # cast: what a function calls ArrayLike may be complex; a learning rate is not.
    return cast(Rate, _at(schedule, count))


def _without(opt_state: object, found: set[Hashable]) -> list[Hashable]:
    """The labels of groups that are trained, with a learning rate that is nowhere in the state."""
    missing: list[Hashable] = []
    nodes, _ = jax.tree_util.tree_flatten_with_path(
        opt_state, is_leaf=lambda node: isinstance(node, optax.EmptyState) or node is None
    )
    groups: dict[Hashable, list[object]] = {}
    for path, node in nodes:
        if _label(path) != ():
            groups.setdefault(_label(path), []).append(node)
    for label, states in groups.items():
        frozen = len(states) == 1 and isinstance(states[0], optax.EmptyState)  # set_to_zero
        if label not in found and not frozen and not any(_within(each, label) for each in found):
            missing.append(label)
    return missing


def _within(inner: Hashable, outer: Hashable) -> bool:
    """Whether one label stands within the other."""
    first, second = (x if isinstance(x, tuple) else (x,) for x in (inner, outer))
    return first[: len(second)] == second or second[: len(first)] == first


def _find(opt_state: object, get: Callable[[object], object]) -> list[tuple[tuple[object, ...], jax.Array]]:
    """What ``get`` finds in the states in a state, outermost ones first, and where."""
    nodes, _ = jax.tree_util.tree_flatten_with_path(opt_state, is_leaf=lambda node: get(node) is not None)
    found = [(path, get(node)) for path, node in nodes]
    # What is found may be a node itself: nnx keeps each array of the state in a Variable.
    return [(path, jax.tree.leaves(x)[0]) for path, x in found if x is not None]


def _learning_rate(node: Any) -> object:
    fields = getattr(node, "_fields", ())
    if "hyperparams" in fields and isinstance(node.hyperparams, Mapping):
        return node.hyperparams.get("learning_rate")
    return node.lr if "lr" in fields else None


def _count(node: object) -> object:
    return node.count if isinstance(node, optax.ScaleByScheduleState) else None


def _at(schedule: Callable[[jax.Array], ArrayLike], count: jax.Array) -> ArrayLike:
    """The value that the update before a count has applied."""
    if isinstance(count, jax.core.Tracer):
        return schedule(jnp.where(count > 0, count - 1, 0))
    known = np.asarray(count)
    before = np.where(known > 0, known - 1, 0)
    return schedule.on_host(before) if isinstance(schedule, Schedule) else schedule(jnp.asarray(before))


def _label(path: tuple[Any, ...]) -> Hashable:
    """The label of the parameter group that a path leads through."""
    labels = tuple(
        entry.key
        for before, entry in itertools.pairwise(path)
        if getattr(before, "name", None) == "inner_states"
    )
    return labels[0] if len(labels) == 1 else labels
