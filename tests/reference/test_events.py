"""The events that a class tells, beside what its exact formula does there: none missing, none off by one."""

import itertools

import pytest

from parity.cases.by_count import Case
from parity.catalogue import PYTORCH_CASES
from parity.reference import events, exact

COUNTS = 400
COMPOSED = ("SequentialLR", "ChainedScheduler")  # where two trajectories cross, nothing turns

CASES = [
    case
    for case in PYTORCH_CASES
    if isinstance(case, Case) and case.scheduler not in COMPOSED and not case.fractions
]
OF_A_USER = ("LambdaLR", "MultiplicativeLR")  # whose function turns where nobody can know
BY_FORMULA = [case for case in CASES if case.scheduler not in OF_A_USER and case.steps > 4]


def told(case):
    steps = min(case.steps, COUNTS)
    return {event.count for event in events.told_by(case.make_torch_scheduler(), steps)} - {0}


def directions(case):
    """Whether the exact value at each count is above (1), below (-1) or equal to (0) the one before."""
    value = exact.formula_of(case.make_torch_scheduler(), case.quantity, 0)
    values = [value(k) for k in range(min(case.steps, COUNTS))]
    for before, after in itertools.pairwise(values):
        # Exact to 50 digits: what is equal may differ in the last of them.
        equal = abs(after - before) <= 1e-25 * max(abs(after), abs(before))
        yield 0 if equal else 1 if after > before else -1


@pytest.mark.parametrize("case", BY_FORMULA, ids=lambda case: f"{case.name} {case.quantity}")
def test_where_the_exact_value_turns_there_is_an_event(case):
    known, way = told(case), [None, *directions(case)]
    alone = {k for k in range(2, len(way) - 1) if way[k - 1] != way[k] != way[k + 1]}
    missing = {k for k in alone - known if not {k - 1, k + 1} <= known}
    assert not missing, f"the value jumps at {sorted(missing)[:5]}; told are {sorted(known)[:5]}"
    turns = {k for k in range(2, len(way) - 1) if way[k] != way[k + 1] and not {k, k + 1} & alone}
    # The top of a phase that ends between two counts is next to it.
    missing = {k for k in turns if not {k - 1, k, k + 1} & known}
    assert not missing, f"the value turns at {sorted(missing)[:5]}; told are {sorted(known)[:5]}"


@pytest.mark.parametrize("scheduler", sorted({case.scheduler for case in CASES}))
def test_some_case_reaches_an_event_if_the_class_has_any(scheduler):
    mine = [case for case in CASES if case.scheduler == scheduler]
    if any(events.never_reached(case.make_torch_scheduler(), 1) for case in mine):
        assert any(map(told, mine)), "give it a case that is longer, or whose events come sooner"
