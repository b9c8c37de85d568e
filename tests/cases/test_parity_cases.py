"""The table of cases, on the real PyTorch: this is the comparison itself."""

import inspect

import pytest
import torch

import parity
from parity.cases import CASES, Spec
from parity.cases.by_metric import PLATEAU_CASES
from parity.reference import exact, pytorch


def test_the_table_is_large_and_its_names_are_unique():
    assert len(CASES) >= 60
    assert len({case.name for case in CASES}) == len(CASES)


def torch_classes():
    """Every scheduler that PyTorch has, with the arguments that matter and their defaults."""
    library = torch.optim.lr_scheduler
    found = {
        name: value
        for name, value in vars(library).items()
        if inspect.isclass(value) and issubclass(value, library.LRScheduler) and not name.startswith("_")
    }
    found["SWALR"] = torch.optim.swa_utils.SWALR
    del found["LRScheduler"]
    # The optimizer is the place, and last_epoch the moment; neither is the schedule.
    return {
        name: {
            argument: parameter.default
            for argument, parameter in inspect.signature(cls).parameters.items()
            if argument not in ("optimizer", "last_epoch")
        }
        for name, cls in found.items()
    }


def exercised():
    """What the cases give to each class, members of sequences and chains included."""
    seen = {}

    def look(spec):
        for argument, value in spec.arguments.items():
            seen.setdefault(spec.scheduler, {}).setdefault(argument, []).append(value)
            for member in value if isinstance(value, tuple) else ():
                look(member)

    for case in CASES:
        look(case.spec)
    for case in PLATEAU_CASES:
        look(Spec(case.scheduler, case.trace.arguments))
    return seen


def missing(classes, seen):
    """Arguments of PyTorch's that no case gives a value other than the default."""
    return [
        f"{name}.{argument}"
        for name, arguments in classes.items()
        for argument, default in arguments.items()
        if not any(
            value is not default and value != default for value in seen.get(name, {}).get(argument, ())
        )
    ]


def test_every_argument_of_every_class_is_exercised():
    classes = torch_classes()
    assert len(classes) >= 16
    assert missing(classes, exercised()) == []


def test_a_new_argument_or_class_of_pytorch_would_be_missed():
    classes = torch_classes()
    classes["StepLR"]["warmup"] = 0
    classes["NewLR"] = {"speed": inspect.Parameter.empty}
    assert missing(classes, exercised()) == ["StepLR.warmup", "NewLR.speed"]


def sampled(cases, is_quick):
    """All cases, those that are not quick marked as slow: `make parity` runs them all, too."""
    return [
        case if is_quick(i, case) else pytest.param(case, marks=pytest.mark.slow)
        for i, case in enumerate(cases)
    ]


@pytest.mark.parametrize(
    "case", sampled(CASES, lambda i, case: i % 3 == 0 and case.steps <= 15_000), ids=lambda case: case.name
)
def test_case(case):
    found = parity.compare(
        case.schedule(),
        case.make_torch_scheduler,
        steps=case.steps,
        quantity=case.quantity,
        fractions=case.fractions,
    )
    assert found.passed, str(found)
    assert found.steps == case.steps
    # The goal is more than 99.999 % over all cases; torch's drift shows next to the end of
    # the longest ones, and nowhere else.
    assert found.correctly_rounded <= found.steps / 50_000


@pytest.mark.parametrize(
    "case", sampled(PLATEAU_CASES, lambda i, case: i % 6 == 0), ids=lambda case: case.name
)
def test_plateau(case):
    found = case.compare()
    assert found.passed, str(found)
    assert found.steps == found.eager == case.steps
    assert found.correctly_rounded <= 1


@pytest.mark.parametrize("case", [case for case in CASES if case.steps <= 3_000], ids=lambda case: case.name)
def test_the_exact_value_is_what_pytorch_does(case):
    # The arbiter must be right itself. PyTorch computes in float64, so all but its own
    # rounding (relative to the top of the trajectory) agrees.
    scheduler = case.make_torch_scheduler()
    values = pytorch.trajectory(
        scheduler, case.steps, quantity=case.quantity, fractions=case.fractions
    ).values
    arbiter = exact.formula_of(scheduler, case.quantity)
    assert arbiter is not None
    counts = case.fractions or range(case.steps)
    apart = [abs(float(arbiter(k)) - value) for k, value in zip(counts, values, strict=True)]
    assert max(apart) <= 1e-12 * max(values)


class Unknown(torch.optim.lr_scheduler.StepLR):
    """Somebody's own, of which no formula is known."""


def test_every_scheduler_has_an_exact_formula():
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    unknown = Unknown(optimizer, 30)
    assert exact.formula_of(unknown) is None  # not guessed
    assert exact.formula_of(torch.optim.lr_scheduler.ChainedScheduler([unknown])) is None
    assert all(exact.formula_of(case.make_torch_scheduler(), case.quantity) for case in CASES)
