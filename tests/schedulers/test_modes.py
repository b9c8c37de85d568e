"""The same bits in every mode: how a schedule is called never changes what it answers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from catalogue import CATALOGUE, COUNTS, DISTINCT, as_data, has_function
from flax import nnx

from jaxsched import CosineAnnealingWarmRestarts, ExponentialLR

N = len(COUNTS)


def every(k):
    """The whole catalogue as one function: compiled at once, it costs half the time."""
    return {name: schedule(k) for name, schedule in CATALOGUE.items()}


def one_at_a_time(f):
    return jax.tree.map(lambda *values: np.stack(values), *[f(k) for k in COUNTS.tolist()])


def scan(f):
    return jax.lax.scan(lambda k, _: (k + 1, f(k)), jnp.int32(0), length=N)[1]


def fori_loop(f):
    def store(k, out):
        return jax.tree.map(lambda column, value: column.at[k].set(value), out, f(k))

    empty = jax.tree.map(lambda x: jnp.zeros(N, x.dtype), jax.eval_shape(f, 0))
    return jax.jit(lambda n: jax.lax.fori_loop(0, n, store, empty))(N)


def disable_jit(f):
    with jax.disable_jit():
        return f(jnp.asarray(COUNTS.copy()))


def sharded_counts():
    mesh = jax.make_mesh((jax.device_count(),), ("count",))
    padded = np.resize(COUNTS, N + -N % jax.device_count())
    return mesh, jax.device_put(padded, jax.NamedSharding(mesh, jax.P("count")))


def sharded(f):
    _, k = sharded_counts()
    return jax.tree.map(lambda x: x[:N], jax.device_get(jax.jit(f)(k)))


def shard_map(f):
    mesh, k = sharded_counts()
    spec = jax.P("count")
    values = jax.jit(jax.shard_map(f, mesh=mesh, in_specs=spec, out_specs=spec))(k)
    return jax.tree.map(lambda x: x[:N], jax.device_get(values))


# Copies, because of jax 0.10: a NumPy array that a jitted function has captured under x64
# is handed to another one in 64 bits without x64, too.
MODES = {
    "one at a time": one_at_a_time,
    "vector": lambda f: f(COUNTS.copy()),
    "jit": lambda f: jax.jit(f)(COUNTS.copy()),
    "vmap": lambda f: jax.vmap(f)(COUNTS.copy()),
    "vmap of jit": lambda f: jax.vmap(jax.jit(f))(jnp.asarray(COUNTS.copy())),
    "jit of vmap": lambda f: jax.jit(jax.vmap(f))(COUNTS.copy()),
    "scan": scan,
    "fori_loop": fori_loop,
    "checkpoint": lambda f: jax.jit(jax.checkpoint(f))(COUNTS.copy()),
    "disable_jit": disable_jit,
    "constant-folded": lambda f: jax.jit(lambda: f(COUNTS.copy()))(),
    "sharded": sharded,
    "shard_map": shard_map,
    "nnx.jit": lambda f: nnx.jit(f)(jnp.asarray(COUNTS.copy())),
}


def same_bits(got, want):
    got, want = np.asarray(got), np.asarray(want)
    whole = {4: np.int32, 8: np.int64}[want.dtype.itemsize]  # as whole numbers, -0 is not 0
    alike = (got.dtype, got.shape) == (want.dtype, want.shape)
    return alike and np.array_equal(got.view(whole), want.view(whole))


def differing(got, schedules=CATALOGUE, counts=COUNTS):
    """The names of the schedules that answer otherwise than they do on the host."""
    return [name for name, s in schedules.items() if not same_bits(got[name], s.on_host(counts))]


# The others are these in other words, for JAX: `make test-long` has them, too.
FIRST = ("one at a time", "jit", "jit of vmap", "scan", "disable_jit", "sharded")


def slow_unless(first, modes):
    return [mode if mode in first else pytest.param(mode, marks=pytest.mark.slow) for mode in modes]


@pytest.mark.parametrize("mode", slow_unless(FIRST, [mode for mode in MODES if mode != "vector"]))
def test_float32(mode):
    assert differing(MODES[mode](every)) == []


@pytest.mark.parametrize("mode", slow_unless(("vector", "scan"), ["vector", "jit", "scan", "disable_jit"]))
def test_float64(mode):
    with jax.enable_x64(True):
        different = differing(MODES[mode](every))
    # A function of the user's may round differently in NumPy and in XLA.
    assert [name for name in different if not has_function(CATALOGUE[name])] == []


@pytest.mark.parametrize(
    ("dtype", "mode"),
    [
        (np.float32, "scan"),
        (np.float64, "vector"),
        pytest.param(np.float64, "disable_jit", marks=pytest.mark.slow),
    ],
)
def test_arguments_that_are_arrays(dtype, mode):
    with jax.enable_x64(dtype is np.float64):
        schedules = {
            name: as_data(schedule, dtype)
            for name, schedule in DISTINCT.items()
            if not has_function(schedule)
        }
        if mode == "vector":  # of one program each, compiling takes longer
            every_one = jax.jit(lambda given, k: {name: schedule(k) for name, schedule in given.items()})
            got = every_one(schedules, COUNTS.copy())
        else:
            got = MODES[mode](lambda k: {name: schedule(k) for name, schedule in schedules.items()})
        assert differing(got, schedules) == []


# What comes back ------------------------------------------------------------------------

# Each way to look at a count: a remainder, a table, a comparison, a function of the user's.
FEW = {name: CATALOGUE[name] for name in ("cosine-eta-min", "restarts-2", "multi-step-long", "lambda")}
few = pytest.mark.parametrize("schedule", FEW.values(), ids=FEW)


@few
@pytest.mark.parametrize("shape", [(), (1,), (0,), (2, 0, 3), (3, 1, 2)], ids=str)
@pytest.mark.parametrize("x64", [False, True], ids=["float32", "float64"])
def test_shape_and_dtype(schedule, shape, x64):
    with jax.enable_x64(x64):
        value = schedule(np.ones(shape, int))
        host = schedule.on_host(np.ones(shape, int))
    assert isinstance(value, jax.Array)
    assert value.shape == host.shape == shape
    assert value.dtype == host.dtype == (np.float64 if x64 else np.float32)
    assert not value.weak_type


@few
@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"])
def test_dtype_of_the_count(schedule, dtype):
    want = schedule.on_host(COUNTS)
    assert same_bits(schedule(COUNTS.astype(dtype)), want)
    assert same_bits(schedule.on_host(COUNTS.astype(dtype)), want)
    with jax.enable_x64(True):
        counts = jnp.asarray(COUNTS, dtype)
    assert same_bits(schedule(counts), want)


@few
def test_scalar_counts(schedule):
    want = schedule.on_host(COUNTS)[7]
    for count in (7, np.int32(7), np.uint8(7), np.int64(7), np.array(7), jnp.int32(7), jnp.uint32(7)):
        assert same_bits(schedule(count), want)
        assert same_bits(schedule.on_host(count), want)


# 2**53 + 1 is no float64, 2**31 and 2**32 - 1 are no int32, and 2**63 - 1 leaves no room above.
FAR = np.array([2**24 + 1, 2**31 - 1, 2**31, 2**32 - 1, 2**53 + 1, 2**63 - 1])
BEFORE = np.array([-(2**63), -(2**31), -(2**24) - 1, -1])


def test_a_negative_count_is_count_0():
    with jax.enable_x64(True):
        values = jax.jit(every)(BEFORE)
        assert differing(values, counts=np.zeros_like(BEFORE)) == []
    for schedule in CATALOGUE.values():
        assert same_bits(schedule.on_host(BEFORE), schedule.on_host(np.zeros_like(BEFORE)))
    assert same_bits(FEW["cosine-eta-min"](BEFORE), FEW["cosine-eta-min"].on_host(BEFORE))


def test_counts_beyond_int32():
    with jax.enable_x64(True):
        assert differing(jax.jit(every)(FAR), counts=FAR) == []


@few
def test_counts_beyond_int32_without_x64(schedule):
    assert same_bits(schedule(FAR), schedule.on_host(FAR))
    # A tracer of these claims to be int32.
    assert same_bits(jax.vmap(schedule)(FAR), schedule.on_host(FAR))


def test_a_uint64_count_beyond_int64_is_the_largest_one():
    schedule = CATALOGUE["multi-step"]
    with jax.enable_x64(True):
        count = jnp.asarray(2**63 + 5, jnp.uint64)
    assert same_bits(schedule(count), schedule.on_host(2**63 - 1))


RESTARTS = {name: s for name, s in CATALOGUE.items() if isinstance(s, CosineAnnealingWarmRestarts)}


@pytest.mark.parametrize("schedule", RESTARTS.values(), ids=RESTARTS)
def test_fractional_counts(schedule):
    counts = np.arange(0, 100, 0.125)  # exact in float32, too
    want = schedule.on_host(counts)
    assert same_bits(want[::8], schedule.on_host(COUNTS[:100]))
    assert len(np.unique(want[:56])) == 56
    assert same_bits(schedule(counts), want)
    assert same_bits(schedule(jnp.asarray(counts, jnp.float32)), want)
    assert same_bits(jax.jit(jax.vmap(schedule))(counts.astype(np.float32)), want)
    assert same_bits(np.stack([schedule(k) for k in counts[:80].tolist()]), want[:80])
    assert same_bits(schedule(-0.5), schedule.on_host(0))


@pytest.mark.parametrize("schedule", RESTARTS.values(), ids=RESTARTS)
def test_fractional_counts_keep_their_digits(schedule):
    count = np.float64(4 + 2**-40)
    assert np.float32(count) == 4
    with jax.enable_x64(True):
        assert same_bits(schedule(count), schedule.on_host(count))
        assert schedule(count) < schedule(4.0)
        assert same_bits(jax.jit(schedule)(count), schedule.on_host(count))


# Programs -------------------------------------------------------------------------------


def test_a_hundred_counts_compile_once(compilations):
    schedule = ExponentialLR(0.1, gamma=0.123)
    for k in range(100):
        schedule(k)
    assert len(compilations) == 1
    # An equal schedule is the same program; another one is not.
    ExponentialLR(0.1, gamma=0.123)(5)
    assert len(compilations) == 1
    ExponentialLR(0.1, gamma=0.124)(5)
    assert len(compilations) == 2


def test_on_host_compiles_nothing(compilations):
    for name, schedule in CATALOGUE.items():
        if name != "lambda":  # its function calls jax.numpy
            schedule.on_host(COUNTS)
    assert compilations == []


def test_a_single_value_is_computed_once_for_all_weights():
    """Behind a barrier, where a GPU's fusions of the update cannot reach it; many values need none."""
    schedule = CATALOGUE["cosine"]

    def update(count, weights):
        return weights - schedule(count) * weights

    weights = jax.ShapeDtypeStruct((64,), np.float32)
    for shape, barriers in (((), 1), ((64,), 0)):
        count = jax.ShapeDtypeStruct(shape, np.int32)
        program = jax.export.export(jax.jit(update), platforms=["cuda"])(count, weights)
        assert program.mlir_module().count("stablehlo.optimization_barrier") == barriers


def test_export_for_every_platform():
    platforms = ("cpu", "cuda", "tpu", "rocm")
    counts = jax.ShapeDtypeStruct(COUNTS.shape, np.int32)
    program = jax.export.export(jax.jit(every), platforms=platforms)(counts)
    assert program.platforms == platforms
    assert differing(jax.jit(program.call)(jnp.asarray(COUNTS.copy()))) == []
