"""Looks for garbage seldom: among libraries as they are loaded, never, as that takes as long as loading them.

Tracing makes many objects and little garbage, too. Of a run of the whole catalogue looking took a tenth.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
from collections.abc import Iterable, Iterator


@contextlib.contextmanager
def not_looked_for() -> Iterator[None]:
    """A context, for a process of its own, without garbage; what is there after it stays for good."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.set_threshold(SELDOM)
        if before:
            gc.enable()


SELDOM = 100_000
"""New objects after which Python looks for garbage among them; 700 if nobody says so."""


def load(modules: Iterable[str]) -> None:
    """Imports them, as far as they are there; who needs one that is not says so."""
    for name in modules:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
