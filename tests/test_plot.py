"""Drawing a schedule shows its values, as they are applied."""

import sys

import numpy as np
import pytest
from matplotlib.figure import Figure

import jaxsched
from jaxsched import CosineAnnealingLR, StepLR, plot

STEP, COSINE = StepLR(0.1, step_size=3), CosineAnnealingLR(0.1, T_max=10)


@pytest.fixture
def ax():
    return Figure().subplots()


def test_draws_the_values_of_every_count(ax):
    assert plot([STEP, COSINE], 12, ax=ax) is ax
    for line, schedule in zip(ax.lines, (STEP, COSINE), strict=True):
        np.testing.assert_array_equal(line.get_xdata(), np.arange(12))
        np.testing.assert_array_equal(line.get_ydata(), schedule.on_host(np.arange(12)))
        assert line.get_drawstyle() == "steps-post"
        assert line.get_label() == repr(schedule)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("count of updates", "learning rate")


def test_one_schedule_and_a_style(ax):
    (line,) = plot(jaxsched.OneCycleLR(0.1, 10).momentum, 10, ax=ax, label="momentum", color="C3").lines
    assert (line.get_label(), line.get_color()) == ("momentum", "C3")


def test_bad_arguments(ax):
    with pytest.raises(ValueError, match=r"plot: steps must be at least 1, got 0\."):
        plot(STEP, 0, ax=ax)
    with pytest.raises(TypeError, match=r"plot: schedules must be schedules of jaxsched, got 0\.1\."):
        plot([STEP, 0.1], 5, ax=ax)
    assert not ax.lines


def test_without_matplotlib_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r'plot needs Matplotlib: pip install "jaxsched\[plot\]"'):
        plot(STEP, 5)
