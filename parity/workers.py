"""Processes that share work. JAX cannot be forked: each starts anew, and is worth it for long work only."""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from . import _garbage, _quiet

Share = TypeVar("Share")
Result = TypeVar("Result")


def as_they_end(
    work: Callable[[Share], Result],
    shares: Sequence[Share],
    jobs: int,
    libraries: Sequence[str] = (),
    meanwhile: Callable[[], object] = lambda: None,
) -> Iterator[tuple[Share, Result]]:
    """Each share with what came of it, as soon as it is done. Whoever stops asking ends the work.

    Args:
      work: a function at the top of a module, perhaps partially applied: it goes to other processes.
      shares: what it is called with.
      jobs: how many processes; at least 1.
      libraries: what each of them will need.
      meanwhile: is done here, once they are at work.
    """
    spawn = multiprocessing.get_context("spawn")
    pool = concurrent.futures.ProcessPoolExecutor(jobs, spawn, _begin, (libraries,))
    futures = {pool.submit(work, share): share for share in shares}
    try:
        meanwhile()
        for future in concurrent.futures.as_completed(futures):
            yield futures[future], future.result()
    except BaseException:
        # Nobody waits for what they are at: it may take a minute more.
        for process in multiprocessing.active_children():
            process.terminate()
        raise
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _begin(libraries: Sequence[str]) -> None:
    # Whoever interrupts the run interrupts the one that started these, and that ends them.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with _garbage.not_looked_for():
        _quiet.begin()
        _garbage.load(libraries)
