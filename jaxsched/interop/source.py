"""One parameter group of a scheduler of PyTorch: what a live one and a saved one have in common."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import Protocol, SupportsFloat, TypeAlias, cast

from .._arguments import describe
from .from_transformers import MODULE

Named: TypeAlias = str | Sequence[object]
"""A class by its name; a sequence or chain with its members: ``("SequentialLR", ["LinearLR", "StepLR"])``."""


class _Optimizer(Protocol):
    param_groups: Sequence[Mapping[str, object]]


class _Live(Protocol):
    optimizer: _Optimizer


@dataclasses.dataclass(frozen=True)
class Source:
    """One parameter group of a scheduler."""

    name: str
    attributes: Mapping[str, object]
    """``vars(scheduler)``, or its ``state_dict()``."""
    options: Mapping[str, object]
    """The optimizer's parameter group."""
    group: int
    total_steps: int | None
    members: tuple[Source, ...] = ()

    def __getitem__(self, attribute: str) -> object:
        if attribute not in self.attributes:
            raise ValueError(
                f"from_torch: {self.name} must have the attribute {attribute}, and has not. "
                "Was it made by another version of PyTorch? Build the schedule by hand."
            )
        return self.attributes[attribute]

    def number(self, attribute: str) -> float:
        return float(cast(SupportsFloat, self[attribute]))

    def of_group(self, attribute: str) -> object:
        """The group's entry of a list with one for each."""
        entries = cast(Sequence[object], self[attribute])
        if self.group >= len(entries):
            raise ValueError(
                f"from_torch: {self.name}.{attribute} must have an entry for group {self.group}, and has "
                f"{len(entries)}. The group was added to the optimizer after the scheduler was made: make "
                "the scheduler afterwards."
            )
        return entries[self.group]

    def number_of_group(self, attribute: str) -> float:
        return float(cast(SupportsFloat, self.of_group(attribute)))

    def option(self, name: str) -> float:
        """A number that the optimizer keeps for the group."""
        if name not in self.options:
            raise ValueError(
                f"from_torch: {self.name} must have {name} in the optimizer's group {self.group}, and has "
                "not. It puts it there itself: hand in the groups of the optimizer that it was made with."
            )
        return float(cast(SupportsFloat, self.options[name]))

    @property
    def base_lr(self) -> float:
        if self.group >= len(cast(Sequence[object], self["base_lrs"])):
            return self.option("initial_lr" if "initial_lr" in self.options else "lr")  # added later
        return self.number_of_group("base_lrs")

    @property
    def lr(self) -> float:
        """The learning rate in force."""
        return self.option("lr")

    def knows_only(self, known: Collection[str]) -> None:
        """Refuses an attribute that is not known: it may change the learning rate."""
        unknown = sorted(set(self.attributes) - set(known))
        if unknown:
            raise ValueError(
                f"from_torch: {self.name} has the attribute {unknown[0]} = "
                f"{describe(self.attributes[unknown[0]])}, "
                "which is not known here. It may change the learning rate: build the schedule by hand."
            )


def alive(scheduler: object, total_steps: int | None, known: Collection[str]) -> list[Source]:
    """Each parameter group of a live scheduler, which must be of a known class."""
    name = type(scheduler).__name__

    def source(live: object, name: str, index: int) -> Source:
        members = getattr(live, "_schedulers", ())
        inner = tuple(source(member, type(member).__name__, index) for member in members)
        return Source(name, vars(live), groups[index], index, total_steps, inner)

    groups = cast(_Live, scheduler).optimizer.param_groups
    return [source(scheduler, name, index) for index in range(len(groups))]


def saved(
    name: Named,
    state: Mapping[str, object],
    groups: Sequence[Mapping[str, object]],
    total_steps: int | None,
    known: Collection[str],
) -> list[Source]:
    """Each parameter group of a scheduler in a checkpoint, which must be of a known class."""

    _check_groups(groups)

    def source(name: Named, state: Mapping[str, object], index: int) -> Source:
        if not isinstance(state, Mapping):
            raise TypeError(
                f"from_torch_state: state must be a mapping, as state_dict() returns, got {describe(state)}."
            )
        if not isinstance(name, (str, Sequence)) or not name:
            raise TypeError(
                f"from_torch_state: name must be one of {', '.join(known)}, or such a name with its members, "
                f"got {describe(name)}."
            )
        own = name if isinstance(name, str) else cast(str, name[0])
        inner = () if isinstance(name, str) else tuple(cast(Sequence[Named], name[1]))
        if own not in known:
            raise ValueError(f"from_torch_state: name must be one of {', '.join(known)}, got {own!r}.")
        states = cast(Sequence[Mapping[str, object]], state.get("_schedulers", ()))
        if len(inner) != len(states):
            raise ValueError(
                f"from_torch_state: name must tell the {len(states)} members of {own}, got {name!r}. "
                'Write it like ("SequentialLR", ["LinearLR", "StepLR"]).'
            )
        members = tuple(source(n, s, index) for n, s in zip(inner, states, strict=True))
        return Source(own, state, groups[index], index, total_steps, members)

    return [source(name, state, index) for index in range(len(groups))]


def _check_groups(groups: object) -> None:
    allowed = "a sequence of mappings with lr, as optimizer.state_dict()['param_groups']"
    if not isinstance(groups, Sequence) or not groups:
        raise ValueError(f"from_torch_state: param_groups must be {allowed}, got {describe(groups)}.")
    for i, group in enumerate(groups):
        if not isinstance(group, Mapping) or "lr" not in group:
            raise ValueError(
                f"from_torch_state: param_groups[{i}] must be one of {allowed}, got {describe(group)}."
            )


def is_known(scheduler: object, known: Collection[str]) -> bool:
    """Whether it is of a class of PyTorch or transformers; somebody else's of that name is not."""
    name, home = type(scheduler).__name__, type(scheduler).__module__
    inner: Sequence[object] = getattr(scheduler, "_schedulers", ())
    own = home.startswith(("torch.optim.", MODULE)) and name in known
    return own and all(is_known(member, known) for member in inner)
