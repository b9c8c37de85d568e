"""What Optax has: beside its equals of PyTorch's, those of the schedules of transformers and timm."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import optax.contrib

from .. import answers
from ..cases import ComparedCase
from ..cases.optax_equivalents import Equivalent, equivalent
from .peer import Candidate, Values

Arguments = Mapping[str, Any]


def find(case: ComparedCase) -> Candidate | None:
    if case.scheduler == "ReduceLROnPlateau":
        return _plateau(case)
    make = _EQUALS.get(case.scheduler)
    found = make(case, case.setup.base_lr, case.arguments) if make else equivalent(case)
    if found is None:
        return None
    schedule = found.schedule
    return Candidate(
        found.name,
        found.steps,
        lambda n: np.asarray(answers.under_jit(schedule, np.arange(n, dtype=np.int32))),
    )


def _constant(case: ComparedCase, lr: float, given: Arguments) -> Equivalent:
    return Equivalent("constant_schedule", optax.constant_schedule(lr), case.steps)


def _constant_with_warmup(case: ComparedCase, lr: float, given: Arguments) -> Equivalent:
    schedule = optax.warmup_constant_schedule(0.0, lr, given["num_warmup_steps"])
    return Equivalent("warmup_constant_schedule", schedule, case.steps)


def _phases(given: Arguments) -> tuple[int, int] | None:
    """Updates of the warm-up and of what follows; None where there is nothing to follow."""
    warmup, training = given["num_warmup_steps"], given["num_training_steps"]
    return (warmup, training - warmup) if warmup < training else None


def _linear(case: ComparedCase, lr: float, given: Arguments) -> Equivalent | None:
    phases = _phases(given)
    if phases is None:
        return None
    up, down = optax.linear_schedule(0.0, lr, phases[0]), optax.linear_schedule(lr, 0.0, phases[1])
    schedule = optax.join_schedules([up, down], [phases[0]])
    return Equivalent("join_schedules(linear_schedule, …)", schedule, case.steps)


def _polynomial(case: ComparedCase, lr: float, given: Arguments) -> Equivalent | None:
    phases = _phases(given)
    if phases is None:
        return None
    down = optax.polynomial_schedule(lr, given.get("lr_end", 1e-7), given.get("power", 1.0), phases[1])
    schedule = optax.join_schedules([optax.linear_schedule(0.0, lr, phases[0]), down], [phases[0]])
    return Equivalent("join_schedules(linear_schedule, polynomial_schedule)", schedule, case.steps)


def _cosine(case: ComparedCase, lr: float, given: Arguments) -> Equivalent | None:
    phases = _phases(given)
    if phases is None or given.get("num_cycles", 0.5) != 0.5:
        return None
    end = given["min_lr"] if "min_lr" in given else lr * given.get("min_lr_rate", 0.0)
    schedule = optax.warmup_cosine_decay_schedule(0.0, lr, phases[0], sum(phases), end)
    # PyTorch's comes up again past the end, where Optax's stays.
    return Equivalent("warmup_cosine_decay_schedule", schedule, min(case.steps, sum(phases) + 1))


def _plain(given: Arguments, *known: str) -> bool:
    """Whether nothing but these arguments is given."""
    return set(given) <= {*known, "t_in_epochs"}


def _timm_cosine(case: ComparedCase, lr: float, given: Arguments) -> Equivalent | None:
    if not _plain(given, "t_initial", "lr_min"):
        return None
    schedule = optax.cosine_decay_schedule(lr, given["t_initial"], given.get("lr_min", 0.0) / lr)
    return Equivalent("cosine_decay_schedule", schedule, case.steps)


def _timm_poly(case: ComparedCase, lr: float, given: Arguments) -> Equivalent | None:
    if not _plain(given, "t_initial", "power", "lr_min"):
        return None
    power = given.get("power", 0.5)
    schedule = optax.polynomial_schedule(lr, given.get("lr_min", 0.0), power, given["t_initial"])
    return Equivalent("polynomial_schedule", schedule, case.steps)


def _timm_step(case: ComparedCase, lr: float, given: Arguments) -> Equivalent | None:
    if not _plain(given, "decay_t", "decay_rate"):
        return None
    schedule = optax.exponential_decay(lr, given["decay_t"], given["decay_rate"], staircase=True)
    return Equivalent("exponential_decay(staircase=True)", schedule, case.steps)


def _timm_multi_step(case: ComparedCase, lr: float, given: Arguments) -> Equivalent | None:
    if not _plain(given, "decay_t", "decay_rate") or len(set(given["decay_t"])) < len(given["decay_t"]):
        return None
    # Optax's takes effect one count after its boundary.
    steps = {at - 1: given["decay_rate"] for at in given["decay_t"]}
    schedule = optax.piecewise_constant_schedule(lr, steps)
    return Equivalent("piecewise_constant_schedule", schedule, case.steps)


_EQUALS: Mapping[str, Callable[[ComparedCase, float, Arguments], Equivalent | None]] = {
    "constant": _constant,
    "constant_with_warmup": _constant_with_warmup,
    "linear": _linear,
    "polynomial": _polynomial,
    "cosine": _cosine,
    "cosine_with_min_lr": _cosine,
    "CosineLRScheduler": _timm_cosine,
    "PolyLRScheduler": _timm_poly,
    "StepLRScheduler": _timm_step,
    "MultiStepLRScheduler": _timm_multi_step,
}


def _plateau(case: ComparedCase) -> Candidate | None:
    """`optax.contrib.reduce_on_plateau`, which keeps a scale."""
    setup, given = case.setup, dict(case.arguments)
    absolute = given.pop("threshold_mode", "rel") == "abs"
    threshold = given.pop("threshold", 1e-4)
    lowest = given.pop("min_lr", 0.0)
    if setup.beside or given.pop("mode", "min") != "min" or given.pop("eps", 1e-8) != 1e-8:
        return None
    if not setup.base_lr or not isinstance(lowest, float | int):
        return None  # there is nothing to scale, or one for each group
    arguments = {
        "factor": given.pop("factor", 0.1),
        "patience": given.pop("patience", 10) + 1,  # it reduces at that many, PyTorch beyond them
        "rtol": 0.0 if absolute else threshold,
        "atol": threshold if absolute else 0.0,
        "cooldown": given.pop("cooldown", 0),
        "min_scale": lowest / setup.base_lr,
    }
    if given or setup.metrics is None:
        return None
    _, metrics = setup.metrics

    def applied(n: int) -> Values:
        transformation = optax.contrib.reduce_on_plateau(**arguments)

        def step(state: Any, metric: jax.Array) -> tuple[Any, jax.Array]:
            _, state = transformation.update({}, state, value=metric)
            return state, state.scale

        start = transformation.init({})
        _, scales = jax.jit(lambda told: jax.lax.scan(step, start, told))(jnp.asarray(metrics, jnp.float32))
        return np.float32(setup.base_lr) * np.concatenate([[np.float32(1.0)], np.asarray(scales)])[:n]

    return Candidate("contrib.reduce_on_plateau(patience + 1)", case.steps, applied)
