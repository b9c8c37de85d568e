"""Everything that an accelerator may do otherwise, on the default device of JAX; the result as JSON.

  make accelerator                        writes docs/accelerator-<device>.json
  python -m benchmarks.accelerator --only cost

Four parts. *parity*: every case in every mode on this device, against PyTorch and against the same
schedule on the CPU, to the bit. *replay*: what `parity devices` says of this device without it, beside what
it computes. *examples*: each is run, and says what it reached. *cost*: what the
schedule adds to an optimizer's update, a small and a large one, with a constant learning rate, with ours,
and with Optax's, interleaved in one process; and whether the compiled program computes the float64
learning rate once, or again for every weight.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pyperf

import jaxsched
from parity.catalogue import ALL_CASES
from parity.report import write_file
from parity.run import environment, run

from . import harness
from .replayed import replayed

ROOT = pathlib.Path(__file__).parents[1]
TURNS = 31


def parity(quick: bool) -> dict[str, Any]:
    """The suite on this device; every mode is also asked of the CPU."""
    cases = [case for case in ALL_CASES if not quick or case.steps <= 200]
    found = run(cases, jobs=min(os.cpu_count() or 1, 8))
    return {
        "passed": found.passed,
        "summary": found.summary(),
        "modes": sorted({mode for result in found.results for mode in result.modes}),
        "failed": [f"{result.case.name}: {result.problem}" for result in found.failed],
        "seconds": round(found.seconds, 1),
    }


EXAMPLES: Mapping[str, list[str]] = {
    "digits_lenet": ["--epochs", "5"],
    "warmup_plateau": [],
    "linen_trainstate": [],
    "snapshot_ensemble": ["--runs", "2"],
    "sweep": [],
    "momentum_cycling": [],
    "lr_range_test": [],
}


def examples(quick: bool) -> dict[str, Any]:
    """The last line of each."""
    said: dict[str, Any] = {}
    for name, arguments in EXAMPLES.items() if not quick else list(EXAMPLES.items())[-1:]:
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            done = subprocess.run(
                [sys.executable, str(ROOT / "examples" / f"{name}.py"), *arguments, "--out", folder],
                capture_output=True,
                text=True,
            )
        lines = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines()
        said[name] = {
            "passed": done.returncode == 0,
            "said": lines[-1].replace(folder, "OUT") if lines else "",
            "seconds": round(time.perf_counter() - start, 1),
        }
    return {"passed": all(each["passed"] for each in said.values()), **said}


RATES: Mapping[str, Any] = {
    "constant": 0.1,
    harness.OURS: jaxsched.CosineAnnealingLR(0.1, T_max=100_000, eta_min=0.001),
    "optax": optax.cosine_decay_schedule(0.1, 100_000, alpha=0.01),
}
MODELS: Mapping[str, tuple[int, int]] = {"small": (4, 64), "large": (8, 2048)}
"""How many square matrices of which width."""


def update(make: Callable[..., Any], rate: Any, shape: tuple[int, int]) -> tuple[Any, Any]:
    """An update and what it is given; its state comes back as it went in, but for the numbers."""
    optimizer = make(rate)
    layers, width = shape

    def apply(carry: Any, grads: Any) -> Any:
        params, state = carry
        updates, state = optimizer.update(grads, state, params)
        return optax.apply_updates(params, updates), state

    params = [jnp.full((width, width), 0.1) for _ in range(layers)]
    grads = [jnp.full((width, width), 1e-3) for _ in range(layers)]
    carry = jax.tree.map(lambda x: jnp.array(x, copy=True), (params, optimizer.init(params)))
    return jax.jit(apply, donate_argnums=0), [carry, grads]


def cost(quick: bool) -> dict[str, Any]:
    """Microseconds an update, by optimizer, model and learning rate; and what is done for each weight."""
    found: dict[str, Any] = {}
    models = {"small": MODELS["small"]} if quick else MODELS
    for optimizer, make in {"sgd": optax.sgd, "adam": optax.adam}.items():
        for model, shape in models.items():
            updates = {name: update(make, rate, shape) for name, rate in RATES.items()}
            sides = {name: harness.Side(_turn(*given)) for name, given in updates.items()}
            goals = [harness.Goal("optax", 1.0), harness.Goal("constant", 0.99)]
            results, benchmarks = harness.run(harness.Race(f"{optimizer}, {model}", sides, goals), TURNS)
            step, (carry, grads) = updates[harness.OURS]
            found[f"{optimizer}, {model}"] = {
                "weights": shape[0] * shape[1] ** 2,
                "microseconds": {
                    name: round(1e6 * each.median(), 2) for name, each in zip(sides, benchmarks, strict=True)
                },
                "times less than": {
                    each.goal.against: {"median": round(each.ratio, 4), "quartiles": each.spread}
                    for each in results
                },
                PER_WEIGHT: float64_per_weight(step.lower(carry, grads).compile().as_text()),
            }
    # A CPU's compiler takes out of the loop what does not change, after the program that is read here.
    once = jax.default_backend() == "cpu" or not any(each[PER_WEIGHT] for each in found.values())
    return {"passed": once, **found}


PER_WEIGHT = "float64 instructions inside fusions of many numbers"


def _turn(step: Any, given: list[Any]) -> Callable[[int], float]:
    """Seconds of so many updates, each waiting for the one before, as in training."""

    def measure(loops: int) -> float:
        start = pyperf.perf_counter()
        for _ in range(loops):
            given[0] = step(*given)
        jax.block_until_ready(given[0])
        return float(pyperf.perf_counter() - start)

    return measure


def float64_per_weight(text: str) -> int:
    """How many float64 instructions a compiled program has in computations that make many numbers.

    On a GPU each of its threads would do them again, so there must be none. On a CPU the compiler of
    the loop takes them out of it afterwards.
    """
    total = 0
    for computation in re.split(r"\n\n", text):
        lines = computation.strip().splitlines()
        if not lines or lines[0].startswith(("ENTRY", "HloModule")):
            continue
        roots = [line for line in lines if "ROOT" in line]
        sizes = [
            int(np.prod([int(n) for n in dimensions.split(",") if n]))
            for root in roots
            for dimensions in re.findall(r"\w\d+\[([\d,]*)\]", root.partition(" = ")[2].partition("(")[0])
        ]
        if any(size > 1 for size in sizes):
            total += sum(" = f64[" in line for line in lines)
    return total


PARTS: Mapping[str, Callable[[bool], dict[str, Any]]] = {
    "parity": parity,
    "replay": replayed,
    "examples": examples,
    "cost": cost,
}


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", action="append", choices=PARTS, help="this part; may be repeated")
    parser.add_argument("--quick", action="store_true", help="a little of each part, to see that it works")
    parser.add_argument(
        "--output", type=pathlib.Path, metavar="FILE", help="(docs/accelerator-<device>.json)"
    )
    args = parser.parse_args(argv)
    # Several processes share the device, and an accelerator's memory is otherwise the first one's.
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    kind = re.sub(r"\W+", "-", jax.devices()[0].device_kind.lower())
    path = args.output or ROOT / "docs" / f"accelerator-{kind}.json"
    result: dict[str, Any] = {"environment": environment(), "devices": jax.device_count()}
    for part in args.only or PARTS:
        print(f"{part} ...", file=sys.stderr, flush=True)
        result[part] = PARTS[part](args.quick)
        print(json.dumps(result[part], indent=1))
    print("wrote", write_file(path, json.dumps(result, indent=1) + "\n"))
    return 0 if all(result[part]["passed"] for part in args.only or PARTS) else 1


if __name__ == "__main__":
    sys.exit(main())
