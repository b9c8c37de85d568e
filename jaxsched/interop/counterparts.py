"""PyTorch's class and ours of the same name: one row for each, and both ways.

The ordinary class has no row. One in jaxsched/schedulers/ that is called like PyTorch's and begins with
``base_lr`` keeps each of its other arguments as an attribute there, and is made of the same arguments.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, cast, get_args

import numpy as np

from .. import schedulers
from .._arguments import Gamma, Horizon, Integer, describe
from .._functions import LOOKED_AT, constant_value, difference, require_traceable
from .._schedule import Schedule
from .._value import Value
from ..by_metric.reduce_lr_on_plateau import ReduceLROnPlateau
from ..composed.chained_scheduler import ChainedScheduler
from ..composed.sequential_lr import SequentialLR
from ..composed.starting_at import StartingAt
from ..hugging_face import GreedyLR
from ..hugging_face._by_name import Scheduler
from ..schedulers.cosine_annealing_warm_restarts import CosineAnnealingWarmRestarts
from ..schedulers.cyclic_lr import CyclicLR
from ..schedulers.lambda_lr import LambdaLR
from ..schedulers.multi_step_lr import MultiStepLR
from ..schedulers.multiplicative_lr import MultiplicativeLR
from ..schedulers.one_cycle_lr import OneCycleLR
from ..schedulers.swa_lr import SWALR
from .from_transformers import recognized
from .source import Source
from .states import position

if TYPE_CHECKING:
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler

Made = TypeVar("Made", bound=Scheduler)
Read: TypeAlias = Callable[[Source], Scheduler]
Build: TypeAlias = "Callable[[Any, Optimizer], LRScheduler]"

# What each class keeps, beside what all of them keep. Anything else is an error: it may
# change the learning rate, and nothing is to be lost.
_EVERY = frozenset({"optimizer", "_last_lr", "_is_initial", "_get_lr_called_within_step", "verbose"})
_COMMON = _EVERY | {"base_lrs", "last_epoch", "_step_count"}
_COMPOSITE = _EVERY | {"_schedulers"}


@dataclasses.dataclass(frozen=True)
class Counterpart:
    """A class of ours, and what is to know of PyTorch's."""

    ours: type[Scheduler]
    attributes: frozenset[str]
    """What PyTorch's keeps."""
    read: Read
    """Ours, of one parameter group of PyTorch's."""
    build: Build | None
    """PyTorch's, of ours, on an optimizer; None where `to_torch` does not take ours."""


def counterparts() -> Mapping[str, Counterpart]:
    """All of them, by name: those with a row, and the ordinary ones."""
    rows = {row.ours.__name__: row for row in _ROWS}
    return rows | {cls.__name__: _ordinary(cls) for cls in _schedulers() if cls.__name__ not in rows}


def convert(s: Source) -> Scheduler:
    """Ours, of one parameter group of PyTorch's."""
    counterpart = counterparts()[s.name]
    s.knows_only(counterpart.attributes)
    return counterpart.read(s)


def build(schedule: Scheduler, optimizer: Optimizer) -> LRScheduler:
    """PyTorch's, of ours, on an optimizer; `is_in_torch` says whether there is one."""
    counterpart = counterparts()[type(schedule).__name__]
    assert counterpart.build is not None
    return counterpart.build(schedule, optimizer)


def is_in_torch(schedule: Schedule, inside_sequence: bool = False) -> bool:
    """Whether PyTorch has a class for it, and its sequences take it as a member."""
    if isinstance(schedule, SequentialLR):
        return not inside_sequence and all(is_in_torch(m, True) for m in schedule.schedulers)
    if isinstance(schedule, ChainedScheduler):
        return not inside_sequence and all(map(is_in_torch, schedule.schedulers))
    counterpart = counterparts().get(type(schedule).__name__)
    # Ours itself, and no other class of its name.
    return counterpart is not None and counterpart.ours is type(schedule) and _in_torch(schedule) is not None


# The ordinary class -----------------------------------------------------------------------

_GAMMA, _HORIZON = get_args(Gamma)[1], get_args(Horizon)[1]


def _schedulers() -> list[type[Schedule]]:
    """Our classes that begin with the optimizer's learning rate. The key says where a class is written."""
    home = f"{schedulers.__name__}."
    ours = [cls for where, cls in sorted(Value._classes.items()) if where.startswith(home)]
    return [
        cls
        for cls in ours
        if issubclass(cls, Schedule) and not inspect.isabstract(cls) and "base_lr" in _arguments(cls)
    ]


def _arguments(ours: type[Value]) -> list[str]:
    return [field.name for field in dataclasses.fields(ours)]


def _horizons(ours: type[Value]) -> list[str]:
    return [name for name in _arguments(ours) if ours._checkers.get(name) == _HORIZON]


def _kept(ours: type[Value]) -> list[str]:
    """The arguments that PyTorch's has, too: not the optimizer's learning rate, nor a horizon."""
    return [name for name in _arguments(ours) if name not in ("base_lr", *_horizons(ours))]


def _ordinary(ours: type[Scheduler], *, besides: frozenset[str] = frozenset()) -> Counterpart:
    """The row of an ordinary class; ``besides`` is what PyTorch's keeps that is no argument."""

    def read(s: Source) -> Scheduler:
        given = {name: s.total_steps for name in _horizons(ours)}
        kept = {n: _as_ours(s, n, ours._checkers.get(n)) for n in _kept(ours)}
        return _made(ours, base_lr=s.base_lr, **kept, **given)

    return Counterpart(ours, _COMMON | besides | set(_kept(ours)), read, _build)


def _as_ours(s: Source, name: str, checker: object) -> object:
    """PyTorch lets a gamma be a tensor, and a number of updates a whole float."""
    if checker == _GAMMA:
        return s.number(name)
    value = s[name]
    whole = isinstance(checker, Integer) and isinstance(value, float) and value.is_integer()
    return int(cast(float, value)) if whole else value


def _made(ours: Callable[..., Made], **arguments: object) -> Made:
    """Ours, of what PyTorch keeps: it checks the types itself."""
    return ours(**arguments)


def _build(schedule: Schedule, optimizer: Optimizer) -> LRScheduler:
    return _built(schedule, optimizer, _kept(type(schedule)))


def _built(schedule: Scheduler, optimizer: Optimizer, arguments: list[str]) -> LRScheduler:
    theirs = _in_torch(schedule)
    assert theirs is not None
    return theirs(optimizer, **{name: getattr(schedule, name) for name in arguments})


def _in_torch(schedule: Scheduler) -> Callable[..., LRScheduler] | None:
    """PyTorch's class of that name, if the one that is installed has it."""
    import torch

    name = type(schedule).__name__
    usual = torch.optim.lr_scheduler
    found: Callable[..., LRScheduler] | None = getattr(
        usual, name, getattr(torch.optim.swa_utils, name, None)
    )
    return found


# The others -------------------------------------------------------------------------------


def _lambda(s: Source) -> Schedule:
    return _function_of_count(s, LambdaLR)


def _multiplicative(s: Source) -> Schedule:
    return _function_of_count(s, MultiplicativeLR)


def _function_of_count(s: Source, make: type[LambdaLR] | type[MultiplicativeLR]) -> Schedule:
    function = s.of_group("lr_lambdas")
    if not callable(function):
        raise ValueError(
            f"from_torch: {s.name}.lr_lambda must be a function, got {describe(function)}. PyTorch saves "
            "functions to a checkpoint only when they are objects of a class: build the schedule by hand."
        )
    function = cast(Callable[[int], float], function)
    remedy = "say how many updates to tabulate"
    if make is LambdaLR:
        found = recognized(s.base_lr, function)
        if found is not None:
            return found
        why = _why_not_traced(function, s.total_steps)
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


def _looked_at(total_steps: int | None) -> list[int]:
    """Counts at which a function is looked at: where the run is."""
    last = LOOKED_AT[-1] if total_steps is None else total_steps - 1
    return sorted({*(k for k in LOOKED_AT if k < last), *np.linspace(0, last, 65).astype(int).tolist()})


def _why_not_traced(function: Callable[[int], float], total_steps: int | None) -> str | None:
    """Why JAX cannot have the function as it is; None if it computes what Python computes."""
    try:
        require_traceable("LambdaLR", "lr_lambda", function)
    except TypeError:
        return "JAX cannot trace it"
    found = difference(function, _looked_at(total_steps))
    if found is None:
        return None
    return (
        f"Traced by JAX it is another function than in Python: at count {found.at} it is {found.jax!r} "
        f"and not {found.python!r}"
    )


def _multi_step(s: Source) -> Schedule:
    found = cast(Mapping[int, int], s["milestones"])
    milestones = [m for m, times in sorted(found.items()) for _ in range(times)]
    return MultiStepLR(s.base_lr, milestones, s.number("gamma"))


def _whole(s: Source, name: str, value: float) -> int:
    if value != int(value):
        raise ValueError(
            f"from_torch: {s.name}.{name} must be a whole number, got {value!r}. "
            "Round it the way your training loop counts, and build the schedule by hand."
        )
    return int(value)


def _cyclic(s: Source) -> Schedule:
    total, ratio = s.number("total_size"), s.number("step_ratio")
    up = round(total * ratio, 6)
    momentum: dict[str, object] = {"cycle_momentum": False}
    if s["cycle_momentum"]:
        names = ("base_momentum", "max_momentum")
        momentum = {name: s.number_of_group(f"{name}s") for name in names}
    scale_fn = s["_scale_fn_custom"]
    if isinstance(scale_fn, Mapping):
        raise ValueError(
            f"from_torch: CyclicLR.scale_fn must be a function, got {describe(scale_fn)}. PyTorch saves only "
            "its attributes to a checkpoint: build the schedule by hand."
        )
    return _made(
        CyclicLR,
        base_lr=s.base_lr,
        max_lr=s.number_of_group("max_lrs"),
        step_size_up=_whole(s, "step_size_up", up),
        step_size_down=_whole(s, "step_size_down", total - up),
        mode=s["mode"],
        gamma=s.number("gamma"),
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


def _one_cycle(s: Source) -> Schedule:
    phases = cast(Sequence[Mapping[str, float]], s["_schedule_phases"])
    total = cast(int, s["total_steps"])
    first, peak, last = (s.option(name) for name in ("initial_lr", "max_lr", "min_lr"))
    end = phases[0]["end_step"]
    momentum: dict[str, object] = {"cycle_momentum": False}
    if s["cycle_momentum"]:
        momentum = {name: s.option(name) for name in ("base_momentum", "max_momentum")}
    # PyTorch keeps what it computed from these three, and not the numbers themselves.
    return _made(
        OneCycleLR,
        max_lr=peak,
        total_steps=total,
        pct_start=_shortest((end + 1) / total, lambda x: float(x * total) - 1 == end),
        anneal_strategy=s["_anneal_func_type"],
        # Of a peak of 0 there is nothing left to tell them by.
        div_factor=_shortest(peak / first, lambda x: peak / x == first) if first else 25.0,
        final_div_factor=_shortest(first / last, lambda x: first / x == last) if last else 1e4,
        three_phase=len(phases) == 3,
        **momentum,
    )


def _build_with_rate(schedule: CyclicLR | OneCycleLR, optimizer: Optimizer) -> LRScheduler:
    """PyTorch's that set the learning rate themselves."""
    return _built(schedule, optimizer, _arguments(type(schedule)))


def _swa(s: Source) -> Schedule:
    return _made(
        SWALR,
        base_lr=s.base_lr,
        swa_lr=s.option("swa_lr"),
        anneal_epochs=s["anneal_epochs"],
        anneal_strategy=s["_anneal_strategy"],
    )


def _sequential(s: Source) -> Schedule:
    return _made(SequentialLR, schedulers=_members(s), milestones=list(cast(Sequence[int], s["_milestones"])))


def _chained(s: Source) -> Schedule:
    here = position(s)
    members = [
        _made(StartingAt, schedule=member, count=position(its) - here) if position(its) > here else member
        for member, its in zip(_members(s), s.members, strict=True)
    ]
    try:
        return _made(ChainedScheduler, schedulers=members)
    except ValueError:
        return _made(ChainedScheduler, schedulers=members, total_steps=s.total_steps)


def _members(s: Source) -> list[Scheduler]:
    return [convert(member) for member in s.members]


def _build_sequential(schedule: SequentialLR, optimizer: Optimizer) -> LRScheduler:
    import torch

    members = [build(member, optimizer) for member in schedule.schedulers]
    return torch.optim.lr_scheduler.SequentialLR(optimizer, members, list(schedule.milestones))


def _build_chained(schedule: ChainedScheduler, optimizer: Optimizer) -> LRScheduler:
    import torch

    members = [build(member, optimizer) for member in schedule.schedulers]
    return torch.optim.lr_scheduler.ChainedScheduler(members, optimizer)


def _plateau(s: Source) -> ReduceLROnPlateau:
    # PyTorch does not keep the learning rate it began with; it goes on from the one in force.
    return _made(
        ReduceLROnPlateau,
        base_lr=s.lr,
        mode=s["mode"],
        factor=s.number("factor"),
        patience=s["patience"],
        threshold=s.number("threshold"),
        threshold_mode=s["threshold_mode"],
        cooldown=s["cooldown"],
        min_lr=s.number_of_group("min_lrs"),
        eps=s.number("eps"),
    )


def _build_plateau(plateau: ReduceLROnPlateau, optimizer: Optimizer) -> LRScheduler:
    return _built(plateau, optimizer, _kept(ReduceLROnPlateau))


def _greedy(s: Source) -> GreedyLR:
    return _made(
        GreedyLR,
        base_lr=s.number_of_group("_init_lrs"),
        mode=s["mode"],
        factor=s.number("factor"),
        patience=s["patience"],
        threshold=s.number("threshold"),
        threshold_mode=s["threshold_mode"],
        cooldown=s["cooldown"],
        warmup=s["warmup"],
        min_lr=s.number_of_group("min_lrs"),
        max_lr=s.number_of_group("max_lrs"),
        eps=s.number("eps"),
        smooth=s["smooth"],
        window_size=s["window_size"],
        reset_start=s["reset_start_original"],
    )


_CYCLIC = frozenset(
    {"total_size", "step_ratio", "mode", "gamma", "_scale_fn_ref", "_scale_fn_custom", "max_lrs"}
    | {"scale_mode", "cycle_momentum", "use_beta1", "base_momentums", "max_momentums"}
)
_ONE_CYCLE = frozenset(
    {"total_steps", "_schedule_phases", "_anneal_func_type", "cycle_momentum", "use_beta1"}
)
_PLATEAU = frozenset(
    {"mode", "factor", "patience", "threshold", "threshold_mode", "cooldown", "min_lrs", "eps", "best"}
    | {"default_min_lr", "num_bad_epochs", "cooldown_counter", "mode_worse", "last_epoch"}
)
_GREEDY = frozenset(
    {"mode", "factor", "patience", "threshold", "threshold_mode", "cooldown", "warmup", "min_lrs", "max_lrs"}
    | {"eps", "smooth", "window_size", "reset_start", "reset_start_original", "best", "last_epoch"}
    | {"num_bad_epochs", "num_good_epochs", "cooldown_counter", "warmup_counter"}
    | {"_init_lrs", "_streaming_avg"}
)
_ROWS = (
    Counterpart(LambdaLR, _COMMON | {"lr_lambdas"}, _lambda, _build),
    Counterpart(MultiplicativeLR, _COMMON | {"lr_lambdas"}, _multiplicative, _build),
    Counterpart(MultiStepLR, _COMMON | {"milestones", "gamma"}, _multi_step, _build),
    _ordinary(CosineAnnealingWarmRestarts, besides=frozenset({"T_i", "T_cur"})),
    Counterpart(CyclicLR, _COMMON | _CYCLIC, _cyclic, _build_with_rate),
    Counterpart(OneCycleLR, _COMMON | _ONE_CYCLE, _one_cycle, _build_with_rate),
    Counterpart(SWALR, _COMMON | {"anneal_epochs", "_anneal_strategy", "anneal_func"}, _swa, _build),
    Counterpart(ReduceLROnPlateau, _EVERY | _PLATEAU, _plateau, _build_plateau),
    Counterpart(GreedyLR, _EVERY | _GREEDY, _greedy, None),
    Counterpart(SequentialLR, _COMPOSITE | {"_milestones", "last_epoch"}, _sequential, _build_sequential),
    Counterpart(ChainedScheduler, _COMPOSITE | {"_step_count", "last_epoch"}, _chained, _build_chained),
)
