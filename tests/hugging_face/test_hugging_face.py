"""The schedules of transformers: their values, their names, and what `from_torch` makes of them."""

import contextlib
import dataclasses
import functools
import inspect
import pickle
import random
import re
import types
import typing
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from accuracy import counts_up_to, exactly, excess, float32_ulps, float64_ulps, length, rate
from catalogue import as_data
from hypothesis import given, settings, strategies as st

import jaxsched.hugging_face as hf
from jaxsched import (
    ConstantLR,
    LambdaLR,
    ReduceLROnPlateau,
    Schedule,
    StartingAt,
    current_lr,
    from_torch,
    from_torch_state,
    to_torch,
)
from jaxsched.interop import held
from jaxsched.interop.from_transformers import _BUILDERS
from parity.cases.transformers import CASES, GREEDY_CASES, GreedyCase
from parity.metrics import MetricCase, float32
from parity.reference import pytorch, transformers as formulas
from parity.reference.arithmetic import fifty_digits

transformers = pytest.importorskip("transformers", reason="transformers is not installed")


# Correctly rounded ------------------------------------------------------------------------
#
# Arguments at random. The formulas are parity's, in 50 digits, which share nothing with jaxsched.


def steps(draw):
    warmup = draw.choice([0, 1, 2, length(draw)])
    return {"num_warmup_steps": warmup, "num_training_steps": draw.choice([1, warmup + length(draw)])}


def cycles(draw):
    return draw.choice([0.5, 0.5, 1.0, 0.25, draw.uniform(0, 3)])


def constant(draw):
    given = {"num_warmup_steps": draw.choice([0, 1, length(draw)])}
    return hf.ConstantWithWarmup, given


def linear(draw):
    given = steps(draw)
    return hf.LinearWithWarmup, given


def cosine(draw):
    given = {**steps(draw), "num_cycles": cycles(draw)}
    return hf.CosineWithWarmup, given


def cosine_min(draw):
    given = {**steps(draw), "num_cycles": cycles(draw), "min_lr_rate": draw.random()}
    return hf.CosineWithMinLR, given


def cosine_warmup(draw):
    given = {**steps(draw), "num_cycles": cycles(draw), "min_lr_rate": draw.random()}
    given["warmup_lr_rate"] = draw.choice([None, draw.random()])
    return hf.CosineWarmupWithMinLR, given


def restarts(draw):
    given = {**steps(draw), "num_cycles": draw.choice([0, 1, 2, 3, 49])}
    return hf.CosineWithRestarts, given


def polynomial(draw):
    first = draw.choice([0.1, 3e-4])
    power = draw.choice([0.0, 0.5, 1.0, 2.0, draw.uniform(0, 5)])
    given = {
        **steps(draw),
        "lr_end": first * draw.choice([0.0, draw.random()]),
        "power": power,
        "lr_init": first,
    }
    return hf.PolynomialDecayWithWarmup, given


def inverse_sqrt(draw):
    given = {"num_warmup_steps": draw.choice([0, 1, length(draw)]), "timescale": length(draw)}
    return hf.InverseSqrt, given


def stable(draw):
    given = {f"num_{name}_steps": draw.choice([0, 1, length(draw)]) for name in ("warmup", "stable", "decay")}
    given |= {f"{name}_type": draw.choice(["linear", "cosine", "1-sqrt"]) for name in ("warmup", "decay")}
    given |= {"min_lr_ratio": draw.choice([0.0, draw.random()]), "num_cycles": cycles(draw)}
    return hf.WarmupStableDecay, given


FAMILIES = {
    "_get_constant_schedule_with_warmup_lr_lambda": constant,
    "_get_linear_schedule_with_warmup_lr_lambda": linear,
    "_get_cosine_schedule_with_warmup_lr_lambda": cosine,
    "_get_cosine_with_min_lr_schedule_with_warmup_lr_rate_lambda": cosine_warmup,
    "_get_cosine_with_hard_restarts_schedule_with_warmup_lr_lambda": restarts,
    "_get_polynomial_decay_schedule_with_warmup_lr_lambda": polynomial,
    "_get_inverse_sqrt_schedule_lr_lambda": inverse_sqrt,
    "_get_wsd_scheduler_lambda": stable,
}


def next_to_zeros(schedule, draw):
    """Counts next to where a cosine is 0, and digits are lost if they ever are."""
    per = getattr(schedule, "num_decay_steps", getattr(schedule, "num_training_steps", 1))
    cycles = getattr(schedule, "num_cycles", 0)
    if not cycles:
        return []
    begin = schedule.num_warmup_steps + getattr(schedule, "num_stable_steps", 0)
    per = per if hasattr(schedule, "num_decay_steps") else max(per - schedule.num_warmup_steps, 1)
    zeros = [begin + round(per * (draw.randrange(20) + 0.5) / cycles) for _ in range(3)]
    return [min(max(zero + by, 0), 2**31 - 1) for zero in zeros for by in (-1, 0, 1)]


def drawn(name, draw):
    make, given = FAMILIES[name](draw)
    base_lr = rate(draw)
    function = functools.partial(getattr(transformers.optimization, name), **given)
    factor = formulas.factor(fifty_digits, function)
    far = sum(n for n in given.values() if isinstance(n, int))
    return make(base_lr, **given), lambda k: exactly(base_lr) * factor(k), far


@pytest.mark.parametrize("name", [*FAMILIES])
def test_correctly_rounded(name):
    draw = random.Random(name)
    for _ in range(60):
        schedule, exact, far = drawn(name, draw)
        counts = [*counts_up_to(far, draw), *next_to_zeros(schedule, draw)]
        assert excess(schedule.on_host(counts), counts, exact, float32_ulps, 0.5 + 1e-6) == [], schedule
        with jax.enable_x64(True):
            assert excess(schedule.on_host(counts), counts, exact, float64_ulps, 4) == [], schedule
            data = as_data(schedule, np.float64)
        assert excess(data.on_host(counts), counts, exact, float32_ulps, 0.5 + 1e-6) == [], schedule


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_on_the_host_every_case_is_transformers(case):
    """`make parity` compiles them all, and looks at every count."""
    steps = min(case.steps, 3_000)
    found = pytorch.trajectory(case.make_torch_scheduler(), steps)
    np.testing.assert_array_equal(case.schedule().on_host(np.arange(steps)), found.values.astype(np.float32))


# get_scheduler ----------------------------------------------------------------------------


def test_every_name_of_transformers_is_known():
    names = {kind.value for kind in transformers.SchedulerType}
    assert names == set(hf.get_scheduler.__globals__["SCHEDULERS"])
    assert names - {"reduce_lr_on_plateau", "greedy"} == {case.scheduler for case in CASES}


def test_the_types_know_every_name():
    """A type checker must be told for which names a schedule comes back, and for which one by metric."""
    known = hf.get_scheduler.__globals__
    by_count, by_metric = (set(typing.get_args(known[kind])) for kind in ("ByCount", "ByMetric"))
    assert by_count == {n for n, make in known["SCHEDULERS"].items() if issubclass(make, Schedule)}
    assert by_metric == set(known["SCHEDULERS"]) - by_count


def test_every_argument_of_transformers_is_exercised():
    functions = transformers.optimization.TYPE_TO_SCHEDULER_FUNCTION
    for kind, function in functions.items():
        known = set(function.__code__.co_varnames[: function.__code__.co_argcount])
        known -= {"optimizer", "last_epoch", "kwargs"}
        given = {name for case in CASES if case.scheduler == kind.value for name in case.spec.arguments}
        assert known <= given, kind


def test_an_enum_is_a_name():
    kind = transformers.SchedulerType.LINEAR
    assert hf.get_scheduler(kind, 0.1, 2, 10) == hf.LinearWithWarmup(0.1, 2, 10)


def test_plateau():
    assert hf.get_scheduler("reduce_lr_on_plateau", 0.1, scheduler_specific_kwargs={"patience": 3}) == (
        ReduceLROnPlateau(0.1, patience=3)
    )


@pytest.mark.parametrize(
    ("arguments", "kind", "text"),
    [
        (("cosin", 0.1), ValueError, "name must be one of 'linear', 'cosine', "),
        (("cosine", 0.1), ValueError, "num_warmup_steps must be given for 'cosine', got None"),
        (("cosine", 0.1, 5), ValueError, "num_training_steps must be given for 'cosine', got None"),
        (
            ("warmup_stable_decay", 0.1),
            ValueError,
            "num_warmup_steps must be given for 'warmup_stable_decay', got None",
        ),
        (
            ("linear", 0.1, 5, 10, {"num_cycles": 2}),
            TypeError,
            "scheduler_specific_kwargs must be empty for 'linear', got 'num_cycles'",
        ),
        (
            ("cosine", 0.1, 5, 10, {"cycles": 2}),
            TypeError,
            "scheduler_specific_kwargs must be one of num_cycles for 'cosine', got 'cycles'",
        ),
        (("constant", 0.1, None, None, {"power": 2}), TypeError, "must be empty for 'constant', got 'power'"),
        (
            ("cosine_with_min_lr", 0.1, 5, 10),
            ValueError,
            "one of min_lr and min_lr_rate must be given, got min_lr=None, min_lr_rate=None.",
        ),
        (
            ("cosine_with_min_lr", 0.1, 5, 10, {"min_lr": 0.1, "min_lr_rate": 0.1}),
            ValueError,
            "one of min_lr and min_lr_rate must be given, got min_lr=0.1, min_lr_rate=0.1.",
        ),
        (
            ("cosine_with_min_lr", 0.1, 5, 10, {"min_lr": -0.1}),
            ValueError,
            "CosineWithMinLR: min_lr must be a finite number >= 0 or None, got -0.1.",
        ),
        (
            ("polynomial", 0.1, 5, 10, {"lr_end": 0.2}),
            ValueError,
            "PolynomialDecayWithWarmup: lr_end must be below base_lr = 0.1, got 0.2.",
        ),
        (
            ("warmup_stable_decay", 0.1, 5, None, {"num_decay_steps": 3}),
            ValueError,
            "WarmupStableDecay: num_training_steps or num_stable_steps must be given, got neither.",
        ),
        (
            ("warmup_stable_decay", 0.1, 5, 7, {"num_decay_steps": 3}),
            ValueError,
            "num_training_steps must be at least num_warmup_steps + num_decay_steps = 8, got 7.",
        ),
        (
            ("warmup_stable_decay", 0.1, 5, 20, {"num_decay_steps": 3, "num_stable_steps": 1}),
            ValueError,
            "num_stable_steps must be 12 when num_training_steps=20 is given, got 1.",
        ),
        (
            ("warmup_stable_decay", 0.1, 5, 20, {"num_decay_steps": 3, "decay_type": "exp"}),
            ValueError,
            "decay_type must be one of 'linear', 'cosine', '1-sqrt', got 'exp'",
        ),
        (("linear", 0.1, 0.5, 10), TypeError, "num_warmup_steps must be an integer >= 0, got 0.5."),
        (("linear", 0.1, -1, 10), ValueError, "num_warmup_steps must be an integer >= 0, got -1."),
        (("linear", 0.1, 1, 0), ValueError, "num_training_steps must be an integer >= 1, got 0."),
    ],
)
def test_bad_arguments(arguments, kind, text):
    with pytest.raises(kind, match=re.escape(text)):
        hf.get_scheduler(*arguments)


# From a live scheduler --------------------------------------------------------------------


def live(name, warmup, training, **specific):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    return transformers.get_scheduler(name, optimizer, warmup, training, specific)


LIVE = {
    "constant": ("constant", None, None, {}),
    "constant_with_warmup": ("constant_with_warmup", 10, None, {}),
    "linear": ("linear", 10, 100, {}),
    "linear, floats": ("linear", 10.0, 100.0, {}),
    "cosine": ("cosine", 10, 100, {}),
    "cosine, cycles": ("cosine", 10, 100, {"num_cycles": 1.3}),
    "cosine_with_restarts": ("cosine_with_restarts", 10, 100, {"num_cycles": 4}),
    "restarts that come late": ("cosine_with_restarts", 0, 49, {"num_cycles": 49}),
    "polynomial": ("polynomial", 10, 100, {"lr_end": 0.01, "power": 2.0}),
    "inverse_sqrt": ("inverse_sqrt", 10, None, {}),
    "cosine_with_min_lr": ("cosine_with_min_lr", 10, 100, {"min_lr_rate": 0.1}),
    "cosine_warmup_with_min_lr": ("cosine_warmup_with_min_lr", 10, 100, {"min_lr_rate": 0.1}),
    "warmup_stable_decay": ("warmup_stable_decay", 10, 100, {"num_decay_steps": 20}),
    "wsd, sqrt": ("warmup_stable_decay", 10, 100, {"num_decay_steps": 20, "decay_type": "1-sqrt"}),
}
each = pytest.mark.parametrize(("name", "warmup", "training", "specific"), LIVE.values(), ids=LIVE)


@each
def test_from_torch(name, warmup, training, specific):
    whole = [None if n is None else int(n) for n in (warmup, training)]
    late = training == 49
    with pytest.warns(UserWarning, match="one update late") if late else contextlib.nullcontext():
        made = from_torch(live(name, warmup, training, **specific))
    wanted = hf.get_scheduler(name, 0.1, *whole, specific)
    if name == "inverse_sqrt":  # theirs says it even when it is the default
        wanted = hf.InverseSqrt(0.1, 10, timescale=10)
    assert made == wanted
    assert made.position == 0
    assert not isinstance(made, LambdaLR)


@each
def test_from_torch_in_the_middle(name, warmup, training, specific):
    scheduler = live(name, warmup, training, **specific)
    for _ in range(37):
        scheduler.optimizer.step()
        scheduler.step()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "from_torch: at count [0-9]+ the restart .* comes one update late")
        made = from_torch(scheduler)
        assert made == from_torch(live(name, warmup, training, **specific))
        rest = from_torch(scheduler, resume=True).on_host(np.arange(80))
    assert made.position == 37
    wanted = pytorch.trajectory(scheduler, 80).values
    late = name == "cosine_with_restarts" and training == 49  # theirs; ours are not
    np.testing.assert_array_equal(rest[late * 12 :], wanted[late * 12 :].astype(np.float32))


def test_where_a_restart_may_be_late():
    """After the warm-up, every whole cycle, and nowhere else: elsewhere a difference is one."""
    schedule = hf.CosineWithRestarts(0.1, num_warmup_steps=3, num_training_steps=24, num_cycles=7)
    assert np.flatnonzero(held._restarts(schedule, np.arange(26))).tolist() == [6, 9, 12, 15, 18, 21, 24]
    later = StartingAt(schedule, 5)
    assert np.flatnonzero(held._restarts(later, np.arange(12))).tolist() == [1, 4, 7, 10]


def test_a_group_with_a_learning_rate_of_its_own():
    parameters = [torch.nn.Parameter(torch.zeros(1)) for _ in range(2)]
    groups = [{"params": parameters[:1]}, {"params": parameters[1:], "lr": 0.03}]
    optimizer = torch.optim.SGD(groups, lr=0.1)
    scheduler = transformers.get_scheduler("polynomial", optimizer, 10, 100, {"lr_end": 0.01})
    assert from_torch(scheduler, group=0) == hf.PolynomialDecayWithWarmup(0.1, 10, 100, lr_end=0.01)
    other = from_torch(scheduler, group=1)
    assert other == hf.PolynomialDecayWithWarmup(0.03, 10, 100, lr_end=0.01, lr_init=0.1)
    found = pytorch.trajectory(scheduler, 120, group=1).values.astype(np.float32)
    np.testing.assert_array_equal(other.on_host(np.arange(120)), found)


def altered(name, change):
    """A partial that says it is transformers' own, with the values changed."""
    scheduler = live(name, 10, 100)
    known = scheduler.lr_lambdas[0]
    original = known.func
    function = types.FunctionType(
        (lambda current_step, **keywords: change(original(current_step, **keywords))).__code__,
        {"__name__": "transformers.optimization", "change": change, "original": original},
        original.__name__,
        None,
        tuple(types.CellType(x) for x in (change, original)),
    )
    function.__module__ = original.__module__
    scheduler.lr_lambdas[0] = functools.partial(function, **known.keywords)
    return scheduler


@pytest.mark.parametrize("name", ["linear", "cosine"])
def test_an_altered_function_is_not_misread(name):
    same = altered(name, lambda x: x)
    assert isinstance(from_torch(same), (hf.LinearWithWarmup, hf.CosineWithWarmup))
    scheduler = altered(name, lambda x: 0.99 * x)
    with pytest.raises(ValueError, match="total_steps must be given for the function of LambdaLR"):
        from_torch(scheduler)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its learning rate was set before it was altered
        made = from_torch(scheduler, total_steps=100)
    assert isinstance(made, LambdaLR)
    assert float(made.on_host(50)) == np.float32(0.1 * scheduler.lr_lambdas[0](50))


def test_a_function_of_another_module_is_not_recognized():
    scheduler = live("linear", 10, 100)
    known = scheduler.lr_lambdas[0]

    def _get_linear_schedule_with_warmup_lr_lambda(current_step, **keywords):
        return known.func(current_step, **keywords)

    mine = functools.partial(_get_linear_schedule_with_warmup_lr_lambda, **known.keywords)
    scheduler.lr_lambdas[0] = mine
    assert isinstance(from_torch(scheduler, total_steps=100), LambdaLR)


@pytest.mark.parametrize(
    "change", [{"num_warmup_steps": 2.5}, {"surprise": 1}], ids=["half an update", "unknown keyword"]
)
def test_other_keywords_are_not_guessed_at(change):
    scheduler = live("linear", 10, 100)
    known = scheduler.lr_lambdas[0]

    def function(current_step, *, surprise=0, **keywords):
        return known.func(current_step, **keywords)

    function.__name__, function.__module__ = known.func.__name__, known.func.__module__
    scheduler.lr_lambdas[0] = functools.partial(function, **{**known.keywords, **change})
    assert isinstance(from_torch(scheduler, total_steps=100), LambdaLR)


def test_every_function_of_transformers_has_a_builder():
    functions = {
        name
        for name in vars(transformers.optimization)
        if name.startswith("_get_") and name.endswith("lambda")
    }
    assert functions == set(_BUILDERS)
    assert set(FAMILIES) == functions - {"_get_constant_lambda"}


@pytest.mark.parametrize("schedule", [hf.LinearWithWarmup(0.1, 10, 100), hf.InverseSqrt(0.1, 7)], ids=repr)
def test_to_torch(schedule):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    found = pytorch.trajectory(to_torch(schedule, optimizer), 120).values
    np.testing.assert_array_equal(found.astype(np.float32), schedule.on_host(np.arange(120)))


def test_constant_is_torchs():
    assert from_torch(live("constant", None, None)) == ConstantLR(0.1, factor=1.0)


# GreedyLR ---------------------------------------------------------------------------------


def test_every_argument_of_greedy_is_exercised():
    known = set(inspect.signature(transformers.optimization.GreedyLR).parameters) - {"optimizer", "verbose"}
    assert known == {name for case in GREEDY_CASES for name in case.trace.arguments}
    assert known == {field.name for field in dataclasses.fields(hf.GreedyLR)} - {"base_lr"}


@pytest.mark.parametrize(
    "case",
    # All of them are in `make parity`.
    [
        case if i % 4 == 3 else pytest.param(case, marks=pytest.mark.slow)
        for i, case in enumerate(GREEDY_CASES)
    ],
    ids=lambda case: case.trace.name,
)
def test_greedy(case):
    found = case.compare()
    assert found.problem is None
    assert found.identical == found.steps == case.steps


@settings(max_examples=settings().max_examples // 8)  # each compiles anew
@given(st.integers(0, 10**6))
def test_greedy_at_random(seed):
    draw = random.Random(seed)
    arguments = {
        "mode": draw.choice(["min", "max"]),
        "factor": draw.choice([0.5, 0.9, 0.95]),
        "patience": draw.choice([0, 1, 3]),
        "threshold": draw.choice([1e-6, 1e-2]),
        "threshold_mode": draw.choice(["rel", "abs"]),
        "cooldown": draw.choice([0, 2]),
        "warmup": draw.choice([0, 3]),
        "min_lr": draw.choice([1e-3, 0.05]),
        "max_lr": draw.choice([0.2, 1.0]),
        "smooth": draw.choice([True, False]),
        "window_size": draw.choice([1, 5]),
        "reset_start": draw.choice([1, 5]),
    }
    metrics = float32(1 + 0.1 * draw.random() - k / 100 * draw.choice([0, 1]) for k in range(120))
    found = GreedyCase(MetricCase("random", metrics, arguments)).compare()
    assert found.problem is None


GREEDY = dict(factor=0.9, patience=1, smooth=True, window_size=3, min_lr=0.08, reset_start=2, cooldown=1)
METRICS = float32([1.0, 0.9, 0.8, 0.7, 0.6, *[0.6] * 15, 0.5, 0.4, 0.3, *[0.3] * 10])


def greedy_of_transformers():
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    return transformers.optimization.GreedyLR(optimizer, **GREEDY)


@pytest.mark.parametrize("at", [0, 2, 7, 19])
@pytest.mark.parametrize("checkpoint", [False, True], ids=["alive", "checkpoint"])
def test_greedy_goes_on_from_a_live_one(at, checkpoint):
    scheduler = greedy_of_transformers()
    for metric in METRICS[:at]:
        scheduler.step(metric)
    if checkpoint:
        made = from_torch_state("GreedyLR", scheduler.state_dict(), scheduler.optimizer.param_groups)
    else:
        made = from_torch(scheduler)
    assert made == hf.GreedyLR(0.1, **GREEDY)
    state = made.position
    for metric in METRICS[at:]:
        scheduler.step(metric)
        state = made.step(state, np.float32(metric))
        assert float(state.lr) == np.float32(scheduler.optimizer.param_groups[0]["lr"])
    for name in ("num_bad_epochs", "num_good_epochs", "cooldown_counter", "reset_start", "last_epoch"):
        assert int(getattr(state, name)) == getattr(scheduler, name), name


def test_greedy_in_an_optimizer():
    """Update k applies the learning rate after k steps."""
    scheduler, greedy = greedy_of_transformers(), hf.GreedyLR(0.1, **GREEDY)
    optimizer = greedy.scale_by_learning_rate()
    params = jnp.zeros(2)
    state = optimizer.init(params)

    @jax.jit
    def update(state, loss):
        return optimizer.update(jnp.ones(2), state, params, value=loss)

    for metric in METRICS:
        updates, state = update(state, np.float32(metric))
        lr = np.float32(scheduler.optimizer.param_groups[0]["lr"])
        np.testing.assert_array_equal(updates, [-lr, -lr])
        assert float(current_lr(state)) == lr
        scheduler.step(metric)


def test_greedy_under_vmap():
    factors = jnp.asarray([0.5, 0.75], jnp.float32)

    def rates(factor):
        greedy = hf.GreedyLR(0.1, factor=factor, patience=1)

        def step(state, metric):
            state = greedy.step(state, metric)
            return state, state.lr

        return jax.lax.scan(step, greedy.init(), jnp.asarray(METRICS, jnp.float32))[1]

    both = jax.vmap(rates)(factors)
    for factor, found in zip((0.5, 0.75), both, strict=True):
        np.testing.assert_array_equal(found, rates(factor))


@pytest.mark.parametrize(
    ("arguments", "kind", "text"),
    [
        ({"factor": 1}, ValueError, "GreedyLR: factor must be below 1, got 1.0."),
        ({"factor": 0}, ValueError, "GreedyLR: factor must be a finite number in (0, 1], got 0.0."),
        ({"patience": -1}, ValueError, "GreedyLR: patience must be an integer >= 0, got -1."),
        ({"smooth": 1}, TypeError, "GreedyLR: smooth must be True or False, got 1."),
        ({"window_size": 0}, ValueError, "GreedyLR: window_size must be an integer >= 1, got 0."),
        ({"mode": "low"}, ValueError, "GreedyLR: mode must be one of 'min', 'max', got 'low'"),
        ({"min_lr": jnp.zeros(2)}, ValueError, "GreedyLR: all arguments must be single numbers, got "),
    ],
)
def test_bad_arguments_of_greedy(arguments, kind, text):
    with pytest.raises(kind, match=re.escape(text)):
        hf.GreedyLR(0.1, **arguments)


@pytest.mark.parametrize(
    "metric", [True, np.True_, jnp.asarray(True), np.int8(1), np.uint64(1), jnp.bfloat16(1)]
)
def test_the_greedy_one_takes_what_the_plateau_takes(metric):
    for machine in (hf.GreedyLR(0.1, patience=0), ReduceLROnPlateau(0.1, patience=0)):
        state = machine.step(machine.init(), metric)
        assert state.best == 1
        for x, y in zip(state, machine.step(machine.init(), 1.0), strict=True):
            np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize(
    ("metric", "kind", "text"),
    [
        ("1", TypeError, "GreedyLR: metric must be one real number, got '1' (str)."),
        (1j, TypeError, "GreedyLR: metric must be one real number, got 1j (complex)."),
        (np.zeros(2), ValueError, "GreedyLR: metric must be one number, got the shape (2,)."),
    ],
)
def test_bad_metrics(metric, kind, text):
    greedy = hf.GreedyLR(0.1)
    with pytest.raises(kind, match=re.escape(text)):
        greedy.step(greedy.init(), metric)


def test_greedy_is_a_value():
    greedy = hf.GreedyLR(0.1, **GREEDY)
    assert eval(repr(greedy), vars(hf)) == greedy
    assert hf.GreedyLR.from_dict(greedy.to_dict()) == greedy
    assert pickle.loads(pickle.dumps(greedy)) == greedy
