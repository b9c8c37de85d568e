"""`from_torch` of live objects of other libraries, beside themselves. `make third-party` runs it."""

import warnings

import numpy as np
import pytest
from objects import OBJECTS

from jaxsched import Recorded, from_torch

pytestmark = pytest.mark.filterwarnings("ignore")
STEPS = 120


def optimizer_of(live):
    return live.optimizer if hasattr(live, "optimizer") else live.scheduler.optimizer


def groups(live):
    return [{k: v for k, v in group.items() if k != "params"} for group in optimizer_of(live).param_groups]


def read(live, quantity):
    return float(optimizer_of(live).param_groups[0][quantity])


def went(theirs, live):
    """What it does itself, stepped as its library does."""
    step = theirs.step or (lambda scheduler, count: scheduler.step())
    found = []
    for count in range(STEPS):
        if count or theirs.before:
            step(live, count)
        found.append(read(live, theirs.quantity))
    return np.array(found)


@pytest.mark.parametrize("theirs", OBJECTS, ids=lambda theirs: theirs.name)
def test_does_what_the_object_does(theirs):
    if not theirs.installed:
        pytest.skip(f"{theirs.package} is not installed")
    live = theirs.make()
    before = repr(groups(live))
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        schedule = from_torch(live, total_steps=STEPS, step=theirs.given, quantity=theirs.quantity)
    assert repr(groups(live)) == before
    assert isinstance(schedule, Recorded) != theirs.formula
    wanted = went(theirs, live)
    assert len(set(wanted.tolist())) > 1
    np.testing.assert_array_equal(schedule(np.arange(STEPS)), wanted.astype(np.float32))


def test_there_are_fifty_of_twenty_libraries():
    assert len(OBJECTS) >= 50
    assert len({theirs.package for theirs in OBJECTS}) >= 20
