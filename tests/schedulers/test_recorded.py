"""A trajectory as a schedule."""

import functools
import json
import pickle
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from catalogue import CATALOGUE

from jaxsched import CosineAnnealingLR, Recorded, Schedule, SequentialLR, StepLR

VALUES = [0.1, 1 / 3, 1e-9, 0.0, -0.25, 7.0, 2.0, 0.5, 0.1]
BOTH = pytest.mark.parametrize("make", [list, np.array], ids=["constant", "data"])


@BOTH
def test_the_last_value_stays(make):
    schedule = Recorded(make(VALUES))
    counts = np.array([-5, 0, 1, 7, 8, 9, 1_000_000_000])
    wanted = np.array(VALUES, np.float32)[np.clip(counts, 0, 8)]
    np.testing.assert_array_equal(schedule.on_host(counts), wanted)
    for found in (schedule(counts), jax.jit(schedule)(counts), jax.vmap(schedule)(counts.astype(np.int32))):
        np.testing.assert_array_equal(found, wanted)
    found = jax.lax.scan(lambda _, k: (None, schedule(k)), None, counts)[1]
    np.testing.assert_array_equal(found, wanted)
    with jax.enable_x64(True):
        np.testing.assert_array_equal(schedule(counts), np.array(VALUES)[np.clip(counts, 0, 8)])


@functools.cache
def every_answer():
    """What the table of each schedule answers, and what the schedule does where the table has an end."""
    tables = {name: schedule.recorded(150) for name, schedule in CATALOGUE.items()}

    @jax.jit
    def together(counts):
        return {
            name: (table(counts), CATALOGUE[name](jnp.minimum(counts, jnp.int32(149))))
            for name, table in tables.items()
        }

    return tables, together(np.arange(200, dtype=np.int32))


@pytest.mark.parametrize("name", CATALOGUE)
def test_of_any_schedule(name):
    if name.startswith("momentum"):
        pytest.skip("a momentum is read off a schedule")
    tables, answers = every_answer()
    assert len(tables[name]) == 150
    of_the_table, of_the_schedule = answers[name]
    np.testing.assert_array_equal(of_the_table, of_the_schedule)


def test_as_a_value():
    schedule = Recorded(VALUES)
    assert schedule == Recorded(tuple(VALUES)) == Recorded(Recorded(VALUES).values)
    assert schedule != Recorded(VALUES[:-1])
    assert schedule != Recorded([*VALUES[:-1], 0.2])
    assert hash(schedule) == hash(Recorded(VALUES))
    assert pickle.loads(pickle.dumps(schedule)) == schedule
    assert Schedule.from_dict(json.loads(json.dumps(schedule.to_dict()))) == schedule
    assert jax.tree.leaves(schedule) == []
    data = Recorded(np.array(VALUES))
    assert [leaf.tolist() for leaf in jax.tree.leaves(data)] == [VALUES]
    assert data.to_dict()["values"]["values"] == VALUES


def test_prints_shortly():
    assert repr(Recorded([0.1, 0.05])) == "Recorded([0.1, 0.05])"
    text = repr(CosineAnnealingLR(0.1, T_max=1000).recorded(1001))
    assert text.startswith("Recorded(<1001 values from 0.1 to 0.0, ")
    assert len(text) < 60
    assert text != repr(CosineAnnealingLR(0.1, T_max=1001).recorded(1001))


def test_what_was_given_may_change():
    given = np.array(VALUES)
    schedule = Recorded(given.tolist())
    given[0] = 9
    assert schedule(0) == np.float32(0.1)
    with pytest.raises(ValueError, match="read-only"):
        schedule.values.array[0] = 9


def test_in_a_sequence_there_is_one_rounding():
    schedule = SequentialLR([StepLR(0.1, 30), Recorded(VALUES)], [3])
    np.testing.assert_array_equal(schedule(np.arange(3, 12)), np.array(VALUES, np.float32))


def test_ten_million_values():
    values = np.linspace(0.1, 0.0, 10_000_000)
    schedule = Recorded(values)
    start = time.perf_counter()
    assert schedule(10_000_000 - 2) == np.float32(values[-2])
    assert "10000000" in jax.jit(lambda s, k: s(k)).lower(schedule, 0).as_text()[:2000]  # an argument
    assert time.perf_counter() - start < 30  # not a measurement: as a constant it would be part of the text


def test_files(tmp_path):
    (tmp_path / "lr.csv").write_text("\ufeffcount,lr\n0,0.1\n1,0x1.8p-3\n", encoding="utf-8")
    assert Recorded.load(tmp_path / "lr.csv") == Recorded([0.1, 0.1875])
    (tmp_path / "lr.json").write_text("[0.1, 0.05]")
    assert Recorded.load(str(tmp_path / "lr.json")) == Recorded([0.1, 0.05])
    (tmp_path / "bad.csv").write_text("0.1\nabc\n")
    with pytest.raises(ValueError, match=r"bad.csv, line 2: must be a number, got 'abc'"):
        Recorded.load(tmp_path / "bad.csv")


@pytest.mark.parametrize(
    ("values", "kind", "message"),
    [
        (
            [],
            ValueError,
            r"Recorded: values must be a sequence of finite numbers, got \[\] \(list\)\. Give at least one\.",
        ),
        ([0.1, np.nan], ValueError, r"Recorded: values\[1\] must be a finite number, got nan\."),
        (np.array([0.1, np.inf]), ValueError, r"Recorded: values\[1\] must be a finite number, got inf\."),
        ("0.1", TypeError, "Recorded: values must be a sequence of finite numbers, got '0.1'"),
        (0.1, TypeError, "Recorded: values must be a sequence of finite numbers, got 0.1"),
        ([[0.1]], TypeError, "It must have one dimension; it is"),
        (["a"], TypeError, "It must have one dimension; it is"),
        ([[0.1], [0.1, 0.2]], TypeError, "Recorded: values must be a sequence of finite numbers"),
        (jnp.zeros((2, 2)), TypeError, r"it is float32\[2, 2\]\."),
        (jnp.zeros(2, int), TypeError, r"it is int32\[2\]\."),
    ],
)
def test_what_it_does_not_take(values, kind, message):
    with pytest.raises(kind, match=message):
        Recorded(values)


@pytest.mark.parametrize("steps", [0, -1, 1.5, None])
def test_how_many(steps):
    with pytest.raises((ValueError, TypeError), match="recorded: total_steps must be an integer >= 1"):
        StepLR(0.1, 30).recorded(steps)
