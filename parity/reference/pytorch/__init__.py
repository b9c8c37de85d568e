"""PyTorch's schedulers: what is exactly known of each stands in a file of its own.

Nothing here, nor in the files, may come from ``jaxsched``: a test holds every module of ``parity.reference``
to that. A file that is put into this folder is found by itself.
"""

from __future__ import annotations

from collections.abc import Mapping

from .. import timm
from ..known import Known, Unknown, listed
from ..live import QUANTITIES, Live, Trajectory, read, trajectory

__all__ = ["QUANTITIES", "TABLE", "Trajectory", "known", "read", "trajectory"]


TABLE: Mapping[str, type[Known]] = listed(__path__, __name__)
"""By the full name of PyTorch's class."""


def known(scheduler: Live, group: int = 0) -> Known:
    """What is exactly known of a live scheduler, and of its members.

    It goes by the class itself: one of a user's that is only named like PyTorch's is unknown.

    Args:
      scheduler: alive, with its optimizer.
      group: which parameter group.
    """
    cls = type(scheduler)
    mine = {**TABLE, **timm.TABLE}.get(f"{cls.__module__}.{cls.__qualname__}", Unknown)
    return mine(scheduler, group, [known(member, group) for member in getattr(scheduler, "_schedulers", ())])
