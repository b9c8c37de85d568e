"""``parity train``: PyTorch and Flax train the same network side by side, ours or somebody's."""

from __future__ import annotations

import argparse
import shlex
import time
from collections.abc import Iterator
from typing import Any

from rich.console import Console

from ..report import terminal
from ..results import gathered
from ..training import OPTIMIZERS, RELATIVE, TRAINING_CASES, BroughtTwins, TrainingResult
from ..twins import compare_training
from ._common import (
    UsageError,
    add_device,
    add_how,
    add_output,
    add_selection,
    check_output,
    parser,
    said,
    select,
    use_device,
)
from .compare import load
from .run import compare_and_report

DESCRIPTION = f"""\
Trains a small network twice, update by update, in float64 on the CPU: with PyTorch's optimizer and
scheduler, and with Flax, Optax and jaxsched, from the same weights and on the same batches.

The twins stay together while the learning rates (and momenta, where they are cycled) are the same
float32 numbers, and losses, gradient norms and weights are within {RELATIVE:g} of one another.
Where they part, it says at which update, by which quantity first, and what is likely to blame.

With two twins of yours it does the same with them: each is a function without arguments that makes
an iterator, whose elements are what an update was: {{"loss": …, "lr": …, "weights": …}}.
`parity.compare_training` says what may be told, and parity.torch_twin, nnx_twin and linen_twin make
twins of a model, an optimizer, a scheduler and a loss function.
"""

EPILOG = """\
examples:
  parity train                              all twins; the report goes to parity-report/
  parity train --optimizer AdamW            with one optimizer
  parity train --scheduler ReduceLROnPlateau --steps 50
  parity train mine:torch_twin mine:flax_twin --steps 200

exit codes: 0 all stay together, 1 a pair parts, 2 wrong usage, 3 internal error, 5 nothing compared
"""


def add(commands: Any) -> None:
    command = parser(commands, "train", DESCRIPTION, EPILOG)
    command.add_argument(
        "what",
        metavar="TWIN",
        nargs="*",
        help="module:name of PyTorch's twin, then of the one beside it; without them, ours are trained",
    )
    chosen = add_selection(command, TRAINING_CASES, "no more than N updates of each; of yours, N")
    chosen.add_argument("--optimizer", metavar="NAME", choices=OPTIMIZERS, help="with this one (%(choices)s)")
    yours = command.add_argument_group("of twins of yours")
    yours.add_argument(
        "--relative",
        metavar="X",
        type=float,
        help="how far apart may be what is summed in another order (default: 1e-10 of what is computed in "
        "float64, 1e-5 in float32)",
    )
    add_device(yours)
    add_how(command)
    add_output(command)


def main(options: argparse.Namespace) -> int:
    if options.what:
        return _brought(options)
    for name in ("relative", "device"):
        if getattr(options, name) is not None:
            raise UsageError(f"train: --{name} goes with two twins of yours; ours are in float64 on the CPU")
    wanted = [case for case in TRAINING_CASES if options.optimizer in (None, case.optimizer)]
    return compare_and_report(select(options, wanted), options)


def _brought(options: argparse.Namespace) -> int:
    _check(options)
    use_device(options.device)
    check_output(options)
    torch_name, jax_name = options.what
    case = BroughtTwins(f"{torch_name} and {jax_name}", options.steps)
    start = time.perf_counter()
    torch_twin = load("train: the first TWIN", torch_name)
    jax_twin = load("train: the second TWIN", jax_name)
    console = Console(stderr=options.json == "-")
    with terminal.Updates(case.steps, console) as bar:
        try:
            found = compare_training(
                torch_twin,
                jax_twin,
                steps=case.steps,
                relative=options.relative,
                progress=bar,
                names=(torch_name, jax_name),
            )
        except ValueError as reason:  # what was brought cannot be compared
            raise UsageError(f"train: {reason}") from reason
    result = TrainingResult(
        case, found, ((), ()), time.perf_counter() - start, command=shlex.join(_again(options))
    )
    return said(gathered([result], result.seconds), options, console)


def _check(options: argparse.Namespace) -> None:
    """Whether these options go with twins that somebody brings.

    Raises:
      UsageError: they do not.
    """
    if len(options.what) != 2:
        raise UsageError(
            f"train: two twins must be named, PyTorch's first, or none, got {' '.join(options.what)}"
        )
    if options.steps is None:
        raise UsageError("train: --steps must be given with twins of yours: nobody knows how long they are")
    ours = {"-k": options.k, "--scheduler": options.scheduler, "--param": options.param}
    ours |= {"--optimizer": options.optimizer, "--jobs": options.jobs, "--fail-fast": options.fail_fast}
    given = [name for name, value in ours.items() if value]
    if given:
        raise UsageError(f"train: {' and '.join(given)}: not with twins of yours, which are one pair")


def _again(options: argparse.Namespace) -> Iterator[str]:
    """The words of the command that does the same once more."""
    yield from ("parity", "train", *options.what, "--steps", str(options.steps))
    if options.relative is not None:
        yield from ("--relative", f"{options.relative:g}")
    if options.device is not None:
        yield from ("--device", options.device)
