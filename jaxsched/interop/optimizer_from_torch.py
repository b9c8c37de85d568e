"""Live optimizers of PyTorch as Optax transformations, and as their source."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import math
from collections.abc import Callable, Hashable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import jax
import numpy as np
import optax

from .._arguments import error
from .._groups import partitioned
from .._value import Value
from .live_optimizer import Driver, Group, label_of, read, same, scheduled_call
from .optimizer_calls import Call, Name, Node, built, functions, values, written

if TYPE_CHECKING:
    import torch

Labels: TypeAlias = Callable[[tuple[Any, ...], jax.Array], Hashable] | object
"""A pytree of labels, or a function of a path and a leaf."""


def optimizer_from_torch(
    optimizer: torch.optim.Optimizer,
    scheduler: object = None,
    *,
    labels: Labels = None,
    total_steps: int | None = None,
    steps_per_epoch: int | None = None,
) -> optax.GradientTransformationExtraArgs:
    """The Optax transformation that does what a live PyTorch optimizer does, driven by its scheduler.

    >>> import jax.numpy as jnp, torch
    >>> from jaxsched import current_lr, optimizer_from_torch
    >>> live = torch.optim.NAdam([torch.nn.Parameter(torch.zeros(2))], lr=0.5)
    >>> optimizer = optimizer_from_torch(live, torch.optim.lr_scheduler.StepLR(live, step_size=30))
    >>> params = jnp.zeros(2)
    >>> state = optimizer.init(params)
    >>> updates, state = optimizer.update(jnp.ones(2), state, params)
    >>> updates, current_lr(state)
    (Array([-0.528..., -0.528...], dtype=float32), Array(0.5, dtype=float32))

    Known are SGD, Adam, AdamW, NAdam, RAdam, Adamax, RMSprop, Adagrad, Adadelta, Rprop, ASGD, Adafactor and
    Muon. Where Optax has an equal with the right arguments, it is Optax's; the others are those of
    `jaxsched.optimizers`. `optax_code` shows which. In float64 the parameters after 1,000 updates are
    PyTorch's to 1e-12. Muon makes its iteration in bfloat16 in PyTorch, and so here.

    It begins where the training began: at the scheduler's count 0, with moments of 0. Go on in mid-training
    with the state that `optimizer_state_from_torch` makes.

    The parameters are to have PyTorch's layout where it matters: Muon scales by rows over columns (not with
    ``"match_rms_adamw"``) and Adafactor factors the last two axes, so that a transposed kernel is trained
    otherwise, and nothing here can know which one it is.

    Every leaf of the parameters is updated. PyTorch skips a parameter without a gradient, and neither counts
    nor decays it; a gradient of 0 is not that. Give what is frozen to ``optax.set_to_zero()``, in an
    ``optax.partition`` of the two.

    Args:
      optimizer: of the class itself, unchanged: its options are read off its groups, as they are now.
        How it computes (``foreach``, ``fused``, ``capturable``, ``differentiable``) changes nothing.
      scheduler: what `from_torch` takes. It drives the learning rate, and momentum or beta1 where it cycles
        them; a ReduceLROnPlateau is told the ``value`` of each update. Without one the learning rate in
        force stays, and can be set by hand in the state: so it is with a plateau that steps once an epoch.
      labels: for several groups that differ, a pytree of labels with the structure of the parameters or of
        its upper part, or a function of the path and the leaf of each parameter, that says its group: the
        index in ``optimizer.param_groups``, or the name where the group has the key ``name``.
      total_steps: as for `from_torch`.
      steps_per_epoch: as for `from_torch`, of a scheduler that steps once an epoch.

    Returns:
      A transformation. What changes, and the learning rate always, is in its state as
      ``optax.inject_hyperparams`` keeps it, under ``learning_rate``, ``momentum`` and ``b1``, where
      `current_lr` reads it; with labels there is such a state for each group. A number is rounded to JAX's
      default float type there.

    Raises:
      TypeError: the optimizer is of another class, also of one derived from these.
      ValueError: it was changed by hand, its groups differ and there are no labels, or `from_torch` cannot
        convert the scheduler; the message says what.
    """
    owner = "optimizer_from_torch"
    groups = read(owner, optimizer, Driver(scheduler, total_steps, steps_per_epoch))
    return transformation(owner, groups, None if labels is None else as_names(owner, labels, optimizer))


def transformation(owner: str, groups: list[Group], labels: object) -> optax.GradientTransformationExtraArgs:
    """What the groups do, each where the labels say so; without labels all of them must do the same."""
    if labels is None:
        _check_one(owner, groups)
        made: optax.GradientTransformationExtraArgs = built(scheduled_call(groups[0]))
        return made
    optimizers = {group.label: built(scheduled_call(group)) for group in groups}
    remedy = "It is the name of a group of the optimizer, or without a name its index."
    # What is frozen in PyTorch may be kept away from it here, by a partition around it.
    frozen = {group.label for group in groups if not any(p.requires_grad for p in group.params)}
    return partitioned(owner, optimizers, labels, remedy, frozen)


def optax_code(
    optimizer: torch.optim.Optimizer,
    scheduler: object = None,
    *,
    total_steps: int | None = None,
    steps_per_epoch: int | None = None,
) -> str:
    """The Python source that builds what `optimizer_from_torch` returns, with its imports.

    >>> import torch
    >>> from jaxsched import optax_code
    >>> live = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(2))], lr=0.1, eps=1e-6)
    >>> scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(live, T_max=100)
    >>> print(optax_code(live, scheduler))
    import optax
    from jaxsched import CosineAnnealingLR
    from jaxsched.optimizers import scheduled
    <BLANKLINE>
    optimizer = scheduled(
        lambda learning_rate: optax.adamw(
            learning_rate,
            b1=0.9,
            b2=0.999,
            eps=1e-06,
            weight_decay=0.01,
        ),
        learning_rate=CosineAnnealingLR(0.1, T_max=100),
    )
    <BLANKLINE>

    Args:
      optimizer: as for `optimizer_from_torch`.
      scheduler: as there.
      total_steps: as there.
      steps_per_epoch: as there.

    Returns:
      A module that defines ``optimizer``; of several groups that differ, a function ``make_optimizer`` of
      the labels.

    Raises:
      TypeError: as there.
      ValueError: as there, or a schedule holds a function, which has no source to write.
    """
    owner = "optax_code"
    groups = read(owner, optimizer, Driver(scheduler, total_steps, steps_per_epoch))
    one = same(groups)
    calls = {group.label: scheduled_call(group) for group in groups}
    node: Node = calls[groups[0].label] if one else Call("optax.partition", calls, Name("labels"))
    imports = _imports(owner, node)
    if one:
        return f"{imports}\n\noptimizer = {written(node, 0, 12)}\n"
    told = ", ".join(map(repr, calls))
    names = " They are names: indices are none." if isinstance(groups[0].label, str) else ""
    return (
        f"{imports}\n\n\ndef make_optimizer(labels):\n"
        f'    """With labels like the parameters, or their upper part: {told}.{names}"""\n'
        f"    return {written(node, 4, 7)}\n"
    )


def _check_one(owner: str, groups: list[Group]) -> None:
    if not same(groups):
        told = ", ".join(repr(group.label) for group in groups)
        raise ValueError(
            f"{owner}: labels must be given, got None. The {len(groups)} parameter groups differ: give a "
            f"pytree like the parameters, or a function of path and leaf, of {told}."
        )


def as_names(owner: str, labels: Any, optimizer: torch.optim.Optimizer) -> object:
    """With the names of groups for their indices, as Optax takes them."""
    names: Mapping[int, Hashable] = {
        index: label_of(group, index) for index, group in enumerate(optimizer.param_groups)
    }

    def name(label: Any) -> Any:
        if isinstance(label, str):
            return str.__str__(label)
        is_index = isinstance(label, (int, np.integer)) and not isinstance(label, bool)
        return names.get(int(label), label) if is_index else label

    if not callable(labels):
        return jax.tree.map(name, labels)
    try:
        inspect.signature(labels).bind((), None)
    except TypeError:
        remedy = "Write lambda path, leaf: …, which says the group of a leaf, or hand in a pytree."
        raise error(TypeError, owner, "labels", labels, "a function of a path and a leaf", remedy) from None
    except ValueError:  # it is written in C, and does not say
        pass
    return lambda params: jax.tree_util.tree_map_with_path(lambda *leaf: name(labels(*leaf)), params)


def _imports(owner: str, node: Node) -> str:
    """The lines that import what a source names, once all of it can be written."""
    called = functions(node)
    own = {name for name in called if "." not in name}
    found: dict[str, set[str]] = {"jaxsched.optimizers": own}
    for value in values(node):
        for home, name in _named(owner, value):
            found.setdefault(home, set()).add(name)
    standard = [f"from math import {', '.join(sorted(found.pop('math')))}\n"] if "math" in found else []
    lines = [f"from {home} import {', '.join(sorted(names))}" for home, names in sorted(found.items())]
    return "\n".join([*standard, *(["import optax"] if own != called else []), *lines])


def _named(owner: str, value: object) -> list[tuple[str, str]]:
    """The modules and names that the source of a value needs."""
    text = repr(value)
    kinds = {kind.__name__: kind for kind in _within(value)}
    homes = {name: kind.__module__ for name, kind in kinds.items()} | {"inf": "math", "nan": "math"}
    try:
        names = {node.id for node in ast.walk(ast.parse(text, mode="eval")) if isinstance(node, ast.Name)}
        again = eval(text, {"__builtins__": {}, "inf": math.inf, "nan": math.nan, **kinds})
        # NaN equals nothing.
        if again == value or (not kinds and repr(again) == text):
            return [(homes[name], name) for name in names]
    except (SyntaxError, NameError, TypeError, ValueError):
        pass
    raise ValueError(
        f"{owner}: scheduler must have a source that makes it again, got {text}. It holds a function or an "
        "array: write that part by hand, and take the rest from the source without a scheduler."
    )


def _within(value: object) -> set[type]:
    """The classes of a value and of all that it holds."""
    if isinstance(value, (tuple, list)):
        return set().union(*map(_within, value))
    if not isinstance(value, Value):
        return set()
    held = [getattr(value, field.name) for field in dataclasses.fields(value)]
    return {type(value)}.union(*map(_within, held))
