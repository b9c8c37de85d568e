"""A trajectory of ten million counts, against Optax, a plain copy, and PyTorch's loop."""

from __future__ import annotations

import dataclasses
import functools
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import optax

import parity.cases
from parity.cases import optax_equivalents

from .harness import OURS, Goal, Race, Side, calls

# Why a goal is missed, where it is.
MEMORY = (
    "Both run at the speed of memory, and in cache at less than 1 ns; float64, and a rounding that keeps "
    "float32's subnormal numbers, take the rest."
)
COSINE = (
    "In cache both take about 1.6 ns: XLA's float32 cosine and our float64 polynomial are loops over eight "
    "counts, equally fast with AVX-512. On top comes the memory traffic, the same for both."
)
POWER = (
    "A logarithm and an exponential of tables and polynomials, in float64: some 30 operations for each "
    "count; a copy has none."
)
ARITHMETIC = (
    "Some 40 float64 operations for each count take about as long as the memory does; a copy has none."
)
LIMIT = (
    "PyTorch takes 2 to 3 µs for a step here, a thousandth of which is little more than what a copy of a "
    "count takes."
)

TORCH_STEPS = 1_000
"""Steps of PyTorch's loop in one call: it is measured on these, and scaled."""


@dataclasses.dataclass(frozen=True)
class Contest:
    """A PyTorch scheduler and, where Optax has an equal, that."""

    case: parity.cases.Case
    optax: Callable[[Any], Any]
    faster: float = 1.0
    """How many times faster than Optax ours should be."""
    why: str = ""
    """Why that is missed, if it is."""


def _contest(scheduler: str, steps: int, /, faster: float = 1.0, why: str = "", **arguments: Any) -> Contest:
    case = parity.cases.Case(parity.cases.Spec(scheduler, arguments), 0.1, steps)
    equivalent = optax_equivalents.equivalent(case)
    assert equivalent is not None
    return Contest(case, equivalent.schedule, faster, why)


def _warmup_cosine(n: int) -> Contest:
    member, warmup = parity.cases.member, n // 20
    members = (
        member("LinearLR", start_factor=0.1, total_iters=warmup),
        member("CosineAnnealingLR", T_max=n - warmup),
    )
    spec = parity.cases.Spec("SequentialLR", {"schedulers": members, "milestones": [warmup]})
    theirs = optax.warmup_cosine_decay_schedule(0.01, 0.1, warmup, n)
    return Contest(parity.cases.Case(spec, 0.1, n), theirs, why=COSINE)


def contests(n: int) -> list[Contest]:
    """Those that Optax has an equal of, over a run of ``n`` counts."""
    return [
        _contest("StepLR", n, step_size=n // 100, gamma=0.9),
        _contest("MultiStepLR", n, why=MEMORY, milestones=[n // 3, n // 2, n // 4 * 3]),
        _contest("LinearLR", n, why=MEMORY, total_iters=n),
        _contest("PolynomialLR", n, why=MEMORY, total_iters=n),
        _contest("PolynomialLR", n, why=POWER, total_iters=n, power=0.9),
        _contest("ExponentialLR", n, gamma=1 - 1 / n),
        _contest("CosineAnnealingLR", n, 1.5, COSINE, T_max=n),
        _contest("OneCycleLR", n, 1.5, max_lr=0.1, total_steps=n),
        _warmup_cosine(n),
        _contest("CosineAnnealingWarmRestarts", n, T_0=n // 10),
    ]


def races(quick: bool) -> Iterator[tuple[str, Callable[[], Race]]]:
    n = 100_000 if quick else 10_000_000
    counts = jnp.arange(n, dtype=jnp.int32)
    for contest in contests(n):
        yield f"trajectory {name(contest)}", functools.partial(_race, contest, counts)


def name(contest: Contest) -> str:
    """The scheduler, and what tells two of a kind apart."""
    power = contest.case.spec.arguments.get("power")
    return contest.case.scheduler + (f" power={power}" if power else "")


def _race(contest: Contest, counts: jax.Array) -> Race:
    sides = {
        OURS: _jitted(contest.case.schedule(), counts),
        "optax": _jitted(contest.optax, counts),
        "copy": _jitted(lambda k: k.astype(jnp.float32), counts),
        "torch": Side(torch_loop(contest.case), steps=TORCH_STEPS),
    }
    goals = [
        Goal("optax", contest.faster, contest.why),
        Goal("copy", 1 / 1.5, POWER if contest.why is POWER else ARITHMETIC),
        Goal("torch", 1_000.0, POWER if contest.why is POWER else LIMIT),
    ]
    return Race(f"trajectory {name(contest)}", sides, goals)


def _jitted(schedule: Callable[[Any], Any], counts: jax.Array) -> Side:
    compiled = jax.jit(jax.vmap(schedule))  # Optax's one-cycle takes no arrays
    return Side(calls(lambda: compiled(counts)), steps=len(counts))


def torch_loop(case: parity.cases.Case, steps: int = TORCH_STEPS) -> Callable[[int], float]:
    """A measure of PyTorch's ``scheduler.step()`` and reading the value; it goes on where it was."""
    scheduler = case.make_torch_scheduler()
    scheduler.optimizer.step()  # PyTorch warns of a scheduler that is stepped first

    def loop() -> list[float]:
        with warnings.catch_warnings():
            # SequentialLR passes the count to its members, which PyTorch itself deprecates.
            warnings.simplefilter("ignore", UserWarning)
            values = []
            for _ in range(steps):
                values.append(scheduler.optimizer.param_groups[0]["lr"])
                scheduler.step()
            return values

    return calls(loop)
