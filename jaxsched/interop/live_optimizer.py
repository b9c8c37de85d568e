"""A live optimizer of PyTorch, read: what it is, group by group, and what drives it."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from .._arguments import describe, error
from .._schedule import Schedule
from ..composed.per_epoch import PerEpoch
from ..optimizers.scheduled import is_plateau
from ..schedulers.constant_lr import ConstantLR
from ..schedulers.recorded import Recorded
from .answer import Asked, Quantity, answer
from .optimizer_calls import Call, Function, Name, Node, written
from .optimizer_rows import REFUSED, ROWS, Row
from .replay import Remembered
from .wrappers import opened

if TYPE_CHECKING:
    import torch

_ELSEWHERE = ("foreach", "fused", "capturable", "differentiable")
"""How an update is computed, and not what."""

_OF_SCHEDULERS = ("initial_lr", "max_lr", "min_lr", "base_momentum", "max_momentum", "swa_lr")
"""What schedulers keep in a group, and tell `from_torch`."""

_NAMES = ("name", "params", "param_names")

_LATER = (
    *("step", "grad_scale", "found_inf", "_opt_called", "_step_count", "_step_supports_amp_scaling"),
    *("_need_device_dtype_check_for_fused", "_warned_capturable_if_run_uncaptured"),
)
"""What PyTorch puts into an optimizer after it was made, or with ``fused``."""


@dataclasses.dataclass(frozen=True)
class Driver:
    """A scheduler, and how it is read."""

    scheduler: object
    total_steps: int | None
    steps_per_epoch: int | None
    resumes: bool = False
    """Whether only what comes from now on matters."""
    replay: Remembered = dataclasses.field(default_factory=Remembered)

    def schedule(self, owner: str, group: int, quantity: Quantity = "lr") -> Any:
        """What `from_torch` makes of something in a group of the optimizer."""
        live = opened(self.scheduler, self.steps_per_epoch)
        asked = Asked(group, self.total_steps, quantity=quantity, replay=self.replay).in_steps_of(live.every)
        try:
            return live.in_updates(answer(live.scheduler, asked))
        except ValueError as reason:
            if "resume must be True" not in str(reason):
                raise
            if self.resumes:
                rest = answer(live.scheduler, dataclasses.replace(asked, resume=True))
                return live.in_updates(_with_a_past(rest))
            name = type(self.scheduler).__name__
            raise ValueError(
                f"{owner}: scheduler must stand at its beginning, since a {name} is recorded, step by step, "
                "and got one that has stepped. Make both anew, the optimizer and the scheduler, as the "
                "training began, and convert those. optimizer_state_from_torch takes this one, to go on."
            ) from reason


def _with_a_past(rest: Any) -> Any:
    """A recording from now on, at the counts of the whole training. What was before is not known."""
    with jax.enable_x64(True):
        values = rest.on_host(np.maximum(np.arange(-rest.position, len(rest)), 0))
    return Recorded(values.tolist())._standing_at(rest.position)


@dataclasses.dataclass(frozen=True)
class Group:
    """One parameter group."""

    label: Hashable
    """Its name, or its index."""
    node: Call
    """What equals it."""
    driven: Mapping[str, Any]
    """What the calls take as hyperparameters that change: schedules, plateaus, numbers."""
    row: Row
    params: tuple[torch.Tensor, ...]


def read(owner: str, optimizer: torch.optim.Optimizer, driver: Driver) -> list[Group]:
    """Each parameter group of an optimizer of a known class, unchanged.

    Raises:
      TypeError: it is of another class.
      ValueError: it was changed by hand, or is not the scheduler's.
    """
    _check_order(owner, optimizer, driver.scheduler)
    name = _known(owner, optimizer)
    _unchanged(owner, name, optimizer)
    if driver.scheduler is not None:
        driving = getattr(opened(driver.scheduler, driver.steps_per_epoch).scheduler, "optimizer", optimizer)
        if driving is not optimizer:
            raise ValueError(
                f"{owner}: scheduler must drive the optimizer, and drives another {type(driving).__name__}. "
                "Hand in the optimizer that it was made with."
            )
    _check_names(owner, optimizer)
    _check_once(owner, optimizer)
    filled = [i for i, group in enumerate(optimizer.param_groups) if group["params"]]
    if not filled:
        raise ValueError(f"{owner}: optimizer must have parameters, got none in any of its groups. Add some.")
    groups = [_group(owner, name, optimizer, index, driver) for index in filled]
    labels = [group.label for group in groups]
    twice = [label for label in labels if labels.count(label) > 1]
    if twice:
        raise ValueError(
            f"{owner}: the name of a group must be its own, got {twice[0]!r} for {labels.count(twice[0])} of "
            "them. Change optimizer.param_groups[…]['name']."
        )
    return groups


def _check_order(owner: str, optimizer: Any, scheduler: Any) -> None:
    """Whether each argument is the one that it should be."""
    order = f"Call {owner}(optimizer, {'params, ' if 'state' in owner else ''}scheduler)."
    if hasattr(optimizer, "optimizer") and hasattr(scheduler, "param_groups"):
        raise TypeError(
            f"{owner}: optimizer must come before scheduler, got {type(optimizer).__name__} first and "
            f"{type(scheduler).__name__} after it. {order}"
        )
    if hasattr(optimizer, "optimizer") and hasattr(optimizer, "last_epoch"):
        raise TypeError(
            f"{owner}: optimizer must be an optimizer, got the scheduler {type(optimizer).__name__}. {order}"
        )
    for name, value in (("optimizer", optimizer), ("scheduler", scheduler)):
        if isinstance(value, type):
            remedy = "Hand in the object that the training steps, and not its class."
            raise error(TypeError, owner, name, value, "an object", remedy)
    if hasattr(scheduler, "param_groups") and not hasattr(scheduler, "optimizer"):
        raise TypeError(
            f"{owner}: scheduler must be a scheduler or None, got the optimizer {type(scheduler).__name__}. "
            f"{order}"
        )
    if isinstance(scheduler, Schedule):
        remedy = "Take the source that optax_code(optimizer) writes, and put it in for learning_rate."
        raise error(TypeError, owner, "scheduler", scheduler, "a live scheduler of PyTorch", remedy)


def label_of(group: Mapping[str, Any], index: int) -> str | int:
    """A group's name as plain text, also of ``np.str_`` and of enumerations that are text; or its index."""
    name = group.get("name")
    return index if name is None else str.__str__(name)


def _check_names(owner: str, optimizer: Any) -> None:
    names = [group.get("name") for group in optimizer.param_groups]
    for index, name in enumerate(names):
        if name is not None and not isinstance(name, str):
            number = isinstance(name, (int, float))
            why = "It would be read as an index" if number else "Labels are made of it"
            allowed, remedy = "no number" if number else "a string", f"param_groups[{index}]['name']"
            remedy = f"{why}: write optimizer.{remedy} as a string."
            raise error(ValueError, owner, "the name of a group", name, allowed, remedy)
    if None in names and any(name is not None for name in names):
        raise ValueError(
            f"{owner}: the names of groups must be there for all groups or for none, got "
            f"{', '.join(map(repr, names))}. Add or take out optimizer.param_groups[…]['name']."
        )


def _check_once(owner: str, optimizer: Any) -> None:
    seen = set()
    for index, group in enumerate(optimizer.param_groups):
        for p in group["params"]:
            if id(p) in seen:
                raise ValueError(
                    f"{owner}: a parameter must be in the optimizer once, got one of shape {tuple(p.shape)} "
                    f"twice, again in param_groups[{index}]. PyTorch updates it twice: list it once."
                )
            seen.add(id(p))


def _known(owner: str, optimizer: object) -> str:
    kind = type(optimizer)
    allowed = f"one of {', '.join(ROWS)} of torch.optim"
    home = getattr(kind, "__module__", "")
    if home.startswith("torch.optim") and kind.__name__ in REFUSED:
        raise TypeError(
            f"{owner}: optimizer must be {allowed}, got {kind.__name__}. {REFUSED[kind.__name__]}"
        )
    if home.startswith("torch.optim") and kind.__name__ in ROWS:
        return kind.__name__
    of = [base.__name__ for base in kind.__mro__ if base.__module__.startswith("torch.optim")]
    if of and of[0] in ROWS:
        remedy = f"It is a subclass of {of[0]} and may do something else; make a {of[0]} with its arguments."
    elif isinstance(optimizer, Mapping):
        remedy = "A state_dict says no class: make the optimizer, and load it into that."
    elif hasattr(optimizer, "optimizer"):
        remedy = "It has an optimizer within: hand in optimizer.optimizer."
    else:
        remedy = "Build it of Optax's parts by hand."
    # An optimizer prints all its groups.
    got = kind.__qualname__ if hasattr(optimizer, "param_groups") else describe(optimizer)
    raise TypeError(f"{owner}: optimizer must be {allowed}, got {got}. {remedy}")


def _unchanged(owner: str, name: str, optimizer: Any) -> None:
    import torch.optim.optimizer as base

    if any(getattr(base, f"_global_optimizer_{when}_hooks", None) for when in ("pre", "post")):
        raise ValueError(
            f"{owner}: optimizers must have no hooks, and torch.optim has one for all of them, which may "
            "change an update. Remove it, or build the optimizer by hand."
        )
    known = {*vars(_fresh(optimizer)), *_LATER}
    for attribute, value in vars(optimizer).items():
        if attribute in known:
            runs = attribute in ("_optimizer_step_pre_hooks", "_optimizer_step_post_hooks") and bool(value)
            if attribute == "step":
                # Schedulers put a function around it, with a mark, that calls the class's own.
                function = getattr(value, "__func__", value)
                own = getattr(function, "__wrapped__", None) is type(optimizer).step
                runs = not (own and hasattr(function, "_wrapped_by_lr_sched"))
            if not runs:
                continue
        raise ValueError(
            f"{owner}: {name}.{attribute} must be as {name} makes it, got {describe(value)}, which was put "
            "there by hand and may change an update. Remove it, or build the optimizer by hand."
        )


def _fresh(optimizer: Any, **options: Any) -> Any:
    """Another of its class, as PyTorch makes it."""
    import torch

    return type(optimizer)([torch.nn.Parameter(torch.zeros(1, 1))], **options)


def _number(value: Any) -> Any:
    """An option as Python has it; an array or tensor with one element is its number."""
    if getattr(value, "ndim", 0) and value.size != 1 and not hasattr(value, "is_leaf"):
        value = value.tolist()
    if isinstance(value, (tuple, list)):
        return tuple(map(_number, value))
    return value.item() if hasattr(value, "item") else value


def _options(owner: str, name: str, optimizer: Any, index: int) -> dict[str, Any]:
    """What a group has, checked by PyTorch's own constructor."""
    import torch

    row, group = ROWS[name], optimizer.param_groups[index]
    where = f"{name}.param_groups[{index}]"
    # What another version of PyTorch knows besides does nothing at its default.
    beside = _fresh(optimizer).param_groups[0]
    for key, value in group.items():
        known = key in ("lr", *row.options, *_ELSEWHERE, *_OF_SCHEDULERS, *_NAMES)
        if not known and not (key in beside and beside[key] == value):
            raise ValueError(
                f"{owner}: {where} must have nothing but what {name} knows, got {key!r}: {describe(value)}. "
                "It may change an update: remove it, or build the optimizer by hand."
            )
    given = {key: _number(group[key]) for key in ("lr", *row.options) if key in group}
    try:
        made = {key: x for key, x in given.items() if not (name == "AdamW" and key.startswith("decoupled"))}
        full = _fresh(optimizer, **made).param_groups[0]
    except (ValueError, TypeError, RuntimeError) as reason:
        raise ValueError(
            f"{owner}: {where} must have values that {name} takes, got {given}. PyTorch says: {reason}"
        ) from reason
    if name == "Adagrad":
        key = "initial_accumulator_value"  # which PyTorch looked at when the optimizer was made
        if group[key] != optimizer.defaults[key]:
            raise ValueError(
                f"{owner}: {where} must have the {key} that {name} was made with, "
                f"{optimizer.defaults[key]!r}, got {group[key]!r}. PyTorch takes no notice of another."
            )
    wide = [p for p in group["params"] if p.dtype.itemsize > 4]
    if wide and getattr(group["lr"], "dtype", None) == torch.float32:
        raise ValueError(
            f"{owner}: {where}['lr'] must have the digits of its parameters, got a tensor of float32 beside "
            f"{wide[0].dtype}. PyTorch computes in float32 with it: make it a number."
        )
    for p in group["params"]:
        if p.is_complex():
            raise ValueError(
                f"{owner}: {where} must have real parameters, got one of {p.dtype}. Split it into its parts."
            )
    options = {key: _number(full[key]) for key in row.options if key in full} | given
    narrow = [p.dtype for p in group["params"] if p.dtype.itemsize < 4]
    options["spacing"] = torch.finfo(narrow[0]).eps if narrow else None
    options["scalar_dtype"] = _scalar_dtype(optimizer, group)
    if "betas" in options:
        options["b1"], options["b2"] = options.pop("betas")
    return options


def _scalar_dtype(optimizer: Any, group: Mapping[str, Any]) -> str:
    """Of NAdam's ``mu_product``, and of ASGD's ``eta`` and ``mu``, as far as they keep its digits.

    They begin in the default float type; ``load_state_dict`` casts them to that of their parameter.
    """
    import torch

    begun = torch.float64 if torch.get_default_dtype() == torch.float64 else torch.float32
    kept = [optimizer.state.get(p, {}) for p in group["params"]]
    found = [state[key].dtype for state in kept for key in ("mu_product", "eta") if key in state]
    dtype = found[0] if found else begun
    if any("eta" in state for state in kept):  # each is made in the default type, and then cast
        dtype = min(dtype, begun, key=lambda each: each.itemsize)
    return str(dtype).rpartition(".")[2]


def _group(owner: str, name: str, optimizer: Any, index: int, driver: Driver) -> Group:
    options = _options(owner, name, optimizer, index)
    driven: dict[str, Any] = {"learning_rate": float(options["lr"])}
    momentum = "b1" if "b1" in options else "momentum"
    options["momentum_rests"] = False
    if driver.scheduler is not None:
        driven["learning_rate"] = driver.schedule(owner, index)
        if momentum in options and not is_plateau(driven["learning_rate"]):
            found = driver.schedule(owner, index, "momentum")
            if not _stays(found):
                driven[momentum], options[momentum] = found, Name(momentum)
                options["momentum_rests"] = _rests(found)
    parts = ROWS[name].parts(options)
    node = parts[0] if len(parts) == 1 else Call("optax.chain", *parts)
    label = label_of(optimizer.param_groups[index], index)
    return Group(label, node, driven, ROWS[name], tuple(optimizer.param_groups[index]["params"]))


def _stays(momentum: object) -> bool:
    momentum = _in_its_own_counts(momentum)
    return isinstance(momentum, ConstantLR) and bool(momentum.factor == 1)


def _in_its_own_counts(momentum: object) -> object:
    return momentum.schedule if isinstance(momentum, PerEpoch) else momentum


def _rests(momentum: object) -> bool:
    """Whether a momentum may be exactly 0, at which PyTorch leaves the buffer as it is."""
    cycle: Any = getattr(_in_its_own_counts(momentum), "of", None)
    if cycle is None:
        return True
    return 0 in (cycle.base_momentum, cycle.max_momentum)


def scheduled_call(group: Group) -> Call:
    """A group with what drives it."""
    function: Node = Function(tuple(group.driven), group.node)
    return Call("scheduled", function, **group.driven)


def same(groups: list[Group]) -> bool:
    """Whether all groups are one."""
    first = groups[0]
    return all(written(g.node) == written(first.node) and g.driven == first.driven for g in groups)


def position(learning_rate: object) -> int | None:
    """At which count a schedule of `from_torch` stands; None of what counts by itself."""
    stands = getattr(learning_rate, "position", None)
    return stands if isinstance(learning_rate, Schedule) and isinstance(stands, int) else None
