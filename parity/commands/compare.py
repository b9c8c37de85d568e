"""``parity compare``: a schedule and a scheduler that somebody brings."""

from __future__ import annotations

import argparse
import difflib
import importlib
import pathlib
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from .. import report
from ..answers import answer
from ..api import compare
from ..comparison import Allowed, Comparison
from ..handed_in import (
    CountByCount,
    NotComparable,
    schedule as tried,
    scheduler as live_scheduler,
    theirs as code_of,
    told,
)
from ..judge import Slack, judge, recorded
from ..reference import pytorch
from ..report import github
from ..report.wording import in_full
from ..results import CaseResult, PairCase, gathered
from ..stepped import Stepped
from ._common import (
    Exit,
    UsageError,
    a_path,
    add_device,
    at_least_1,
    check_folder,
    complain,
    parser,
    use_device,
)

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

Either side may also be a file: values, or counts and values, as CSV or JSON; the CSV that
TensorBoard and Weights & Biases write, an event file, the trainer_state.json of transformers.
Of several columns one is named behind the file: history.csv:train/lr. What was logged every
n-th update is compared there, and with the digits that the log kept.
"""


def add(commands: Any) -> None:
    command = parser(commands, "compare", DESCRIPTION, EPILOG)
    command.add_argument(
        "schedule", metavar="SCHEDULE", help="module:name of a function of a count; or a file"
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
        "--steps-per-epoch",
        metavar="N",
        type=at_least_1,
        default=1,
        help="updates that the schedule counts while the scheduler makes one step (default: %(default)s)",
    )
    command.add_argument(
        "--group", metavar="I", type=int, default=0, help="parameter group (default: %(default)s)"
    )
    command.add_argument("--quantity", choices=pytorch.QUANTITIES, default="lr", help="default: %(default)s")
    allowed = command.add_argument_group("how far apart the two may be (default: not at all)")
    allowed.add_argument("--max-ulp", metavar="X", type=float, help="ULP of float32, at PyTorch's value")
    allowed.add_argument("--relative", metavar="X", type=float, help="as a share of PyTorch's value")
    allowed.add_argument("--absolute", metavar="X", type=float, help="of several, one will do")
    command.add_argument("-o", "--output", metavar="DIR", type=a_path, help="write the reports there")
    add_device(command)


def main(options: argparse.Namespace) -> int:
    use_device(options.device)
    if options.output is not None:
        check_folder(options.output)
    start = time.perf_counter()
    comparison, scheduler = _compare(options)
    name = f"{options.schedule} and {options.scheduler}"
    case = PairCase(name, scheduler, comparison.steps, options.quantity)
    result = CaseResult(
        case, comparison, None, time.perf_counter() - start, 0.0, command=shlex.join(_again(options))
    )
    print(in_full(result))
    github.announce(gathered([result], result.seconds))
    if options.output is not None:
        paths = report.write(gathered([result], result.seconds), options.output)
        print("wrote " + ", ".join(map(str, paths)))
    if comparison.steps == 0:
        return Exit.NOTHING
    return Exit.PASSED if result.passed else Exit.FAILED


def _again(options: argparse.Namespace) -> Iterator[str]:
    """The words of the command that does the same once more."""
    yield from ("parity", "compare", options.schedule, options.scheduler, "--steps", str(options.steps))
    for name, default in (
        ("steps_per_epoch", 1), ("group", 0), ("quantity", "lr"),
        ("max_ulp", None), ("relative", None), ("absolute", None),
    ):  # fmt: skip
        value = getattr(options, name)
        if value != default:
            yield from (
                f"--{name.replace('_', '-')}",
                f"{value:g}" if isinstance(value, float) else str(value),
            )


def _compare(options: argparse.Namespace) -> tuple[Comparison, str]:
    ours = side("compare: SCHEDULE", options.schedule)
    theirs = side("compare: SCHEDULER", options.scheduler)
    try:
        Allowed(options.max_ulp, options.relative, options.absolute)
    except ValueError as reason:
        raise UsageError(f"compare: --{str(reason).replace('max_ulp', 'max-ulp')}") from reason
    try:
        if callable(ours) and callable(theirs):
            scheduler = live_scheduler(theirs, options.scheduler, options.group)
            found = compare(
                _tried(ours, options.schedule),
                lambda: scheduler,
                steps=options.steps,
                group=options.group,
                quantity=options.quantity,
                steps_per_epoch=options.steps_per_epoch,
                max_ulp=options.max_ulp,
                relative=options.relative,
                absolute=options.absolute,
                names=(options.schedule, options.scheduler),
            )
            return found, type(scheduler).__name__
        return _from_files(options, ours, theirs, options.steps)
    except NotComparable as reason:
        raise UsageError(f"compare: {reason}") from reason


def _from_files(options: argparse.Namespace, ours: Any, theirs: Any, steps: int) -> tuple[Comparison, str]:
    """`compare`, where a side is a trajectory and there is nothing to step or to call."""
    allowed = Allowed(options.max_ulp, options.relative, options.absolute)
    logs = [
        (text, each)
        for text, each in ((options.schedule, ours), (options.scheduler, theirs))
        if not callable(each)
    ]
    if not callable(theirs):
        for option, usual in (("group", 0), ("quantity", "lr")):
            if getattr(options, option) != usual:
                raise UsageError(
                    f"compare: --{option} must be left out where SCHEDULER is a file, which is compared as "
                    f"it is; got {getattr(options, option)}"
                )
        theirs = _in_updates(theirs, options.steps_per_epoch)
        logs[-1] = (options.scheduler, theirs)
    counts = _logged_counts(logs, steps)
    kind = "file"
    if callable(theirs):
        scheduler = live_scheduler(theirs, options.scheduler, options.group)
        kind = type(scheduler).__name__
        with code_of(options.scheduler, ", stepped,"):
            epochs = -(-steps // options.steps_per_epoch)
            found = pytorch.trajectory(scheduler, epochs, quantity=options.quantity, group=options.group)
        values = np.repeat(found.values, options.steps_per_epoch)
        counts = counts[counts < len(values)]
        stepped = Stepped(counts, values[counts], found.ended, made=counts, each=options.steps_per_epoch)
    else:
        stepped = Stepped(counts, _at(theirs, counts).values, made=counts, each=options.steps_per_epoch)
    slack = np.zeros(len(counts))
    for _, each in logs:
        slack += _at(each, counts).slack
    kept = [
        f"{each.digits.removesuffix(' that it kept')} that {text} kept" for text, each in logs if each.digits
    ]
    why = Slack(slack, " and ".join(kept)) if kept else None
    if not callable(ours):
        return judge(recorded(_at(ours, counts).values, stepped), stepped, allowed, why), kind
    schedule = _tried(ours, options.schedule)
    with code_of(options.schedule):
        answers = answer(schedule, stepped)
    return judge(answers, stepped, allowed, why), kind


def _logged_counts(logs: Sequence[tuple[str, Any]], steps: int) -> np.ndarray:
    """The counts below ``steps`` at which each log has a value.

    Raises:
      UsageError: one of them ends too soon, or there are none.
    """
    counts = np.arange(steps)
    for text, each in logs:
        gap = float(np.median(np.diff(each.counts))) if len(each.counts) > 1 else 1
        if not len(each.counts) or each.counts[-1] + gap < steps:
            last = f"ends at count {each.counts[-1]:,}" if len(each.counts) else "has no values"
            raise UsageError(
                f"compare: --steps must be at most what {text} has, which {last}, got {steps:,}: give "
                + (f"--steps {each.counts[-1] + 1}, or a longer file" if len(each.counts) else "another file")
            )
        counts = np.intersect1d(counts, each.counts)
    if not len(counts):
        raise UsageError(
            f"compare: {' and '.join(text for text, _ in logs)} have no count in common below {steps:,}"
        )
    if len(counts) < steps:
        complain(f"compared at {len(counts):,} counts of {steps:,}: those that were logged")
    return counts.astype(np.int32)


def _in_updates(logged: Any, each: int) -> Any:
    """What was logged once an epoch, at every update of the epochs."""
    counts = (logged.counts[:, None] * each + np.arange(each)).ravel()
    return logged._replace(
        counts=counts, values=np.repeat(logged.values, each), slack=np.repeat(logged.slack, each)
    )


def _at(logged: Any, counts: np.ndarray) -> Any:
    """What a log has at these counts."""
    at = np.searchsorted(logged.counts, counts)
    return logged._replace(counts=counts, values=logged.values[at], slack=logged.slack[at])


def _tried(schedule: Any, name: str) -> Callable[[Any], Any]:
    found = tried(schedule, name)
    if isinstance(found, CountByCount):
        complain(f"{name} is called in Python, count by count: JAX cannot trace it ({found.why})")
    return found


def side(which: str, text: str) -> Any:
    """What a side of a comparison is: something to call, or what a file has logged."""
    file, column = text, None
    if not _is_file(text) and _is_file(text.rpartition(":")[0]):
        file, _, column = text.rpartition(":")
    if _is_file(file):
        from jaxsched import _trajectories as trajectories

        try:
            return trajectories.log(pathlib.Path(file), column)
        except (OSError, ValueError) as reason:
            raise UsageError(f"{which}: {reason}") from reason
    return load(which, text)


def _is_file(text: str) -> bool:
    return text.lower().endswith((".csv", ".tsv", ".json", ".jsonl")) or "tfevents" in text.rpartition("/")[2]


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
        raise UsageError(
            f"{which} must be module:name, or a file (.csv, .tsv, .json, .jsonl, an event file), got {text!r}"
        )
    sys.path.insert(0, "")
    try:
        with code_of(which, f": importing {module}"):
            found: Any = importlib.import_module(module)
            for part in name.split("."):
                found = getattr(found, part)
    except NotComparable as wrapped:
        reason = wrapped.__cause__
        if isinstance(reason, ModuleNotFoundError):
            ours = reason.name == module.split(".")[0]
            where = f"; looked where Python looks and in {pathlib.Path.cwd()}" if ours else ""
            if module.endswith(".py"):
                where = (
                    f"; a module is named without .py: {module.removesuffix('.py').replace('/', '.')}:{name}"
                )
            raise UsageError(f"{which}: {reason}{where}") from reason
        if isinstance(reason, (ImportError, AttributeError)):
            like = difflib.get_close_matches(name, vars(sys.modules.get(module, object)), n=3)
            meant = f". Did you mean {' or '.join(f'{module}:{each}' for each in like)}?" if like else ""
            raise UsageError(f"{which}: {reason}{meant}") from reason
        raise UsageError(f"{which}: {module} cannot be imported: {told(reason or wrapped)}") from reason
    finally:
        if "" in sys.path:
            sys.path.remove("")
    return found
