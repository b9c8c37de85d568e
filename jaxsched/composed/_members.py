import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

from .. import _numerics as nx
from .._arguments import error
from .._schedule import Schedule

_REMEDY = "Convert a PyTorch one with from_torch; a function f goes in LambdaLR(1.0, f)."


@dataclasses.dataclass(frozen=True)
class Member:
    """One schedule."""

    def __call__(self, owner: str, name: str, value: Any) -> Schedule:
        if not isinstance(value, Schedule):
            raise error(TypeError, owner, name, value, "a schedule", _REMEDY)
        return value


@dataclasses.dataclass(frozen=True)
class Members:
    """Schedules, at least one."""

    def __call__(self, owner: str, name: str, value: Any) -> tuple[Schedule, ...]:
        allowed = "a sequence of schedules"
        if isinstance(value, (str, bytes, Schedule)) or not isinstance(value, Sequence):
            raise error(TypeError, owner, name, value, allowed, "Write it like [warmup, cosine].")
        if not value:
            raise error(ValueError, owner, name, value, allowed, "Give at least one.")
        return tuple(Member()(owner, f"{name}[{i}]", member) for i, member in enumerate(value))


def common_optimizer_lr(members: Iterable[Schedule]) -> nx.Number | None:
    """The first learning rate of the optimizer that a member tells."""
    return next((lr for member in members if (lr := member._optimizer_lr) is not None), None)
