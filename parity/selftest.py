"""The checker checked: defects put into schedules and references, each of which must turn red.

A validator that has never been seen to fail proves nothing. Every defect below is one that
ports of schedulers have had. It must be found, and its cause named; what is compared without
a defect must pass. A defect that survives is a bug of the validator.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import jaxsched

from . import modes
from .answers import answer
from .api import compare
from .cases import Spec
from .cases.by_metric import PlateauCase
from .comparison import Comparison
from .judge import judge
from .metrics import METRIC_CASES
from .stepped import step


@dataclasses.dataclass(frozen=True)
class Defect:
    name: str
    compare: Callable[[], Comparison]
    says: str
    """A pattern that the cause or the problem must match."""


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What the validator made of a defect."""

    defect: Defect
    comparison: Comparison

    @property
    def said(self) -> str:
        """What it says: cause and culprit, or the problem where there is no difference to explain."""
        found = self.comparison
        return "; ".join(filter(None, (found.cause, found.who))) or found.problem or "passed"

    @property
    def caught(self) -> bool:
        return not self.comparison.passed and re.search(self.defect.says, self.said) is not None


def run() -> list[Outcome]:
    """Every defect, compared."""
    return [Outcome(defect, defect.compare()) for defect in DEFECTS]


def controls() -> dict[str, Comparison]:
    """The same pairs without a defect."""
    return {spec.call(LR): compare(spec.schedule(LR), _torch(spec), steps=STEPS) for spec in PAIRS}


LR, STEPS = 0.1, 100

STEP = Spec("StepLR", {"step_size": 30})
MULTI = Spec("MultiStepLR", {"milestones": [30, 80]})
COSINE = Spec("CosineAnnealingLR", {"T_max": 60})
LONG = Spec("CosineAnnealingLR", {"T_max": 100})
EXPONENTIAL = Spec("ExponentialLR", {"gamma": 0.97})
ONE_CYCLE = Spec("OneCycleLR", {"max_lr": 0.1, "total_steps": 100})
WARM_UP = Spec("LinearLR", {"start_factor": 0.1, "total_iters": 10})
REST = Spec("CosineAnnealingLR", {"T_max": 90})
WARMED = Spec("SequentialLR", {"schedulers": (WARM_UP, REST), "milestones": [10]})
SWAPPED = Spec("SequentialLR", {"schedulers": (REST, WARM_UP), "milestones": [90]})
PAIRS = (STEP, MULTI, COSINE, LONG, EXPONENTIAL, ONE_CYCLE, WARMED)


def _torch(spec: Spec) -> Callable[[], Any]:
    def make() -> Any:
        import torch

        return spec.torch(torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=LR, momentum=0.9))

    return make


def _defect(
    name: str, spec: Spec, break_it: Callable[[Any, Any], Any], says: str, steps: int = STEPS
) -> Defect:
    """A schedule that answers ``break_it(right, k)`` at count ``k``."""
    right = spec.schedule(LR)
    return Defect(name, lambda: compare(lambda k: break_it(right, k), _torch(spec), steps=steps), says)


def _other(name: str, spec: Spec, other: Spec, says: str) -> Defect:
    """Another schedule in the place of the right one."""
    return Defect(name, lambda: compare(other.schedule(LR), _torch(spec), steps=STEPS), says)


def _reference(name: str, spec: Spec, spoil: Callable[[Any], Any], says: str) -> Defect:
    """A PyTorch scheduler that was tampered with."""
    return Defect(name, lambda: compare(spec.schedule(LR), lambda: spoil(_torch(spec)()), steps=STEPS), says)


def _ahead(by: int) -> Callable[[Any, Any], Any]:
    return lambda right, k: right(jnp.maximum(k + by, 0))


def _in_float32(right: Any, k: Any) -> Any:
    return jnp.float32(0.1) * (1 + jnp.cos(jnp.pi * jnp.float32(k) / 60)) / 2


def _truncated() -> Comparison:
    stepped = step(_torch(COSINE)(), STEPS)
    found = answer(COSINE.schedule(LR), stepped)
    return judge(dataclasses.replace(found, values=found.values[:70]), stepped)


@dataclasses.dataclass(frozen=True)
class _OtherPatience(PlateauCase):
    by: int = 0

    def plateau(self) -> jaxsched.ReduceLROnPlateau:
        right: jaxsched.ReduceLROnPlateau = super().plateau()
        return dataclasses.replace(right, patience=right.patience + self.by)


def _patience(by: int) -> Comparison:
    flat = next(trace for trace in METRIC_CASES if trace.name == "flat" and not trace.scheduler)
    return _OtherPatience(flat, by).compare()


def _ignores_its_arguments(scheduler: Any) -> Any:
    """A reference that does not look at ``T_max``."""
    scheduler.get_lr = lambda: [0.97 * group["lr"] for group in scheduler.optimizer.param_groups]
    return scheduler


def _already_stepped(scheduler: Any) -> Any:
    scheduler.optimizer.step()
    scheduler.step()
    return scheduler


def _not_a_number(scheduler: Any) -> Any:
    right = scheduler.get_lr
    scheduler.get_lr = lambda: [float("nan")] if scheduler.last_epoch == 7 else right()
    return scheduler


def _raises(scheduler: Any) -> Any:
    right = scheduler.get_lr

    def get_lr() -> Any:
        if scheduler.last_epoch == 50:
            raise ValueError("no more")
        return right()

    scheduler.get_lr = get_lr
    return scheduler


def _eager_only(right: Any, k: Any) -> Any:
    value = right(k)
    return value if isinstance(k, jax.core.Tracer) else jnp.nextafter(value, jnp.float32(1))


def _in_unsigned(right: Any, k: Any) -> Any:
    value = right(k)
    return jnp.nextafter(value, jnp.float32(1)) if jnp.asarray(k).dtype == np.uint32 else value


def _one_mode() -> Comparison:
    """Right in every mode but one, which only the matrix sees."""
    right = COSINE.schedule(LR)
    schedule = functools.partial(_in_unsigned, right)
    found = compare(schedule, _torch(COSINE), steps=STEPS)
    assert found.passed
    assert found.curves is not None
    (row,) = modes.matrix([schedule], [found.curves])
    wrong = [mode for mode, n in row.items() if n]
    return dataclasses.replace(found, problem=f"other bits in mode {', '.join(wrong)}" if wrong else None)


def _beside_epochs(name: str, spec: Spec, schedule: Callable[[Any], Any], says: str) -> Defect:
    """A schedule in updates beside a scheduler that is stepped once an epoch of 10."""
    return Defect(name, lambda: compare(schedule, _torch(spec), steps=10 * STEPS, steps_per_epoch=10), says)


def _warmed(warm_up: int, rest: int, at: int | None = None, **options: Any) -> Spec:
    """WARMED with other numbers."""
    members = (
        Spec("LinearLR", {"start_factor": 0.1, "total_iters": warm_up}),
        Spec("CosineAnnealingLR", {"T_max": rest, **options}),
    )
    return Spec("SequentialLR", {"schedulers": members, "milestones": [warm_up if at is None else at]})


DEFECTS: tuple[Defect, ...] = (
    _defect("one count early", COSINE, _ahead(1), r"1 count ahead .* shifted by −1"),
    _defect("one count late", STEP, _ahead(-1), r"1 count behind .* shifted by \+1"),
    _defect("two counts early", ONE_CYCLE, _ahead(2), r"2 counts ahead .* shifted by −2"),
    _other(
        "one milestone moved",
        MULTI,
        Spec("MultiStepLR", {"milestones": [30, 79]}),
        r"milestone at count 80 comes 1 count early, all else agrees",
    ),
    _other("phases swapped", WARMED, SWAPPED, r"phases swapped"),
    _defect("constant", COSINE, lambda f, k: f(k) * 0 + 0.1, r"^never moves: 0\.1 at every count"),
    _defect(
        "one count early and ten times too large",
        COSINE,
        lambda f, k: 10 * f(k + 1),
        r"^1 count ahead .*, and 10 times PyTorch's",
    ),
    _defect("NaN at one count", COSINE, lambda f, k: jnp.where(k == 7, jnp.nan, f(k)), r"^NaN at count 7"),
    _defect(
        "infinite from a count on", COSINE, lambda f, k: jnp.where(k > 89, jnp.inf, f(k)), r"infinite at 10"
    ),
    _defect("the sign flipped", EXPONENTIAL, lambda f, k: -f(k), r"the sign is wrong at 100 counts"),
    _defect(
        "-0 instead of 0", COSINE, lambda f, k: jnp.where(k == 60, -0.0, f(k)), r"-0 instead of 0 at count 60"
    ),
    Defect("trajectory too short", _truncated, r"the schedule has 70 values for 100 counts"),
    _defect("rounded to float16", COSINE, lambda f, k: f(k).astype(jnp.float16), r"rounded to float16"),
    _defect("rounded to bfloat16", COSINE, lambda f, k: f(k).astype(jnp.bfloat16), r"rounded to bfloat16"),
    _defect("float32 arithmetic", COSINE, _in_float32, r"as when the formula is evaluated in float32"),
    _defect(
        "one bit at one count",
        COSINE,
        lambda f, k: jnp.where(k == 57, jnp.nextafter(f(k), jnp.float32(1)), f(k)),
        r"^rounding: .*the schedule is wrong",
    ),
    Defect("patience larger by 1", lambda: _patience(1), r"patience is larger by 1"),
    Defect("patience smaller by 1", lambda: _patience(-1), r"patience is smaller by 1"),
    _defect(
        "clamped past the end",
        COSINE,
        lambda f, k: f(jnp.minimum(k, 60)),
        r"stays at its value from the turn of the cosine at count 60 on",
    ),
    _defect("another base learning rate", LONG, lambda f, k: 2 * f(k), r"2 times PyTorch's at every count"),
    _other(
        "another gamma",
        STEP,
        Spec("StepLR", {"step_size": 30, "gamma": 0.5}),
        r"^gamma 0\.5 where PyTorch has 0\.1;",
    ),
    _other(
        "another gamma at each count",
        EXPONENTIAL,
        Spec("ExponentialLR", {"gamma": 0.9}),
        r"^gamma 0\.9 where PyTorch has 0\.97;",
    ),
    _other("another T_max", COSINE, Spec("CosineAnnealingLR", {"T_max": 75}), r"but 1\.25 times as long"),
    _other(
        "another length of the cycles",
        Spec("CosineAnnealingWarmRestarts", {"T_0": 40}),
        Spec("CosineAnnealingWarmRestarts", {"T_0": 50}),
        r"but 1\.25 times as long",
    ),
    _other(
        "another power",
        Spec("PolynomialLR", {"total_iters": 90}),
        Spec("PolynomialLR", {"total_iters": 90, "power": 2.0}),
        r"to the power of 2, as shares of the peak",
    ),
    _other("T - 1", LONG, Spec("CosineAnnealingLR", {"T_max": 99}), r"99 instead of 100 counts .* T − 1"),
    _defect("epochs for steps", LONG, lambda f, k: f(k // 10), r"moves once in 10 counts: counts epochs"),
    _defect("steps for epochs", LONG, lambda f, k: f(k * 10), r"moves 10 times as fast"),
    _defect(
        "warm-up counted in",
        WARMED,
        lambda f, k: jnp.where(k < 10, f(k), REST.schedule(LR)(k)),
        r"from the hand-over at count 10 on, 10 counts ahead .* counted in",
    ),
    _other(
        "eta_min forgotten",
        Spec("CosineAnnealingLR", {"T_max": 60, "eta_min": 0.01}),
        COSINE,
        r"the same course between other values",
    ),
    Defect(
        "nothing compared",
        lambda: compare(COSINE.schedule(LR), _torch(COSINE), steps=0),
        r"nothing was compared",
    ),
    _defect("other bits eagerly", COSINE, _eager_only, r"depends on how it is called"),
    Defect("other bits for uint32 counts", _one_mode, r"other bits in mode uint32"),
    _reference("reference ignores its arguments", COSINE, _ignores_its_arguments, r"PyTorch is wrong"),
    _reference("reference one step ahead", EXPONENTIAL, _already_stepped, r"1 count behind"),
    _reference("reference is NaN once", STEP, _not_a_number, r"PyTorch's own value is not finite at"),
    _reference("reference raises", COSINE, _raises, r"PyTorch ended at count 50 with ValueError: no more"),
    _other(
        "steps per epoch forgotten",
        Spec("CosineAnnealingLR", {"T_max": 10}),
        Spec("CosineAnnealingLR", {"T_max": 200}),
        r"^moves 20 times as slowly: counts updates .* or 200 instead of 10 counts .* --steps-per-epoch 20;",
    ),
    _other(
        "steps per epoch forgotten, and few counts",
        Spec("CosineAnnealingLR", {"T_max": 10}),
        Spec("CosineAnnealingLR", {"T_max": 10_000}),
        r"^comes no further in 99 counts than PyTorch in 1: .* give --steps-per-epoch;",
    ),
    _beside_epochs(
        "smooth beside epochs",
        LONG,
        jaxsched.CosineAnnealingLR(LR, 1000),
        r"^moves at every update where PyTorch moves once in 10, and agrees whenever that moves;",
    ),
    _beside_epochs(
        "epochs of another length",
        EXPONENTIAL,
        jaxsched.PerEpoch(EXPONENTIAL.schedule(LR), 9),
        r"^counts epochs of 9 updates where PyTorch counts epochs of 10: give --steps-per-epoch 9",
    ),
    _beside_epochs(
        "epochs rounded up",
        EXPONENTIAL,
        lambda k: jaxsched.PerEpoch(EXPONENTIAL.schedule(LR), 10)(k + 9),
        r"^9 counts ahead .*, as when epochs are rounded up;",
    ),
    _other("warm-up of 20", WARMED, _warmed(20, 80), r"^20 instead of 10 counts up to the hand-over"),
    _other("warm-up of 5", WARMED, _warmed(5, 95), r"^5 instead of 10 counts up to the hand-over"),
    _other(
        "the total for T_max after a warm-up",
        WARMED,
        _warmed(10, 100),
        r"^from the hand-over at count 10 on, 100 instead of 90 counts up to the turn of the cosine",
    ),
    _other(
        "another end after a warm-up",
        WARMED,
        _warmed(10, 90, eta_min=0.01),
        r"^from the hand-over at count 10 on, the same course between other values",
    ),
    _other(
        "hand-over early",
        WARMED,
        _warmed(10, 90, at=5),
        r"^the hand-over at count 10 comes 5 counts early, and all that follows it",
    ),
    _other(
        "T_mult forgotten",
        Spec("CosineAnnealingWarmRestarts", {"T_0": 20, "T_mult": 2}),
        Spec("CosineAnnealingWarmRestarts", {"T_0": 20}),
        r"^from the restart at count 20 on, 20 instead of 40 counts up to the restart at count 60",
    ),
    _other(
        "another gamma, or epochs of 2",
        EXPONENTIAL,
        Spec("ExponentialLR", {"gamma": 0.97**2}),
        r"^gamma 0\.9409 where PyTorch has 0\.97, or counts updates where PyTorch counts epochs of 2;",
    ),
    Defect(
        "another gamma and another base learning rate",
        lambda: compare(jaxsched.StepLR(0.2, 30, 0.5), _torch(STEP), steps=STEPS),
        r"^gamma 0\.5 where PyTorch has 0\.1, and 2 times PyTorch's base learning rate;",
    ),
    _other(
        "steps half as long",
        STEP,
        Spec("StepLR", {"step_size": 15}),
        r"step_size is smaller by 15, or counts updates where PyTorch counts epochs of 2;",
    ),
    _defect(
        "no staircase",
        STEP,
        lambda f, k: 0.1 * 0.1 ** (k / 30),
        r"^moves at every count where PyTorch moves once in 30",
    ),
    _other(
        "a line for a cosine",
        LONG,
        Spec("LinearLR", {"start_factor": 1.0, "end_factor": 0.0, "total_iters": 100}),
        r"^goes in a straight line, where PyTorch's is curved",
    ),
    _defect("no warm-up", WARMED, lambda f, k: LONG.schedule(LR)(k), r"^falls up to count 10, where PyTorch"),
)
