"""Watches over code of somebody's: whatever it does to the process, no exit code is green but the verdict's.

A module that is imported may call ``os._exit``, replace the process, start a thread that ends it, or crash.
So the work is done in a second process, which tells the first what came of it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable

from .commands.exits import Exit, complain


def watched(work: Callable[[], int]) -> int:
    """Does the work in a process of its own; its exit code, or that it has ended without one.

    To be called before anything has started a thread. Where processes cannot be forked (on Windows) the work
    is done here.
    """
    if not hasattr(os, "fork"):
        return work()
    reading, writing = os.pipe()  # which no program that replaces ours inherits
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            code = work()
        except SystemExit as left:  # argparse's: nobody's code has been run so far
            code = left.code if isinstance(left.code, int) else Exit.USAGE
        _flush()
        os.write(writing, str(int(code)).encode())
        return code
    os.close(writing)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the child is told, too, and says what was done
    signal.signal(signal.SIGTERM, lambda number, frame: os.kill(child, number))
    said = b""
    while part := os.read(reading, 16):
        said += part
    _, status = os.waitpid(child, 0)
    if said:
        return int(said)
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        complain(f"the process was ended by {signal.Signals(number).name}; no verdict")
        return Exit.INTERNAL
    code = os.WEXITSTATUS(status)
    complain(
        f"the process ended with exit code {code} before there was a verdict: something that was handed in "
        "ends it, by os._exit or by becoming another program"
    )
    return Exit.USAGE


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # closed, or the disk is full: the verdict stands
            stream.flush()
