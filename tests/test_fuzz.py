"""Random schedules in random ways of calling, and random files for every reader. Long in `make test-long`.

A failure prints the smallest case that there is, and the seed with which it comes again.
"""

import contextlib
import json

import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np

import jaxsched
from jaxsched import PerEpoch, Schedule, SequentialLR, StartingAt, Warmup, _trajectories as trajectories
from parity import golden
from parity.catalogue import ALL_CASES

# Schedules, modes, transformations --------------------------------------------------------

PLAIN = [
    case for case in ALL_CASES if case.steps <= 500 and not case.setup.epochs and case.schedule() is not None
]


@st.composite
def schedules(draw):
    """One of the catalogue, perhaps inside others."""
    schedule = draw(st.sampled_from(PLAIN)).schedule()
    for _ in range(draw(st.integers(0, 2))):
        match draw(st.sampled_from(["epochs", "later", "sequence", "recorded", "warmup"])):
            case "epochs":
                schedule = PerEpoch(schedule, draw(st.integers(1, 5)))
            case "later":
                schedule = StartingAt(schedule, draw(st.integers(0, 30)))
            case "sequence":
                other = draw(st.sampled_from(PLAIN)).schedule()
                schedule = SequentialLR([schedule, other], [draw(st.integers(0, 40))])
            case "recorded":
                schedule = schedule.recorded(draw(st.integers(1, 30)))
            case "warmup":
                schedule = Warmup(schedule, draw(st.integers(0, 20)))
    return schedule


def scanned(schedule):
    return lambda counts: jax.lax.scan(lambda _, k: (None, schedule(k)), None, counts)[1]


def looped(schedule):
    def body(k, values):
        return values.at[k].set(schedule(k))

    return lambda counts: jax.lax.fori_loop(0, len(counts), body, jnp.zeros(len(counts)))


WAYS = {
    "call": lambda s: s,
    "jit": jax.jit,
    "vmap": jax.vmap,
    "jit of vmap": lambda s: jax.jit(jax.vmap(s)),
    "scan": scanned,
    "loop": looped,
    "checkpoint": jax.checkpoint,
    "as an argument": lambda s: lambda counts: jax.jit(lambda schedule, k: schedule(k))(s, counts),
    "jvp": lambda s: lambda counts: jax.jvp(lambda x: x * s(counts), (jnp.float32(1),), (jnp.float32(0),))[0],
    "one by one": lambda s: lambda counts: jnp.stack([s(int(k)) for k in counts]),
    "unsigned": lambda s: lambda counts: s(counts.astype(np.uint32)),
}


@hypothesis.given(schedules(), st.lists(st.sampled_from(sorted(WAYS)), min_size=1, max_size=2, unique=True))
def test_the_same_bits_however_it_is_called(schedule, ways):
    counts = np.arange(24, dtype=np.int32)
    wanted = schedule.on_host(counts)
    alone = [schedule.on_host(k) for k in counts.tolist()]
    np.testing.assert_array_equal(alone, wanted, err_msg="alone, on the host")
    for way in ways:
        np.testing.assert_array_equal(np.asarray(WAYS[way](schedule)(counts)), wanted, err_msg=way)


@contextlib.contextmanager
def refused(kinds, text):
    """What is done within is done, or refused with a text that names what."""
    try:
        yield
    except kinds as reason:
        said = str(reason)
    else:
        said = text or "done"
    assert said
    assert text in said


# Files ----------------------------------------------------------------------------------

NUMBERS = st.one_of(
    st.floats().map(repr), st.integers(-5, 10**9).map(str), st.floats().map(float.hex), st.text(max_size=6)
)
LINES = st.lists(st.lists(NUMBERS, min_size=1, max_size=4).map(",".join), max_size=8).map("\n".join)
HEADED = st.tuples(
    st.sampled_from(["step,lr\n", "Wall time,Step,Value\n", "lr\n", "a,b,c\n", ""]), LINES
).map("".join)
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["step", "lr", "log_history", "loss", "learning_rate"]), inner, max_size=3
        )
    ),
    max_leaves=12,
).map(json.dumps)
TEXTS = st.one_of(
    HEADED.map(lambda text: ("a.csv", text.encode("utf-8", "surrogatepass"))),
    JSON.map(lambda text: ("a.json", text.encode())),
    st.binary(max_size=80).map(lambda data: ("a.csv", data)),
    st.binary(max_size=80).map(lambda data: ("a.json", data)),
    st.binary(max_size=120).map(lambda data: ("events.out.tfevents.1", data)),
)


@hypothesis.settings(suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture])
@hypothesis.given(TEXTS)
def test_a_trajectory_is_read_or_refused(tmp_path, given):
    name, data = given
    (tmp_path / name).write_bytes(data)
    found = None
    with refused(ValueError, name):
        found = trajectories.log(tmp_path / name)
    if found is None:
        return
    assert (np.diff(found.counts) > 0).all()
    assert found.values.dtype == np.float64
    assert len(found.counts) == len(found.values) == len(found.slack)


@hypothesis.settings(suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture])
@hypothesis.given(TEXTS)
def test_golden_vectors_are_read_or_refused(tmp_path, given):
    (tmp_path / "golden.json").write_bytes(given[1])
    with refused(ValueError, "golden.json"):
        golden.read(tmp_path / "golden.json")


VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.sampled_from(["StepLR", "float32", "x"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["version", "scheduler", "values", "dtype"]), inner, max_size=4)
    ),
    max_leaves=8,
)


@hypothesis.given(
    st.sampled_from([{}, jaxsched.StepLR(0.1, 3).to_dict(), jaxsched.timm.PolyLRScheduler(0.1, 3).to_dict()]),
    st.dictionaries(st.sampled_from(["version", "scheduler", "base_lr", "lr_min"]), VALUES, max_size=3),
)
def test_a_dict_is_read_or_refused(good, changed):
    with refused((ValueError, TypeError), ""):
        found = Schedule.from_dict({**good, **changed})
        assert Schedule.from_dict(found.to_dict()) == found
