"""Where a live optimizer of PyTorch stands, as the state of the transformation that goes on from there."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.tree_util import GetAttrKey, keystr

from .._arguments import error
from .._schedule import Schedule
from ..optimizers._leaves import check_arrays
from ..optimizers.scheduled import is_plateau
from .live_optimizer import Driver, Group, position, read
from .optimizer_from_torch import Labels, as_names, transformation

if TYPE_CHECKING:
    import torch

_OWNER = "optimizer_state_from_torch"

Place: TypeAlias = str | tuple[str, Sequence[int]]
"""A path, and which axes of PyTorch's become the axes of JAX's."""


def optimizer_state_from_torch(
    optimizer: torch.optim.Optimizer,
    params: Any,
    scheduler: object = None,
    *,
    names: Mapping[str | int, Place],
    labels: Labels = None,
    total_steps: int | None = None,
    steps_per_epoch: int | None = None,
) -> Any:
    """The state with which `optimizer_from_torch` goes on where a PyTorch optimizer stands.

    With ``steps_per_epoch`` in the middle of an epoch the optimizer's own count says in which update. SGD,
    Muon and a plateau have none: with those, go on at the beginning of an epoch.

    A checkpoint is loaded into PyTorch's optimizer first, as for going on there.

    >>> import jax.numpy as jnp, torch
    >>> from jaxsched import optimizer_from_torch, optimizer_state_from_torch
    >>> weight = torch.nn.Parameter(torch.zeros(2, 3))
    >>> live = torch.optim.Adam([("fc.weight", weight)], lr=0.1)
    >>> weight.sum().backward()
    >>> live.step()
    >>> params = {"fc": {"kernel": jnp.array(weight.detach().numpy().T)}}  # a copy
    >>> optimizer = optimizer_from_torch(live)
    >>> state = optimizer_state_from_torch(live, params, names={"fc.weight": ("fc/kernel", (1, 0))})
    >>> updates, state = optimizer.update(params, state, params)

    Args:
      optimizer: as for `optimizer_from_torch`.
      params: the parameters as a pytree of JAX.
      scheduler: as there, and also one of another class than those that `from_torch` knows, which has
        stepped: of what is recorded, only the count and the rate in force are looked at.
      names: for each parameter of PyTorch its path in ``params``, as ``"fc/kernel"``, or the path and the
        axes of PyTorch's array in the order they have there, as ``("fc/kernel", (1, 0))`` for a transposed
        matrix. A parameter's name is the one that the optimizer was given, with
        ``model.named_parameters()``; without names it is its index, counted through all groups as in
        ``state_dict()``. What PyTorch does not update, because it is frozen or has never had a gradient, can
        be left out; in ``params`` there is then ``optax.MaskedNode()`` in its place, or nothing.
      labels: as for `optimizer_from_torch`.
      total_steps: as there.
      steps_per_epoch: as there.

    Returns:
      The state, of the structure and the types that ``optimizer_from_torch(…).init(params)`` has.

    Raises:
      TypeError: as `optimizer_from_torch`.
      ValueError: as there; or a parameter has no place, a place no parameter or another shape; or the
        parameters of a group have made different numbers of updates, which this state has no place for; or
        at least twice as many as the scheduler steps, and ``steps_per_epoch`` is not given; or
        the optimizer does something else to transposed arrays.
    """
    if hasattr(params, "optimizer") or hasattr(params, "last_epoch"):
        remedy = "Call optimizer_state_from_torch(optimizer, params, scheduler, names=…)."
        raise error(TypeError, _OWNER, "params", params, "a pytree of arrays", remedy)
    check_arrays(_OWNER, "params", params)
    groups = read(_OWNER, optimizer, Driver(scheduler, total_steps, steps_per_epoch, resumes=True))
    told = None if labels is None else as_names(_OWNER, labels, optimizer)
    start = transformation(_OWNER, groups, told).init(params)
    saved = _saved(optimizer, params, names)
    if labels is None:
        one = dataclasses.replace(groups[0], params=tuple(p for group in groups for p in group.params))
        return _filled(start, one, saved, steps_per_epoch)
    _check_labels(told, params, groups, saved)
    inner = {
        group.label: optax.MaskedState(
            _filled(start.inner_states[group.label].inner_state, group, saved, steps_per_epoch)
        )
        for group in groups
    }
    return start._replace(inner_states=inner)


@dataclasses.dataclass(frozen=True)
class _Saved:
    """What PyTorch keeps of the parameter that has a place."""

    name: str | int
    tensor: torch.Tensor
    state: Mapping[str, Any]
    axes: tuple[int, ...]

    def moment(self, key: str, like: jax.Array) -> jax.Array:
        """In the order of JAX's axes; as it begins, where PyTorch has none yet."""
        import torch

        turned = self.axes[-2:] == (len(self.axes) - 1, len(self.axes) - 2)
        if turned and key in _FACTORS:
            key = _FACTORS[key]  # the rows here are the columns there
        if self.state.get(key) is None:
            return like
        found = self.state[key].detach().cpu().to(torch.float64).numpy().transpose(self.axes)
        if found.shape != like.shape:
            raise ValueError(
                f"{_OWNER}: names[{self.name!r}] must lead to a parameter of the same shape, got "
                f"{found.shape} for its {key}, which has {like.shape} there. Say how the axes change places, "
                "as in ('fc/kernel', (1, 0))."
            )
        return jnp.asarray(found.astype(like.dtype))


_FACTORS = {"row_var": "col_var", "col_var": "row_var"}


def _saved(
    optimizer: torch.optim.Optimizer, params: Any, names: Mapping[str | int, Place]
) -> dict[tuple[Any, ...], _Saved]:
    """By the path in JAX's tree, what PyTorch keeps."""
    if not isinstance(names, Mapping):
        remedy = 'Write it like {"fc.weight": ("fc/kernel", (1, 0))}.'
        raise error(TypeError, _OWNER, "names", names, "a mapping from names to paths", remedy)
    leaves = dict(jax.tree_util.tree_leaves_with_path(params))
    paths = {keystr(path, simple=True, separator="/"): path for path in leaves}
    found: dict[tuple[Any, ...], _Saved] = {}
    known = _names(optimizer)
    for name in names:
        if name not in known:
            allowed = f"names of the optimizer's parameters, {', '.join(map(repr, known))}"
            remedy = "An optimizer made of model.named_parameters() has names, any other indices."
            raise error(ValueError, _OWNER, "names", name, allowed, remedy)
    for name, tensor in known.items():
        if name not in names:
            if _rests(optimizer, tensor):
                continue
            raise ValueError(
                f"{_OWNER}: names must have a place for each parameter, got none for {name!r}. Add its path: "
                f"one of {', '.join(paths)}."
            )
        _check_trained(optimizer, name, tensor)
        text, axes = _place(name, names[name])
        if text not in paths or paths[text] in found:
            allowed = f"a path of its own among {', '.join(paths)}"
            raise error(ValueError, _OWNER, f"names[{name!r}]", text, allowed, "Correct it.")
        order = tuple(range(tensor.ndim)) if axes is None else tuple(axes)
        if sorted(order) != list(range(tensor.ndim)):
            allowed = f"the {tensor.ndim} axes in another order"
            raise error(ValueError, _OWNER, f"names[{name!r}]", order, allowed, "Write a transposition.")
        _check_axes(optimizer, name, tensor, order)
        _check_values(name, tensor, order, leaves[paths[text]])
        found[paths[text]] = _Saved(name, tensor, optimizer.state.get(tensor, {}), order)
    untold = [text for text, path in paths.items() if path not in found]
    if untold:
        raise ValueError(
            f"{_OWNER}: params must have only what the optimizer has, got {untold[0]}, to which no name "
            "leads. Leave it out, or put optax.MaskedNode() in its place if it is frozen."
        )
    return found


def _rests(optimizer: torch.optim.Optimizer, tensor: torch.Tensor) -> bool:
    """Whether PyTorch does not update a parameter: it is frozen, or never had a gradient when others had."""
    return not tensor.requires_grad or (not optimizer.state.get(tensor) and any(optimizer.state.values()))


def _check_trained(optimizer: torch.optim.Optimizer, name: str | int, tensor: torch.Tensor) -> None:
    """Whether the state of a frozen parameter's group would move that, too."""
    group = next(g for g in optimizer.param_groups if any(p is tensor for p in g["params"]))
    others = any(optimizer.state.get(p) for p in group["params"])
    if not tensor.requires_grad and not optimizer.state.get(tensor) and others:
        raise ValueError(
            f"{_OWNER}: names must lead to parameters that are trained, and {name!r} is frozen: it has "
            f"requires_grad=False, and PyTorch keeps nothing of it. {_FROZEN}"
        )


_FROZEN = (
    "Leave it out of names, put optax.MaskedNode() in its place in params, and give it to "
    "optax.set_to_zero() in an optax.partition of the two: docs/optimizers.md shows how."
)


def _place(name: str | int, place: Any) -> tuple[str, Sequence[int] | None]:
    if isinstance(place, str):
        return place, None
    if isinstance(place, (tuple, list)) and len(place) == 2 and isinstance(place[0], str):
        return place[0], place[1]
    remedy = "Join the keys with a slash."
    raise error(TypeError, _OWNER, f"names[{name!r}]", place, "'fc/kernel' or ('fc/kernel', (1, 0))", remedy)


def _check_values(name: str | int, tensor: torch.Tensor, axes: tuple[int, ...], leaf: Any) -> None:
    """Whether a square matrix is only equal when it is turned: its moments would lie the wrong way, too."""
    square = tensor.ndim == 2 and tensor.shape[0] == tensor.shape[1]
    if not square or not isinstance(leaf, (np.ndarray, jax.Array)) or isinstance(leaf, jax.core.Tracer):
        return
    theirs = tensor.detach().cpu().double().numpy().transpose(axes)
    ours = np.asarray(leaf, np.float64)

    def near(x: np.ndarray) -> bool:
        return x.shape == ours.shape and bool(np.allclose(x, ours, rtol=1e-2, atol=1e-30))

    if near(theirs.T) and not near(theirs):
        turned = "no axes" if axes == (1, 0) else "(1, 0)"
        raise ValueError(
            f"{_OWNER}: names[{name!r}] must say how the axes change places, and the parameter is PyTorch's "
            f"with the axes the other way round. Give it {turned}."
        )


def _check_labels(labels: Any, params: Any, groups: Sequence[Group], saved: Mapping[Any, _Saved]) -> None:
    """Whether the labels say of each parameter the group that PyTorch has it in."""
    told = labels(params) if callable(labels) else labels
    whole = jax.tree.map(lambda label, part: jax.tree.map(lambda _: label, part), told, params)
    of = dict(jax.tree_util.tree_leaves_with_path(whole))
    for path, kept in saved.items():
        group = next(g for g in groups if any(p is kept.tensor for p in g.params))
        if path in of and of[path] != group.label:
            raise ValueError(
                f"{_OWNER}: labels must say of {keystr(path, simple=True, separator='/')} that it is in the "
                f"group {group.label!r}, as names has it, got {of[path]!r}. Correct one of the two."
            )


def _names(optimizer: torch.optim.Optimizer) -> dict[str | int, torch.Tensor]:
    found: dict[str | int, torch.Tensor] = {}
    for group in optimizer.param_groups:
        own = group.get("param_names") or range(len(found), len(found) + len(group["params"]))
        found |= dict(zip(own, group["params"], strict=True))
    return found


def _check_axes(
    optimizer: torch.optim.Optimizer, name: str | int, tensor: torch.Tensor, axes: tuple[int, ...]
) -> None:
    """Whether the optimizer does the same to the transposed array."""
    kind, shape = type(optimizer).__name__, tuple(tensor.shape)
    if axes == tuple(range(len(shape))):
        return
    group = next(g for g in optimizer.param_groups if any(p is tensor for p in g["params"]))
    scaled = kind == "Muon" and group["adjust_lr_fn"] != "match_rms_adamw" and shape[0] != shape[1]
    last = set(axes[-2:]) == {len(shape) - 1, len(shape) - 2}
    if scaled or (kind == "Adafactor" and not last):
        why = "scales by rows over columns" if scaled else "factors the last two axes"
        raise ValueError(
            f"{_OWNER}: names[{name!r}] must keep the axes, got {axes} for the shape {shape}. {kind} {why}, "
            "and does something else to the transposed array. Keep PyTorch's order in the JAX tree."
        )


def _filled(
    start: Any, group: Group, saved: Mapping[tuple[Any, ...], _Saved], steps_per_epoch: int | None
) -> Any:
    """The state of ``scheduled``, with PyTorch's moments, counts and rates."""
    mine = [x for x in saved.values() if any(x.tensor is p for p in group.params)]
    row = group.row

    def one(path: tuple[Any, ...], leaf: jax.Array) -> jax.Array:
        for place, kept in saved.items():
            before = path[: len(path) - len(place)]
            if path[len(before) :] == place and _field(before) in row.moments:
                return kept.moment(row.moments[_field(before)], leaf)
        return _agreed(row.scalars[_field(path)], mine, leaf)

    inner = jax.tree_util.tree_map_with_path(one, start.inner_state)
    updates = max((int(x.state["step"]) for x in mine if "step" in x.state), default=0)
    total = updates
    values, states = dict(start.hyperparams), dict(start.hyperparams_states)
    for name, each in group.driven.items():
        if is_plateau(each):
            states[name] = jax.tree.map(
                lambda x, like: jnp.asarray(x, like.dtype), each.position, states[name]
            )
            values[name] = jnp.array(each.position.lr, values[name].dtype, copy=True)
        elif isinstance(each, Schedule):
            begun = position(each) or 0
            _check_steps(begun, updates, steps_per_epoch)
            # A scheduler of epochs knows only when its epoch began; most optimizers count the updates.
            count = updates if begun < updates < begun + (steps_per_epoch or 1) else begun
            total = count
            states[name] = states[name]._replace(count=jnp.asarray(count, np.int32))
            values[name] = jnp.asarray(each.on_host(max(count - 1, 0)), values[name].dtype)
    return start._replace(
        count=jnp.asarray(total, np.int32), hyperparams=values, hyperparams_states=states, inner_state=inner
    )


def _check_steps(begun: int, updates: int, steps_per_epoch: int | None) -> None:
    """Whether a scheduler looks as if it were stepped once per epoch, and nobody has said so."""
    if steps_per_epoch is None and 0 < 2 * begun <= updates:
        raise ValueError(
            f"{_OWNER}: steps_per_epoch must be given where the scheduler is not stepped after each update: "
            f"the optimizer has made {updates} updates, and the scheduler {begun} steps. Give the number of "
            f"updates between two steps, about {updates // begun}, here and to optimizer_from_torch; or 1 if "
            "from now on each update is a step."
        )


def _field(path: tuple[Any, ...]) -> str:
    return path[-1].name if path and isinstance(path[-1], GetAttrKey) else ""


Told: TypeAlias = str | Callable[[Mapping[str, Any]], float]
"""What PyTorch calls a number, or how it is told."""


def _agreed(told: Told, mine: list[_Saved], leaf: jax.Array) -> jax.Array:
    """A number that is one for the whole group."""
    if not any(x.state for x in mine):
        return leaf
    numbers = {x.name: float(told(x.state) if callable(told) else x.state.get(told, 0)) for x in mine}
    if len(set(numbers.values())) > 1:
        (first, one), (other, two) = next(
            (a, b) for a in numbers.items() for b in numbers.items() if a[1] != b[1]
        )
        raise ValueError(
            f"{_OWNER}: the parameters of a group must have made the same updates, and {first!r} stands at "
            f"{one:g} and {other!r} at {two:g}. PyTorch skips a parameter that has no gradient. Give those "
            "that stand elsewhere a group of their own in PyTorch, and if one is not trained any more: "
            f"{_FROZEN[0].lower()}{_FROZEN[1:]}"
        )
    return jnp.asarray(next(iter(numbers.values())), leaf.dtype)
