"""The command ``parity``."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Sequence
from concurrent.futures import BrokenExecutor

from .commands import COMMANDS, run
from .commands._common import Died, Exit as Exit, UsageError, complain

EPILOG = f"""{run.EPILOG}
In your own tests:
  parity.assert_parity(schedule, make_torch_scheduler, steps=1000)
"""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(
        "parity",
        description=run.DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add(commands)
        own = commands.choices[command.__name__.rpartition(".")[2]]
        own.set_defaults(main=command.main, parser=own)
    return top


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options of a command line; options may stand between the words of a command that takes many."""
    options, others = parser().parse_known_args(arguments)
    if others and hasattr(options, "what") and not any(word.startswith("-") for word in others):
        options.what += others
    elif others:
        options.parser.error(f"unrecognized arguments: {' '.join(others)}")  # with the usage of the command
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    options = parse(arguments)
    try:
        return int(options.main(options))
    except UsageError as reason:
        complain(str(reason))
        return Exit.USAGE
    except (Died, SystemExit) as reason:
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
    except Exception:
        traceback.print_exc()
        complain("internal error, not a verdict; no report was written")
        return Exit.INTERNAL
