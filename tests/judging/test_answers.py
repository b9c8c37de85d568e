"""Schedules are compiled together, and each answers as it does alone."""

import numpy as np
import pytest

import jaxsched
from parity import answers, run as runner
from parity.cases import CASES, optax_equivalents
from parity.cases.by_metric import PLATEAU_CASES
from parity.comparison import words
from parity.metrics import METRIC_CASES
from parity.run import Profile
from parity.stepped import Stepped

LAST = list({case.scheduler: case for case in CASES if case.fractions is None}.values())
"""The last case of each class, chains and sequences among them."""


def all_bits(schedules, counts):
    return [words(values).tolist() for values in answers.all_under_jit(schedules, counts)]


def in_all_companies(schedules, counts):
    """The bits of each alone, among all, among all the other way round, and in pairs of its own kind."""
    alone = [bits for s, k in zip(schedules, counts, strict=True) for bits in all_bits([s], [k])]
    together = all_bits(schedules, counts)
    reversed_ = all_bits(schedules[::-1], counts[::-1])[::-1]
    twice = all_bits([*schedules, *schedules], [*counts, *counts])
    return [alone, together, reversed_, twice[: len(alone)], twice[len(alone) :]]


def test_bits_do_not_depend_on_the_company():
    schedules = [case.schedule() for case in LAST]
    # Some of the same length, so that XLA could make one loop of several.
    counts = [np.arange(min(case.steps, 300), dtype=np.int32) for case in LAST]
    alone, *others = in_all_companies(schedules, counts)
    for other in others:
        assert other == alone


def test_nor_do_those_of_optax_which_computes_in_float32():
    equals = [each for each in map(optax_equivalents.equivalent, LAST) if each is not None]
    assert len(equals) > 5
    counts = [np.arange(300, dtype=np.int32)] * len(equals)
    alone, *others = in_all_companies([each.schedule for each in equals], counts)
    for other in others:
        assert other == alone


def test_nor_do_those_of_what_is_told_metrics():
    chosen = PLATEAU_CASES[::12]
    plateaus, metrics = [case.plateau() for case in chosen], [case.trace.metrics for case in chosen]
    together = answers.answer_metrics(plateaus, metrics)
    for plateau, told, found in zip(plateaus, metrics, together, strict=True):
        (alone,) = answers.answer_metrics([plateau], [told])
        assert words(found.values).tolist() == words(alone.values).tolist()
        assert words(found.alone).tolist() == words(alone.alone).tolist()
        assert len(found.values) == len(told) + 1


@pytest.mark.parametrize("n", [1, 5])
def test_many_are_one_program(n, compilations):
    schedules = [jaxsched.StepLR(0.1, step_size=30 + i) for i in range(n)]
    answers.all_under_jit(schedules, [np.arange(50 + n, dtype=np.int32)] * n)
    assert len(compilations) == 1
    compilations.clear()
    answers.answer_metrics([], [])
    assert answers.all_under_jit([], []) == []


def test_a_batch_compiles_one_program_and_one_for_each_eager_schedule(compilations):
    cases = [case for case in CASES if case.scheduler in ("CyclicLR", "SWALR") and case.steps < 500][:6]
    for case in cases:  # a user's function is compiled once, when a schedule is made of it
        case.schedule()
    compilations.clear()
    found = runner.run(cases, profile=Profile.QUICK)
    assert found.passed
    assert len(compilations) <= len(cases) + 1  # Optax has no equal of these


def test_weak_types_and_dtypes_are_kept():
    counts = np.arange(3, dtype=np.int32)
    half, weak = answers.answer_all(
        [lambda k: jaxsched.StepLR(0.1, 2)(k).astype(np.float16), lambda k: 0.1],
        [Stepped(counts, np.ones(3))] * 2,
    )
    assert (half.values.dtype, half.weak) == (np.float16, False)
    assert (weak.values.dtype, weak.weak) == (np.float32, True)


def test_metrics_are_told_in_order():
    case = next(case for case in METRIC_CASES if case.name == "stalling")
    plateau = jaxsched.ReduceLROnPlateau(0.1, **case.arguments)
    (found,) = answers.answer_metrics([plateau], [case.metrics])
    assert found.values[0] == np.float32(0.1)
    assert (np.diff(found.values) <= 0).all()
    assert found.values[-1] < found.values[0]
