"""What devices are asked: which counts, which steps, and what they must answer."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, strategies as st

import jaxsched
from jaxsched.hugging_face import GreedyLR
from parity.devices import subjects
from parity.devices.bits import bits, differing, distances
from parity.devices.compare import compare, judge
from parity.devices.door import brought
from parity.devices.program import Program
from parity.devices.subjects import COUNTS, LAST, OfCount, OfState
from parity.devices.targets import BY_NAME

TPU, GPU = BY_NAME["tpu:v5e"], BY_NAME["cuda:h100"]
SCHEDULE = jaxsched.CosineAnnealingLR(0.1, T_max=100)
PLATEAU = jaxsched.ReduceLROnPlateau(0.1, factor=0.5, patience=1)


def test_the_counts():
    found = subjects.counts([9_999], 20_000)
    assert len(found) == COUNTS == 100_000
    assert (found > 2**30).sum() > COUNTS / 8
    assert ((found > 4_096) & (found < 2**20)).sum() > COUNTS / 8
    assert np.array_equal(found, subjects.counts([9_999], 20_000))


@given(st.lists(st.integers(0, LAST), max_size=20), st.integers(0, 10**6))
def test_what_is_among_the_counts(turns, horizon):
    found = subjects.counts(turns, horizon, number=6_000)
    assert found.dtype == np.int32
    assert len(found) == 6_000
    assert (np.diff(found.astype(np.int64)) > 0).all()  # in order, each once
    near = {count + by for count in [*turns, *(2**i for i in range(32))] for by in (-1, 0, 1)}
    assert {*range(4_096), *(count for count in near if 0 <= count <= LAST)} <= set(found.tolist())


def test_fewer_counts():
    found = subjects.counts([9_999], number=50)
    assert len(set(found.tolist())) == 50
    assert len(subjects.fractions([0.0, 0.25], number=50)) == 50


def test_every_count():
    low, high = subjects.every(subjects.counts())
    assert (low == np.arange(2**24 + 1)).all()
    assert (high > 2**24).all()
    assert len(high) > 10_000
    assert (subjects.negative() < 0).all()


def test_the_epochs():
    found = subjects.fractions([0.0, 3.0625, 9.5])
    assert found.dtype == np.float32
    assert len(found) >= COUNTS
    assert {0.0, 3.0625, 9.5, 17.0} <= set(found.tolist())
    assert (found != np.floor(found)).sum() > COUNTS / 2


def test_the_metrics():
    found = subjects.metrics()
    assert found.size == COUNTS
    assert np.isnan(found).any()
    assert np.isposinf(found).any()
    assert np.isneginf(found).any()
    assert (found[:, 1:] == found[:, :-1]).mean() > 0.1
    assert (found < 0).any()
    tiny = np.nanmin(np.abs(found[found != 0]))
    assert tiny > np.finfo(np.float32).tiny  # a CPU takes smaller ones for 0


class Faithful(Program):
    """A device that does what the CPU does, but for what is changed afterwards."""

    def __init__(self, subject, change=lambda answers: answers):
        self._call, self._change = jax.jit(jax.vmap(subject)), change

    def replay(self, arguments, outputs=None):
        return self._change([np.array(leaf) for leaf in self._call(*arguments)])

    def instructions(self, *outputs):
        return 7

    def unknown(self, output):
        return []


@pytest.mark.parametrize("target", [TPU, GPU], ids=str)
def test_ours_are_compared_with_the_host(target):
    subject = OfCount(SCHEDULE, [subjects.negative(), subjects.counts()])
    found = judge(subject, target, Faithful(subject))
    assert (found.same, found.compared, found.differing, found.instructions) == (True, COUNTS + 5, 0, 7)


def test_others_are_compared_with_the_cpu():
    counts = subjects.counts()

    def schedule(count):
        k = count.astype(jnp.float32)
        return {"decay": jnp.cos(k * 0.1), "lr": k / 3, "whole": count // 3}

    subject = OfCount(schedule, [counts])
    assert subject.leaves == ("['decay']", "['lr']", "['whole']")
    one = jax.jit(schedule)
    for answers in subject.ask(Faithful(subject).replay, GPU):
        assert len(answers.places) == COUNTS
        for i in (0, 1, 4_000, 77_777, 99_999):
            wanted = one(jnp.int32(answers.places[i]))
            assert [bits(leaf[i]) for leaf in answers.wanted] == [
                bits(np.asarray(leaf)) for leaf in wanted.values()
            ]
    assert judge(subject, GPU, Faithful(subject)).same


def test_a_subnormal_that_is_only_handed_on_is_0_on_a_tpu():
    def schedule(count):
        return jnp.where(count < 5, np.float32(1e-40), np.float32(0.1))

    subject = OfCount(schedule, [np.arange(100, dtype=np.int32)])
    assert judge(subject, TPU, Faithful(subject)).same
    assert judge(subject, GPU, Faithful(subject)).same

    def gone(answers):
        return [np.where(answer < 1e-30, np.float32(0), answer) for answer in answers]

    assert judge(subject, TPU, Faithful(subject, gone)).same
    assert judge(subject, GPU, Faithful(subject, gone)).differing == 5


def test_the_first_difference_is_named():
    def later(answers):
        answers[1] = np.nextafter(answers[1], np.float32(9), where=answers[1] > 700, out=answers[1])
        return answers

    subject = OfCount(lambda k: (k, k.astype(jnp.float32) * 0.5), [np.arange(3_000, dtype=np.int32)])
    found = judge(subject, GPU, Faithful(subject, later))
    assert (found.compared, found.differing, found.place) == (3_000, 1_599, "count")
    first = found.first
    assert (first.at, first.leaf, first.device, first.host) == (1_401, "[1]", "0x442f1fff", "0x442f2000")
    assert (first.device_value, first.host_value, first.ulp) == ("700.49994", "700.5", 1)


def test_the_furthest_difference_is_named():
    def off(answers):
        (values,) = answers
        values[10:] = np.nextafter(values[10:], np.float32(99))
        values[20:21] = np.nextafter(values[20:21], np.float32(99))
        values[30:31] = np.nextafter(values[30:31], np.float32(99))
        return answers

    # Of two parts, which come one after the other, the later one has it.
    counts = [np.arange(5, dtype=np.int32), np.arange(5, 50, dtype=np.int32)]
    subject = OfCount(lambda k: k.astype(jnp.float32) * 0.5, counts)
    found = judge(subject, GPU, Faithful(subject, off))
    assert (found.differing, found.first.at, found.first.ulp) == (35, 15, 1)
    assert (found.furthest.at, found.furthest.ulp) == (25, 2)
    assert found.measure == "XLA's CPU program"
    assert judge(subject, GPU, Faithful(subject)).furthest is None


@pytest.mark.parametrize(
    ("device", "host", "expected"),
    [
        (np.float32(1), np.nextafter(np.float32(1), np.float32(2)), 1),
        (np.float32(-1e-45), np.float32(1e-45), 2),
        (np.float32(-0.0), np.float32(0), 0),
        (np.float32(np.nan), np.float32(np.nan), 0),
        (np.float32(np.inf), np.float32(np.inf), 0),
        (np.float32(np.inf), np.finfo(np.float32).max, np.inf),
        (np.float32(np.inf), np.float32(-np.inf), np.inf),
        (np.float32(np.nan), np.float32(0), np.inf),
        (np.float32(-3e38), np.float32(3e38), 2 * int(np.float32(3e38).view(np.int32))),
        (np.int32(-(2**31)), np.int32(2**31 - 1), 2**32 - 1),
        (np.uint8(3), np.uint8(250), 247),
        (np.bool_(True), np.bool_(False), 1),
        (np.asarray([1, 2, 3], np.int32), np.asarray([1, 9, 4], np.int32), 7),
        (np.asarray(1, jnp.bfloat16), np.asarray(1.0078125, jnp.bfloat16), 1),
        (np.asarray(np.nan, jnp.bfloat16), np.asarray(np.nan, jnp.bfloat16), 0),
    ],
)
def test_how_far_apart(device, host, expected):
    assert distances(np.asarray([device]), np.asarray([host])).tolist() == [expected]
    assert distances(np.asarray([host]), np.asarray([device])).tolist() == [expected]


@pytest.mark.parametrize(
    ("function", "notes"),
    [
        (lambda k: k.astype(jnp.float32), ()),
        (lambda k: k // 2, ("the answer is int32",)),
        (lambda k: {"lr": k.astype(jnp.float32), "momentum": 0.9}, ("2 numbers a count",)),
        (lambda k: jnp.ones(3, jnp.int32) * k, ("3 numbers a count", "the answer is int32")),
        (lambda k: k.astype(jnp.float32) * np.nan, ("all NaN or infinite",)),
        (SCHEDULE, ()),
    ],
)
def test_what_a_learning_rate_would_not_be(function, notes):
    subject = OfCount(function, [np.arange(9, dtype=np.int32)])
    assert judge(subject, GPU, Faithful(subject)).notes == notes


def test_what_this_machine_cannot_execute_is_not_compared(monkeypatch):
    def too_much(*_):
        raise MemoryError("no room")

    class Compiler:
        def compile(self, *_):
            return Faithful(subject)

    subject = OfCount(lambda k: k * 0.5, [np.arange(9, dtype=np.int32)])
    monkeypatch.setattr(subject, "ask", too_much)
    ((found,),) = (each.values() for each in compare([subject], [GPU], Compiler()))
    assert (found.compared, found.error) == (0, "not executed: no room")


@pytest.mark.parametrize(
    "machine",
    [PLATEAU, GreedyLR(0.1, patience=1, smooth=True, window_size=3)],
    ids=lambda m: type(m).__name__,
)
@pytest.mark.parametrize("target", [TPU, GPU], ids=str)
def test_every_step_of_a_state_machine(machine, target):
    subject = brought(machine)
    found = judge(subject, target, Faithful(subject))
    assert (found.place, found.differing) == ("step", 0)
    assert found.compared == COUNTS


@pytest.fixture(scope="module")
def subject():
    return OfState(PLATEAU, 1_000)


def test_what_a_step_must_leave_is_every_leaf_on_a_gpu_and_no_rest_on_a_tpu(subject):
    rest = subject.leaves.index(".lr_rest")
    assert subject.compared(GPU) == list(range(len(subject.leaves)))
    assert set(subject.compared(TPU)) == set(subject.compared(GPU)) - {rest}
    assert ".lr" in [subject.leaves[i] for i in subject.compared(TPU)]

    def without_rest(answers):
        return [leaf * 0 if i == rest else leaf for i, leaf in enumerate(answers)]

    found = judge(subject, GPU, Faithful(subject, without_rest))
    assert found.differing > 100
    assert found.first.leaf == ".lr_rest"


@pytest.mark.parametrize("target", [TPU, GPU], ids=str)
@pytest.mark.parametrize("leaf", [".lr", ".best", ".num_bad_epochs", ".cooldown_counter", ".last_epoch"])
def test_a_wrong_leaf_is_found(target, leaf, subject):
    which = subject.leaves.index(leaf)

    def wrong(answers):
        answers[which] = np.roll(answers[which], 1)
        answers[which][0] += 1
        return answers

    found = judge(subject, target, Faithful(subject, wrong))
    assert found.differing > 0
    assert found.first.leaf == leaf


def test_what_is_brought():
    assert isinstance(brought(PLATEAU), OfState)
    assert isinstance(brought(SCHEDULE), OfCount)
    with pytest.raises(ValueError, match="at least one"):
        brought(SCHEDULE, [])
    (answers,) = brought(SCHEDULE, [3, 1]).ask(lambda arguments: arguments, GPU)
    assert answers.places.tolist() == [3, 1]


def test_nan_is_nan_and_zero_has_a_sign():
    nan, other = np.asarray([0x7FC00000, 0xFFFFFFFF], np.uint32).view(np.float32)
    device, host = np.asarray([[nan, 0, 1, nan], [other, -0.0, 1, 1]], np.float32)
    assert differing(device, host).tolist() == [False, True, False, True]
    with pytest.raises(TypeError, match="float64"):
        differing(device.astype(np.float64), host)


# What 48 bits cannot decide ---------------------------------------------------------------


def neighbour(answers):
    return [np.nextafter(leaf, np.float32(9)) for leaf in answers]


def test_halfway_between_two_numbers_a_tpu_may_take_either():
    halfway = jaxsched.ConstantLR(1 + 2.0**-24, factor=1.0)
    subject = OfCount(halfway, [np.arange(50, dtype=np.int32)])
    found = judge(subject, TPU, Faithful(subject, neighbour))
    assert (found.compared, found.differing, found.undecided, found.same) == (50, 0, 50, True)
    assert judge(subject, GPU, Faithful(subject, neighbour)).differing == 50
    assert (
        judge(subject, TPU, Faithful(subject, lambda answers: neighbour(neighbour(answers)))).differing == 50
    )


def test_anywhere_else_it_may_not():
    for schedule in (jaxsched.ConstantLR(1 + 2.0**-23.99, factor=1.0), SCHEDULE, lambda k: k * jnp.int32(3)):
        subject = OfCount(schedule, [np.arange(50, dtype=np.int32)])
        change = neighbour if isinstance(schedule, jaxsched.Schedule) else lambda answers: [answers[0] + 1]
        found = judge(subject, TPU, Faithful(subject, change))
        assert (found.differing, found.undecided) == (50, 0)


class OtherSteps(Faithful):
    """A device that takes the steps of another state machine."""

    def __init__(self, other):
        super().__init__(OfState(other, 1))


def test_a_tie_of_metrics_is_no_excuse():
    arguments = {"factor": 0.5, "patience": 1, "threshold_mode": "abs"}
    subject = OfState(jaxsched.ReduceLROnPlateau(0.1, threshold=0.0, **arguments), 10_000)
    # Takes the same metric once more for a better one.
    lenient = OtherSteps(jaxsched.ReduceLROnPlateau(0.1, threshold=1e-30, **arguments))
    assert judge(subject, TPU, lenient).same  # 1e-30 below a metric is that metric

    def ties_are_better(answers):
        bad = subject.leaves.index(".num_bad_epochs")
        answers[bad] = np.where(answers[bad] > 0, 0, answers[bad])
        return answers

    found = judge(subject, TPU, Faithful(subject, ties_are_better))
    assert found.undecided == 0
    assert found.differing > 1_000


def test_what_hangs_on_a_last_bit_is_counted_apart_on_a_tpu_only():
    # 0.1 - 0.1 * 0.999 is the eps, but for the last bits of each.
    greedy = {"patience": 0, "factor": 0.999}
    subject = OfState(GreedyLR(0.1, eps=1e-4, **greedy), 10_000)
    device = OtherSteps(GreedyLR(0.1, eps=1e-4 * (1 + 1e-12), **greedy))
    found = judge(subject, TPU, device)
    assert (found.differing, found.same) == (0, True)
    assert found.undecided > 1_000
    assert judge(subject, GPU, device).differing > 10


def test_the_whole_numbers_in_what_somebody_brings_are_turns():
    cosine = jaxsched.CosineAnnealingLR(0.1, T_max=1_000_003)
    warm = jaxsched.SequentialLR([jaxsched.LinearLR(0.1, total_iters=777_777), cosine], [777_777])
    for turn in (777_777, 1_000_003, 777_777 + 1_000_003, 3 * 1_000_003):
        assert turn in subjects.turns_of(warm)
    # Within a closure, a default, the code itself, and another function.
    at, other = 5_000_011, lambda count, n=6_000_011: count % n

    def function(count):
        return jnp.where(count == at, 0.0, jnp.where(count == 7_000_003, 1.0, other(count)))

    turns = subjects.turns_of(function)
    assert {5_000_011, 6_000_011, 7_000_003} <= set(turns)
    assert {5_000_010, 5_000_013, 7_000_003} <= set(subjects.counts(turns, number=10_000).tolist())
    assert subjects.turns_of(functools.partial(function, 8_000_009))[0] < 8_000_009
    assert 8_000_009 in subjects.turns_of(functools.partial(function, 8_000_009))


def test_a_class_that_holds_itself_has_an_end():
    held = [1_000]
    held.append(held)
    assert 1_000 in subjects.turns_of(held)
