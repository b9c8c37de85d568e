"""Processes that share work. JAX cannot be forked: each starts anew, and is worth it for long work only."""

from __future__ import annotations

import concurrent.futures
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from . import _quiet

Share = TypeVar("Share")
Result = TypeVar("Result")


def as_they_end(
    work: Callable[[Share], Result], shares: Sequence[Share], jobs: int
) -> Iterator[tuple[Share, Result]]:
    """Each share with what came of it, as soon as it is done. Whoever stops asking ends the work.

    Args:
      work: a function at the top of a module, perhaps partially applied: it goes to other processes.
      shares: what it is called with.
      jobs: how many processes; at least 1.
    """
    spawn = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(jobs, spawn, _quiet.begin) as pool:
        futures = {pool.submit(work, share): share for share in shares}
        try:
            for future in concurrent.futures.as_completed(futures):
                yield futures[future], future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
