"""Members, by short names, for sequences and chains; and cases of these."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .by_count import Case
from .member import HORIZON
from .pytorch import ORDINARY, Tried, load
from .spec import Spec


def _members() -> Iterator[tuple[str, Spec]]:
    """What each class says of itself; of one that says nothing, its first case."""
    for file in ORDINARY:
        tried = load(file)
        yield from getattr(tried, "MEMBERS", {tried.OURS.__name__: first(tried)}).items()


def first(tried: Tried) -> Spec:
    """The scheduler of its first case, and the arguments."""
    specs = (case.spec for case in tried.CASES if case.quantity == "lr" and case.fractions is None)
    return next(spec for spec in specs if isinstance(spec, Spec))


MEMBERS: Mapping[str, Spec] = dict(_members())


def sequence(milestones: tuple[int, ...], *names: str) -> Spec:
    """A SequentialLR of members named above."""
    members = tuple(MEMBERS[name] for name in names)
    return Spec("SequentialLR", {"schedulers": members, "milestones": list(milestones)})


def chain(*names: str) -> Spec:
    """A ChainedScheduler of members named above; the horizon is given to all, and used by some."""
    members = tuple(MEMBERS[name] for name in names)
    return Spec("ChainedScheduler", {"schedulers": members}, {"total_steps": HORIZON})


def composite(spec: Spec, base_lr: float = 0.1, steps: int = 150) -> Case:
    return Case(spec, base_lr, steps)


def both_orders(*names: str) -> tuple[Case, Case]:
    return composite(chain(*names)), composite(chain(*reversed(names)))
