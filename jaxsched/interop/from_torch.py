"""PyTorch's schedulers, alive or in a checkpoint, as jaxsched values."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, overload

import jax
import jax.numpy as jnp
import numpy as np

from .._arguments import describe
from .._functions import constant_value
from .._schedule import Schedule
from ..hugging_face import GreedyLR, GreedyState
from ..hugging_face._by_name import Scheduler
from ..schedulers._carried import split
from ..schedulers.chained_scheduler import ChainedScheduler
from ..schedulers.constant_lr import ConstantLR
from ..schedulers.cosine_annealing_lr import CosineAnnealingLR
from ..schedulers.cosine_annealing_warm_restarts import CosineAnnealingWarmRestarts
from ..schedulers.cyclic_lr import CyclicLR
from ..schedulers.exponential_lr import ExponentialLR
from ..schedulers.lambda_lr import LambdaLR
from ..schedulers.linear_lr import LinearLR
from ..schedulers.multi_step_lr import MultiStepLR
from ..schedulers.multiplicative_lr import MultiplicativeLR
from ..schedulers.one_cycle_lr import OneCycleLR
from ..schedulers.polynomial_lr import PolynomialLR
from ..schedulers.reduce_lr_on_plateau import PlateauState, ReduceLROnPlateau
from ..schedulers.sequential_lr import SequentialLR
from ..schedulers.starting_at import StartingAt
from ..schedulers.step_lr import StepLR
from ..schedulers.swa_lr import SWALR
from .from_transformers import MODULE, recognized

if TYPE_CHECKING:
    import torch


@dataclasses.dataclass(frozen=True)
class _Source:
    """One parameter group of a scheduler: what a live one and a checkpoint have in common."""

    name: str
    attributes: Mapping[str, Any]
    """``vars(scheduler)``, or its ``state_dict()``."""
    options: Mapping[str, Any]
    """The optimizer's parameter group."""
    group: int
    total_steps: int | None
    members: tuple[_Source, ...] = ()

    def __getitem__(self, attribute: str) -> Any:
        if attribute not in self.attributes:
            raise ValueError(
                f"from_torch: {self.name} must have the attribute {attribute}, and has not. "
                "Was it made by another version of PyTorch? Build the schedule by hand."
            )
        return self.attributes[attribute]

    def of_group(self, attribute: str) -> Any:
        """The group's entry of a list with one for each."""
        return self[attribute][self.group]

    @property
    def base_lr(self) -> float:
        return float(self.of_group("base_lrs"))


# What each class keeps, beside what all of them keep. Anything else is an error: it may
# change the learning rate, and nothing is to be lost.
_EVERY = frozenset({"optimizer", "_last_lr", "_is_initial", "_get_lr_called_within_step", "verbose"})
_COMMON = _EVERY | {"base_lrs", "last_epoch", "_step_count"}
_COMPOSITE = _EVERY | {"_schedulers"}


def _lambda(s: _Source) -> Schedule:
    return _function_of_count(s, LambdaLR)


def _multiplicative(s: _Source) -> Schedule:
    return _function_of_count(s, MultiplicativeLR)


def _function_of_count(s: _Source, make: type[LambdaLR] | type[MultiplicativeLR]) -> Schedule:
    function = s.of_group("lr_lambdas")
    if not callable(function):
        raise ValueError(
            f"from_torch: {s.name}.lr_lambda must be a function, got {describe(function)}. PyTorch saves "
            "functions to a checkpoint only when they are objects of a class: build the schedule by hand."
        )
    remedy = "say how many updates to tabulate"
    if make is LambdaLR:
        found = recognized(s.base_lr, function)
        if found is not None:
            return found
        why = _why_not_traced(function)
        if why is None:
            return LambdaLR(s.base_lr, function)
    elif constant_value(function) is not None:
        return MultiplicativeLR(s.base_lr, function)
    else:
        why = "The product of its values has no closed form"
    if s.total_steps is None:
        raise ValueError(
            f"from_torch: total_steps must be given for the function of {s.name}, got None. {why}: {remedy}."
        )
    return make(s.base_lr, function, total_steps=s.total_steps)


_SAMPLES = (*range(0, 128), 500, 999, 1_000, 4_096, 10_000, 99_999)
"""Counts at which a traced function is held against the Python one."""


def _why_not_traced(function: Callable[[Any], Any]) -> str | None:
    """Why JAX cannot have the function as it is; None if it computes what Python computes."""
    try:
        traced = LambdaLR(1.0, function)
    except TypeError:
        return "JAX cannot trace it"
    found = traced(np.asarray(_SAMPLES)).tolist()
    if all(_close(float(function(k)), value) for k, value in zip(_SAMPLES, found, strict=True)):
        return None
    return "Traced by JAX it is another function than in Python"


def _close(x: float, y: float) -> bool:
    """Equal but for the rounding of a float32 and of another library's last bits."""
    return x == y or abs(x - y) <= 1e-6 * max(abs(x), abs(y)) or abs(x - y) < 1e-37


def _step(s: _Source) -> Schedule:
    return StepLR(s.base_lr, s["step_size"], float(s["gamma"]))


def _multi_step(s: _Source) -> Schedule:
    milestones = [m for m, times in sorted(s["milestones"].items()) for _ in range(times)]
    return MultiStepLR(s.base_lr, milestones, float(s["gamma"]))


def _constant(s: _Source) -> Schedule:
    return ConstantLR(s.base_lr, s["factor"], s["total_iters"])


def _linear(s: _Source) -> Schedule:
    return LinearLR(s.base_lr, s["start_factor"], s["end_factor"], s["total_iters"])


def _exponential(s: _Source) -> Schedule:
    return ExponentialLR(s.base_lr, float(s["gamma"]))


def _polynomial(s: _Source) -> Schedule:
    return PolynomialLR(s.base_lr, s["total_iters"], s["power"])


def _cosine(s: _Source) -> Schedule:
    return CosineAnnealingLR(s.base_lr, s["T_max"], s["eta_min"])


def _restarts(s: _Source) -> Schedule:
    return CosineAnnealingWarmRestarts(s.base_lr, s["T_0"], s["T_mult"], s["eta_min"])


def _whole(s: _Source, name: str, value: float) -> int:
    if value != int(value):
        raise ValueError(
            f"from_torch: {s.name}.{name} must be a whole number, got {value!r}. "
            "Round it the way your training loop counts, and build the schedule by hand."
        )
    return int(value)


def _cyclic(s: _Source) -> Schedule:
    total, ratio = s["total_size"], s["step_ratio"]
    up = round(total * ratio, 6)
    momentum: dict[str, Any] = {"cycle_momentum": False}
    if s["cycle_momentum"]:
        names = ("base_momentum", "max_momentum")
        momentum = {name: float(s.of_group(f"{name}s")) for name in names}
    scale_fn = s["_scale_fn_custom"]
    if isinstance(scale_fn, Mapping):
        raise ValueError(
            f"from_torch: CyclicLR.scale_fn must be a function, got {describe(scale_fn)}. PyTorch saves only "
            "its attributes to a checkpoint: build the schedule by hand."
        )
    return CyclicLR(
        s.base_lr,
        float(s.of_group("max_lrs")),
        step_size_up=_whole(s, "step_size_up", up),
        step_size_down=_whole(s, "step_size_down", total - up),
        mode=s["mode"],
        gamma=float(s["gamma"]),
        scale_fn=scale_fn,
        # PyTorch sets this by itself for its own modes.
        scale_mode=s["scale_mode"] if scale_fn is not None else "cycle",
        **momentum,
    )


def _shortest(candidates: float, agrees: Callable[[float], bool]) -> float:
    """The number with the fewest digits that gives back what PyTorch has computed from it."""
    for digits in range(1, 18):
        x = float(f"{candidates:.{digits}g}")
        if agrees(x):
            return x
    return candidates


def _one_cycle(s: _Source) -> Schedule:
    phases = s["_schedule_phases"]
    total = s["total_steps"]
    options = s.options
    first, peak, last = (float(options[name]) for name in ("initial_lr", "max_lr", "min_lr"))
    end = phases[0]["end_step"]
    momentum: dict[str, Any] = {"cycle_momentum": False}
    if s["cycle_momentum"]:
        momentum = {name: float(options[name]) for name in ("base_momentum", "max_momentum")}
    # PyTorch keeps what it computed from these three, and not the numbers themselves.
    return OneCycleLR(
        peak,
        total_steps=total,
        pct_start=_shortest((end + 1) / total, lambda x: float(x * total) - 1 == end),
        anneal_strategy=s["_anneal_func_type"],
        div_factor=_shortest(peak / first, lambda x: peak / x == first),
        final_div_factor=_shortest(first / last, lambda x: first / x == last),
        three_phase=len(phases) == 3,
        **momentum,
    )


def _swa(s: _Source) -> Schedule:
    return SWALR(s.base_lr, float(s.options["swa_lr"]), s["anneal_epochs"], s["_anneal_strategy"])


def _members(s: _Source) -> list[Any]:
    return [_convert(member) for member in s.members]


def _sequential(s: _Source) -> Schedule:
    return SequentialLR(_members(s), list(s["_milestones"]))


def _chained(s: _Source) -> Schedule:
    members = _members(s)
    try:
        return ChainedScheduler(members)
    except ValueError:
        return ChainedScheduler(members, total_steps=s.total_steps)


def _plateau(s: _Source) -> ReduceLROnPlateau:
    # PyTorch does not keep the learning rate it began with; it goes on from the one in force.
    return ReduceLROnPlateau(
        float(s.options["lr"]),
        mode=s["mode"],
        factor=float(s["factor"]),
        patience=s["patience"],
        threshold=float(s["threshold"]),
        threshold_mode=s["threshold_mode"],
        cooldown=s["cooldown"],
        min_lr=float(s.of_group("min_lrs")),
        eps=float(s["eps"]),
    )


def _plateau_state(plateau: ReduceLROnPlateau, state: Mapping[str, Any]) -> PlateauState:
    """Where PyTorch's plateau stands: what it has seen, at the learning rate in force."""
    start = plateau.init()
    return start._replace(
        best=jnp.asarray(state["best"], start.best.dtype),
        num_bad_epochs=jnp.asarray(state["num_bad_epochs"], np.int32),
        cooldown_counter=jnp.asarray(state["cooldown_counter"], np.int32),
        last_epoch=jnp.asarray(state["last_epoch"], np.int32),
    )


def _greedy(s: _Source) -> GreedyLR:
    return GreedyLR(
        float(s.of_group("_init_lrs")),
        mode=s["mode"],
        factor=float(s["factor"]),
        patience=s["patience"],
        threshold=float(s["threshold"]),
        threshold_mode=s["threshold_mode"],
        cooldown=s["cooldown"],
        warmup=s["warmup"],
        min_lr=float(s.of_group("min_lrs")),
        max_lr=float(s.of_group("max_lrs")),
        eps=float(s["eps"]),
        smooth=s["smooth"],
        window_size=s["window_size"],
        reset_start=s["reset_start_original"],
    )


def _greedy_state(greedy: GreedyLR, state: Mapping[str, Any], lr: float) -> GreedyState:
    """Where the one of transformers stands."""
    start = greedy.init()
    average = state.get("_streaming_avg")
    average = average if isinstance(average, Mapping) else vars(average) if average else {}
    values = average.get("values", [])
    window = np.zeros(start.window.shape)
    window[len(window) - len(values) :] = values
    with jax.enable_x64(True):
        carried = {
            name: split(jnp.asarray(x, np.float64), start.lr.dtype)
            for name, x in (("lr", lr), ("best", state["best"]), ("total", average.get("sum", 0.0)))
        }
    counters = ("num_bad_epochs", "num_good_epochs", "cooldown_counter", "warmup_counter", "reset_start")
    return start._replace(
        **{name: first for name, (first, _) in carried.items()},
        **{f"{name}_rest": rest for name, (_, rest) in carried.items()},
        **{name: jnp.asarray(state[name], np.int32) for name in (*counters, "last_epoch")},
        window=jnp.asarray(window, start.window.dtype),
        seen=jnp.asarray(len(values), np.int32),
    )


_PLATEAU = frozenset(
    {"mode", "factor", "patience", "threshold", "threshold_mode", "cooldown", "min_lrs", "eps", "best"}
    | {"default_min_lr", "num_bad_epochs", "cooldown_counter", "mode_worse", "last_epoch"}
)
_GREEDY = frozenset(
    {"mode", "factor", "patience", "threshold", "threshold_mode", "cooldown", "warmup", "min_lrs", "max_lrs"}
    | {"eps", "smooth", "window_size", "reset_start", "reset_start_original", "best", "last_epoch"}
    | {
        "num_bad_epochs",
        "num_good_epochs",
        "cooldown_counter",
        "warmup_counter",
        "_init_lrs",
        "_streaming_avg",
    }
)
_CYCLIC = frozenset({"total_size", "step_ratio", "mode", "gamma", "_scale_fn_ref", "_scale_fn_custom"})
_CYCLIC_MOMENTUM = frozenset({"scale_mode", "cycle_momentum", "use_beta1", "base_momentums", "max_momentums"})

_CONVERTERS: dict[str, tuple[Callable[[_Source], Scheduler], frozenset[str]]] = {
    "LambdaLR": (_lambda, _COMMON | {"lr_lambdas"}),
    "MultiplicativeLR": (_multiplicative, _COMMON | {"lr_lambdas"}),
    "StepLR": (_step, _COMMON | {"step_size", "gamma"}),
    "MultiStepLR": (_multi_step, _COMMON | {"milestones", "gamma"}),
    "ConstantLR": (_constant, _COMMON | {"factor", "total_iters"}),
    "LinearLR": (_linear, _COMMON | {"start_factor", "end_factor", "total_iters"}),
    "ExponentialLR": (_exponential, _COMMON | {"gamma"}),
    "PolynomialLR": (_polynomial, _COMMON | {"total_iters", "power"}),
    "CosineAnnealingLR": (_cosine, _COMMON | {"T_max", "eta_min"}),
    "CosineAnnealingWarmRestarts": (_restarts, _COMMON | {"T_0", "T_i", "T_mult", "eta_min", "T_cur"}),
    "CyclicLR": (_cyclic, _COMMON | {"max_lrs"} | _CYCLIC | _CYCLIC_MOMENTUM),
    "OneCycleLR": (
        _one_cycle,
        _COMMON | {"total_steps", "_schedule_phases", "_anneal_func_type", "cycle_momentum", "use_beta1"},
    ),
    "SWALR": (_swa, _COMMON | {"anneal_epochs", "_anneal_strategy", "anneal_func"}),
    "ReduceLROnPlateau": (_plateau, _EVERY | _PLATEAU),
    "GreedyLR": (_greedy, _EVERY | _GREEDY),
    "SequentialLR": (_sequential, _COMPOSITE | {"_milestones", "last_epoch"}),
    "ChainedScheduler": (_chained, _COMPOSITE),
}


def _convert(s: _Source) -> Scheduler:
    convert, known = _CONVERTERS[s.name]
    unknown = sorted(set(s.attributes) - known)
    if unknown:
        raise ValueError(
            f"from_torch: {s.name} has the attribute {unknown[0]} = {describe(s.attributes[unknown[0]])}, "
            "which is not known here. It may change the learning rate: build the schedule by hand."
        )
    return convert(s)


# The public two -------------------------------------------------------------------------


@overload
def from_torch(  # type: ignore[overload-overlap]  # PyTorch's is an LRScheduler, and ours no Schedule
    scheduler: torch.optim.lr_scheduler.ReduceLROnPlateau,
    group: int | None = None,
    total_steps: int | None = None,
    *,
    resume: bool = False,
) -> ReduceLROnPlateau: ...
@overload
def from_torch(
    scheduler: torch.optim.lr_scheduler.LRScheduler,
    group: int | None = None,
    total_steps: int | None = None,
    *,
    resume: bool = False,
) -> Schedule: ...
@overload
def from_torch(
    scheduler: object, group: int | None = None, total_steps: int | None = None, *, resume: bool = False
) -> Scheduler: ...
def from_torch(
    scheduler: Any, group: int | None = None, total_steps: int | None = None, *, resume: bool = False
) -> Scheduler:
    """The jaxsched value that does what a live PyTorch scheduler does.

    >>> import torch
    >>> from jaxsched import from_torch
    >>> optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    >>> live = torch.optim.lr_scheduler.StepLR(optimizer, step_size=30)
    >>> from_torch(live)
    StepLR(0.1, step_size=30)

    Args:
      scheduler: a scheduler of `torch.optim.lr_scheduler`, or SWALR; sequences and chains of
        them, too; at its start or after any number of steps. What ``transformers.get_scheduler``
        makes becomes the schedule of `jaxsched.hugging_face`.
      group: which parameter group of the optimizer. Needed when they differ.
      total_steps: the horizon for what must be tabulated: functions that JAX cannot trace,
        and chains without a closed form.
      resume: whether count 0 of the result is now, rather than the start of training.

    Returns:
      The schedule. Its ``position`` says at which count the PyTorch scheduler stands (with
      ``resume`` that is the count which the result takes for 0). Of a ReduceLROnPlateau,
      which does not keep what it began with, the result begins at the learning rate in
      force, and ``position`` is its `PlateauState`: go on with ``step(position, metric)``. So it is
      with a GreedyLR, which does keep it.

    Raises:
      TypeError: not one of PyTorch's classes.
      ValueError: it cannot be converted; the message names the attribute and what to do.

    Warns:
      UserWarning: the optimizer's learning rate is not what the scheduler says it should be,
        as after loading a scheduler's state without the optimizer's.
    """
    name = _name_in_torch(scheduler)
    groups = scheduler.optimizer.param_groups

    def source(live: Any, name: str, index: int) -> _Source:
        members = getattr(live, "_schedulers", ())
        inner = tuple(source(member, _name_in_torch(member), index) for member in members)
        return _Source(name, vars(live), groups[index], index, total_steps, inner)

    schedule, index = _one_group([source(scheduler, name, i) for i in range(len(groups))], group)
    if isinstance(schedule, ReduceLROnPlateau):
        return schedule._standing_at(_plateau_state(schedule, vars(scheduler)))
    if isinstance(schedule, GreedyLR):
        return schedule._standing_at(_greedy_state(schedule, vars(scheduler), float(groups[index]["lr"])))
    return _finish(schedule, _position(scheduler), float(groups[index]["lr"]), resume)


def from_torch_state(
    name: str | Sequence[Any],
    state: Mapping[str, Any],
    param_groups: Sequence[Mapping[str, Any]],
    group: int | None = None,
    total_steps: int | None = None,
    *,
    resume: bool = False,
) -> Scheduler:
    """The same from a checkpoint, without the training script.

    >>> import torch
    >>> from jaxsched import from_torch_state
    >>> optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    >>> live = torch.optim.lr_scheduler.StepLR(optimizer, step_size=30)
    >>> saved = {"scheduler": live.state_dict(), "optimizer": optimizer.state_dict()}
    >>> from_torch_state("StepLR", saved["scheduler"], saved["optimizer"]["param_groups"])
    StepLR(0.1, step_size=30)

    Args:
      name: the scheduler's class, which a checkpoint does not tell: ``"StepLR"``; of a
        sequence or chain with its members, ``("SequentialLR", ["LinearLR", "StepLR"])``.
      state: its ``state_dict()``, loaded with ``weights_only=True``.
      param_groups: the optimizer's, ``optimizer.state_dict()["param_groups"]``.
      group: as for `from_torch`.
      total_steps: as for `from_torch`.
      resume: as for `from_torch`.

    Returns:
      As `from_torch`.

    Raises:
      ValueError: it cannot be converted; functions are not in checkpoints.
    """

    def source(name: str | Sequence[Any], state: Mapping[str, Any], index: int) -> _Source:
        own: str = name if isinstance(name, str) else name[0]
        inner: tuple[Any, ...] = () if isinstance(name, str) else tuple(name[1])
        if own not in _CONVERTERS:
            raise ValueError(f"from_torch_state: name must be one of {', '.join(_CONVERTERS)}, got {own!r}.")
        states = state.get("_schedulers", ())
        if len(inner) != len(states):
            raise ValueError(
                f"from_torch_state: name must tell the {len(states)} members of {own}, got {name!r}. "
                'Write it like ("SequentialLR", ["LinearLR", "StepLR"]).'
            )
        members = tuple(source(n, s, index) for n, s in zip(inner, states, strict=True))
        return _Source(own, state, param_groups[index], index, total_steps, members)

    schedule, index = _one_group([source(name, state, i) for i in range(len(param_groups))], group)
    if isinstance(schedule, ReduceLROnPlateau):
        return schedule._standing_at(_plateau_state(schedule, state))
    if isinstance(schedule, GreedyLR):
        lr = float(param_groups[index]["lr"])
        return schedule._standing_at(_greedy_state(schedule, state, lr))
    position = _position_in(state)
    return _finish(schedule, position, float(param_groups[index]["lr"]), resume)


def _name_in_torch(scheduler: Any) -> str:
    """The name of a class of PyTorch or transformers; somebody else's of that name is none."""
    name, home = type(scheduler).__name__, type(scheduler).__module__
    if not home.startswith(("torch.optim.", MODULE)) or name not in _CONVERTERS:
        remedy = "Wrap a scheduler of your own in LambdaLR, as a function of the count."
        raise TypeError(
            f"from_torch: scheduler must be one of {', '.join(_CONVERTERS)} of PyTorch, "
            f"got {describe(scheduler)}. {remedy}"
        )
    return name


def _one_group(sources: Sequence[_Source], group: int | None) -> tuple[Scheduler, int]:
    """The schedule of the group that is asked for, or of all when they are the same."""
    if group is not None:
        if not isinstance(group, int) or not 0 <= group < len(sources):
            raise ValueError(f"from_torch: group must be from 0 to {len(sources) - 1}, got {group!r}.")
        return _convert(sources[group]), group
    schedules = [_convert(source) for source in sources]
    if any(schedule != schedules[0] for schedule in schedules):
        raise ValueError(
            f"from_torch: group must be given, from 0 to {len(sources) - 1}, got None. The parameter groups "
            f"differ: {', '.join(map(repr, schedules))}."
        )
    return schedules[0], 0


def _position(scheduler: Any) -> int:
    """At which count a live scheduler stands; a chain where its members do."""
    if hasattr(scheduler, "last_epoch"):
        return int(scheduler.last_epoch)
    return _position(scheduler._schedulers[0])


def _position_in(state: Mapping[str, Any]) -> int:
    return int(state["last_epoch"]) if "last_epoch" in state else _position_in(state["_schedulers"][0])


def _finish(schedule: Schedule, position: int, lr: float, resume: bool) -> Schedule:
    wanted = float(schedule.on_host(position))
    if not _close(lr, wanted):
        warnings.warn(
            f"from_torch: the optimizer's learning rate is {lr:.9g}, and {schedule!r} has {wanted:.9g} "
            f"at count {position}, where it stands. A scheduler's load_state_dict does not restore the "
            "optimizer's learning rate: load the optimizer's state, too.",
            UserWarning,
            stacklevel=3,
        )
    if resume and position:
        schedule = StartingAt(schedule, position)
    return schedule._standing_at(position)
