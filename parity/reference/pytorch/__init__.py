"""PyTorch's schedulers: what is exactly known of each stands in a file of its own.

Nothing here, nor in the files, may come from ``jaxsched``: a test holds every module of ``parity.reference``
to that. A file that is put into this folder is found by itself.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator, Mapping

from .. import timm
from ..known import Known, Unknown
from ..live import QUANTITIES, Live, Trajectory, read, trajectory

__all__ = ["QUANTITIES", "TABLE", "Trajectory", "known", "read", "trajectory"]


def _listed() -> Iterator[type[Known]]:
    """The classes of all files in this folder, and in timm's."""
    files = [
        *pkgutil.iter_modules(__path__, f"{__name__}."),
        *pkgutil.iter_modules(timm.__path__, f"{timm.__name__}."),
    ]
    for module in files:
        for value in vars(importlib.import_module(module.name)).values():
            if (
                inspect.isclass(value)
                and issubclass(value, Known)
                and value.__module__ == module.name
                and hasattr(value, "theirs")
            ):
                yield value


TABLE: Mapping[str, type[Known]] = {each.theirs: each for each in _listed()}
"""By the full name of PyTorch's class."""


def known(scheduler: Live, group: int = 0) -> Known:
    """What is exactly known of a live scheduler, and of its members.

    It goes by the class itself: one of a user's that is only named like PyTorch's is unknown.

    Args:
      scheduler: alive, with its optimizer.
      group: which parameter group.
    """
    cls = type(scheduler)
    mine = TABLE.get(f"{cls.__module__}.{cls.__qualname__}", Unknown)
    return mine(scheduler, group, [known(member, group) for member in getattr(scheduler, "_schedulers", ())])
