"""What broke when the library was attacked, by kind; a line of each kind, and its neighbours.

As a value, with Optax, in state machines. What broke in `from_torch` stands in test_live_objects.py, in the
functions of users in test_functions.py, and in the validator in test_found_parity.py.
"""

import functools
import math
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from jax.sharding import AxisType, NamedSharding, PartitionSpec

import jaxsched
from jaxsched import (
    SWALR,
    ChainedScheduler,
    ConstantLR,
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    MultiStepLR,
    PerEpoch,
    Recorded,
    Schedule,
    SequentialLR,
    SetAt,
    StartingAt,
    StepLR,
    Warmup,
)
from jaxsched._value import Value

# Equal values hash equal ----------------------------------------------------------------

WITH_ARRAYS = [
    lambda: StepLR(jnp.float32(0.1), 30),
    lambda: StepLR(np.array([0.1, 0.2]), 30),
    lambda: StepLR(0.1, jnp.int32(30), jnp.array(0.5)),
    lambda: Recorded(jnp.array([0.1, 0.2])),
    lambda: PerEpoch(StepLR(jnp.float32(0.1), 30), jnp.int32(4)),
    lambda: SequentialLR([StepLR(jnp.float32(0.1), 3), ExponentialLR(jnp.float32(0.1), 0.9)], [5]),
    lambda: jaxsched.timm.CosineLRScheduler(jnp.float32(0.1), 30),
    lambda: jaxsched.ReduceLROnPlateau(jnp.float32(0.1)),
]


@pytest.mark.parametrize("make", WITH_ARRAYS, ids=range(len(WITH_ARRAYS)))
def test_equal_values_hash_equal(make):
    one, other = make(), make()
    assert one == other
    assert hash(one) == hash(other)
    assert len({one, other, pickle.loads(pickle.dumps(one))}) == 1
    if isinstance(one, Schedule):
        np.testing.assert_array_equal(jax.jit(one)(31), one(31))
        np.testing.assert_array_equal(jax.jit(Schedule.from_dict(one.to_dict()))(31), one(31))


# Whose class it is ----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["StepLR", "InverseSqrt", "SequentialLR", "Recorded", "CosineLRScheduler"])
def test_nobody_takes_the_place_of_ours(name, monkeypatch):
    monkeypatch.setattr(Value, "_classes", dict(Value._classes))  # theirs is forgotten afterwards

    def formula(self, k):
        return self.base_lr / jnp.sqrt(k + 1.0)

    theirs = type(name, (Schedule,), {"__annotations__": {"base_lr": float}, "_formula": formula})
    ours = {
        "StepLR": StepLR(0.1, 3),
        "InverseSqrt": jaxsched.hugging_face.InverseSqrt(0.1, 10),
        "SequentialLR": SequentialLR([StepLR(0.1, 3), StepLR(0.1, 4)], [5]),
        "Recorded": Recorded([0.1, 0.2]),
        "CosineLRScheduler": jaxsched.timm.CosineLRScheduler(0.1, 3),
    }[name]
    assert type(Schedule.from_dict(ours.to_dict())) is type(ours)
    mine = theirs(0.1)
    assert type(Schedule.from_dict(mine.to_dict())) is theirs
    assert mine != ours


# Digits ---------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [np.float64(0.1), np.array(0.1), np.float32(0.1), np.float16(0.1)])
def test_a_numpy_scalar_is_a_number(number):
    schedule = StepLR(number, 30)
    assert type(schedule.base_lr) is float
    assert schedule.base_lr == float(number)
    assert not jax.tree.leaves(schedule)


@pytest.mark.parametrize("x64", [False, True])
def test_an_array_keeps_its_digits(x64):
    given = np.array([0.1, 1 / 3])
    with jax.enable_x64(x64):
        schedule = StepLR(given, 30)
        assert np.asarray(schedule.base_lr).tolist() == given.tolist()
        again = Schedule.from_dict(schedule.to_dict())
        assert np.asarray(again.base_lr).tolist() == given.tolist()
        assert again == schedule == pickle.loads(pickle.dumps(schedule))
        wanted = [StepLR(float(x), 30).on_host(31) for x in given]
        for value in (
            schedule(31), schedule.on_host(31), jax.jit(lambda s: s(31))(schedule), jax.jit(schedule)(31),
            jax.vmap(lambda s: s(31))(schedule),
        ):  # fmt: skip
            assert value.dtype == wanted[0].dtype
            np.testing.assert_array_equal(value, wanted)
        slopes = jax.grad(lambda s: s(31).sum())(schedule)
        np.testing.assert_allclose(slopes.base_lr, [0.1, 0.1], rtol=1e-6)


def test_a_dict_made_in_64_bits_keeps_its_digits():
    with jax.enable_x64(True):
        saved = StepLR(jnp.array(0.1), 30, jnp.array(0.3)).to_dict()
    found = Schedule.from_dict(saved)
    assert float(found.base_lr) == 0.1
    assert float(found.gamma) == 0.3
    assert found.to_dict() == saved


# What is a count ------------------------------------------------------------------------

NO_COUNTS = [
    np.timedelta64(1, "s"), np.array([1], "m8[s]"), np.datetime64("2020-01-01"), 1j, "1", b"1", None, True,
    np.bool_(True), np.array([True]), np.array(["1"]), np.array([None]), np.array([0.5], object), {1}, {},
    1.0, math.nan, np.void(b"1"), np.array([1 + 0j]), object(),
]  # fmt: skip


@pytest.mark.parametrize("count", NO_COUNTS, ids=range(len(NO_COUNTS)))
def test_what_is_no_count_raises(count):
    schedule = StepLR(0.1, 30)
    for ask in (schedule, schedule.on_host, jax.jit(schedule)):
        with pytest.raises(TypeError):
            ask(count)


@pytest.mark.parametrize("count", [2**63, 10**20, np.uint64(2**63), np.array([1, 10**20], object)], ids=repr)
def test_what_is_no_count_of_64_bits_raises(count):
    for ask in (StepLR(0.1, 30), StepLR(0.1, 30).on_host):
        with pytest.raises(ValueError, match="count must be below 2"):
            ask(count)


@pytest.mark.parametrize("count", [math.inf, -math.inf, math.nan, np.array([1.5, np.inf])], ids=repr)
def test_a_fractional_count_is_finite(count):
    restarts = CosineAnnealingWarmRestarts(0.1, T_0=10)
    for ask in (restarts, restarts.on_host):
        with pytest.raises(ValueError, match="count must be finite"):
            ask(count)


# No negative zero -----------------------------------------------------------------------


class Below(Schedule):
    """A user's own, that ends in a zero with a sign."""

    base_lr: float

    def _formula(self, k):
        return -0.0 * k.astype(np.float64)


ZEROS = [
    Below(0.1),
    LambdaLR(0.1, lambda k: -0.0 * k),
    LambdaLR(0.1, lambda k: -0.0, total_steps=5),
    StepLR(-0.0, 3),
    StepLR(jnp.float32(-0.0), 3),
    LinearLR(0.1, start_factor=1.0, end_factor=-0.0, total_iters=3),
    LinearLR(0.1, start_factor=1.0, end_factor=jnp.float32(-0.0), total_iters=3),
    CosineAnnealingLR(0.1, T_max=3, eta_min=-0.0),
    Recorded([0.1, -0.0]),
    Recorded(jnp.array([0.1, -0.0])),
    SetAt(StepLR(0.1, 3), 1, -0.0),
    Warmup(ConstantLR(-0.0, factor=1.0), 2),
    SequentialLR([StepLR(0.1, 3), Below(0.1)], [2]),
    ChainedScheduler([Below(0.1), StepLR(0.1, 3)]),
]


@pytest.mark.parametrize("schedule", ZEROS, ids=range(len(ZEROS)))
@pytest.mark.parametrize("x64", [False, True])
def test_a_zero_has_no_sign(schedule, x64):
    with jax.enable_x64(x64):
        for k in (3, 1, 9):
            values = schedule(k), schedule.on_host(k), schedule.on_host([k])[0], jax.jit(schedule)(k)
            assert not np.signbit(np.asarray(values)).any()
            assert len(set(np.asarray(values).tolist())) == 1


# Time is linear -------------------------------------------------------------------------


def _flat(n):
    return SequentialLR([SWALR(0.1, swa_lr=0.05) for _ in range(n)], [3 * i for i in range(1, n)])


def _nested(n, wrap=lambda schedule: schedule):
    schedule = ExponentialLR(0.1, gamma=0.9)
    for i in range(n):
        schedule = wrap(SequentialLR([schedule, SWALR(0.1, swa_lr=0.05 + i)], [3 * i + 2]))
    return schedule


MANY = {
    "flat": _flat,
    "nested": _nested,
    "nested, in epochs": lambda n: _nested(n, lambda schedule: PerEpoch(schedule, 2)),
    "nested, later": lambda n: _nested(n, lambda schedule: StartingAt(schedule, 1)),
}


def _operations(schedule):
    return len(str(jax.make_jaxpr(schedule)(3)).splitlines())


@pytest.mark.parametrize("make", MANY.values(), ids=MANY)
def test_a_program_grows_with_the_members(make):
    small, large = _operations(make(6)), _operations(make(12))
    assert large < 2.5 * small
    schedule = make(12)
    counts = np.arange(60)
    np.testing.assert_array_equal(schedule(counts), schedule.on_host(counts))


def test_what_goes_on_goes_on_from_the_last_value():
    first, second, third = LinearLR(0.1, start_factor=0.1, total_iters=9), SWALR(0.1, 0.05), SWALR(0.1, 0.2)
    flat = SequentialLR([first, second, third], [4, 9])
    nested = SequentialLR([SequentialLR([first, second], [4]), third], [9])
    counts = np.arange(30)
    np.testing.assert_array_equal(flat.on_host(counts), nested.on_host(counts))
    assert flat.on_host(4) == first.on_host(3)
    skipped = SequentialLR([first, ConstantLR(0.1), third], [4, 4])
    np.testing.assert_array_equal(skipped.on_host(counts), SequentialLR([first, third], [4]).on_host(counts))


# Debugging ------------------------------------------------------------------------------

KINDS = [
    StepLR(0.1, 3), CosineAnnealingLR(0.1, T_max=7), jaxsched.OneCycleLR(0.1, total_steps=9),
    jaxsched.PolynomialLR(0.1, total_iters=7, power=0.9), ExponentialLR(0.1, gamma=20.0),
    ExponentialLR(0.1, gamma=0.0), CosineAnnealingWarmRestarts(0.1, T_0=3, T_mult=2),
    LambdaLR(0.1, lambda k: 1 / (k + 1)), SWALR(0.1, swa_lr=0.05),
    SequentialLR([StepLR(0.1, 3), SWALR(0.1, swa_lr=0.05)], [4]), Recorded([0.1, 0.2]),
    ChainedScheduler([LinearLR(0.1, start_factor=0.1), CosineAnnealingLR(0.1, T_max=7)]),
    jaxsched.hugging_face.InverseSqrt(0.1, 3), jaxsched.timm.CosineLRScheduler(jnp.float32(0.1), 5),
]  # fmt: skip
kinds = pytest.mark.parametrize("schedule", KINDS, ids=range(len(KINDS)))


@pytest.fixture(params=["jax_debug_nans", "jax_debug_infs"])
def debugging(request):
    jax.config.update(request.param, True)
    yield
    jax.config.update(request.param, False)


@kinds
@pytest.mark.parametrize("disabled", [False, True])
@pytest.mark.usefixtures("debugging")
def test_debugging_is_quiet(schedule, disabled):
    wanted = schedule.on_host([0, 3, 2**31 - 1])
    with jax.disable_jit(disabled):
        for k, value in zip((0, 3, 2**31 - 1), wanted, strict=True):
            assert schedule(k) == value
        np.testing.assert_array_equal(schedule(jnp.array([0, 3, 2**31 - 1])), wanted)


# Sharded counts -------------------------------------------------------------------------

TABLES = [
    StepLR(0.1, 55, 0.9), Recorded(np.linspace(0.1, 0.2, 50).tolist()),
    MultiStepLR(0.1, list(range(1, 90, 3))),
    MultiStepLR(jnp.float32(0.1), list(range(1, 90, 3))), LambdaLR(0.1, math.sqrt, total_steps=20),
    SequentialLR([LinearLR(0.1, start_factor=0.1), StepLR(0.1, 3)], [4]),
    ChainedScheduler([LinearLR(0.1, start_factor=0.1), CosineAnnealingLR(0.1, T_max=7)]),
    jaxsched.timm.CosineLRScheduler(jnp.float32(0.1), 20), Recorded(jnp.linspace(0.1, 0.2, 50)),
]  # fmt: skip


def grid(kind):
    return jax.make_mesh((2, 2), ("a", "b"), axis_types=(kind, kind), devices=jax.devices()[:4])


SPECS = PartitionSpec("a"), PartitionSpec(("a", "b")), PartitionSpec()
VECTOR = lambda schedule: schedule, jax.vmap
MATRIX = lambda schedule: schedule, jax.vmap, lambda schedule: jax.vmap(jax.vmap(schedule))


@functools.cache
def compiled_look_ups(kind):
    """What all tables answer to counts in every place, a list for each; apart they take longer to compile."""

    def ask(counts, ways):
        return jax.jit(lambda k: [[way(schedule)(k) for way in ways] for schedule in TABLES])(counts)

    mesh = grid(kind)
    with jax.set_mesh(mesh):
        of_a_vector = [ask(jax.device_put(jnp.arange(16), NamedSharding(mesh, s)), VECTOR) for s in SPECS]
        counts = jax.device_put(jnp.arange(16).reshape(4, 4), NamedSharding(mesh, PartitionSpec("a", "b")))
        answers = zip(*of_a_vector, ask(counts, MATRIX), strict=True)
        return [[np.asarray(x).ravel() for values in row for x in values] for row in answers]


@pytest.mark.parametrize("table", range(len(TABLES)))
@pytest.mark.parametrize("kind", [AxisType.Explicit, AxisType.Auto])
def test_look_ups_of_sharded_counts(table, kind):
    schedule = TABLES[table]
    wanted = schedule.on_host(np.arange(16))
    found = compiled_look_ups(kind)[table]
    assert len(found) == 3 * 2 + 3
    for values in found:
        np.testing.assert_array_equal(values, wanted)
    mesh = grid(kind)
    with jax.set_mesh(mesh):
        # Called by itself, and mapped by itself, as it was when it raised.
        counts = jax.device_put(jnp.arange(16), NamedSharding(mesh, SPECS[0]))
        for ask in (schedule, jax.vmap(schedule)):
            np.testing.assert_array_equal(np.asarray(ask(counts)), wanted)
        counts = jax.device_put(jnp.arange(16).reshape(4, 4), NamedSharding(mesh, PartitionSpec("a", "b")))
        np.testing.assert_array_equal(np.asarray(jax.vmap(jax.vmap(schedule))(counts)).ravel(), wanted)


@pytest.mark.slow  # the same places as under jit, above
@pytest.mark.parametrize("table", range(len(TABLES)))
@pytest.mark.parametrize("kind", [AxisType.Explicit, AxisType.Auto])
def test_look_ups_of_sharded_counts_by_themselves(table, kind):
    schedule, mesh = TABLES[table], grid(kind)
    wanted = schedule.on_host(np.arange(16))
    with jax.set_mesh(mesh):
        for spec in SPECS:
            counts = jax.device_put(jnp.arange(16), NamedSharding(mesh, spec))
            np.testing.assert_array_equal(np.asarray(schedule(counts)), wanted)
        counts = jax.device_put(jnp.arange(16).reshape(4, 4), NamedSharding(mesh, PartitionSpec("a", "b")))
        np.testing.assert_array_equal(np.asarray(schedule(counts)).ravel(), wanted)


# State machines -------------------------------------------------------------------------

GREEDY = [
    {"mode": mode, "factor": factor, "patience": patience, "threshold": threshold, "threshold_mode": kind,
     "cooldown": cooldown, "warmup": warmup, "smooth": smooth, "window_size": window, "reset_start": reset,
     "min_lr": 1e-3, "max_lr": 1.0}
    for mode, factor, patience, threshold, kind, cooldown, warmup, smooth, window, reset in [
        ("min", 0.5, 0, 0.0, "rel", 0, 0, True, 1, 0), ("max", 0.5, 3, 1e-4, "rel", 0, 0, True, 7, 2),
        ("max", 0.5, 0, 0.01, "rel", 2, 2, True, 7, 0), ("max", 0.95, 1, 0.0, "abs", 0, 1, True, 3, 1),
        ("min", 0.9, 2, 1e-2, "abs", 1, 0, True, 3, 4), ("min", 0.95, 1, 1e-4, "rel", 2, 2, False, 1, 3),
        ("max", 0.9, 0, 0.0, "rel", 1, 1, False, 1, 0),
    ]
]  # fmt: skip


def traces(number, seed, steps=40):
    """Metrics: usual ones, of all sizes, whole ones, with infinities and NaN, and such as cancel in a sum."""
    rng = np.random.default_rng(seed)
    told = rng.uniform(-1, 3, (number, steps))
    told[1::5] *= 10.0 ** rng.integers(-20, 20, told[1::5].shape)
    told[2::5] = np.round(told[2::5])
    odd = rng.random(told[3::5].shape) < 0.1
    told[3::5][odd] = rng.choice([np.inf, -np.inf, np.nan], odd.sum())
    told[4::5] = rng.choice([1e16, 1.0, -1e16, 0.1], told[4::5].shape)
    return told.astype(np.float32)


def greedy_to_the_bit(given, number):
    optimization = pytest.importorskip("transformers.optimization")
    told = traces(number, seed=len(str(given)))
    greedy = jaxsched.hugging_face.GreedyLR(0.1, **given)

    def step(state, metric):
        state = greedy.step(state, metric)
        return state, state.lr

    found = np.asarray(jax.jit(jax.vmap(lambda row: jax.lax.scan(step, greedy.init(), row)[1]))(told))
    for row, rates in zip(told, found, strict=True):
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
        live = optimization.GreedyLR(optimizer, **given)
        for k, metric in enumerate(row.tolist()):
            live.step(metric)
            wanted = np.float32(optimizer.param_groups[0]["lr"])
            assert rates[k] == wanted, (k, row[: k + 1].tolist())


@pytest.mark.parametrize("given", GREEDY, ids=range(len(GREEDY)))
def test_greedy_is_transformers_to_the_bit(given):
    greedy_to_the_bit(given, 40)


@pytest.mark.slow
@pytest.mark.parametrize("given", GREEDY, ids=range(len(GREEDY)))
def test_greedy_is_transformers_to_the_bit_on_ten_thousand_traces(given):
    greedy_to_the_bit(given, 1_500)
