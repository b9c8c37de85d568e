"""One value on the host: read often, it comes from a program of Python's, with the same bits."""

import concurrent.futures
import copy
import dataclasses
import inspect
import pickle
import warnings
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from catalogue import CATALOGUE, COUNTS, as_data

import jaxsched
from jaxsched import (
    ChainedScheduler,
    CosineAnnealingLR,
    CyclicLR,
    ExponentialLR,
    LambdaLR,
    MultiStepLR,
    PolynomialLR,
    Recorded,
    Schedule,
    SequentialLR,
    StepLR,
)
from jaxsched._one_value import unknown

FAR = [2**31 - 1, 2**31, 2**32, 2**53 + 1, 2**62 + 12_345, 2**63 - 1]
READS = 6
"""So many, and the program is there."""

AT_THE_LIMITS = {
    "grows": ExponentialLR(0.1, gamma=1.7),
    "grows-in-steps": StepLR(1e30, step_size=3, gamma=9.0),
    "grows-along-milestones": MultiStepLR(0.1, range(40), gamma=1e9),
    "vanishes": ExponentialLR(1e-30, gamma=0.5),
    "at-once": ExponentialLR(0.1, gamma=0.0),
    "subnormal": PolynomialLR(1e-38, total_iters=100, power=1.3),
    "long": PolynomialLR(0.1, total_iters=2**31 - 1, power=0.9),
    "power-0": PolynomialLR(0.1, total_iters=10, power=0.0),
    "longest": CosineAnnealingLR(0.1, T_max=2**31 - 1, eta_min=0.05),
    "negative": Recorded([-0.1, 0.0, -0.0, 1e-45, -3e38]),
    "chain-of-growth": ChainedScheduler([ExponentialLR(0.1, 1e9), StepLR(0.1, 1, 1e-9)]),
    "many-phases": SequentialLR([StepLR(0.1 * i, 3, 0.9) for i in range(1, 40)], range(2, 78, 2)),
}
SCHEDULES = CATALOGUE | AT_THE_LIMITS


def program(schedule, dtype):
    """What reads one value; `unknown` where none could be written."""
    with jax.enable_x64(dtype == np.float64):
        for _ in range(READS):
            schedule.on_host(3)
    return schedule._programs[np.dtype(dtype)]


def at_every(schedule, counts, dtype):
    """From all counts at once, for which NumPy is asked."""
    with jax.enable_x64(dtype == np.float64):
        return schedule.on_host(np.asarray(counts))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", SCHEDULES)
def test_every_schedule_has_a_program_and_it_gives_the_same_bits(name, dtype):
    schedule = copy.copy(SCHEDULES[name])
    counts = [*COUNTS.tolist(), *FAR]
    found = list(map(program(schedule, dtype), counts))  # raises where it does not know
    assert {type(value) for value in found} == {dtype}
    assert np.array(found).tobytes() == at_every(schedule, counts, dtype).tobytes()


@pytest.mark.parametrize("name", CATALOGUE)
def test_so_has_one_whose_numbers_are_data(name):
    schedule = as_data(CATALOGUE[name])
    counts = [*COUNTS.tolist(), *FAR]
    found = list(map(program(schedule, np.float32), counts))
    assert np.array(found).tobytes() == at_every(schedule, counts, np.float32).tobytes()


def test_every_class_is_tried():
    concrete = {
        c for c in Schedule._classes.values() if c.__module__ == "jaxsched" and issubclass(c, Schedule)
    }
    assert {c for c in concrete if not inspect.isabstract(c)} <= {type(s) for s in CATALOGUE.values()}


def test_the_program_is_written_at_the_fourth_read(monkeypatch):
    asked = []
    formula = StepLR._formula
    monkeypatch.setattr(StepLR, "_formula", lambda self, k: asked.append(k) or formula(self, k))
    schedule = StepLR(0.1, step_size=30)
    values = [schedule.on_host(61) for _ in range(10)]
    assert len(asked) == 5  # by NumPy four times, and once to be noted
    assert set(values) == {np.float32(0.001)}
    assert schedule.on_host(29) == np.float32(0.1)


def test_a_value_object_shows_nothing_of_it():
    schedule = SequentialLR([StepLR(0.1, 3), CosineAnnealingLR(0.1, T_max=9)], [5])._standing_at(7)
    before = pickle.dumps(schedule), repr(schedule), schedule.to_dict(), vars(schedule).copy()
    assert program(schedule, np.float32) is not unknown
    assert (pickle.dumps(schedule), repr(schedule), schedule.to_dict(), vars(schedule)) == before
    fresh = SequentialLR([StepLR(0.1, 3), CosineAnnealingLR(0.1, T_max=9)], [5])
    assert schedule == fresh
    assert hash(schedule) == hash(fresh)
    assert jax.tree.structure(schedule) == jax.tree.structure(fresh._standing_at(7))
    for other in (
        pickle.loads(pickle.dumps(schedule)),
        copy.copy(schedule),
        copy.deepcopy(schedule),
        dataclasses.replace(schedule, position=7),
        jax.tree.map(lambda x: x, schedule),
    ):
        assert other == schedule
        assert not hasattr(other, "_programs")
    assert dataclasses.replace(schedule, milestones=[2]).on_host(2) == np.float32(0.1)


def test_a_copy_with_another_argument_reads_its_own():
    schedule = StepLR(0.1, step_size=30)
    program(schedule, np.float32)
    other = dataclasses.replace(schedule, base_lr=0.2)
    assert [other.on_host(0) for _ in range(READS)] == [np.float32(0.2)] * READS


class Holds(Schedule):
    array: Any

    def _formula(self, k):
        return self.array + 0.0 * k


def test_an_array_that_can_be_written_into_is_read_each_time():
    array = np.array(0.5)
    schedule = Holds(array)
    assert program(schedule, np.float32) is unknown
    array[()] = 0.75
    assert schedule.on_host(3) == np.float32(0.75)


def test_several_schedules_in_one_are_read_as_before():
    schedule = StepLR(jnp.asarray([0.1]), step_size=30)
    assert program(schedule, np.float32) is unknown
    assert schedule.on_host(3).tolist() == np.asarray([0.1], np.float32).tolist()


class Root(Schedule):
    base_lr: float

    def _formula(self, k):
        return self.base_lr / jnp.sqrt(k + 1.0)


class If(Schedule):
    base_lr: float

    def _formula(self, k):
        return self.base_lr * (1.0 if k > 2 else 0.5)


class Operators(Schedule):
    base_lr: float

    def _formula(self, k):
        return np.where((k > 2) & (k < 9), self.base_lr, self.base_lr * 2 / (k + 1) - abs(-k) // 3)


class Searches(Schedule):
    """NumPy makes a float64 of what Python compares exactly."""

    base_lr: float

    def _formula(self, k):
        return self.base_lr * np.searchsorted(np.array([2**53, 2**53 + 1]), k * 1.0, side="right")


class Constants(Schedule):
    """What does not hang on the count is computed by NumPy and JAX, in float64 and without a warning."""

    base_lr: float

    def _formula(self, k):
        infinite = np.float64(1e308) * np.float64(20 * self.base_lr)
        return np.where(k < infinite, 1e9 * (float(jnp.sqrt(2.0)) - 2**0.5), 1.0)


class Random(Schedule):
    """Whole numbers of NumPy's that begin anew."""

    seed: int

    def _formula(self, k):
        return (k * 6_364_136_223_846_793_005 + self.seed) * 1.0


class Pole(Schedule):
    base_lr: float

    def _formula(self, k):
        return self.base_lr / (k - 3.0) + np.sqrt(k - 1.0)


class Infinite(Schedule):
    base_lr: float

    def _formula(self, k):
        return k * 1e300 * (k > 2)


class NoNumber(Schedule):
    base_lr: float

    def _formula(self, k):
        infinite = k * 1e308 * 10.0
        return np.minimum(np.maximum(infinite - infinite, 0.1), self.base_lr)


class Compares(Schedule):
    """NumPy compares and divides whole numbers with floats as float64."""

    base_lr: float

    def _formula(self, k):
        return np.where(k > 2.0**53, self.base_lr, 0.25) + k / 7


class Narrow(Schedule):
    """A count rounded to 24 bits at once, not by way of 53."""

    base_lr: float

    def _formula(self, k):
        narrow = k.astype(np.float32)
        bits = narrow.view(np.int32)
        exponent = (bits & -(2**23)).view(np.float32)
        return self.base_lr * narrow.astype(np.float64) + exponent.astype(np.float64)


class Delegates(Schedule):
    """Whatever it does not have it takes from another, which has a program."""

    base_lr: float
    other: Schedule

    def __getattr__(self, name):
        return getattr(self.other, name)

    def _formula(self, k):
        return self.base_lr + 0.0 * k


@pytest.mark.parametrize("kind", [Root, If, Searches])
def test_what_cannot_be_written_is_read_as_before(kind):
    schedule = kind(0.5)
    assert program(schedule, np.float32) is unknown
    for k in [*range(5), 2**53 + 1]:
        assert schedule.on_host(k) == at_every(schedule, [k], np.float32)[0]


@pytest.mark.parametrize("kind", [Operators, Random, Pole, Infinite, NoNumber, Compares, Narrow])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_somebodys_operators(kind, dtype):
    schedule = kind(1 if kind is Random else 0.5)
    assert program(schedule, dtype) is not unknown
    counts = [*range(12), *FAR, 2**60 + 2**36 + 1]
    with jax.enable_x64(dtype == np.float64):
        found = [schedule.on_host(k) for k in counts]
    expected = at_every(schedule, counts, dtype)
    np.testing.assert_array_equal(found, expected)


def test_constants_are_computed_as_in_any_formula():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert program(Constants(0.5), np.float32)(3) == 0.0


def test_another_ones_program_is_not_taken():
    other = StepLR(0.1, step_size=30)
    program(other, np.float32)
    delegates = Delegates(0.7, other)
    assert [delegates.on_host(3) for _ in range(READS)] == [np.float32(0.7)] * READS
    assert other.on_host(3) == np.float32(0.1)


def test_only_the_branch_in_force_is_computed():
    asked = []

    def counted(k):
        asked.append(k)
        return 1.0 + 0.0 * k

    read = program(SequentialLR([LambdaLR(0.1, counted), StepLR(0.1, 3)], [5]), np.float32)
    asked.clear()
    assert (read(7), read(2)) == (np.float32(0.1), np.float32(0.1))
    assert asked == [2]


def test_a_function_is_asked_each_time_and_its_error_shown():
    def failing(k):
        if type(k) is int and k == 99_991:
            raise ValueError("not at this count")
        return 1.0 + 0.0 * k

    schedule = CyclicLR(0.1, 0.3, step_size_up=5, scale_fn=failing, scale_mode="iterations")
    assert program(schedule, np.float32) is not unknown
    with pytest.raises(ValueError, match="not at this count"):
        schedule.on_host(99_991)


def test_a_function_computes_in_float64():
    schedule = LambdaLR(1.0, lambda k: 1e9 * (jnp.asarray(k) / 3 - 1 / 3))
    assert program(schedule, np.float32) is not unknown
    assert schedule.on_host(1) == 0.0


@pytest.mark.parametrize("name", ["step", "cosine", "lambda"])
def test_counts_are_refused_as_before(name):
    schedule = copy.copy(CATALOGUE[name])
    assert program(schedule, np.float32) is not unknown
    assert schedule.on_host(-5) == schedule.on_host(0)
    assert type(schedule.on_host(-5)) is np.float32
    with pytest.raises(TypeError, match="count must be an integer"):
        schedule.on_host(True)
    with pytest.raises(ValueError, match="below 2\\*\\*63"):
        schedule.on_host(2**63)


def test_each_type_has_a_program():
    schedule = CosineAnnealingLR(0.1, T_max=7)
    assert program(schedule, np.float32) is not program(schedule, np.float64)
    with jax.enable_x64(True):
        assert type(schedule.on_host(3)) is np.float64
    assert type(schedule.on_host(3)) is np.float32


def test_nothing_warns():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for schedule in (Pole(0.5), Infinite(0.5), Random(7), *AT_THE_LIMITS.values()):
            for k in [*range(8), *FAR]:
                copy.copy(schedule).on_host(k)
                schedule.on_host(k)


def test_threads_may_write_it_at_once():
    for _ in range(20):
        schedule = jaxsched.OneCycleLR(0.3, total_steps=100)
        with concurrent.futures.ThreadPoolExecutor(8) as threads:
            found = list(threads.map(schedule.on_host, list(range(100))))
        assert np.array(found).tobytes() == schedule.on_host(np.arange(100)).tobytes()


def test_a_long_formula_is_not_waited_for():
    done = []

    class Long(Schedule):
        base_lr: float

        def _formula(self, k):
            value = self.base_lr + 0.0 * k
            for i in range(10_000):
                done.append(i)
                value = value + i
            return value

    schedule = Long(0.5)
    assert program(schedule, np.float32) is unknown
    assert len(done) < READS * 10_000 + 2_100
    assert schedule.on_host(3) == np.float32(49_995_000.5)
