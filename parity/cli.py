"""The command ``parity``."""

from __future__ import annotations

import argparse
import codecs
import contextlib
import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from concurrent.futures import BrokenExecutor
from typing import Any

from . import _garbage, _quiet, guard
from .commands import COMMANDS, RUN_CODE_OF_OTHERS, STEP_PYTORCH
from .commands.about import DESCRIPTION, EPILOG
from .commands.exits import Died, Exit as Exit, UsageError, complain

IN_TESTS = """
In your own tests:
  parity.assert_parity(schedule, make_torch_scheduler, steps=1000)
"""


def parser(command: str | None = None) -> argparse.ArgumentParser:
    """The command line; with the options of one command, or none."""
    top = argparse.ArgumentParser(
        "parity",
        description=DESCRIPTION,
        epilog=EPILOG + IN_TESTS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, does in COMMANDS.items():
        if name != command:
            commands.add_parser(name, help=does)
            continue
        module = _loaded(name)
        module.add(commands)
        own = commands.choices[name]
        own.set_defaults(main=module.main, parser=own)
    return top


def _loaded(name: str) -> Any:
    """The module of a command.

    Raises:
      UsageError: a package that it needs is not installed.
    """
    _quiet.load_jax()
    try:
        return importlib.import_module(f".commands.{name}", __package__)
    except ModuleNotFoundError as reason:
        raise (_lacking(name, reason) or reason) from reason


_PACKAGES = frozenset({"torch", "flax", "mpmath", "rich", "jinja2", "matplotlib"})
"""What the extra brings."""


def _lacking(command: str, reason: ModuleNotFoundError) -> UsageError | None:
    """What to install, if it is a package of ours that is not there."""
    package = (reason.name or "").partition(".")[0]
    if package not in _PACKAGES:
        return None
    extra = "check" if command == "check" and package != "torch" else "parity"
    return UsageError(f"{command} needs {package}, which is not installed: pip install 'jaxsched[{extra}]'")


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options of a command line; options may stand between the words of a command that takes many."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    command = next((word for word in words if not word.startswith("-")), None)
    options, others = parser(command).parse_known_args(words)
    if others and hasattr(options, "what") and not any(word.startswith("-") for word in others):
        options.what += others
    elif others:
        options.parser.error(f"unrecognized arguments: {' '.join(others)}")  # with the usage of the command
    return options


def program() -> int:
    """The command ``parity`` of a shell; its exit code."""
    _say_what_can_be_said()
    command = next((word for word in sys.argv[1:] if not word.startswith("-")), None)
    return guard.watched(_began) if command in RUN_CODE_OF_OTHERS else _began()


def _began() -> int:
    """`main` in a process of its own, with what the command needs loaded."""
    command = next((word for word in sys.argv[1:] if not word.startswith("-")), "")
    if command in COMMANDS:
        with _garbage.not_looked_for(), contextlib.suppress(Exception):  # `main` says what is wrong
            _loaded(command)
            _garbage.load(["torch"] if command in STEP_PYTORCH else [])
    return main()


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code. As argparse does, it leaves by SystemExit for `--help`."""
    parsed = False
    try:
        options = parse(arguments)
        parsed = True
        try:
            return int(options.main(options))
        except Exception as reason:
            missing = reason if isinstance(reason, ModuleNotFoundError) else reason.__cause__
            if isinstance(missing, ModuleNotFoundError):
                raise (_lacking(options.command, missing) or reason) from missing
            raise
    except UsageError as reason:
        complain(str(reason))
        return Exit.USAGE
    except (Died, SystemExit) as reason:
        if not parsed:
            raise
        said = reason if isinstance(reason, Died) else f"something called sys.exit({reason})"
        complain(f"{said}; no verdict, and no report was written")
        return Exit.INTERNAL
    except BrokenPipeError:
        # Whoever read the output has seen enough; nothing more may be written to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except BrokenExecutor:
        complain(
            "a process that did part of the work has ended, for want of memory perhaps; no verdict, and no "
            "report was written"
        )
        return Exit.INTERNAL
    except KeyboardInterrupt as interrupted:
        done = next(iter(interrupted.args), "")
        complain(f"interrupted{f'; {done}' if done else ''}; no report was written")
        return 130
    except Exception as reason:
        if isinstance(reason, OSError) and reason.errno is not None:  # the disk is full, say
            complain(f"{reason.filename}: {reason.strerror}" if reason.filename else str(reason))
            return Exit.USAGE
        if sys.stdout.closed:
            complain("standard output has been closed, by what was handed in perhaps; no verdict can be said")
            return Exit.INTERNAL
        traceback.print_exc()
        complain("internal error, not a verdict; no report was written")
        return Exit.INTERNAL


_PLAIN = {"−": "-", "…": "...", "×": "x", "→": "->", "–": "-", "±": "+/-", "²": "^2"}


def _say_what_can_be_said() -> None:
    """Signs that the terminal has not are said in others, so that no verdict is lost for one of them."""

    def plain(error: UnicodeError) -> tuple[str, int]:
        assert isinstance(error, UnicodeEncodeError)
        text = error.object[error.start : error.end]
        return "".join(_PLAIN.get(sign, "?") for sign in text), error.end

    codecs.register_error("plain", plain)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="plain")


if __name__ == "__main__":
    sys.exit(program())
