"""``parity compare``: a schedule and a scheduler that somebody brings."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
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
from ..judge import Slack, judge, near_enough, recorded
from ..reference import pytorch
from ..report import github
from ..report.wording import in_full
from ..results import CaseResult, PairCase, gathered
from ..stepped import Stepped, in_updates, only_at, step
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
    if callable(theirs):
        stepped, kind = _stepped(options, theirs, counts, steps)
        counts = stepped.counts[: len(stepped.values)]
    else:
        recorded_there = _at(theirs, counts).values
        stepped = Stepped(counts, recorded_there, made=counts, each=options.steps_per_epoch)
        kind = "file"
    logs = [(text, _at(each, counts)) for text, each in logs]
    if not callable(ours):
        answers = recorded(_at(ours, counts).values, stepped)
    else:
        schedule = _tried(ours, options.schedule)
        with code_of(options.schedule):
            answers = answer(schedule, stepped)
    found = judge(answers, stepped, allowed, _kept(logs))
    if found.first_failure is not None and callable(ours) and len(counts) < steps <= EVERYWHERE:
        answers = dataclasses.replace(answers, every=_everywhere(schedule, options.schedule, steps))
        found = judge(answers, stepped, allowed, _kept(logs))
    if found.first_failure is not None:
        found = _beside_digits(found, answers.values[: len(counts)], stepped.values, logs)
    read = [f"{text}: {each.read}" for text, each in logs if each.read]
    if found.first_failure is not None and counts[0] == 1:
        read.append(
            "note: the first count that was logged is 1. Where that was the first update, its count is 0, "
            "and all that were logged are 1 too high"
        )
    if not callable(theirs) and len(counts) < steps:  # a log tells no events that would be named instead
        read.append("not judged: at which count a value changes between those that were logged")
    return dataclasses.replace(found, read=tuple(read)), kind


EVERYWHERE = 1_000_000
"""Counts at which a schedule is asked for the cause of a difference from a log that has some of them."""


def _everywhere(schedule: Callable[[Any], Any], name: str, steps: int) -> np.ndarray | None:
    """What a schedule says at all counts; None where it does not say it at one."""
    counts = np.arange(steps, dtype=np.int32)
    with contextlib.suppress(NotComparable), code_of(name):
        return answer(schedule, Stepped(counts, np.zeros(steps))).values.astype(np.float64)
    return None


def _stepped(options: argparse.Namespace, make: Any, counts: np.ndarray, steps: int) -> tuple[Stepped, str]:
    """What a live scheduler does, asked at the counts that were logged; and its class."""
    scheduler = live_scheduler(make, options.scheduler, options.group)
    with code_of(options.scheduler, ", stepped,"):
        epochs = -(-steps // options.steps_per_epoch)
        found = step(scheduler, epochs, quantity=options.quantity, group=options.group)
    if options.steps_per_epoch > 1:
        found = in_updates(found, options.steps_per_epoch, steps)
    return only_at(found, counts), type(scheduler).__name__


def _kept(logs: Sequence[tuple[str, Any]]) -> Slack | None:
    """What the digits of all logs allow together; None where they kept all."""
    kept = [
        f"{each.digits.removesuffix(' that it kept')} that {text} kept" for text, each in logs if each.digits
    ]
    return Slack(sum(each.slack for _, each in logs), " and ".join(kept)) if kept else None


def _beside_digits(
    found: Comparison, ours: np.ndarray, torch: np.ndarray, logs: Sequence[tuple[str, Any]]
) -> Comparison:
    """The same, with a word on the digits of a log, where these alone may be the difference."""
    apart = np.abs(ours.astype(np.float64) - torch)
    rounding = 2.0**-23 * np.abs(torch)  # the two are compared as float32
    for text, each in logs:
        if each.short is None or not (apart <= each.short.half + rounding).all():
            continue
        tolerance = Allowed(**{each.short.option: each.short.least})
        enough = near_enough(tolerance, ours.astype(np.float32), torch).all()
        least = each.short.least if enough else 1.01 * each.short.least
        cause = (
            f"{text} keeps {each.short.digits}: too few to judge by themselves, and nothing is further off "
            f"than half a unit of the last; --{each.short.option} {least:g} allows it"
        )
        wrong = (found.problem or "").removeprefix(f"{found.cause}; ")
        return dataclasses.replace(found, problem=f"{cause}; {wrong}", cause=cause, who=None)
    return found


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
        shared = "has no count" if len(logs) == 1 else "have no count in common"
        raise UsageError(f"compare: {' and '.join(text for text, _ in logs)} {shared} below {steps:,}")
    if len(counts) < steps:
        logged = "1 count" if len(counts) == 1 else f"{len(counts):,} counts"
        which = "the one that was" if len(counts) == 1 else "those that were"
        complain(f"compared at {logged} of {steps:,}: {which} logged")
    return counts.astype(np.int32)


def _in_updates(logged: Any, each: int) -> Any:
    """What was logged once an epoch, at every update of the epochs."""
    counts = (logged.counts[:, None] * each + np.arange(each)).ravel()
    return logged._replace(
        counts=counts,
        values=np.repeat(logged.values, each),
        slack=np.repeat(logged.slack, each),
        short=logged.short and logged.short._replace(half=np.repeat(logged.short.half, each)),
    )


def _at(logged: Any, counts: np.ndarray) -> Any:
    """What a log has at these counts."""
    at = np.searchsorted(logged.counts, counts)
    short = logged.short and logged.short._replace(half=logged.short.half[at])
    return logged._replace(counts=counts, values=logged.values[at], slack=logged.slack[at], short=short)


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
