"""Looking at schedules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ._schedule import Schedule

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot(
    schedules: Schedule | Sequence[Schedule], steps: int, *, ax: Axes | None = None, **line: Any
) -> Axes:
    """Draws the trajectory of a schedule, or of several into one picture.

    The values are computed on the host, and drawn as they are applied: each holds for one
    update. Needs Matplotlib: ``pip install "jaxsched[plot]"``.

    >>> from jaxsched import CosineAnnealingLR, StepLR, plot
    >>> axes = plot([StepLR(0.1, step_size=30), CosineAnnealingLR(0.1, T_max=100)], steps=101)
    >>> axes.get_xlabel(), axes.get_ylabel(), len(axes.lines)
    ('count of updates', 'learning rate', 2)

    Args:
      schedules: a schedule, or a sequence of them; each is labelled with its repr.
      steps: how many counts to draw, from 0 on; an integer >= 1.
      ax: where to draw; the current axes of ``matplotlib.pyplot`` if left out.
      **line: passed on to ``Axes.plot``, e.g. ``color``, ``label`` or ``linewidth``.

    Returns:
      The axes, for titles, limits and saving: ``plot(schedule, 100).figure.savefig("lr.png")``.

    Raises:
      ImportError: Matplotlib is not installed.
      ValueError: ``steps`` is less than 1.
      TypeError: ``schedules`` has something else in it.
    """
    try:
        import matplotlib.pyplot
    except ImportError as reason:
        raise ImportError('plot needs Matplotlib: pip install "jaxsched[plot]"') from reason
    several = [schedules] if isinstance(schedules, Schedule) else list(schedules)
    for schedule in several:
        if not isinstance(schedule, Schedule):
            raise TypeError(f"plot: schedules must be schedules of jaxsched, got {schedule!r}.")
    if steps < 1:
        raise ValueError(f"plot: steps must be at least 1, got {steps}. It is how many counts to draw.")
    axes = matplotlib.pyplot.gca() if ax is None else ax
    counts = np.arange(steps)
    for schedule in several:
        options = {"drawstyle": "steps-post", "label": repr(schedule)} | line
        axes.plot(counts, schedule.on_host(counts), **options)
    axes.set_xlabel("count of updates")
    axes.set_ylabel("learning rate")
    return axes
