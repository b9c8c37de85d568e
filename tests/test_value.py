"""A schedule is a value: it prints, compares, hashes, pickles and is a pytree."""

import copy
import dataclasses
import json
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from catalogue import CATALOGUE, COUNTS, arguments, as_data, has_function

import jaxsched
from jaxsched import (
    ConstantLR,
    CosineAnnealingLR,
    CyclicLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    MultiStepLR,
    OneCycleLR,
    Schedule,
    StepLR,
)

WRITABLE = {name: schedule for name, schedule in CATALOGUE.items() if not has_function(schedule)}
catalogue = pytest.mark.parametrize("schedule", CATALOGUE.values(), ids=CATALOGUE)
writable = pytest.mark.parametrize("schedule", WRITABLE.values(), ids=WRITABLE)

# Array arguments of several types and shapes, two of them beneath a momentum.
DATA = {
    "float32": CosineAnnealingLR(jnp.float32(0.1), T_max=jnp.int32(41)),
    "bfloat16": ExponentialLR(jnp.bfloat16(0.1), gamma=jnp.bfloat16(0.97)),
    "int32": StepLR(0.1, step_size=jnp.array([3, 5], jnp.int32)),
    "vector": LinearLR(jnp.linspace(0, 1, 5), start_factor=0.5),
    "nested": CyclicLR(0.1, max_lr=jnp.float32(0.3), step_size_up=7).momentum,
    "nested-int32": OneCycleLR(jnp.float32(0.1), jnp.int32(50), pct_start=jnp.float32(0.3)).momentum,
}
data = pytest.mark.parametrize("schedule", DATA.values(), ids=DATA)


# Printing, copying, writing -------------------------------------------------------------


@writable
def test_prints_as_the_call_that_makes_it(schedule):
    again = eval(repr(schedule), {**vars(jaxsched), **vars(jaxsched.hugging_face)})
    assert again == schedule
    assert repr(again) == repr(schedule)


@pytest.mark.parametrize(
    ("schedule", "text"),
    [
        (ConstantLR(0.1), "ConstantLR(0.1)"),
        (ConstantLR(0.1, 1 / 3, 5), "ConstantLR(0.1)"),
        (StepLR(1, 30), "StepLR(1.0, step_size=30)"),
        (StepLR(np.float32(0.5), np.int64(30)), "StepLR(0.5, step_size=30)"),
        (MultiStepLR(0.1, (80, 30, 30)), "MultiStepLR(0.1, milestones=[30, 30, 80])"),
        (MultiStepLR(0.1, np.array([30])), "MultiStepLR(0.1, milestones=[30])"),
        (MultiStepLR(0.1, []), "MultiStepLR(0.1, milestones=[])"),
        (CyclicLR(0.1, 0.3, mode="exp_range"), "CyclicLR(0.1, max_lr=0.3, mode='exp_range')"),
        (OneCycleLR(0.1, epochs=3, steps_per_epoch=10), "OneCycleLR(0.1, total_steps=30)"),
        (OneCycleLR(0.1, total_steps=30).momentum, "OneCycleLR(0.1, total_steps=30).momentum"),
        (StepLR(0.1, jnp.int32(3)), "StepLR(0.1, step_size=Array(3, dtype=int32))"),
    ],
)
def test_repr(schedule, text):
    assert repr(schedule) == text


@catalogue
def test_pickles_and_copies(schedule):
    for again in (pickle.loads(pickle.dumps(schedule)), copy.copy(schedule), copy.deepcopy(schedule)):
        assert again == schedule
        assert hash(again) == hash(schedule)
        np.testing.assert_array_equal(again.on_host(COUNTS), schedule.on_host(COUNTS))


@data
def test_pickles_and_copies_of_data(schedule):
    for again in (pickle.loads(pickle.dumps(schedule)), copy.copy(schedule), copy.deepcopy(schedule)):
        assert again == schedule
        assert jax.tree.structure(again) == jax.tree.structure(schedule)


@writable
def test_json(schedule):
    text = json.dumps(schedule.to_dict(), allow_nan=False)
    again = Schedule.from_dict(json.loads(text))
    assert again == schedule
    assert type(again) is type(schedule)


@data
def test_json_of_data(schedule):
    again = Schedule.from_dict(json.loads(json.dumps(schedule.to_dict(), allow_nan=False)))
    assert again == schedule
    for x, y in zip(jax.tree.leaves(again), jax.tree.leaves(schedule), strict=True):
        assert x.dtype == y.dtype
        assert isinstance(x, jax.Array)


def test_dict():
    assert StepLR(0.1, jnp.array([3, 5], jnp.int32)).to_dict() == {
        "version": 1,
        "scheduler": "StepLR",
        "base_lr": 0.1,
        "step_size": {"dtype": "int32", "values": [3, 5]},
        "gamma": 0.1,
    }
    momentum = OneCycleLR(0.1, total_steps=30).momentum.to_dict()
    assert momentum.keys() == {"version", "scheduler", "of"}
    assert momentum["of"]["total_steps"] == 30


def test_from_dict_does_not_change_the_dict():
    written = StepLR(0.1, step_size=30).to_dict()
    Schedule.from_dict(written)
    assert written == StepLR(0.1, step_size=30).to_dict()


# Comparing ------------------------------------------------------------------------------


def test_catalogue_entries_all_differ():
    assert len(set(CATALOGUE.values())) == len(CATALOGUE)
    for one in CATALOGUE.values():
        assert sum(one == other for other in CATALOGUE.values()) == 1
        assert sum(one != other for other in CATALOGUE.values()) == len(CATALOGUE) - 1


@catalogue
def test_every_argument_counts(schedule):
    schedule = getattr(schedule, "of", schedule)
    for name, value in arguments(schedule).items():
        if name == "fractional":
            continue  # goes with one kind of member only
        if isinstance(value, bool):
            other = not value
        elif isinstance(value, (int, float)):
            other = value / 2 + 0.2 if isinstance(value, float) else value + 1
        else:
            continue
        changed = dataclasses.replace(schedule, **{name: other})
        assert changed != schedule
        assert not changed == schedule  # noqa: SIM201


def test_equal_values_hash_alike():
    assert StepLR(0.1, 30, 0.1) == StepLR(0.1, step_size=30)
    assert hash(StepLR(0.1, 30, 0.1)) == hash(StepLR(0.1, step_size=30))
    assert StepLR(1, 30) == StepLR(1.0, 30)
    assert MultiStepLR(0.1, [30, 80]) == MultiStepLR(0.1, (80, 30))
    assert {StepLR(0.1, 30): "a"}[StepLR(0.1, 30)] == "a"


def test_unequal_values():
    schedule = ExponentialLR(0.1, gamma=0.5)
    assert schedule != ExponentialLR(0.1, gamma=0.25)
    assert schedule != StepLR(0.1, step_size=1, gamma=0.5)
    assert schedule != "ExponentialLR(0.1, gamma=0.5)"
    assert OneCycleLR(0.1, 30) != OneCycleLR(0.1, 30).momentum


def test_a_number_is_not_an_array():
    number, array = ExponentialLR(0.5, gamma=0.5), ExponentialLR(0.5, gamma=jnp.float32(0.5))
    assert number != array
    assert array == ExponentialLR(0.5, gamma=np.array(0.5, np.float32))
    assert array != ExponentialLR(0.5, gamma=jnp.bfloat16(0.5))
    assert array != ExponentialLR(0.5, gamma=jnp.float32(0.25))
    assert array != ExponentialLR(0.5, gamma=jnp.array([0.5, 0.5]))


def test_equal_arrays_hash_alike():
    array = ExponentialLR(0.5, gamma=jnp.float32(0.5))
    assert hash(array) == hash(ExponentialLR(0.5, gamma=np.array(0.5, np.float32)))
    assert hash(array) != hash(ExponentialLR(0.5, gamma=jnp.float32(0.25)))
    assert hash(ExponentialLR(0.5, gamma=np.array(-0.0))) == hash(ExponentialLR(0.5, gamma=np.array(0.0)))
    assert jax.jit(array)(1) == 0.25
    with pytest.raises(TypeError, match="unhashable"):
        jax.jit(lambda gamma: hash(ExponentialLR(0.5, gamma=gamma)))(0.5)


def test_frozen():
    schedule = StepLR(0.1, step_size=30)
    with pytest.raises(dataclasses.FrozenInstanceError):
        schedule.base_lr = 0.2
    with pytest.raises(dataclasses.FrozenInstanceError):
        del schedule.base_lr
    with pytest.raises(dataclasses.FrozenInstanceError):
        schedule.momentum = 0.9
    assert schedule == StepLR(0.1, step_size=30)


@catalogue
def test_replace(schedule):
    assert dataclasses.replace(schedule) == schedule


def test_numbers_take_one_normal_form():
    schedule = StepLR(np.float64(0.1), step_size=np.uint8(30), gamma=1)
    assert [type(x) for x in arguments(schedule).values()] == [float, int, float]


# Pytree ---------------------------------------------------------------------------------


@catalogue
def test_numbers_are_no_leaves(schedule):
    assert jax.tree.leaves(schedule) == []
    assert jax.tree.map(lambda x: x, schedule) == schedule


def arrays(value):
    """Where arrays stand among the arguments, found without JAX."""
    for name, argument in arguments(value).items():
        members = argument if isinstance(argument, tuple) else [argument]
        for i, member in enumerate(members):
            where = f".{name}[{i}]" if isinstance(argument, tuple) else f".{name}"
            if isinstance(member, jax.Array):
                yield where
            elif isinstance(member, Schedule):
                yield from (where + inner for inner in arrays(member))


@writable
def test_arrays_are_the_leaves(schedule):
    data = as_data(schedule)
    leaves = jax.tree_util.tree_leaves_with_path(data)
    assert [jax.tree_util.keystr(path) for path, _ in leaves] == list(arrays(data))
    assert all(isinstance(leaf, jax.Array) for _, leaf in leaves)


@data
@pytest.mark.parametrize(
    "odd", [None, object(), 0, "text", (), [], np.zeros(3)], ids=lambda x: type(x).__name__
)
def test_a_tree_of_odd_things(schedule, odd):
    leaves, structure = jax.tree.flatten(schedule)
    strange = structure.unflatten([odd] * len(leaves))
    back = structure.unflatten(jax.tree.leaves(schedule))
    assert back == schedule
    assert jax.tree.structure(strange, is_leaf=lambda x: x is odd) == structure
    assert repr(strange)


@data
def test_two_schedules_zip(schedule):
    doubled = jax.tree.map(lambda x, y: x + y, schedule, schedule)
    for twice, once in zip(jax.tree.leaves(doubled), jax.tree.leaves(schedule), strict=True):
        np.testing.assert_array_equal(twice, 2 * once)


def test_structure_tells_constants_apart():
    def structure(gamma):
        return jax.tree.structure(ExponentialLR(jnp.float32(0.1), gamma=gamma))

    assert structure(0.5) == structure(0.5)
    assert structure(0.5) != structure(0.25)


# Transformations ------------------------------------------------------------------------


def test_static_argument_of_jit():
    traced = []

    def value(schedule, k):
        traced.append(schedule)
        return schedule(k)

    compiled = jax.jit(value, static_argnums=0)
    for gamma in (0.5, 0.5, 0.25):
        assert compiled(ExponentialLR(0.5, gamma=gamma), 1) == 0.5 * gamma
    assert traced == [ExponentialLR(0.5, gamma=0.5), ExponentialLR(0.5, gamma=0.25)]


def test_a_changed_array_does_not_compile_again():
    traced = []

    @jax.jit
    def value(schedule, k):
        traced.append(schedule)
        return schedule(k)

    for base_lr in (0.5, 0.25, 0.125):
        assert value(CosineAnnealingLR(jnp.float32(base_lr), T_max=10), 0) == base_lr
    assert len(traced) == 1
    value(CosineAnnealingLR(jnp.float32(0.5), T_max=11), 0)
    assert len(traced) == 2


def test_a_changed_array_does_not_compile_again_when_called_from_python():
    traced = []

    class _Traced(Schedule):
        base_lr: float

        def _formula(self, k):
            traced.append(k)
            return self.base_lr * (k.astype(np.float64) + 1)

    for base_lr in (0.5, 0.25, 0.125):
        assert _Traced(jnp.float32(base_lr))(1) == 2 * base_lr
    assert len(traced) == 1
    for k in range(5):
        assert _Traced(0.5)(k) == 0.5 * (k + 1)
    assert len(traced) == 2


def test_vmap_over_a_schedule():
    gammas = jnp.array([0.5, 0.7, 0.9, 1.0])
    rates = jnp.array([0.1, 0.2, 0.3, 0.4])
    many = jax.vmap(lambda schedule: schedule(COUNTS))(ExponentialLR(rates, gamma=gammas))
    for row, base_lr, gamma in zip(many, rates, gammas, strict=True):
        np.testing.assert_array_equal(row, ExponentialLR(base_lr, gamma=gamma)(COUNTS))


def test_vmap_over_some_of_a_schedule():
    one = StepLR(jnp.float32(0.1), step_size=jnp.array([1, 2, 3]), gamma=0.5)
    axes = StepLR(jnp.float32(0.1), step_size=jnp.array([1, 2, 3]), gamma=0.5)
    axes = jax.tree.unflatten(jax.tree.structure(axes), [None, 0])
    many = jax.vmap(lambda schedule, k: schedule(k), in_axes=(axes, 0))(one, np.array([3, 4, 5]))
    want = [StepLR(jnp.float32(0.1), step_size=n, gamma=0.5)(k) for n, k in [(1, 3), (2, 4), (3, 5)]]
    np.testing.assert_array_equal(many, np.stack(want))


def test_vmap_makes_a_schedule():
    schedules = jax.vmap(lambda rate: LinearLR(rate, start_factor=0.5))(jnp.array([0.1, 0.2]))
    assert schedules == LinearLR(jnp.array([0.1, 0.2]), start_factor=0.5)


def test_scan_over_a_schedule():
    schedules = CosineAnnealingLR(jnp.array([0.1, 0.2, 0.3]), T_max=10)
    _, values = jax.lax.scan(lambda _, schedule: (None, schedule(3)), None, schedules)
    want = [CosineAnnealingLR(jnp.float32(rate), T_max=10)(3) for rate in (0.1, 0.2, 0.3)]
    np.testing.assert_array_equal(values, np.stack(want))


def test_array_arguments_broadcast_against_the_count():
    rates = jnp.array([[0.1], [0.2]])
    with jax.numpy_rank_promotion("allow"):
        values = ExponentialLR(rates, gamma=0.5)(np.arange(3))
        host = ExponentialLR(rates, gamma=0.5).on_host(np.arange(3))
    assert values.shape == (2, 3)
    np.testing.assert_array_equal(values, host)
    np.testing.assert_allclose(values, np.asarray(rates) * 0.5 ** np.arange(3), rtol=1e-7)
    assert ExponentialLR(jnp.array([0.1, 0.2]), gamma=0.5)(0).shape == (2,)


def test_an_integer_array_is_a_rate():
    with jax.enable_x64(True):
        assert ExponentialLR(jnp.array(1), gamma=0.5)(3) == 0.125
    assert LinearLR(jnp.array([1, 2]), start_factor=0.5)(0).tolist() == [0.5, 1.0]
    assert CosineAnnealingLR(jnp.array(1), T_max=2).on_host(1) == 0.5


# Digits ---------------------------------------------------------------------------------


def test_numbers_keep_their_digits_and_float32_arrays_have_none_to_keep():
    number, array = ExponentialLR(0.1, gamma=0.9), ExponentialLR(jnp.float32(0.1), gamma=jnp.float32(0.9))
    with jax.enable_x64(True):
        # 0.1 * 0.9**2 in decimal, correctly rounded; float32(0.1) * float32(0.9)**2
        np.testing.assert_allclose(number(2), 0.081, rtol=4e-16)
        np.testing.assert_allclose(array(2), float(np.float32(0.1)) * float(np.float32(0.9)) ** 2, rtol=4e-16)
        assert abs(array(2) - 0.081) > 1e-9
        assert number(0) == 0.1
        assert array(0) == float(np.float32(0.1))


def test_float32_arrays_are_widened_before_anything_is_computed():
    gamma = np.float32(0.999)
    array, number = ExponentialLR(0.1, gamma=jnp.float32(gamma)), ExponentialLR(0.1, gamma=float(gamma))
    np.testing.assert_array_equal(array(np.arange(0, 20_000, 7)), number.on_host(np.arange(0, 20_000, 7)))


def test_lambdas_compare_by_identity():
    def decay(k):
        return 0.9**k

    assert LambdaLR(0.1, decay) == LambdaLR(0.1, decay)
    assert LambdaLR(0.1, decay) != LambdaLR(0.1, lambda k: 0.9**k)
