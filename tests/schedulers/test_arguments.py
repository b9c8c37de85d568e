"""Every bad argument raises where the schedule is made, and the text says what to do.

The texts are part of the interface: all of each is compared.
"""

import dataclasses
import inspect
import math
import re

import jax.numpy as jnp
import numpy as np
import pytest
import torch

import jaxsched
from jaxsched import (
    SWALR,
    ChainedScheduler,
    ConstantLR,
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    CyclicLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    MultiplicativeLR,
    MultiStepLR,
    OneCycleLR,
    PerEpoch,
    PolynomialLR,
    Recorded,
    Schedule,
    SequentialLR,
    SetAt,
    StartingAt,
    StepLR,
    Warmup,
)
from jaxsched._arguments import Choice, Flag, Integer, Milestones, Real


class Tensor:
    """What a tensor of another library looks like from here."""

    def item(self):
        return 3

    def __repr__(self):
        return "tensor(3)"


class Named:
    """A function whose repr is the same every time."""

    def __init__(self, name, function):
        self.name, self.function = name, function

    def __call__(self, k):
        return self.function(k)

    def __repr__(self):
        return self.name


def raises(make, kind, message):
    with pytest.raises(kind, match=f"^{re.escape(message)}$") as caught:
        make()
    assert caught.type is kind


SCHEDULERS = [
    kind
    for kind in vars(jaxsched).values()
    if isinstance(kind, type) and issubclass(kind, Schedule) and not inspect.isabstract(kind)
]
CHECKERS = {
    (s, field.name): s._checkers.get(field.name) for s in SCHEDULERS for field in dataclasses.fields(s)
}
"""What stands in the annotation of each argument. The tables below say it once more, and pin it.

Of an argument that they do not name, what to expect is taken from here.
"""


def annotated(kind, row):
    """A row for each argument that is checked so."""
    return {argument: row(checker) for argument, checker in CHECKERS.items() if type(checker) is kind}


EXAMPLES = {Real: 0.1, Integer: 30, Milestones: [30]}
"""For an argument that must be given."""


def required(scheduler):
    checkers = {
        field.name: CHECKERS[scheduler, field.name]
        for field in dataclasses.fields(scheduler)
        if field.default is dataclasses.MISSING
    }
    return {name: EXAMPLES[type(checker)] for name, checker in checkers.items() if type(checker) in EXAMPLES}


# What each needs beside the argument that is tested.
NEEDED = {scheduler: required(scheduler) for scheduler in SCHEDULERS} | {
    OneCycleLR: {"max_lr": 0.1, "total_steps": 100},
    LambdaLR: {"base_lr": 0.1, "lr_lambda": Named("f", lambda k: 0.9**k)},
    MultiplicativeLR: {"base_lr": 0.1, "lr_lambda": Named("f", lambda k: 0.9)},
    PerEpoch: {"schedule": StepLR(0.1, 30), "steps_per_epoch": 100},
    StartingAt: {"schedule": StepLR(0.1, 30), "count": 100},
    SetAt: {"schedule": StepLR(0.1, 30), "count": 100, "lr": 0.1},
    Recorded: {"values": [0.1, 0.05]},
    Warmup: {"schedule": StepLR(0.1, 30), "num_warmup_steps": 100},
    SequentialLR: {"schedulers": [StepLR(0.1, 30), ExponentialLR(0.1, 0.9)], "milestones": [50]},
    ChainedScheduler: {
        "schedulers": [CosineAnnealingLR(0.1, 30, eta_min=0.01), StepLR(0.1, 30)],
        "total_steps": 100,
    },
}


def argument(scheduler, name, value):
    return lambda: scheduler(**NEEDED[scheduler] | {name: value})


# Real numbers ---------------------------------------------------------------------------

AT_LEAST_0 = "a finite number >= 0"
ABOVE_0 = "a finite number > 0"
SHARE = "a finite number in [0, 1]"
SHARE_ABOVE_0 = "a finite number in (0, 1]"

RATE = AT_LEAST_0, "A learning rate is finite and not negative."
ETA_MIN = AT_LEAST_0, "A learning rate below 0 would climb the loss."
GAMMA = AT_LEAST_0, "It multiplies the learning rate; a decay is below 1."
MOMENTUM = SHARE, "It is a momentum or beta."

RANGES = {
    (0.0, math.inf, False): AT_LEAST_0,
    (0.0, math.inf, True): ABOVE_0,
    (0.0, 1.0, False): SHARE,
    (0.0, 1.0, True): SHARE_ABOVE_0,
}
REALS = annotated(Real, lambda real: (RANGES[real.least, real.most, real.open], real.remedy)) | {
    (ConstantLR, "base_lr"): RATE,
    (ConstantLR, "factor"): (SHARE, "To start above base_lr, scale base_lr."),
    (LinearLR, "base_lr"): RATE,
    (LinearLR, "start_factor"): (SHARE_ABOVE_0, "To start from 0, take Warmup, or a factor such as 1e-8."),
    (LinearLR, "end_factor"): (SHARE, "To end above base_lr, scale base_lr."),
    (StepLR, "base_lr"): RATE,
    (StepLR, "gamma"): GAMMA,
    (MultiStepLR, "base_lr"): RATE,
    (MultiStepLR, "gamma"): GAMMA,
    (ExponentialLR, "base_lr"): RATE,
    (ExponentialLR, "gamma"): GAMMA,
    (PolynomialLR, "base_lr"): RATE,
    (PolynomialLR, "power"): (AT_LEAST_0, "A negative power would grow without bound."),
    (CosineAnnealingLR, "base_lr"): RATE,
    (CosineAnnealingLR, "eta_min"): ETA_MIN,
    (CosineAnnealingWarmRestarts, "base_lr"): RATE,
    (CosineAnnealingWarmRestarts, "eta_min"): ETA_MIN,
    (CyclicLR, "base_lr"): RATE,
    (CyclicLR, "max_lr"): RATE,
    (CyclicLR, "gamma"): GAMMA,
    (CyclicLR, "base_momentum"): MOMENTUM,
    (CyclicLR, "max_momentum"): MOMENTUM,
    (OneCycleLR, "max_lr"): RATE,
    (OneCycleLR, "pct_start"): (SHARE, "It is a share of the run, not a percentage."),
    (OneCycleLR, "base_momentum"): MOMENTUM,
    (OneCycleLR, "max_momentum"): MOMENTUM,
    (OneCycleLR, "div_factor"): (ABOVE_0, "It divides max_lr."),
    (OneCycleLR, "final_div_factor"): (ABOVE_0, "It divides max_lr/div_factor."),
    (LambdaLR, "base_lr"): RATE,
    (MultiplicativeLR, "base_lr"): RATE,
    (SWALR, "base_lr"): RATE,
    (SWALR, "swa_lr"): RATE,
}

TEXT = "Convert text with float(...); YAML reads 1e-4 without a dot as text."
ONE_GROUP = "A schedule drives one parameter group; make one for each value."
ITEM = "Convert a one-element tensor with .item()."

# The value, the error, how it is shown, and the remedy where it is not the argument's own.
NOT_REAL = [
    (-1.0, ValueError, "-1.0", None),
    (-1e-300, ValueError, "-1e-300", None),
    (-2, ValueError, "-2.0", None),
    (math.nan, ValueError, "nan", None),
    (math.inf, ValueError, "inf", None),
    (-math.inf, ValueError, "-inf", None),
    (np.float32(-0.5), ValueError, "-0.5", None),
    (jnp.float32(-0.5), ValueError, "Array(-0.5, dtype=float32) (ArrayImpl)", None),
    (np.array([0.5, -1], np.float32), ValueError, "Array([ 0.5, -1. ], dtype=float32) (ArrayImpl)", None),
    (jnp.array([0.5, jnp.nan]), ValueError, "Array([0.5, nan], dtype=float32) (ArrayImpl)", None),
    (jnp.array([0.5, jnp.inf]), ValueError, "Array([0.5, inf], dtype=float32) (ArrayImpl)", None),
    (jnp.bfloat16(-1), ValueError, "Array(-1, dtype=bfloat16) (ArrayImpl)", None),
    (jnp.array([True]), TypeError, "Array([ True], dtype=bool) (ArrayImpl)", None),
    (jnp.array([1j]), TypeError, "Array([0.+1.j], dtype=complex64) (ArrayImpl)", None),
    (True, TypeError, "True", None),
    (None, TypeError, "None (NoneType)", None),
    (1j, TypeError, "1j (complex)", None),
    ("1e-4", TypeError, "'1e-4' (str)", TEXT),
    ([0.1, 0.2], TypeError, "[0.1, 0.2] (list)", ONE_GROUP),
    ((0.1,), TypeError, "(0.1,) (tuple)", ONE_GROUP),
    (Tensor(), TypeError, "tensor(3) (Tensor)", ITEM),
]

NOT_WITHIN = {
    AT_LEAST_0: [],
    ABOVE_0: [(0.0, "0.0"), (-0.0, "-0.0"), (jnp.float32(0), "Array(0., dtype=float32) (ArrayImpl)")],
    SHARE: [(1.5, "1.5"), (math.nextafter(1, 2), "1.0000000000000002"), (30, "30.0")],
    SHARE_ABOVE_0: [(0, "0.0"), (1.5, "1.5"), (jnp.float32(1.5), "Array(1.5, dtype=float32) (ArrayImpl)")],
}


@pytest.mark.parametrize(("scheduler", "name"), REALS)
def test_reals(scheduler, name):
    allowed, remedy = REALS[scheduler, name]
    outside = [(value, ValueError, shown, None) for value, shown in NOT_WITHIN[allowed]]
    for value, kind, shown, other_remedy in NOT_REAL + outside:
        message = f"{scheduler.__name__}: {name} must be {allowed}, got {shown}. {other_remedy or remedy}"
        raises(argument(scheduler, name, value), kind, message)


# Integers -------------------------------------------------------------------------------

WAY_UP = "It is the number of updates on the way up."
WAY_DOWN = "It is the number of updates on the way down."
PINNED_INTEGERS = {
    (ConstantLR, "total_iters"): (0, "an integer >= 0", "It is a number of updates."),
    (LinearLR, "total_iters"): (0, "an integer >= 0", "It is a number of updates."),
    (StepLR, "step_size"): (1, "an integer >= 1", "It is the number of updates between two decays."),
    (PolynomialLR, "total_iters"): (
        1,
        "an integer >= 1",
        "It is the number of updates until 0; for a constant rate use power=0.",
    ),
    (CosineAnnealingLR, "T_max"): (
        1,
        "an integer >= 1",
        "It is the number of updates from base_lr to eta_min.",
    ),
    (CosineAnnealingWarmRestarts, "T_0"): (
        1,
        "an integer >= 1",
        "It is the number of updates in the first cycle.",
    ),
    (CosineAnnealingWarmRestarts, "T_mult"): (1, "an integer >= 1", "Cycles cannot get shorter."),
    (CyclicLR, "step_size_up"): (1, "an integer >= 1", WAY_UP),
    (CyclicLR, "step_size_down"): (1, "an integer >= 1 or None", WAY_DOWN),
    (OneCycleLR, "total_steps"): (1, "an integer >= 1 or None", "It is the number of updates in the run."),
    (LambdaLR, "total_steps"): (1, "an integer >= 1 or None", "It is a number of updates."),
    (MultiplicativeLR, "total_steps"): (1, "an integer >= 1 or None", "It is a number of updates."),
    (SWALR, "anneal_epochs"): (0, "an integer >= 0", "It is a number of counts; 0 jumps at once."),
    (PerEpoch, "steps_per_epoch"): (1, "an integer >= 1", "It is the number of updates in an epoch."),
    (StartingAt, "count"): (0, "an integer >= 0", "It is a number of updates."),
    (ChainedScheduler, "total_steps"): (1, "an integer >= 1 or None", "It is a number of updates."),
}
SHAPES_THE_PROGRAM = {
    (CosineAnnealingWarmRestarts, "T_mult"),
    (LambdaLR, "total_steps"),
    (MultiplicativeLR, "total_steps"),
    (StartingAt, "count"),
    (ChainedScheduler, "total_steps"),
}
INTEGERS = {
    **annotated(Integer, lambda i: (i.least, f"an integer >= {i.least}{' or None' * i.optional}", i.remedy)),
    **PINNED_INTEGERS,
}
SHAPES_THE_PROGRAM |= {key for key in {*INTEGERS} - {*PINNED_INTEGERS} if not CHECKERS[key].array}

ROUND = "Round it the way your training loop counts."
NOT_INTEGER = [
    (-1, ValueError, "-1", None),
    (2**62, ValueError, "4611686018427387904", None),
    (np.int64(-7), ValueError, "-7", None),
    (30.0, TypeError, "30.0", "Write 30."),
    (np.float32(30), TypeError, "np.float32(30.0)", "Write 30."),
    (2.5, TypeError, "2.5", ROUND),
    (math.nan, TypeError, "nan", ROUND),
    (math.inf, TypeError, "inf", ROUND),
    (True, TypeError, "True", None),
    (1j, TypeError, "1j (complex)", None),
    ("30", TypeError, "'30' (str)", None),
    ([30], TypeError, "[30] (list)", None),
    (Tensor(), TypeError, "tensor(3) (Tensor)", None),
]
ARRAY_OF_INTEGERS = "Give an array of integers."
NOT_INTEGERS = [
    (jnp.array([3, -1]), ValueError, "Array([ 3, -1], dtype=int32) (ArrayImpl)", None),
    (
        np.array([3, 4], np.float32),
        TypeError,
        "Array([3., 4.], dtype=float32) (ArrayImpl)",
        ARRAY_OF_INTEGERS,
    ),
    (jnp.float32(3), TypeError, "Array(3., dtype=float32) (ArrayImpl)", ARRAY_OF_INTEGERS),
    (jnp.array([True]), TypeError, "Array([ True], dtype=bool) (ArrayImpl)", ARRAY_OF_INTEGERS),
]
PYTHON_INT = "It shapes the compiled program, so it cannot be an array: give a Python int."
NO_ARRAYS = [
    (np.array(2), TypeError, "array(2) (ndarray)", PYTHON_INT),
    (jnp.int32(2), TypeError, "Array(2, dtype=int32) (ArrayImpl)", PYTHON_INT),
]


@pytest.mark.parametrize(("scheduler", "name"), INTEGERS)
def test_integers(scheduler, name):
    least, allowed, remedy = INTEGERS[scheduler, name]
    bad = NOT_INTEGER + (NO_ARRAYS if (scheduler, name) in SHAPES_THE_PROGRAM else NOT_INTEGERS)
    if least > 0:
        bad = [*bad, (least - 1, ValueError, f"{least - 1}", None)]
    if "None" not in allowed:
        bad = [*bad, (None, TypeError, "None (NoneType)", None)]
    for value, kind, shown, other_remedy in bad:
        message = f"{scheduler.__name__}: {name} must be {allowed}, got {shown}. {other_remedy or remedy}"
        raises(argument(scheduler, name, value), kind, message)


def test_an_integer_array_is_never_cut_to_int32():
    try:
        schedule = StepLR(0.1, step_size=np.array(2**32 + 7))
    except ValueError:
        return
    assert schedule.on_host(7) == np.float32(0.1)


# Milestones -----------------------------------------------------------------------------

SEQUENCE = "MultiStepLR: milestones must be a sequence of integers >= 0, got {}. Write it like [30, 80]."
MILESTONES = "Milestones are counts of updates from the start of the schedule."


@pytest.mark.parametrize(
    ("milestones", "kind", "message"),
    [
        (30, TypeError, SEQUENCE.format("30")),
        (None, TypeError, SEQUENCE.format("None (NoneType)")),
        ("30", TypeError, SEQUENCE.format("'30' (str)")),
        (b"30", TypeError, SEQUENCE.format("b'30' (bytes)")),
        ({30}, TypeError, SEQUENCE.format("{30} (set)")),
        (jnp.array([30, 80]), TypeError, SEQUENCE.format("Array([30, 80], dtype=int32) (ArrayImpl)")),
        (np.array(30), TypeError, SEQUENCE.format("array(30) (ndarray)")),
        (
            [30.0],
            TypeError,
            "MultiStepLR: milestones[0] must be an integer >= 0, got 30.0. Write 30.",
        ),
        (
            [30, 3.0000000000000004],
            TypeError,
            f"MultiStepLR: milestones[1] must be an integer >= 0, got 3.0000000000000004. {ROUND}",
        ),
        (
            np.array([30.0, 80.0]),
            TypeError,
            "MultiStepLR: milestones[0] must be an integer >= 0, got 30.0. Write 30.",
        ),
        (
            ["30"],
            TypeError,
            f"MultiStepLR: milestones[0] must be an integer >= 0, got '30' (str). {MILESTONES}",
        ),
        (
            [True],
            TypeError,
            f"MultiStepLR: milestones[0] must be an integer >= 0, got True. {MILESTONES}",
        ),
        (
            [30, [80]],
            TypeError,
            f"MultiStepLR: milestones[1] must be an integer >= 0, got [80] (list). {MILESTONES}",
        ),
        (
            [30, -1],
            ValueError,
            f"MultiStepLR: milestones[1] must be an integer >= 0, got -1. {MILESTONES}",
        ),
        (
            [jnp.int32(30)],
            TypeError,
            "MultiStepLR: milestones[0] must be an integer >= 0, got "
            f"Array(30, dtype=int32) (ArrayImpl). {PYTHON_INT}",
        ),
    ],
)
def test_milestones(milestones, kind, message):
    raises(lambda: MultiStepLR(0.1, milestones), kind, message)


# Words and flags ------------------------------------------------------------------------

CHOICES = annotated(Choice, lambda choice: ", ".join(map(repr, choice.choices))) | {
    (CyclicLR, "mode"): "'triangular', 'triangular2', 'exp_range'",
    (CyclicLR, "scale_mode"): "'cycle', 'iterations'",
    (OneCycleLR, "anneal_strategy"): "'cos', 'linear'",
    (SWALR, "anneal_strategy"): "'cos', 'linear'",
}


@pytest.mark.parametrize(("scheduler", "name"), CHOICES)
@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("Triangular", "'Triangular' (str)"),
        ("cosine", "'cosine' (str)"),
        ("", "'' (str)"),
        (None, "None (NoneType)"),
        (1, "1"),
        (["cos"], "['cos'] (list)"),
    ],
)
def test_choices(scheduler, name, value, shown):
    allowed = f"one of {CHOICES[scheduler, name]}"
    message = f"{scheduler.__name__}: {name} must be {allowed}, got {shown}. Spell it exactly so."
    raises(argument(scheduler, name, value), ValueError, message)


FLAGS = annotated(Flag, lambda flag: None)


@pytest.mark.parametrize(("scheduler", "name"), FLAGS)
@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1, "1"),
        (0, "0"),
        (None, "None (NoneType)"),
        ("True", "'True' (str)"),
        (jnp.array(True), "Array(True, dtype=bool) (ArrayImpl)"),
    ],
)
def test_flags(scheduler, name, value, shown):
    message = f"{scheduler.__name__}: {name} must be True or False, got {shown}. It shapes the program."
    raises(argument(scheduler, name, value), TypeError, message)


# Functions ------------------------------------------------------------------------------

TABLE = [1.0, 0.5]
UNTRACEABLE = {
    "if": lambda k: 1.0 if k < 5 else 0.5,
    "min": lambda k: min(1.0, k / 10),
    "cos": lambda k: math.cos(k),
    "np.cos": lambda k: np.cos(k),
    "float": lambda k: float(k),
    "int": lambda k: int(k),
    "range": lambda k: sum(range(k)),
    "list": lambda k: TABLE[k],
    "array": lambda k: np.array(TABLE)[k],
    "dict": lambda k: {0: 1.0}.get(k, 0.5),
}
NOT_ONE_NUMBER = {
    "float64[3]": lambda k: jnp.ones(3),
    "float64[1, 2]": lambda k: [[0.1, 0.2]],
    "int64[2]": lambda k: (k, k),
    "bool[]": lambda k: k < 3,
    "complex128[]": lambda k: 1j * k,
}
ONE_FUNCTION = "A schedule drives one parameter group; make one for each function."
LIKE = "Write one like lambda k: 0.95 ** k."
F = Named("f", lambda k: 1.0)
NOT_FUNCTION = [(3, "3", LIKE), (Tensor(), "tensor(3) (Tensor)", LIKE), ([F], "[f] (list)", ONE_FUNCTION)]

FUNCTIONS = {
    (LambdaLR, "lr_lambda"): (
        "a function of a count",
        "a function of a count that JAX can trace",
        "Write jnp.where for `if` and jnp.cos for math.cos; "
        "or give total_steps= to have the function tabulated.",
    ),
    (CyclicLR, "scale_fn"): (
        "a function of a count or None",
        "a function of a count or None that JAX can trace",
        "Write jnp.where for `if` and jnp.cos for math.cos.",
    ),
}
functions = pytest.mark.parametrize(("scheduler", "name"), FUNCTIONS)


@functions
@pytest.mark.parametrize("case", UNTRACEABLE)
def test_untraceable_functions(scheduler, name, case):
    _, allowed, remedy = FUNCTIONS[scheduler, name]
    message = f"{scheduler.__name__}: {name} must be {allowed}, got {case} (Named). {remedy}"
    raises(argument(scheduler, name, Named(case, UNTRACEABLE[case])), TypeError, message)


@functions
@pytest.mark.parametrize("returned", NOT_ONE_NUMBER)
def test_functions_that_do_not_return_one_number(scheduler, name, returned):
    allowed, _, _ = FUNCTIONS[scheduler, name]
    message = (
        f"{scheduler.__name__}: {name} must be {allowed}, got f (Named). "
        f"It must return one real number; it returns {returned}."
    )
    raises(argument(scheduler, name, Named("f", NOT_ONE_NUMBER[returned])), TypeError, message)


@functions
@pytest.mark.parametrize("nothing", [None, "text"])
def test_functions_that_return_no_number_at_all(scheduler, name, nothing):
    with pytest.raises(
        TypeError, match=f"^{scheduler.__name__}: {name} must be .* It must return one real number"
    ):
        argument(scheduler, name, Named("f", lambda k: nothing))()


@functions
def test_what_is_no_function(scheduler, name):
    allowed, _, _ = FUNCTIONS[scheduler, name]
    for value, shown, remedy in NOT_FUNCTION:
        message = f"{scheduler.__name__}: {name} must be {allowed}, got {shown}. {remedy}"
        raises(argument(scheduler, name, value), TypeError, message)


def test_what_is_no_multiplier():
    for value, shown, remedy in NOT_FUNCTION:
        message = f"MultiplicativeLR: lr_lambda must be a function of a count, got {shown}. {remedy}"
        raises(argument(MultiplicativeLR, "lr_lambda", value), TypeError, message)


TABULATED = {
    "None (NoneType)": lambda k: None if k == 3 else 1.0,
    "'text' (str)": lambda k: "text" if k == 3 else 1.0,
    "[1.0, 0.5] (list)": lambda k: TABLE if k == 3 else 1.0,
    "nan": lambda k: math.nan if k == 3 else 1.0,
    "inf": lambda k: math.inf if k == 3 else 1.0,
}


@pytest.mark.parametrize("scheduler", [LambdaLR, MultiplicativeLR])
@pytest.mark.parametrize("shown", TABULATED)
def test_every_value_of_a_tabulated_function(scheduler, shown):
    function = Named("f", TABULATED[shown])
    wanted = "finite number" if scheduler is LambdaLR else "finite number >= 0"
    message = (
        f"{scheduler.__name__}: lr_lambda must be a function of a count, got f (Named). "
        f"It must return one {wanted}; at count 3 it returns {shown}."
    )
    raises(lambda: scheduler(0.1, function, total_steps=5), TypeError, message)
    assert scheduler(0.1, function, total_steps=3).on_host(2) == np.float32(0.1)


@pytest.mark.parametrize("multiplier", [-0.5, math.nan, math.inf])
def test_a_multiplier_is_finite_and_not_negative(multiplier):
    message = (
        "MultiplicativeLR: lr_lambda must be a function of a count, got f (Named). "
        f"It must return one finite number >= 0; at count 1 it returns {multiplier!r}."
    )
    raises(argument(MultiplicativeLR, "lr_lambda", Named("f", lambda k: multiplier)), TypeError, message)


def test_a_varying_multiplier_needs_a_horizon():
    message = (
        "MultiplicativeLR: total_steps must be given for a function that looks at the count, got None. "
        "The product of its values has no closed form: say how many updates to tabulate."
    )
    raises(lambda: MultiplicativeLR(0.1, lambda k: 1 / (k + 1)), ValueError, message)


def test_an_error_of_the_function_is_its_own():
    with pytest.raises(ZeroDivisionError):
        LambdaLR(0.1, lambda k: 1 / 0)


# Several arguments ----------------------------------------------------------------------

LENGTH = (
    "OneCycleLR: total_steps, or epochs and steps_per_epoch, must be given, got "
    "total_steps={}, epochs={}, steps_per_epoch={}. The schedule needs the length of the run."
)


@pytest.mark.parametrize(
    ("lengths", "kind", "message"),
    [
        ({}, ValueError, LENGTH.format(None, None, None)),
        ({"epochs": 3}, ValueError, LENGTH.format(None, 3, None)),
        ({"steps_per_epoch": 10}, ValueError, LENGTH.format(None, None, 10)),
        ({"total_steps": 30, "epochs": 3}, ValueError, LENGTH.format(30, 3, None)),
        (
            {"total_steps": 31, "epochs": 3, "steps_per_epoch": 10},
            ValueError,
            "OneCycleLR: total_steps must be epochs * steps_per_epoch = 30 when all are given, got 31. "
            "Give one of the two.",
        ),
        (
            {"epochs": 0, "steps_per_epoch": 10},
            ValueError,
            "OneCycleLR: epochs must be an integer >= 1, got 0. It is the number of epochs.",
        ),
        (
            {"epochs": 2.5, "steps_per_epoch": 10},
            TypeError,
            f"OneCycleLR: epochs must be an integer >= 1, got 2.5. {ROUND}",
        ),
        (
            {"epochs": True, "steps_per_epoch": 10},
            TypeError,
            "OneCycleLR: epochs must be an integer >= 1, got True. It is the number of epochs.",
        ),
        (
            {"epochs": 3, "steps_per_epoch": 10.0},
            TypeError,
            "OneCycleLR: steps_per_epoch must be an integer >= 1, got 10.0. Write 10.",
        ),
        (
            {"epochs": 3, "steps_per_epoch": -1},
            ValueError,
            "OneCycleLR: steps_per_epoch must be an integer >= 1, got -1. "
            "It is the number of updates in an epoch.",
        ),
    ],
)
def test_lengths_of_one_cycle(lengths, kind, message):
    raises(lambda: OneCycleLR(0.1, **lengths), kind, message)


def test_a_length_given_twice_but_the_same():
    assert OneCycleLR(0.1, total_steps=30, epochs=3, steps_per_epoch=10) == OneCycleLR(0.1, total_steps=30)


@pytest.mark.parametrize("scheduler", [CyclicLR, OneCycleLR])
def test_momentum_that_is_not_cycled(scheduler):
    schedule = argument(scheduler, "cycle_momentum", False)()
    message = (
        f"{scheduler.__name__}: momentum needs cycle_momentum=True, got False. "
        "With cycle_momentum=False the optimizer keeps the momentum it was given."
    )
    raises(lambda: schedule.momentum, ValueError, message)


# Schedules of schedules -----------------------------------------------------------------

STEPS, DECAY = StepLR(0.1, 30), ExponentialLR(0.1, 0.9)
COSINE = CosineAnnealingLR(0.1, 30, eta_min=0.01)
CONVERT = "Convert a PyTorch one with from_torch; a function f goes in LambdaLR(1.0, f)."
LIKE_MEMBERS = "Write it like [warmup, cosine]."
NOT_MEMBERS = [
    ([], ValueError, "schedulers", "a sequence of schedules", "[] (list)", "Give at least one."),
    (STEPS, TypeError, "schedulers", "a sequence of schedules", f"{STEPS} (StepLR)", LIKE_MEMBERS),
    ("abc", TypeError, "schedulers", "a sequence of schedules", "'abc' (str)", LIKE_MEMBERS),
    (None, TypeError, "schedulers", "a sequence of schedules", "None (NoneType)", LIKE_MEMBERS),
    ([STEPS, 0.1], TypeError, "schedulers[1]", "a schedule", "0.1", CONVERT),
    ([F, STEPS], TypeError, "schedulers[0]", "a schedule", "f (Named)", CONVERT),
]


@pytest.mark.parametrize("scheduler", [SequentialLR, ChainedScheduler])
@pytest.mark.parametrize(("value", "kind", "name", "allowed", "shown", "remedy"), NOT_MEMBERS)
def test_members(scheduler, value, kind, name, allowed, shown, remedy):
    message = f"{scheduler.__name__}: {name} must be {allowed}, got {shown}. {remedy}"
    raises(argument(scheduler, "schedulers", value), kind, message)


@pytest.mark.parametrize("scheduler", [PerEpoch, SetAt, StartingAt, Warmup])
@pytest.mark.parametrize(("value", "shown"), [(0.1, "0.1"), (F, "f (Named)"), (None, "None (NoneType)")])
def test_member(scheduler, value, shown):
    message = f"{scheduler.__name__}: schedule must be a schedule, got {shown}. {CONVERT}"
    raises(argument(scheduler, "schedule", value), TypeError, message)


HANDOVERS = "Milestones are counts of updates from the start of the schedule."


@pytest.mark.parametrize(
    ("milestones", "kind", "message"),
    [
        ([], ValueError, "must be one fewer than the 2 schedulers, got 0. "
         "A milestone is where the next one takes over."),
        ([5, 9], ValueError, "must be one fewer than the 2 schedulers, got 2. "
         "A milestone is where the next one takes over."),
        (5, TypeError, "must be a sequence of integers >= 0, got 5. Write it like [30, 80]."),
    ],
)  # fmt: skip
def test_milestones_of_a_sequence(milestones, kind, message):
    raises(argument(SequentialLR, "milestones", milestones), kind, f"SequentialLR: milestones {message}")


def test_each_milestone_of_a_sequence():
    for value, kind, shown, remedy in [
        (-1, ValueError, "-1", HANDOVERS),
        (5.0, TypeError, "5.0", "Write 5."),
    ]:
        message = f"SequentialLR: milestones[0] must be an integer >= 0, got {shown}. {remedy}"
        raises(argument(SequentialLR, "milestones", [value]), kind, message)


def test_milestones_out_of_order():
    message = "SequentialLR: milestones must be in order, got [9, 5]. Sort them together with the schedulers."
    raises(lambda: SequentialLR([STEPS, DECAY, STEPS], [9, 5]), ValueError, message)


def test_a_chain_acts_on_one_learning_rate():
    message = (
        "ChainedScheduler: schedulers must have the same base_lr, got 0.1, 0.2. "
        "They act on one learning rate, the optimizer's."
    )
    raises(lambda: ChainedScheduler([STEPS, ExponentialLR(0.2, 0.9)]), ValueError, message)


def test_a_chain_without_a_closed_form_needs_a_horizon():
    message = (
        f"ChainedScheduler: total_steps must be given with {COSINE} among the schedulers, got None. "
        "In a chain it has no closed form: say how many updates to tabulate."
    )
    raises(lambda: ChainedScheduler([STEPS, COSINE]), ValueError, message)
    inner = SequentialLR([STEPS, DECAY], [5])
    raises(lambda: ChainedScheduler([inner, STEPS]), ValueError, message.replace(repr(COSINE), repr(inner)))


def test_a_trajectory_on_the_host_has_no_data():
    message = (
        f"ChainedScheduler: schedulers must have Python numbers only, with {COSINE} among them. "
        "A trajectory without a closed form is computed on the host."
    )
    members = [StepLR(jnp.float32(0.1), 30), COSINE]
    raises(lambda: ChainedScheduler(members, total_steps=50), TypeError, message)


def test_only_restarts_go_by_fractions_of_an_epoch():
    message = (
        f"PerEpoch: fractional must be False for {STEPS}, got True. "
        "Only CosineAnnealingWarmRestarts has values between epochs."
    )
    raises(lambda: PerEpoch(STEPS, 100, fractional=True), ValueError, message)


# That nothing was forgotten -------------------------------------------------------------


def test_every_argument_is_in_a_table_above():
    everything = {(scheduler, field.name) for scheduler in NEEDED for field in dataclasses.fields(scheduler)}
    others = {  # with a test of their own
        (MultiStepLR, "milestones"),
        (SequentialLR, "milestones"),
        (SequentialLR, "schedulers"),
        (ChainedScheduler, "schedulers"),
        (MultiplicativeLR, "lr_lambda"),
        (PerEpoch, "schedule"),
        (StartingAt, "schedule"),
        (SetAt, "schedule"),
        (Recorded, "values"),
        (Warmup, "schedule"),
    }
    assert everything == others.union(REALS, INTEGERS, CHOICES, FLAGS, FUNCTIONS)
    assert set(NEEDED) == set(SCHEDULERS)
    assert len(SCHEDULERS) >= 17


@pytest.mark.parametrize("scheduler", NEEDED)
def test_what_is_needed_is_enough(scheduler):
    assert np.isfinite(scheduler(**NEEDED[scheduler]).on_host(0))


# Counts ---------------------------------------------------------------------------------

COUNT = "StepLR: count must be an integer or an array of integers, got {}."
DTYPE = COUNT.format("dtype {}") + " Count updates in an integer: float32 has no odd numbers above 2**24."
TOO_LARGE = "StepLR: count must be below 2**63, got {} (ndarray)."
TOO_LARGE_COUNTS = [
    (2**63, ValueError, TOO_LARGE.format("array(9223372036854775808, dtype=uint64)")),
    (2**70, ValueError, TOO_LARGE.format("array(1180591620717411303424, dtype=object)")),
    (np.uint64(2**63), ValueError, TOO_LARGE.format("array(9223372036854775808, dtype=uint64)")),
    (
        np.array([1, 2**64 - 1], np.uint64),
        ValueError,
        TOO_LARGE.format("array([                   1, 18446744073709551615], dtype..."),
    ),
]


@pytest.mark.parametrize(
    ("count", "kind", "message"),
    [
        (1.0, TypeError, DTYPE.format("float64")),
        (1.5, TypeError, DTYPE.format("float64")),
        (math.nan, TypeError, DTYPE.format("float64")),
        (np.float32(1), TypeError, DTYPE.format("float32")),
        (np.arange(3.0), TypeError, DTYPE.format("float64")),
        (jnp.arange(3.0), TypeError, DTYPE.format("float32")),
        (jnp.bfloat16(3), TypeError, DTYPE.format("bfloat16")),
        (np.array([True]), TypeError, DTYPE.format("bool")),
        (jnp.array(True), TypeError, DTYPE.format("bool")),
        (jnp.array(1j), TypeError, DTYPE.format("complex64")),
        (np.array(["3"]), TypeError, DTYPE.format("<U1")),
        (True, TypeError, COUNT.format("True")),
        ("3", TypeError, COUNT.format("'3' (str)")),
        ([1, 2], TypeError, COUNT.format("[1, 2] (list)")),
        (None, TypeError, COUNT.format("None (NoneType)")),
        (Tensor(), TypeError, COUNT.format("tensor(3) (Tensor)")),
        *TOO_LARGE_COUNTS,
    ],
)
def test_counts(count, kind, message):
    raises(lambda: StepLR(0.1, step_size=30)(count), kind, message)


@pytest.mark.parametrize(
    ("count", "kind", "message"),
    [
        (1.5, TypeError, DTYPE.format("float64")),
        ([1, 2.5], TypeError, DTYPE.format("float64")),
        (True, TypeError, "StepLR: count must be an integer or an array of integers, got True."),
        ("3", TypeError, "StepLR: count must be an integer or an array of integers, got '3' (str)."),
        *TOO_LARGE_COUNTS,
    ],
)
def test_counts_on_the_host(count, kind, message):
    raises(lambda: StepLR(0.1, step_size=30).on_host(count), kind, message)


@pytest.mark.parametrize("scheduler", NEEDED)
def test_only_restarts_take_fractional_counts(scheduler):
    schedule = scheduler(**NEEDED[scheduler])
    if scheduler is CosineAnnealingWarmRestarts:
        assert schedule.on_host(0.5) < schedule.on_host(0)
        return
    message = DTYPE.format("float64").replace("StepLR", scheduler.__name__)
    raises(lambda: schedule(0.5), TypeError, message)
    raises(lambda: schedule.on_host(0.5), TypeError, message)


# Dicts ----------------------------------------------------------------------------------


@pytest.fixture
def two_schedulers(monkeypatch):
    """The errors name all schedulers; here, two."""
    monkeypatch.setattr(Schedule, "_classes", {"StepLR": StepLR, "ConstantLR": ConstantLR})


STEP = {"version": 1, "scheduler": "StepLR", "base_lr": 0.1, "step_size": 30, "gamma": 0.1}


@pytest.mark.usefixtures("two_schedulers")
@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "from_dict: version must be 1, got None. Upgrade jaxsched."),
        ({"version": 2, "scheduler": "StepLR"}, "from_dict: version must be 1, got 2. Upgrade jaxsched."),
        ({"version": 1}, "from_dict: scheduler must be one of ConstantLR, StepLR, got None."),
        (
            {"version": 1, "scheduler": "steplr"},
            "from_dict: scheduler must be one of ConstantLR, StepLR, got 'steplr'.",
        ),
        (
            {"version": 1, "scheduler": "StepLR", "base_lr": 0.1, "step_size": 30},
            "from_dict: StepLR must have exactly the keys base_lr, step_size, gamma, got base_lr, step_size.",
        ),
        (
            {**STEP, "last_epoch": 7},
            "from_dict: StepLR must have exactly the keys base_lr, step_size, gamma, "
            "got base_lr, step_size, gamma, last_epoch.",
        ),
        (
            {**STEP, "step_size": 0},
            "StepLR: step_size must be an integer >= 1, got 0. "
            "It is the number of updates between two decays.",
        ),
    ],
)
def test_from_dict(data, message):
    raises(lambda: Schedule.from_dict(data), ValueError, message)


def test_to_dict_of_a_function():
    remedy = "Keep the function in code and build the schedule there."
    function = Named("f", lambda k: 0.9**k)
    raises(
        LambdaLR(0.1, function).to_dict,
        TypeError,
        f"LambdaLR: lr_lambda cannot be written to a dict, got f (Named). {remedy}",
    )
    raises(
        CyclicLR(0.1, 0.3, scale_fn=function).momentum.to_dict,
        TypeError,
        f"CyclicLR: scale_fn cannot be written to a dict, got f (Named). {remedy}",
    )


def test_a_zero_has_no_sign():
    schedule = jaxsched.LinearLR(-0.0, start_factor=0.1, total_iters=7)
    assert repr(schedule) == "LinearLR(0.0, start_factor=0.1, total_iters=7)"
    assert not np.signbit(schedule.on_host(np.arange(9))).any()


IN_OTHER_WORDS = [
    (
        lambda: StepLR(lr=0.1, step_size=3),
        "lr. The learning rate is base_lr. It takes base_lr, step_size, gamma=0.1.",
    ),
    (
        lambda: OneCycleLR(lr=0.1, total_steps=3),
        "lr. The learning rate is max_lr. It takes max_lr, total_steps=",
    ),
    (
        lambda: StepLR(optimizer=None, step_size=3),
        "optimizer. The optimizer is replaced by its learning rate base_lr.",
    ),
    (lambda: StepLR(0.1, stepsize=3), "stepsize. Did you mean step_size?"),
    (
        lambda: StepLR(0.1, 3, last_epoch=5),
        "last_epoch. A schedule has no place where it stands: call it with the",
    ),
    (lambda: StepLR(0.1, 3, verbose=True), "verbose. PyTorch has dropped it, too. It takes"),
    (lambda: StepLR(0.1, 3, zzz=True), "zzz. It takes base_lr"),
    (lambda: jaxsched.ReduceLROnPlateau(lr=0.1), "lr. The learning rate is base_lr."),
]


@pytest.mark.parametrize(
    ("make", "says"), IN_OTHER_WORDS, ids=[says.split(".")[0] for _, says in IN_OTHER_WORDS]
)
def test_an_argument_that_there_is_not(make, says):
    with pytest.raises(TypeError) as raised:
        make()
    assert f": there is no argument {says}" in str(raised.value)


def test_an_optimizer_is_no_learning_rate():
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    with pytest.raises(TypeError) as raised:
        StepLR(optimizer, 30)
    (line,) = str(raised.value).splitlines()
    assert line.startswith("StepLR: base_lr must be a finite number >= 0, got SGD ( Parameter Group 0 ")
    assert line.endswith("It is an optimizer: give its learning rate, or give from_torch the scheduler.")
