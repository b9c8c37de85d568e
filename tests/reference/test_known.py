"""What is exactly known of PyTorch's schedulers: of all of them, and of the class, not of its name."""

import inspect

import numpy as np
import pytest
import torch

from parity.cases import CASES
from parity.catalogue import ALL_CASES
from parity.reference import events, exact, live
from parity.reference.arithmetic import double_double, fifty_digits
from parity.reference.pytorch import TABLE, known

LIBRARY = torch.optim.lr_scheduler


def optimizer():
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)


def of_pytorch() -> set[str]:
    """The full names of PyTorch's schedulers that step by the count."""
    classes = [*vars(LIBRARY).values(), torch.optim.swa_utils.SWALR]
    return {
        f"{cls.__module__}.{cls.__qualname__}"
        for cls in classes
        if inspect.isclass(cls) and issubclass(cls, LIBRARY.LRScheduler) and not cls.__name__.startswith("_")
    } - {f"{LIBRARY.__name__}.{name}" for name in ("LRScheduler", "ReduceLROnPlateau")}


def test_each_class_has_its_file():
    assert set(TABLE) == of_pytorch()


@pytest.mark.parametrize("theirs", TABLE)
def test_each_class_has_a_formula_or_a_step_for_each_quantity(theirs):
    name = theirs.rpartition(".")[2]
    for quantity in TABLE[theirs].quantities:
        case = next(case for case in CASES if (case.scheduler, case.quantity) == (name, quantity))
        assert exact.formula_of(case.make_torch_scheduler(), quantity) is not None
    assert known(case.make_torch_scheduler()).step(fifty_digits) is not None


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.steps <= 200 and not case.fractions], ids=lambda case: case.name
)
def test_formula_and_steps_agree(case):
    """A scheduler alone does the same when it acts on whatever learning rate is in force."""
    scheduler = case.make_torch_scheduler()
    facts = known(scheduler)
    formula, step = facts.formula(fifty_digits, "lr"), facts.step(fifty_digits)
    if formula is None or case.quantity != "lr":
        return
    lr = fifty_digits.number(scheduler.optimizer.param_groups[0]["initial_lr"])
    for k in range(case.steps):
        lr = step(k, lr)
        assert abs(lr - formula(k)) < 1e-40


class StepLR(LIBRARY.ConstantLR):
    """A user's own, with the name of one of PyTorch's."""

    step_size, gamma = 3, 0.5


def test_a_class_that_is_only_named_like_pytorchs_is_not_taken_for_it():
    mine = StepLR(optimizer())
    assert exact.formula_of(mine) is None
    assert exact.formula_of(LIBRARY.ChainedScheduler([mine])) is None
    assert [event.kind for event in events.told_by(mine, 20)] == [events.Kind.START]


def test_a_sequence_keeps_its_own_events_where_a_member_is_unknown():
    both = optimizer()
    members = [StepLR(both), LIBRARY.StepLR(both, 4)]
    found = events.told_by(LIBRARY.SequentialLR(both, members, [10]), 20)
    assert [(event.what, event.count) for event in found] == [
        ("first count", 0),
        ("hand-over", 10),
        ("decay", 14),
        ("decay", 18),
    ]
    assert exact.formula_of(LIBRARY.SequentialLR(both, members, [10])) is None


def test_kinds_are_told_apart_by_their_words_too():
    assert len({kind.value for kind in events.Kind}) == len(events.Kind)


def test_an_array_of_counts_gives_what_each_gives():
    for case in CASES:
        form = known(case.make_torch_scheduler()).closed_form(double_double, case.quantity)
        if form is None or case.fractions or case.steps > 200:
            continue
        together = form(np.arange(20)).high
        alone = [float(form(np.arange(k, k + 1)).high.ravel()[0]) for k in range(20)]
        assert together.tolist() == alone, case.name


@pytest.mark.parametrize(
    "case", [case for case in ALL_CASES if case.schedule() is not None], ids=lambda case: case.name
)
def test_what_is_exact_is_what_the_live_one_does(case):
    """Of all families: PyTorch multiplies its way from step to step, some rounding errors for each.

    What it adds and subtracts on the way may be larger than what comes out.
    """
    case = case.shortened(400)
    stepped = case.step()
    assert stepped.exact is not None
    peak = max(float(np.max(np.abs(stepped.values))), case.setup.base_lr)
    for made, (count, value) in enumerate(
        zip(stepped.counts.tolist(), stepped.values.tolist(), strict=False)
    ):
        if made > 60 and made % 7:
            continue
        assert abs(stepped.exact(count) - value) <= 64 * 2.0**-53 * (made + 1) * peak, count


@pytest.mark.parametrize(("steps", "told"), [(999, [999]), (1000, [1000, 0]), (2500, [1000, 1000, 500])])
def test_progress_tells_of_every_count(steps, told):
    heard = []
    live.trajectory(LIBRARY.StepLR(optimizer(), 30), steps, progress=heard.append)
    assert heard == told
