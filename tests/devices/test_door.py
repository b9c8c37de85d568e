"""What somebody brings that is no schedule: one line says why, and what to do."""

import functools
import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxsched
import parity
from parity import cli
from parity.commands import devices as command
from parity.devices import compare
from parity.devices.door import NotASchedule, brought

MINE = """\
import math, sys, jax.numpy as jnp, numpy as np, jaxsched, optax

def factory(lr=0.1):
    return jaxsched.StepLR(lr, 30)

def without():
    return optax.linear_schedule(0.1, 0.0, 100)

def two(count, other):
    return count * other

def with_if(count):
    if count < 10:
        return 0.1
    return 0.01

def with_int(count):
    return 0.5 ** int(count)

def with_numpy(count):
    return np.cos(count)

def with_math(count):
    return math.cos(count)

def raises(count):
    raise KeyError("lr")

def exits(count):
    sys.exit(0)

def text(count):
    return "x"

def nothing(count):
    return None

def empty(count):
    return jnp.zeros((0,))

def much(count):
    return jnp.full((1000, 1000), 0.1) * count

class Plateau:
    def init(self):
        return 0.1

    def step(self, state, metric):
        return jnp.where(metric > 1, state * 0.5, state)

class OneArgument(Plateau):
    def step(self, state):
        return state

class OtherState(Plateau):
    def step(self, state, metric):
        return state, metric

plateau, one_argument, other_state = Plateau(), OneArgument(), OtherState()
number = 3
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command, "missing", lambda targets: None)
    monkeypatch.delitem(sys.modules, "mine_at_the_door", raising=False)  # of another folder
    (tmp_path / "mine_at_the_door.py").write_text(MINE)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("factory", "{m}:factory makes a schedule; give the schedule that it returns, "
                    "e.g. `schedule = factory(…)` in {m}.py, as {m}:schedule"),
        ("without", "{m}:without must take one argument, the count; if it makes a schedule, "),
        ("two", "{m}:two must take one argument, the count"),
        ("with_if", "traced array with shape bool[], at {f}:13; the count is not known while JAX traces: "
                    "write `if` as jnp.where"),
        ("with_int", "at {f}:18; the count is not known while JAX traces: use jax.numpy in place of int()"),
        ("with_numpy", "at {f}:21; use jax.numpy in place of numpy"),
        ("with_math", "at {f}:24; the count is not known while JAX traces: use jax.numpy in place of int()"),
        ("raises", "{m}:raises cannot be traced by JAX: KeyError: 'lr', at {f}:27"),
        ("exits", "{m}:exits cannot be traced by JAX: it calls sys.exit(0), at {f}:30"),
        ("text", "{m}:text must return a number, or several, got 'x'"),
        ("nothing", "{m}:nothing must return a number, or several, got None"),
        ("empty", "{m}:empty must return a number, or several, got ShapeDtypeStruct(shape=(0,)"),
        ("much", "{m}:much must return a number, or several, got more than 1,000 of them"),
        ("Plateau", "{m}:Plateau is a class; give a schedule of it"),
        ("one_argument", "{m}:one_argument.step must take two arguments, the state and the metric"),
        ("other_state", "{m}:other_state.step must return a state like that of init"),
        ("number", "{m}:number must be a function of a count, or have init and step, got 3"),
    ],
)  # fmt: skip
def test_what_is_no_schedule(folder, capsys, name, says):
    file = folder / "mine_at_the_door.py"
    assert cli.main(["devices", f"mine_at_the_door:{name}"]) == cli.Exit.USAGE
    captured = capsys.readouterr()
    assert captured.err.startswith("parity: devices: mine_at_the_door:")
    assert says.format(m="mine_at_the_door", f=file) in captured.err
    assert captured.err.count("\n") == 1
    assert not (folder / "parity-report").exists()


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("optax:cosine_decay_schedule", "e.g. `from optax import cosine_decay_schedule; schedule ="),
        ("optax:constant_schedule", "optax:constant_schedule makes a schedule; give the"),
        ("jaxsched:StepLR", "is a class; give a schedule of it, e.g. `from jaxsched import StepLR;"),
        ("jaxsched:ReduceLROnPlateau", "jaxsched:ReduceLROnPlateau is a class"),
    ],
)  # fmt: skip
def test_what_makes_a_schedule(folder, capsys, name, says):
    assert cli.main(["devices", name]) == cli.Exit.USAGE
    assert says in capsys.readouterr().err


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("x = 1\nraise RuntimeError('boom')", "RuntimeError: boom, at {f}:2"),
        ("x = 1\ndef f(:", "SyntaxError: invalid syntax, at {f}:2"),
        ("import sys\n\nsys.exit(0)", "it calls sys.exit(0), at {f}:3"),
        ("import optax.no_such_module", "No module named 'optax.no_such_module'"),
    ],
)
def test_a_module_that_cannot_be_imported(folder, monkeypatch, capsys, request, source, says):
    name = f"broken_{abs(hash(source))}"
    (folder / f"{name}.py").write_text(source)
    assert cli.main(["devices", f"{name}:f"]) == cli.Exit.USAGE
    said = capsys.readouterr().err
    assert says.format(f=folder / f"{name}.py") in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("gpu", "'gpu' is neither a target (tpu:v4, tpu:v5e, "),
        ("values.json", "'values.json' is neither a target ("),
        ("StepLR", "did you mean --scheduler StepLR?"),
        ("mine.py:schedule", "no module 'mine.py'; did you mean mine:schedule?"),
    ],
)
def test_a_word_that_is_neither_a_target_nor_a_schedule(folder, capsys, word, says):
    assert cli.main(["devices", word]) == cli.Exit.USAGE
    said = capsys.readouterr().err
    assert says in said
    assert "FILE" not in said


def test_a_module_that_there_is_not_says_where_it_was_looked_for(folder, capsys):
    assert cli.main(["devices", "no_such_module:f"]) == cli.Exit.USAGE
    expected = f"No module named 'no_such_module'; looked where Python looks and in {folder}\n"
    assert capsys.readouterr().err.endswith(expected)


def test_x64_must_be_off(folder, capsys):
    with jax.enable_x64(True):
        assert cli.main(["devices", "-k", "StepLR"]) == cli.Exit.USAGE
        with pytest.raises(NotASchedule, match="JAX_ENABLE_X64 must be off"):
            brought(jaxsched.StepLR(0.1, 30))
    assert capsys.readouterr().err.startswith("parity: devices: JAX_ENABLE_X64 must be off: ")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--output", "mine_at_the_door.py/there"], "--output mine_at_the_door.py/there: "),
        (["--output", "mine_at_the_door.py"], "--output mine_at_the_door.py: "),
        (["--json", "no_such_folder/report.json"], "--json no_such_folder/report.json: there is no folder "),
        (["--json", "."], "--json .: is a folder"),
    ],
)
@pytest.mark.parametrize("words", [["devices"], ["run"]])
def test_what_cannot_be_written_is_found_before_the_work(folder, capsys, words, options, says):
    assert cli.main([*words, "-k", "no such case", *options]) == cli.Exit.USAGE
    assert capsys.readouterr().err.startswith(f"parity: {says}")


def test_from_python_it_is_the_same_text(monkeypatch):
    monkeypatch.setattr(compare, "missing", lambda targets: None)

    def schedule(count):
        return 0.1 if count < 3 else 0.2

    with pytest.raises(ValueError, match=f"the schedule cannot be traced by JAX: .*{__file__}:") as caught:
        parity.compare_devices(schedule, "cuda:h100")
    assert isinstance(caught.value.__cause__, jax.errors.TracerBoolConversionError)
    for nothing in (42, None, "mine:schedule"):
        with pytest.raises(ValueError, match=f"must be a function of a count, .* got {nothing!r}"):
            parity.compare_devices(nothing, "cuda:h100")
    with pytest.raises(
        ValueError, match=r"must take one argument.*`compare_devices\(linear_schedule\(…\), …\)`"
    ):
        parity.compare_devices(optax.linear_schedule, "cuda:h100")
    with pytest.raises(ValueError, match=r"is a class; .* e\.g\. `compare_devices\(StepLR\(…\), …\)`"):
        parity.compare_devices(jaxsched.StepLR, "cuda:h100")


@pytest.mark.parametrize(
    ("counts", "says"),
    [
        ([], "at least one, got none"),
        ([0.5, 1.0], r"whole numbers that int32 holds, got 0\.5"),
        ([float("nan")], "that int32 holds, got nan"),
        ([2**40], "that int32 holds, got 1099511627776"),
        (np.asarray([3_000_000_000], np.uint32), "that int32 holds, got 3000000000"),
        ("abc", "whole numbers, got 'abc'"),
        ([True], "whole numbers, got"),
    ],
)
def test_counts_that_are_none(counts, says):
    with pytest.raises(ValueError, match=says):
        brought(jaxsched.StepLR(0.1, 30), counts)


def test_a_plateau_takes_no_counts():
    with pytest.raises(ValueError, match="compared step by step, and takes no counts"):
        brought(jaxsched.ReduceLROnPlateau(0.1), [1])


def test_what_is_a_schedule_all_the_same(folder, monkeypatch):
    monkeypatch.syspath_prepend(folder)
    import mine_at_the_door

    for counts in ([3.0, 1e9], np.uint8([7]), range(4), [[1, 2], [3, 4]], -1):
        brought(jaxsched.StepLR(0.1, 30), counts)
    for schedule in (
        jnp.cos,
        jax.jit(lambda count: count * 0.5),
        functools.partial(mine_at_the_door.two, other=2),
        lambda count, scale=2.0: {"lr": count * scale},
        lambda count: 0.1,
        mine_at_the_door.plateau,
    ):
        brought(schedule)
