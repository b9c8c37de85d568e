"""What several commands share: exit codes, and the choice of cases."""

from __future__ import annotations

import argparse
import ast
import contextlib
import difflib
import functools
import os
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from typing import Any, TypeVar

import jax
from rich.console import Console

from .. import report
from .._quiet import only_compilers, quietly
from ..cases import BaseCase
from ..catalogue import ALL_CASES
from ..report import github, terminal
from ..run import Run
from . import COMMANDS
from .exits import Died, Exit as Exit, UsageError as UsageError, complain as complain

C = TypeVar("C", bound=BaseCase)


def parser(commands: Any, name: str, description: str, epilog: str = "") -> argparse.ArgumentParser:
    """A parser for one command."""
    made: argparse.ArgumentParser = commands.add_parser(
        name,
        help=COMMANDS[name],
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    return made


def add_selection(
    command: argparse.ArgumentParser,
    cases: Sequence[BaseCase] = ALL_CASES,
    steps: str = "no more than N counts of each",
) -> Any:
    """The options that choose among cases, as a group; ``steps`` is what ``--steps`` does."""
    known = sorted({case.scheduler for case in cases})
    chosen = command.add_argument_group("which cases")
    chosen.add_argument("-k", metavar="TEXT", default="", help="with TEXT in their name, in any case")
    chosen.add_argument(
        "--scheduler",
        metavar="NAME",
        action="append",
        type=functools.partial(_one_of, known),
        help=f"of this PyTorch class; may be given more than once ({', '.join(known)})",
    )
    chosen.add_argument(
        "--param", metavar="NAME[=VALUE]", action="append", default=[], help="that give this argument (so)"
    )
    chosen.add_argument("--steps", metavar="N", type=at_least_1, help=steps)
    return chosen


def _one_of(known: Sequence[str], text: str) -> str:
    """A name on the command line."""
    if text in known:
        return text
    lower = {name.lower(): name for name in known}
    like = difflib.get_close_matches(text.lower(), lower, n=1)
    meant = f": did you mean {lower[like[0]]}?" if like else "; --help lists them"
    raise argparse.ArgumentTypeError(f"must be a class that is compared, got {text!r}{meant}")


def at_least_1(text: str) -> int:
    """A number on the command line."""
    if not text.isdecimal() or not 1 <= int(text) < 2**31:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 to {2**31 - 1:,}, got {text!r}")
    return int(text)


def select(options: argparse.Namespace, cases: Sequence[C]) -> list[C]:
    """The cases that are asked for."""
    chosen = [
        case
        for case in cases
        if options.k.lower() in case.name.lower()
        and (not options.scheduler or case.scheduler in options.scheduler)
        and all(_gives(case, wanted) for wanted in options.param)
    ]
    return chosen if options.steps is None else [case.shortened(options.steps) for case in chosen]


def _gives(case: BaseCase, wanted: str) -> bool:
    name, equals, text = wanted.partition("=")
    arguments = case.arguments
    if name not in arguments:
        return False
    try:
        value = ast.literal_eval(text) if equals else None
    except (SyntaxError, ValueError):
        value = text
    return not equals or arguments[name] == value


def add_how(command: argparse.ArgumentParser) -> Any:
    """The options of how the work is done, as a group."""
    how = command.add_argument_group("how")
    how.add_argument(
        "--jobs", metavar="N", type=at_least_1, help="processes that share the work (default: one a core)"
    )
    how.add_argument("--fail-fast", action="store_true", help="stop soon after the first case that fails")
    return how


def add_output(command: argparse.ArgumentParser) -> None:
    """Where the report goes."""
    command.add_argument(
        "-o",
        "--output",
        metavar="DIR",
        type=a_path,
        default=pathlib.Path("parity-report"),
        help=f"folder for {', '.join(report.FILES)} (default: %(default)s)",
    )
    command.add_argument("--json", metavar="FILE", help="write report.json to FILE too; - is standard output")


def add_device(command: argparse._ActionsContainer) -> None:
    command.add_argument(
        "--device", choices=("cpu", "gpu", "tpu"), help="where JAX runs (default: its own choice)"
    )


def use_device(device: str | None) -> None:
    """Chooses the device, for this process and those it starts."""
    if device is None:
        if not only_compilers():
            return
        device = "cpu"  # what JAX would take in the end
    _check_flags()
    platform = {"gpu": "cuda,rocm"}.get(device, device)
    os.environ["JAX_PLATFORMS"] = platform
    jax.config.update("jax_platforms", platform)  # type: ignore[no-untyped-call]
    try:
        with quietly():
            jax.devices()
    except RuntimeError as reason:
        raise UsageError(f"--device {device}: JAX finds none here ({reason})") from reason


def _check_flags() -> None:
    """Whether XLA survives its flags: of an unknown one it ends the process, with exit code 1.

    Raises:
      Died: it does not.
    """
    if not os.environ.get("XLA_FLAGS"):
        return
    code = "import contextlib, jax\nwith contextlib.suppress(Exception): jax.devices('cpu')\nprint('alive')"
    environment = {**os.environ, "JAX_PLATFORMS": "cpu"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    if "alive" not in done.stdout:
        last = done.stderr.strip().splitlines()[-1:]
        raise Died(f"XLA ended with exit code {done.returncode}: {''.join(last) or 'it said nothing'}")


def nothing(cases: Sequence[BaseCase]) -> bool:
    """Whether there is nothing to compare, which is said."""
    if not cases:
        complain("nothing compared: no case matches; `parity list` prints their names")
    return not cases


def check_output(options: argparse.Namespace) -> None:
    """Whether what `add_output` names can be written; asked before the work is done.

    Raises:
      UsageError: it cannot.
    """
    check_folder(options.output)
    if options.json and options.json != "-":
        check_file("--json", pathlib.Path(options.json))


def a_path(text: str) -> pathlib.Path:
    """A path on the command line."""
    if not text or "\0" in text:
        raise argparse.ArgumentTypeError(f"must be a path, got {text!r}")
    return pathlib.Path(text)


def check_folder(folder: pathlib.Path) -> None:
    """Whether the reports can be written there: it is tried, and nothing of that is left.

    Raises:
      UsageError: they cannot.
    """
    missing: list[pathlib.Path] = []
    try:
        missing = [each for each in (folder, *folder.parents) if not each.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as reason:
        raise UsageError(
            f"--output {folder}: no folder that can be written to: {reason.strerror or reason}"
        ) from reason
    finally:
        for each in missing:
            with contextlib.suppress(OSError):
                each.rmdir()
    for name in report.FILES:
        if (folder / name).is_dir():
            raise UsageError(f"--output {folder}: {folder / name} is a folder, in the place of a report")


def check_file(option: str, file: pathlib.Path) -> None:
    """Whether a file can be written there.

    Raises:
      UsageError: it cannot.
    """
    if file.is_dir():
        raise UsageError(f"{option} {file}: is a folder")
    if not file.parent.is_dir() or not os.access(file.parent, os.W_OK):
        raise UsageError(f"{option} {file}: there is no folder {file.parent} that can be written to")


def said(result: Run, options: argparse.Namespace, console: Console) -> Exit:
    """Writes and prints what came of a run, with the options of `add_output`; the exit code that it has."""
    paths = report.write(result, options.output)
    if options.json == "-":
        sys.stdout.write(report.FILES["report.json"](result))
    elif options.json:
        paths.append(report.write_file(pathlib.Path(options.json), report.FILES["report.json"](result)))
    terminal.show(result, paths, console)
    github.announce(result)
    if not result.compared:
        return Exit.NOTHING
    return Exit.PASSED if result.passed else Exit.FAILED
