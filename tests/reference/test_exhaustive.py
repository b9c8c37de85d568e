"""Every count of every closed form: the reference is exact, and one wrong bit is found."""

import dataclasses
import math

import jax.numpy as jnp
import mpmath
import numpy as np
import pytest

from parity import cases, exhaustive
from parity.cases import far
from parity.reference import exact
from parity.reference.arithmetic import double_double as dd
from parity.reference.pytorch import TABLE, known

mp = mpmath.mp.clone()
mp.prec = 300


# The arithmetic -------------------------------------------------------------------------

POINTS = 3000


def draw(low, high, seed):
    """Numbers of either sign between two powers of ten, with random bits in both parts."""
    rng = np.random.default_rng(seed)
    x = 10 ** rng.uniform(low, high, POINTS) * rng.choice([-1, 1], POINTS)
    return dd.DoubleDouble(x, x * 2.0**-53 * rng.uniform(-0.49, 0.49, POINTS))


def size(x):
    return dd.where(x.high < 0, -x, x)


def exactly(x):
    parts = np.broadcast_arrays(x.high, x.low)
    return [mp.mpf(high) + mp.mpf(low) for high, low in zip(*(part.tolist() for part in parts), strict=True)]


def near_1(seed):
    return 1 + draw(-16, -0.1, seed)


def decay(seed):
    """A factor next to 1 and a number of steps after which float32 still has something left."""
    gamma = 1 - abs(draw(-9, -0.1, seed).high)
    share = np.random.default_rng(seed + 1).uniform(0, 100, POINTS)
    return dd.number(gamma), dd.number(np.floor(share / -np.log(gamma)))


def add(x, y):
    return x + y


def subtract(x, y):
    return x - y


def multiply(x, y):
    return x * y


def divide(x, y):
    return x / y


def power_of(x, y):
    return x**y


RELATIVE = {
    "sum": (add, add, (draw(-38, 38, 1), draw(-38, 38, 2)), -102),
    "sum of like numbers": (add, add, (draw(0, 1, 3), draw(0, 1, 4)), -102),
    "difference": (subtract, subtract, (near_1(5), near_1(6)), -102),
    "product": (multiply, multiply, (draw(-19, 19, 7), draw(-19, 19, 8)), -102),
    "quotient": (divide, divide, (draw(-19, 19, 9), draw(-19, 19, 10)), -102),
    "exp": (dd.exp, mp.exp, (draw(-12, 2, 11),), -95),
    "log": (dd.log, mp.log, (size(draw(-38, 38, 12)),), -95),
    "log next to 1": (dd.log, mp.log, (near_1(13),), -95),
    "power": (dd.power, power_of, decay(14), -95),
    "power of a share": (dd.power, power_of, (size(draw(-9, 0, 15)), size(draw(-2, 1, 16))), -95),
}


@pytest.mark.parametrize("name", RELATIVE)
def test_relative_error(name):
    ours, theirs, arguments, allowed = RELATIVE[name]
    got, want = exactly(ours(*arguments)), [theirs(*xs) for xs in zip(*map(exactly, arguments), strict=True)]
    # A sum may cancel down to nothing; then it is exact, and an error has nothing to be relative to.
    errors = [abs(g - w) / abs(w) if w else abs(g) for g, w in zip(got, want, strict=True)]
    assert max(errors) < mp.ldexp(1, allowed)


def test_cospi():
    x = draw(-12, 3, 20)
    errors = [abs(got - mp.cospi(at)) for got, at in zip(exactly(dd.cospi(x)), exactly(x), strict=True)]
    assert max(errors) < mp.ldexp(1, -100)
    whole = np.arange(-5, 6)
    assert exactly(dd.cospi(dd.number(whole))) == [(-1) ** (n % 2) for n in whole.tolist()]


def test_ends_of_exp_and_power():
    few = dd.exp(dd.number(np.array([0.0, -1e9])))
    assert exactly(few)[0] == 1
    assert 0 < few.high[1] < 1e-300
    assert exactly(dd.power(np.array([0.0, 0.0, 1.0, 0.3]), np.array([0, 2, 2**31, 0]))) == [1, 0, 1, 1]


# The closed forms -----------------------------------------------------------------------

RECURSIVE = ("SWALR", "MultiplicativeLR", "SequentialLR", "ChainedScheduler")
"""For these the 50-digit arbiter goes step by step, and cannot go far."""

CLOSED = [
    case
    for case in cases.CASES
    if case.fractions is None
    and not any(callable(value) or isinstance(value, tuple) for value in case.spec.arguments.values())
]
COMPOSITE = [
    cases.sequence((9,), "linear", "cosine to"),
    cases.sequence((9, 40), "linear", "restarts", "one cycle"),
    cases.chain("linear", "multi", "exponential"),
    cases.chain("polynomial", "step", "constant"),
]
SMALL = [
    *CLOSED,
    cases.Case(cases.MEMBERS["cool"], 0.1, 100),
    *(cases.Case(dataclasses.replace(spec, ours={}), 0.1, 100) for spec in COMPOSITE),
]
LARGE = [case for case in exhaustive.CASES if case.scheduler not in RECURSIVE]


def closed_form(case):
    return known(case.make_torch_scheduler()).closed_form(dd, case.quantity)


def farthest(case, counts):
    """How far double-double is from 50 digits, in float32 ULP of the value."""
    scheduler = case.make_torch_scheduler()
    if case.scheduler == "OneCycleLR":  # past its end PyTorch raises, and the arbiter does not look
        counts = counts[counts < scheduler.total_steps]
    arbiter = exact.formula_of(scheduler, case.quantity)
    got, want = exactly(closed_form(case)(counts)), [mp.mpf(arbiter(k)) for k in counts.tolist()]
    ulps = [math.ldexp(1.0, max(int(mp.floor(mp.log(w, 2))) - 23, -149) if w else -149) for w in want]
    return max(float(abs(g - w)) / ulp for g, w, ulp in zip(got, want, ulps, strict=True))


@pytest.mark.parametrize("case", SMALL, ids=lambda case: case.name)
def test_closed_form(case):
    drawn = np.random.default_rng(0).integers(case.steps, size=20)
    assert farthest(case, np.unique([*range(min(case.steps, 60)), *drawn, case.steps - 1])) < 1e-9


def test_one_cycle_stays_past_its_end():
    case = next(case for case in LARGE if case.scheduler == "OneCycleLR")
    end = case.make_torch_scheduler().total_steps - 1
    assert len(set(closed_form(case)(np.array([end, end + 1, exhaustive.LAST])).high.tolist())) == 1


def test_a_function_that_takes_one_count_at_a_time_has_no_closed_form():
    alone = [
        case
        for case in cases.CASES
        if case.scheduler in ("LambdaLR", "CyclicLR") and any(map(callable, case.spec.arguments.values()))
    ]
    assert len(alone) > 5
    assert {closed_form(case) for case in alone} == {None}
    of_one = next(case for case in cases.CASES if "cosine_by_hand" in case.name and "Sequential" in case.name)
    assert closed_form(of_one) is None


@pytest.mark.parametrize("case", LARGE, ids=lambda case: case.name)
def test_closed_form_far_out(case):
    primes = np.array([far.OFTEN, far.REACHED, far.LAST])
    around = np.concatenate([primes + by for by in (-2, -1, 0, 1)])
    drawn = np.random.default_rng(1).integers(exhaustive.LAST, size=30)
    assert farthest(case, np.array([*around, *drawn, exhaustive.LAST])) < 1e-9


def test_every_closed_form_is_judged():
    of_pytorch = {
        (theirs.rpartition(".")[2], quantity)
        for theirs, facts in TABLE.items()
        for quantity in facts.quantities
    }
    judged = {(case.scheduler, case.quantity) for case in exhaustive.CASES}
    assert judged == of_pytorch - {("LambdaLR", "lr")}


# The judgement --------------------------------------------------------------------------

STEPS, RANDOM = 3000, 2000


def shorter(case, **changes):
    return dataclasses.replace(case, steps=STEPS, **changes)


COSINE = shorter(next(case for case in exhaustive.CASES if case.scheduler == "CosineAnnealingLR"))


@dataclasses.dataclass(frozen=True)
class Broken(cases.Case):
    """A case whose schedule is wrong somewhere."""

    break_it: object = None

    def schedule(self):
        right = super().schedule()
        return lambda k: self.break_it(right(k), k)


def broken(break_it):
    return Broken(**vars(COSINE), break_it=break_it)


def test_right():
    found = exhaustive.run([COSINE], random=RANDOM)[COSINE.name]
    assert (found.counts, found.wrong, found.first_wrong) == (STEPS + RANDOM, 0, None)
    assert 0.499 < found.max_ulp <= exhaustive.BOUND


WRONG = {
    "one bit up": lambda value, k: jnp.where(k == 1057, jnp.nextafter(value, jnp.float32(1)), value),
    "one bit down": lambda value, k: jnp.where(k == 1057, jnp.nextafter(value, jnp.float32(0)), value),
    "NaN": lambda value, k: jnp.where(k == 1057, jnp.nan, value),
    "infinite": lambda value, k: jnp.where(k == 1057, jnp.inf, value),
    "negative": lambda value, k: jnp.where(k == 1057, -value, value),
}


@pytest.mark.parametrize("name", WRONG)
def test_one_wrong_value_is_found(name, monkeypatch):
    monkeypatch.setattr(exhaustive, "_CHUNK", 1024)
    monkeypatch.setattr(exhaustive, "_SHARE", 2048)
    monkeypatch.setattr(exhaustive, "_BLOCK", 100)
    found = exhaustive.run([broken(WRONG[name])], random=10)[COSINE.name]
    assert (found.counts, found.wrong, found.worst) == (STEPS + 10, 1, 1057)
    assert found.first_wrong.startswith("count 1057: ")
    assert found.max_ulp > exhaustive.BOUND


def test_random_counts_reach_the_last():
    far = broken(lambda value, k: jnp.where(k > 2**30, jnp.nextafter(value, jnp.float32(1)), value))
    found = exhaustive.run([far], random=RANDOM)[COSINE.name]
    assert 0.45 * RANDOM < found.wrong < 0.55 * RANDOM


def ulps(ours, high, low=0.0):
    (found,) = exhaustive._ulps(
        np.array([ours], np.float32), dd.DoubleDouble(np.array([high]), np.array([low]))
    )
    return found


def test_ulps():
    spacing = 2.0**-24  # of float32 numbers below 1
    assert ulps(1.0, 1.0) == 0
    assert ulps(1.0, 1 - 0.25 * spacing) == 0.25
    assert ulps(1 - spacing, 1 - 0.25 * spacing) == 0.75  # although float32 of the exact value is 1
    assert ulps(1.0, 1 + spacing) == 0.5
    assert ulps(1.0, 1 + spacing, 2.0**-70) > 0.5
    assert ulps(1.0, 1 + spacing, -(2.0**-70)) < 0.5
    assert ulps(2.0**-149, 0.0) == 1
    assert ulps(0.0, 2.0**-150) == 0.5
    assert ulps(0.0, 0.0) == 0
    assert ulps(-0.0, 0.0) == math.inf


def test_another_process_says_the_same():
    (there,), (here,) = (exhaustive.run([COSINE], random=9, jobs=jobs).values() for jobs in (2, 1))
    assert dataclasses.replace(there, seconds=0) == dataclasses.replace(here, seconds=0)


def test_page(tmp_path, capsys):
    path = tmp_path / "exhaustive.md"
    assert exhaustive.main([COSINE], random=9, markdown=path) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("1 schedules, 3,009 values: 0 wrong, 0 misrounded, ")
    text = path.read_text()
    assert f"{last}.\n" in text
    assert "every count from 0 to 2,999 and with 9 random" in text
    assert f"| `{COSINE.name}` | 3,009 | 0 | 0 | 0.49" in text
    for fact in ("processor", "date", "jax", "numpy", "took"):
        assert f"\n| {fact} | " in text
    assert "wrong value" not in text

    assert exhaustive.main([broken(WRONG["one bit up"])], random=0, markdown=path) == 1
    assert "1 wrong" in capsys.readouterr().out.splitlines()[-1]
    assert f"\n- `{COSINE.name}`: count 1057: " in path.read_text()
