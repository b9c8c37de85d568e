"""``parity compare``: a schedule and a scheduler that somebody brings."""

from __future__ import annotations

import argparse
import importlib
import pathlib
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import report
from ..answers import answer
from ..api import compare
from ..comparison import Comparison
from ..devices.door import told
from ..judge import judge, recorded
from ..reference import pytorch
from ..report import github
from ..report.wording import in_full
from ..results import CaseResult, PairCase, gathered
from ..stepped import Stepped
from ._common import Exit, UsageError, add_device, at_least_1, parser, use_device

DESCRIPTION = """\
Compares your own JAX schedule with your own PyTorch scheduler, and says in one screen where
the two part, why, and who is wrong. Nothing of either needs to be from jaxsched.
"""

EPILOG = """\
example, with a file mine.py in this folder:
  import optax, torch
  schedule = optax.warmup_cosine_decay_schedule(0.0, 0.1, 10, 100)
  def make_torch_scheduler():
      optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
      return torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=100)

  parity compare mine:schedule mine:make_torch_scheduler --steps 100

Either side may also be a trajectory in a file: a list of values, or counts and values, as
CSV or JSON.
"""


def add(commands: Any) -> None:
    command = parser(
        commands, "compare", "your own schedule with your own PyTorch scheduler", DESCRIPTION, EPILOG
    )
    command.add_argument(
        "schedule", metavar="SCHEDULE", help="module:name of a function of a count; or FILE.csv, FILE.json"
    )
    command.add_argument(
        "scheduler",
        metavar="SCHEDULER",
        help="module:name of a function without arguments that returns a live scheduler; or a file",
    )
    command.add_argument(
        "--steps", metavar="N", type=at_least_1, required=True, help="counts to compare, from 0 on"
    )
    command.add_argument(
        "--group", metavar="I", type=int, default=0, help="parameter group (default: %(default)s)"
    )
    command.add_argument("--quantity", choices=pytorch.QUANTITIES, default="lr", help="default: %(default)s")
    command.add_argument("--output", metavar="DIR", type=pathlib.Path, help="write the reports there")
    add_device(command)


def main(options: argparse.Namespace) -> int:
    use_device(options.device)
    start = time.perf_counter()
    comparison, scheduler = _compare(options)
    name = f"{options.schedule} and {options.scheduler}"
    case = PairCase(name, scheduler, comparison.steps, options.quantity)
    again = f"parity compare {options.schedule} {options.scheduler} --steps {options.steps}"
    result = CaseResult(case, comparison, None, time.perf_counter() - start, 0.0, command=again)
    print(in_full(result))
    github.announce(gathered([result], result.seconds))
    if options.output is not None:
        paths = report.write(gathered([result], result.seconds), options.output)
        print("wrote " + ", ".join(map(str, paths)))
    if comparison.steps == 0:
        return Exit.NOTHING
    return Exit.PASSED if result.passed else Exit.FAILED


def _compare(options: argparse.Namespace) -> tuple[Comparison, str]:
    ours = side("compare: SCHEDULE", options.schedule)
    theirs = side("compare: SCHEDULER", options.scheduler)
    steps: int = options.steps
    if callable(ours) and callable(theirs):
        scheduler = theirs()
        for needed in ("step", "optimizer"):
            if not hasattr(scheduler, needed):
                raise UsageError(
                    f"compare: {options.scheduler} must return a live PyTorch scheduler, "
                    f"got {type(scheduler).__name__}, which has no {needed}"
                )
        made = iter([scheduler])
        found = compare(ours, lambda: next(made), steps=steps, group=options.group, quantity=options.quantity)
        return found, type(scheduler).__name__
    return _from_files(options, ours, theirs, steps)


def _from_files(options: argparse.Namespace, ours: Any, theirs: Any, steps: int) -> tuple[Comparison, str]:
    """`compare`, where a side is a trajectory and there is nothing to step or to call."""
    counts = np.arange(steps, dtype=np.int32)
    kind = "file"
    if callable(theirs):
        scheduler = theirs()
        kind = type(scheduler).__name__
        found = pytorch.trajectory(scheduler, steps, quantity=options.quantity, group=options.group)
        stepped = Stepped(counts, *found)
    else:
        stepped = Stepped(counts, theirs[:steps])
    answers = answer(ours, stepped) if callable(ours) else recorded(ours[:steps], stepped)
    return judge(answers, stepped), kind


def side(which: str, text: str) -> Any:
    """What a side of a comparison is: something to call, or an array of values."""
    if text.endswith((".csv", ".json")):
        from jaxsched import _trajectories as trajectories

        try:
            return trajectories.read(pathlib.Path(text))
        except (OSError, ValueError) as reason:
            raise UsageError(f"{which}: {reason}") from reason
    return load(which, text)


def load(which: str, text: str) -> Callable[..., Any]:
    """The function that ``module:name`` names."""
    found = named(which, text)
    if not callable(found):
        raise UsageError(f"{which} must be something to call, got {text} = {found!r}")
    return found  # type: ignore[no-any-return]


def named(which: str, text: str) -> Any:
    """What ``module:name`` names; modules are looked for in the current folder, too.

    Raises:
      UsageError: there is no such thing, or its module cannot be imported: its own fault is in the text.
    """
    module, colon, name = text.partition(":")
    if not colon or not module or not name:
        raise UsageError(f"{which} must be module:name, FILE.csv or FILE.json, got {text!r}")
    sys.path.insert(0, "")
    try:
        found: Any = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except ModuleNotFoundError as reason:
        where = (
            f"; looked where Python looks and in {pathlib.Path.cwd()}"
            if reason.name == module.split(".")[0]
            else ""
        )
        raise UsageError(f"{which}: {reason}{where}") from reason
    except (ImportError, AttributeError) as reason:
        raise UsageError(f"{which}: {reason}") from reason
    except (Exception, SystemExit) as reason:
        raise UsageError(f"{which}: {module} cannot be imported: {told(reason)}") from reason
    finally:
        if "" in sys.path:
            sys.path.remove("")
    return found
