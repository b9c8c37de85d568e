"""What a live scheduler will do: a copy of it, stepped. The original is left as it is."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import inspect
import random
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from .._arguments import describe

Step: TypeAlias = Callable[[Any], object]
"""Makes one step of a scheduler, as after an update."""


@dataclasses.dataclass(frozen=True)
class Replay:
    """The groups of an optimizer now, and after each of so many steps of a scheduler."""

    lr: np.ndarray
    """Float64, by step and group."""
    momentum: np.ndarray
    """The same of ``momentum``, or of ``betas[0]``; NaN where a group has neither."""
    weight_decay: np.ndarray
    """The same; NaN where a group has none."""
    ended: Exception | None = None
    """What the next step failed with, if not all could be made."""

    def __len__(self) -> int:
        """How many counts there are: one more than steps."""
        return len(self.lr)


def replay(scheduler: object, steps: int, step: Step | None = None) -> Replay:
    """Steps a copy of a scheduler.

    The copy has an optimizer of its own, with the groups as they are now, and neither weights nor moments. No
    random generator moves on, and nothing is warned of.

    Args:
      scheduler: anything with an optimizer that changes its groups when it is stepped.
      steps: how many steps, >= 0.
      step: how to make one; what its `protocol` says if it is None.

    Raises:
      ValueError: it cannot be copied; the message has its own error.
      TypeError: it has no optimizer, or there is no knowing how it is stepped.
    """
    how = protocol(scheduler) if step is None else Protocol(lambda own, count: step(own))
    with _undisturbed(), _untouched(scheduler):
        own = copied(scheduler)
        groups = optimizer_of(own).param_groups
        # Not a list of lists: of so many containers Python's collector looks through all that is loaded.
        rows, done = np.empty((steps + 1, 3, len(groups))), 0
        for count in range(steps + 1):
            try:
                if count or how.before:
                    how.step(own, count)
                rows[count] = _now(groups)
                done = count + 1
            except Exception as error:
                return _columns(rows[:done] if done else np.array([_now(groups)]), error)
    return _columns(rows, None)


class Remembered:
    """`replay` of one scheduler, in which all groups of its optimizer share what was stepped."""

    def __init__(self) -> None:
        self._found: dict[int, Replay] = {}

    def __call__(self, scheduler: object, steps: int, step: Step | None = None) -> Replay:
        if steps not in self._found:
            self._found[steps] = replay(scheduler, steps, step)
        return self._found[steps]


def _columns(columns: np.ndarray, ended: Exception | None) -> Replay:
    return Replay(columns[:, 0], columns[:, 1], columns[:, 2], ended)


# How it is stepped ----------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Protocol:
    """How a scheduler is stepped."""

    step: Callable[[Any, int], object]
    """Makes the step to a count."""
    before: bool = False
    """Whether it steps before the first update, too."""


def protocol(scheduler: object) -> Protocol:
    """How a scheduler is stepped, by the library it comes from."""
    homes = [cls.__module__.partition(".")[0] for cls in type(scheduler).__mro__]
    for home, find in _PROTOCOLS.items():
        if home in homes:
            return find(scheduler)
    return _by_step(scheduler)


def _by_step(scheduler: object) -> Protocol:
    step = getattr(scheduler, "step", None)
    if not callable(step):
        raise TypeError(
            f"from_torch: step must be given for {describe(scheduler)}, which has no method step, got None. "
            "It is a function of the scheduler that makes one step, as in step=lambda s: s.update()."
        )
    try:
        signature = inspect.signature(step)
    except (TypeError, ValueError):  # written in C
        return Protocol(lambda own, count: own.step())
    needed = [
        name
        for name, parameter in signature.parameters.items()
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]
    if needed:
        raise TypeError(
            f"from_torch: step must be given for {describe(scheduler)}, whose step needs "
            f"{', '.join(needed)}, got None. It is a function of the scheduler that makes one step. What "
            "looks at losses or weights cannot be recorded."
        )
    return Protocol(lambda own, count: own.step())


def _of_timm(scheduler: Any) -> Protocol:
    # timm's schedulers keep no count. They are told the next epoch, or the number of updates made.
    if not hasattr(scheduler, "step_update"):
        return _by_step(scheduler)
    return Protocol(lambda own, count: (own.step(count), own.step_update(count)))


def _of_ignite(scheduler: Any) -> Protocol:
    # A handler of the event before an update: the first one has had its effect on the first update.
    class Engine:
        state = type("State", (), {"param_history": {}})()

    return (
        Protocol(lambda own, count: own(Engine), before=True) if callable(scheduler) else _by_step(scheduler)
    )


_PROTOCOLS: Mapping[str, Callable[[Any], Protocol]] = {"timm": _of_timm, "ignite": _of_ignite}
"""Those that are not stepped by ``scheduler.step()``, by the package they come from."""


# What it changes ------------------------------------------------------------------------


def optimizer_of(scheduler: object) -> Any:
    """The optimizer whose groups a scheduler changes."""
    for where in (scheduler, *getattr(scheduler, "_schedulers", ())):
        optimizer = getattr(where, "optimizer", None)
        if hasattr(optimizer, "param_groups"):
            return optimizer
    raise TypeError(
        "from_torch: scheduler must have an optimizer with param_groups as its attribute optimizer, got "
        f"{describe(scheduler)}. Hand in the scheduler itself."
    )


def _name(scheduler: object) -> str:
    return type(scheduler).__name__


def _now(groups: Sequence[Mapping[str, Any]]) -> list[list[float]]:
    def momentum(group: Mapping[str, Any]) -> float:
        found = group["betas"][0] if "betas" in group else group.get("momentum", np.nan)
        return float(found)

    return [
        [float(group["lr"]) for group in groups],
        [momentum(group) for group in groups],
        [float(group.get("weight_decay", np.nan)) for group in groups],
    ]


# The copy -------------------------------------------------------------------------------


def copied(scheduler: Any) -> Any:
    """A copy that shares neither parameters nor state."""
    try:
        return copy.deepcopy(scheduler, _instead(scheduler))
    except Exception as error:
        raise ValueError(
            f"from_torch: {_name(scheduler)} must be one that copy.deepcopy copies, so that it can be "
            f"stepped without touching yours. It failed with {type(error).__name__}: {error}. Take off it "
            "what cannot be copied, such as a file or a lock, or give the class a __deepcopy__."
        ) from error


def _instead(scheduler: object) -> dict[int, object]:
    """What stands in a copy for what must not be copied: by its identity, as `copy.deepcopy` asks for it.

    Parameters become tiny ones and what an optimizer remembers of them is left out. Models, and whatever else
    has parameters, are shared: a scheduler has no business with them. Other tensors are the copy's own, as
    they are: one may be a learning rate, or a table of them.
    """
    import torch

    found: dict[int, object] = {}
    tensors: list[torch.Tensor] = []
    weights: set[int] = set()
    seen: set[int] = set()
    waiting = [scheduler]
    while waiting:
        one = waiting.pop()
        if id(one) in seen or isinstance(one, (str, bytes, int, float, type, type(torch))):
            continue
        seen.add(id(one))
        if isinstance(one, torch.nn.Module):
            found[id(one)] = one
        elif isinstance(one, torch.Tensor):
            tensors.append(one)
        elif isinstance(one, Mapping):
            waiting += one.values()
        elif isinstance(one, (list, tuple, set)):
            waiting += one
        else:
            if isinstance(one, torch.optim.Optimizer):
                found[id(one.state)] = defaultdict(dict)
                weights.update(id(weight) for group in one.param_groups for weight in group["params"])
            waiting += (
                [value for name, value in vars(one).items() if name != "state"]
                if hasattr(one, "__dict__")
                else []
            )
            waiting += [getattr(one, "__self__", None)]
    for tensor in tensors:
        if isinstance(tensor, torch.nn.Parameter) or id(tensor) in weights:
            found[id(tensor)] = torch.nn.Parameter(torch.zeros(1, dtype=tensor.dtype), requires_grad=False)
        elif not tensor.is_leaf:  # which deepcopy refuses
            found[id(tensor)] = tensor.detach().clone()
    found[id(found)] = [found]
    return found


@contextlib.contextmanager
def _untouched(scheduler: object) -> Iterator[None]:
    """Puts back, and tells, what a step has changed of the original: functions are shared with the copy."""
    groups = optimizer_of(scheduler).param_groups
    before = [{name: value for name, value in group.items() if name != "params"} for group in groups]
    numbers = _now(groups)
    yield
    if not np.array_equal(_now(groups), numbers, equal_nan=True):
        for group, values in zip(groups, before, strict=True):
            group.update(values)
        raise ValueError(
            f"from_torch: {_name(scheduler)} must change the optimizer that is its own, and a step of a copy "
            "changed yours, which is put back. A function in it holds on to the optimizer: let step= be one "
            "of the copy's, as in step=lambda own: write(own.optimizer)."
        )


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    import torch

    here, numpy = random.getstate(), np.random.get_state()
    try:
        with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
            warnings.simplefilter("ignore")
            yield
    finally:
        random.setstate(here)
        np.random.set_state(numpy)
