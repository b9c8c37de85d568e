"""A trajectory of ten million counts, against Optax, a plain copy, and PyTorch's loop."""

from __future__ import annotations

import dataclasses
import functools
import re
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import optax

import parity.cases
from parity.cases import optax_equivalents
from parity.cases.transformers import INSTALLED, HuggingFaceSpec

from . import braintools
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
ROOT = (
    "A float64 square root takes as long as eight products, a float32 one half of that; each is right to the "
    "last bit of its kind."
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


def _of_transformers(
    name: str, n: int, theirs: Callable[[Any], Any], faster: float = 1.0, why: str = "", **arguments: Any
) -> Contest:
    return Contest(
        parity.cases.Case(HuggingFaceSpec(name, {"num_warmup_steps": n // 20, **arguments}), 0.1, n),
        theirs,
        faster,
        why,
    )


def _hugging_face(n: int) -> Iterator[Contest]:
    """Beside what Optax's users write for them."""
    if not INSTALLED:
        return
    warmup, decay = n // 20, n // 5
    yield _of_transformers(
        "cosine", n, optax.warmup_cosine_decay_schedule(0.0, 0.1, warmup, n), why=COSINE, num_training_steps=n
    )
    phases = [
        optax.linear_schedule(0.0, 0.1, warmup),
        optax.constant_schedule(0.1),
        optax.cosine_decay_schedule(0.1, decay),
    ]
    yield _of_transformers(
        "warmup_stable_decay",
        n,
        optax.join_schedules(phases, [warmup, n - decay]),
        why=COSINE,
        num_training_steps=n,
        num_decay_steps=decay,
    )

    def inverse_root(k: Any) -> Any:
        return jnp.where(k < warmup, 0.1 * k / warmup, 0.1 * warmup**0.5 / jnp.sqrt(k))

    yield _of_transformers("inverse_sqrt", n, inverse_root, 0.9, ROOT)


def contests(n: int) -> list[Contest]:
    """Those that Optax has an equal of, over a run of ``n`` counts."""
    return [
        _contest("StepLR", n, 1.5, step_size=n // 100, gamma=0.9),
        _contest("MultiStepLR", n, why=MEMORY, milestones=[n // 3, n // 2, n // 4 * 3]),
        _contest("LinearLR", n, why=MEMORY, total_iters=n),
        _contest("PolynomialLR", n, why=MEMORY, total_iters=n),
        *(_contest("PolynomialLR", n, why=MEMORY, total_iters=n, power=power) for power in (2.0, 3.0)),
        *(_contest("PolynomialLR", n, why=ROOT, total_iters=n, power=power) for power in (0.5, 1.5)),
        _contest("PolynomialLR", n, why=POWER, total_iters=n, power=0.9),
        *_hugging_face(n),
        _contest("ExponentialLR", n, 1.5, gamma=1 - 1 / n),
        _contest("CosineAnnealingLR", n, 1.3, COSINE, T_max=n),
        _contest("OneCycleLR", n, 1.5, max_lr=0.1, total_steps=n),
        _warmup_cosine(n),
        _contest("CosineAnnealingWarmRestarts", n, T_0=n // 10),
    ]


def races(quick: bool) -> Iterator[tuple[str, Callable[[], Race]]]:
    n = 100_000 if quick else 10_000_000
    counts = jnp.arange(n, dtype=jnp.int32)
    yield OPERATION, operation
    for contest in contests(n):
        yield f"trajectory {name(contest)}", functools.partial(_race, contest, counts)


def name(contest: Contest) -> str:
    """The scheduler, and what tells two of a kind apart."""
    power = contest.case.spec.arguments.get("power")
    scheduler = contest.case.scheduler
    scheduler = f"get_scheduler({scheduler!r})" if scheduler.islower() else scheduler
    return scheduler + (f" power={power:g}" if power else "")


def _race(contest: Contest, counts: jax.Array) -> Race:
    sides = {
        OURS: _jitted(contest.case.schedule(), counts),
        "optax": _jitted(contest.optax, counts),
        "copy": _jitted(lambda k: k.astype(jnp.float32), counts),
        "torch": Side(torch_loop(contest.case), steps=TORCH_STEPS),
        **braintools.trajectory(contest.case),
    }
    goals = [
        Goal("optax", contest.faster, contest.why),
        Goal("copy", 1 / 1.5, POWER if contest.why is POWER else ARITHMETIC),
        Goal("torch", 1_000.0, POWER if contest.why is POWER else LIMIT),
        *braintools.goals(sides, contest.faster, braintools.STEPPED),
    ]
    return Race(
        f"trajectory {name(contest)}",
        sides,
        goals,
        operations=float64_operations(contest.case.schedule()),
    )


_ARITHMETIC = ("add", "subtract", "multiply", "divide", "sqrt")
"""Comparisons, selects and conversions go to other units of the processor, at the same time."""


def float64_operations(schedule: Callable[[Any], Any]) -> int:
    """How many sums, products, quotients and roots in float64 the compiled program has for each count."""
    count = jax.ShapeDtypeStruct((8,), jnp.int32)
    text = jax.jit(jax.vmap(schedule)).lower(count).compile().as_text()
    return sum(
        bool(re.search(rf" = \w+\[8\]\S* ({'|'.join(_ARITHMETIC)})\(", line)) and "f64[8]" in line
        for line in text.splitlines()
    )


def operation() -> Race:
    """What one float64 operation takes where nothing waits for another: many products and sums in cache."""
    numbers = jnp.linspace(0.0, 1.0, 2**16, dtype=jnp.float32)  # enough for all cores
    depth = 256

    def products(x: jax.Array) -> jax.Array:
        with jax.enable_x64(True):
            wide = x.astype(jnp.float64)
            totals = [wide + i for i in range(CHAINS)]
            for i in range(depth // 2 // CHAINS):
                totals = [total * wide + (1.0 + i) for total in totals]
            return sum(totals[1:], totals[0]).astype(jnp.float32)

    compiled = jax.jit(products)
    return Race(OPERATION, {OURS: Side(calls(lambda: compiled(numbers)), steps=len(numbers) * depth)}, [])


OPERATION = "one float64 operation"
CHAINS = 16
"""So many products and sums at once do not wait for one another."""


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
