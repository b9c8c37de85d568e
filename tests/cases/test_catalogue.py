"""One list of all cases, everything that runs cases reads it, and no part of a scheduler is left out."""

import pathlib
import pkgutil

import pytest

import jaxsched
import jaxsched.schedulers
import parity.run
from benchmarks import accelerator
from parity.cases import CASES, members, pytorch as tried
from parity.cases.pytorch import chained_scheduler, swa_lr
from parity.cases.tried import TRIED
from parity.catalogue import ALL_CASES, PYTORCH_CASES
from parity.reference import pytorch as reference
from parity.reference.known import Known, Multiplying


def asked_of_the_accelerator(monkeypatch, quick):
    """The cases that `make accelerator` would run."""
    asked = []

    class Stopped(Exception):
        pass

    def run(cases, jobs):
        asked.extend(cases)
        raise Stopped

    monkeypatch.setattr(accelerator, "run", run)
    with pytest.raises(Stopped):
        accelerator.parity(quick)
    return asked


def test_every_case_is_asked_of_the_accelerator(monkeypatch):
    assert [case.name for case in asked_of_the_accelerator(monkeypatch, quick=False)] == [
        case.name for case in ALL_CASES
    ]


def test_quick_is_a_part_with_every_family(monkeypatch):
    quick = asked_of_the_accelerator(monkeypatch, quick=True)
    assert 0 < len(quick) < len(ALL_CASES)
    assert {type(case) for case in quick} == {type(case) for case in ALL_CASES}


def test_there_is_one_list():
    assert parity.run.ALL_CASES is ALL_CASES
    assert parity.run.PYTORCH_CASES is PYTORCH_CASES
    names = [case.name for case in ALL_CASES]
    assert len(set(names)) == len(names)


# The rooms of a scheduler -----------------------------------------------------------------

WITHOUT_A_COUNT = {"reduce_lr_on_plateau"}
"""Told metrics: its cases are traces."""
NOT_PYTORCHS = {"per_epoch", "recorded", "set_at", "starting_at", "warmup"}
ROOMS = (jaxsched.schedulers, jaxsched.composed)


def files(folder) -> set[str]:
    """The modules in a package that are not private."""
    return {m.name for m in pkgutil.iter_modules(folder) if not m.name.startswith("_")}


def gaps(schedulers: set[str], known: set[str], there: set[str]) -> list[str]:
    """What is missing of the three rooms of each scheduler."""
    return sorted(
        [f"parity/reference/pytorch/{name}.py" for name in schedulers - known]
        + [f"parity/cases/pytorch/{name}.py" for name in schedulers - there - WITHOUT_A_COUNT]
        + [f"jaxsched/schedulers/{name}.py" for name in (known | there) - schedulers]
    )


def test_each_scheduler_has_its_three_rooms():
    schedulers = files([path for room in ROOMS for path in room.__path__]) - NOT_PYTORCHS
    schedulers |= {"reduce_lr_on_plateau"}  # in by_metric/, with those that are none
    known, there = files(reference.__path__), files(tried.__path__)
    assert len(schedulers) >= 16
    assert gaps(schedulers, known, there) == []
    assert gaps({*schedulers, "new_lr"}, known, there) == [
        "parity/cases/pytorch/new_lr.py",
        "parity/reference/pytorch/new_lr.py",
    ]
    assert gaps(schedulers - {"step_lr"}, known, there) == ["jaxsched/schedulers/step_lr.py"]


def untold(classes, changelog):
    """The classes of which the changelog does not speak."""
    return sorted(name for name in classes if f"`{name}`" not in changelog)


def test_every_scheduler_is_in_the_changelog():
    changelog = (pathlib.Path(parity.run.__file__).parents[1] / "CHANGELOG.md").read_text()
    classes = {each.OURS.__name__ for each in TRIED}
    assert untold(classes, changelog) == []
    assert untold(classes, changelog.replace("`SWALR`", "")) == ["SWALR"]


def test_every_file_is_read():
    assert {*tried.ORDINARY, *tried.COMPOSED} == files(tried.__path__)
    assert [each.__name__.rpartition(".")[2] for each in TRIED] == [*tried.ORDINARY, *tried.COMPOSED]


def test_every_class_has_a_member():
    ordinary = {each.OURS.__name__ for each in TRIED} - COMPOSED
    assert {spec.scheduler for spec in members.MEMBERS.values()} == ordinary


def test_a_class_that_names_no_member_is_one_by_its_first_case(monkeypatch):
    monkeypatch.delattr(swa_lr, "MEMBERS")
    assert dict(members._members())["SWALR"] is swa_lr.CASES[0].spec


def test_a_class_that_is_in_no_chain_is_put_into_some():
    fewer = [case for case in chained_scheduler.CASES if "SWALR" not in case.name]
    assert list(chained_scheduler.others(fewer)) == [
        case for name in swa_lr.MEMBERS for case in members.both_orders(name, "exponential")
    ]
    assert list(chained_scheduler.others(chained_scheduler.CASES)) == []


@pytest.mark.parametrize("each", TRIED, ids=lambda each: each.OURS.__name__)
def test_what_is_tried_is_whole(each):
    assert each.CASES
    assert {case.scheduler for case in (*each.CASES, *each.FAR)} == {each.OURS.__name__}
    assert getattr(jaxsched, each.OURS.__name__) is each.OURS
    for case in each.CASES:
        assert case.quantity == "momentum" or type(case.schedule()) is each.OURS
    found = each.in_optax(each.CASES[0], each.CASES[0].schedule())
    assert found is None or found.steps > 0


@pytest.mark.parametrize("theirs", reference.TABLE)
def test_what_is_known_is_whole(theirs):
    """No formula and no step would mean no exact value, which nobody would notice."""
    facts = reference.TABLE[theirs]
    assert facts.formula is not Known.formula or facts.step not in (Known.step, Multiplying.step)
    assert facts.closed_form is not Known.closed_form or facts.formula is not Known.formula
    assert facts.__name__ in {each.OURS.__name__ for each in TRIED}


def test_a_class_without_events_cannot_be_made():
    class Silent(Known):
        theirs = "nobody.Silent"

    with pytest.raises(TypeError, match="turns"):
        Silent(None, 0, ())


def test_no_table_of_cases_stands_elsewhere():
    """Everything else asks the catalogue, or a kind of case, and keeps no list."""
    root = pathlib.Path(parity.run.__file__).parents[1]
    lists = [
        path.relative_to(root).as_posix()
        for folder in ("parity", "benchmarks")
        for path in (root / folder).rglob("*.py")
        if "*CASES" in path.read_text() and path.name != "catalogue.py"
    ]
    assert lists == []


COMPOSED = {"SequentialLR", "ChainedScheduler"}


def tried_within(composed, cases):
    """The classes that are a member of such a composition, at any depth."""

    def members(spec):
        for value in spec.arguments.values():
            for each in value if isinstance(value, tuple) else ():
                yield each.scheduler
                yield from members(each)

    return {name for case in cases if case.scheduler == composed for name in members(case.spec)}


@pytest.mark.parametrize("composed", sorted(COMPOSED))
def test_every_class_is_tried_within_the_composed_ones(composed):
    """Only there it is asked what one step does to a learning rate in force."""
    alone = {case.scheduler for case in CASES} - COMPOSED
    assert alone - tried_within(composed, CASES) == set()
    fewer = [case for case in CASES if "StepLR" not in case.name]
    assert alone - tried_within(composed, fewer) >= {"StepLR"}
