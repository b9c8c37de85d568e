"""``parity show``: all that is known of one case, or a script that does it without parity."""

from __future__ import annotations

import argparse
import difflib
import shlex
from typing import Any

from ..catalogue import ALL_CASES
from ..report.wording import in_full
from ..run import Profile, run
from ..training import TRAINING_CASES
from ._common import Exit, UsageError, add_device, parser, use_device

DESCRIPTION = """\
Runs one case and prints all that is known of it; with --script, prints a stand-alone script
instead, which does the same with torch, jax and jaxsched only.
"""


def add(commands: Any) -> None:
    command = parser(commands, "show", DESCRIPTION)
    command.add_argument(
        "name", metavar="NAME", help="its name, or a part that no other has; see `parity list`"
    )
    command.add_argument("--script", action="store_true", help="print a script that reproduces it")
    add_device(command)


SHOWN = 10
"""Names, of cases that may be meant."""


def _like(text: str) -> str:
    """A word on what may be meant."""
    known = sorted({case.scheduler for case in (*ALL_CASES, *TRAINING_CASES)})
    lower = {name.lower(): name for name in known}
    like = difflib.get_close_matches(text.lower(), lower, n=1)
    return f"; did you mean {lower[like[0]]}?" if like else "; `parity list` prints all"


def main(options: argparse.Namespace) -> int:
    use_device(options.device)
    matching = [case for case in (*ALL_CASES, *TRAINING_CASES) if options.name.lower() in case.name.lower()]
    chosen = [case for case in matching if case.name == options.name] or matching
    if not chosen:
        raise UsageError(f"show: no case has {options.name!r} in its name{_like(options.name)}")
    if len(chosen) > 1:
        names = "".join(f"\n  {case.name}" for case in chosen[:SHOWN])
        more = f"\n  and {len(chosen) - SHOWN} more" if len(chosen) > SHOWN else ""
        raise UsageError(
            f"show: {options.name!r} is in the names of {len(chosen)} cases; give one of them whole, in "
            f"quotes, or a part that no other has. `parity list -k {shlex.quote(options.name)}` prints "
            f"all{':' if names else ''}{names}{more}"
        )
    (case,) = chosen
    if options.script:
        text = case.script()
        if text is None:
            raise UsageError(
                "show --script: scripts compare schedules, got a pair of twins; leave out --script"
            )
        print(text, end="")
        return Exit.PASSED
    found = run([case], profile=Profile.FULL)
    result = found.training[0] if found.training else found.results[0]
    print(f"{result.case.name}\n{in_full(result)}\nagain: {result.again}")
    return Exit.PASSED if result.passed else Exit.FAILED
