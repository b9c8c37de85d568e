"""A class is itself, and not its name: somebody's StepLR is not ours, nor ours theirs."""

import dataclasses
import doctest
import importlib
import pickle
import sys
import types
import typing

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

import jaxsched
from jaxsched import ExponentialLR, Schedule, SequentialLR, StepLR, from_torch, to_torch
from jaxsched._value import Value

PUBLIC = {
    module: {name: x for name, x in vars(module).items() if hasattr(x, "__qualname__") and name[0] != "_"}
    for module in (jaxsched, jaxsched.hugging_face)
}


@pytest.fixture
def theirs(monkeypatch):
    """A constant StepLR, of somebody else's, in a module of its own."""
    monkeypatch.setattr(Value, "_classes", dict(Value._classes))
    module = types.ModuleType("somebody")
    monkeypatch.setitem(sys.modules, "somebody", module)
    body = {"__module__": "somebody", "__annotations__": {"base_lr": float}}
    body["_formula"] = lambda self, k: jnp.full(k.shape, self.base_lr)
    module.StepLR = type("StepLR", (Schedule,), body)
    return module.StepLR


def test_a_dict_of_ours_gives_ours(theirs):
    ours = StepLR(0.1, 30)
    assert ours.to_dict()["scheduler"] == "StepLR"
    assert type(Schedule.from_dict(ours.to_dict())) is StepLR
    nested = SequentialLR([ours, ExponentialLR(0.1, 0.5)], [9])
    assert Schedule.from_dict(nested.to_dict()) == nested


def test_a_dict_of_theirs_gives_theirs(theirs):
    value = theirs(0.1)
    assert value.to_dict() == {"version": 1, "scheduler": "somebody.StepLR", "base_lr": 0.1}
    assert type(Schedule.from_dict(value.to_dict())) is theirs
    assert pickle.loads(pickle.dumps(value)) == value


def test_a_name_that_only_theirs_has_is_written_as_it_is(monkeypatch):
    monkeypatch.setattr(Value, "_classes", dict(Value._classes))

    def define(module):
        body = {"__module__": module, "__annotations__": {"base_lr": float}}
        body["_formula"] = lambda self, k: jnp.full(k.shape, self.base_lr)
        return type("CubeDecay", (Schedule,), body)

    one = define("one")
    written = one(0.1).to_dict()
    assert written["scheduler"] == "CubeDecay"
    assert type(Schedule.from_dict(written)) is one
    again = define("one")  # as in a notebook, where a cell runs twice
    assert type(Schedule.from_dict(written)) is again
    assert again(0.1).to_dict() == written
    other = define("other")
    for cls in (again, other):
        assert type(Schedule.from_dict(cls(0.1).to_dict())) is cls
    with pytest.raises(ValueError, match=r"one\.CubeDecay, other\.CubeDecay, got 'CubeDecay'"):
        Schedule.from_dict(written)


def test_one_that_was_defined_before_is_not_written_as_the_newer_one(monkeypatch):
    monkeypatch.setattr(Value, "_classes", dict(Value._classes))

    def make(factor):
        class Local(jaxsched.Multiplies, Schedule):
            def _factor(self, k):
                return factor**k

        return Local

    older, newer = make(0.5), make(0.9)
    assert type(Schedule.from_dict(newer(0.1).to_dict())) is newer
    with pytest.raises(TypeError, match="Local must be the newest class named test_identity"):
        older(0.1).to_dict()
    with pytest.raises(TypeError, match="Local must be the newest class"):
        SequentialLR([newer(0.1), older(0.1)], [3]).to_dict()
    with pytest.raises(ValueError, match="scheduler must be a class derived from Local, got"):
        older.from_dict(newer(0.1).to_dict())


def test_theirs_is_read_by_its_full_name_when_ours_alone_is_left(theirs):
    full = {"version": 1, "scheduler": "somebody.StepLR", "base_lr": 0.1}
    del Value._classes[next(name for name in Value._classes if name.endswith(".step_lr.StepLR"))]
    assert theirs(0.1).to_dict()["scheduler"] == "StepLR"
    assert type(Schedule.from_dict(full)) is theirs


@pytest.mark.parametrize("wrap", [lambda s: s, lambda s: SequentialLR([s, ExponentialLR(0.1, 0.5)], [50])])
def test_theirs_does_not_become_torchs(theirs, wrap):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    live = to_torch(wrap(theirs(0.1)), optimizer)
    assert type(live) is torch.optim.lr_scheduler.LambdaLR
    for _ in range(40):
        optimizer.step()
        live.step()
    assert optimizer.param_groups[0]["lr"] == 0.1


def test_a_torch_scheduler_of_theirs_does_not_become_ours():
    class Constant(torch.optim.lr_scheduler.StepLR):
        def get_lr(self):
            return [group["lr"] for group in self.optimizer.param_groups]

    Constant.__name__ = "StepLR"
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    theirs = Constant(optimizer, 30)
    chain = torch.optim.lr_scheduler.ChainedScheduler([theirs], optimizer)
    for live in (theirs, chain):
        with pytest.raises(TypeError, match="scheduler must be one of"):
            from_torch(live)


@pytest.mark.parametrize("module", PUBLIC, ids=lambda module: module.__name__)
def test_what_is_public_says_so(module):
    for name, value in PUBLIC[module].items():
        assert value.__module__ == module.__name__, name
        assert pickle.loads(pickle.dumps(value)) is value
        if isinstance(value, type):
            typing.get_type_hints(value)


def test_a_subclass_finds_the_checkers_of_its_bases():
    class Half(jaxsched.Multiplies, Schedule):
        def _factor(self, k):
            return 0.5 + 0.0 * k

    assert Half(np.float32(0.5)).on_host(3) == np.float32(0.25)
    with pytest.raises(ValueError, match="Half: base_lr must be"):
        Half(-1.0)


def test_a_subclass_may_take_a_checker_away():
    class Anything(ExponentialLR):
        gamma: object

    class Same(Anything):
        pass

    for cls in (Anything, Same):
        assert list(cls._checkers) == ["base_lr"]
        assert cls(0.1, "slow").gamma == "slow"


class Nothing(Schedule):
    def _formula(self, k):
        return 0.1 / (k + 1.0)


class Listed(Schedule):
    rates: tuple

    def _formula(self, k):
        return self.rates[0] + 0.0 * k


def test_of_no_arguments():
    assert repr(Nothing()) == "Nothing()"
    assert repr(SequentialLR([Nothing(), Nothing()], [3])).startswith("SequentialLR([Nothing(), Nothing()]")
    assert Schedule.from_dict(Nothing().to_dict()) == Nothing()


def test_a_tuple_stays_one():
    made = Listed((0.1, 0.2))
    again = Schedule.from_dict(made.to_dict())
    assert again == made
    assert hash(again) == hash(made)


@pytest.mark.parametrize(
    ("annotation", "default", "reason"),
    [
        ("position: float", {}, "position cannot be an argument. Every schedule has a position"),
        ("base_lr: dataclasses.InitVar[float]", {}, "base_lr cannot be an argument. It is in no field"),
        (
            "doubled: float",
            {"doubled": dataclasses.field(init=False)},
            "doubled cannot be an argument. Compute it in a property",
        ),
        ("base_lr: float", {"__post_init__": lambda self: None}, "define _check"),
    ],
)
def test_a_class_that_no_call_could_make_is_refused(annotation, default, reason):
    name, hint = annotation.split(": ")
    body = {"__module__": __name__, "__annotations__": {name: eval(hint)}, "_formula": lambda self, k: k}
    with pytest.raises(TypeError, match=f"^Mine: {reason}"):
        type("Mine", (Schedule,), body | default)
    assert f"{__name__}.Mine" not in Value._classes


METHODS = {
    f"{name}.{method}": function
    for module in PUBLIC
    for name, value in PUBLIC[module].items()
    for method, function in vars(value).items()
    if isinstance(function, types.FunctionType) and ">>>" in (function.__doc__ or "")
}


@pytest.mark.parametrize("name", METHODS)
def test_the_examples_of_methods(name):
    """Pytest looks for them where their class says that it is, and they are not written there."""
    function, run = METHODS[name], doctest.DocTestRunner()
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):  # as users have it
        for example in doctest.DocTestFinder().find(function, name, module=False, globs=function.__globals__):
            run.run(example)
    assert run.tries > 1
    assert run.failures == 0


def test_no_module_hides_behind_a_function():
    for name, value in PUBLIC[jaxsched.hugging_face].items():
        if not isinstance(value, type):
            with pytest.raises(ModuleNotFoundError):
                importlib.import_module(f"jaxsched.hugging_face.{name}")
