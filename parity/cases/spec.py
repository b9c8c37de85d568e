"""A scheduler and its arguments, apart from PyTorch and JAX; it can make both."""

from __future__ import annotations

import abc
import dataclasses
import inspect
import textwrap
from collections.abc import Callable, Iterator, Mapping
from typing import Any, final

import jaxsched

from ..reference.live import Live


@dataclasses.dataclass(frozen=True)
class BaseSpec(abc.ABC):
    """What every family of schedulers can do with its arguments."""

    scheduler: str
    """What the family calls it: the class, in PyTorch and in jaxsched."""

    arguments: Mapping[str, Any]
    """What theirs is given besides the optimizer; members are specs themselves."""

    ours: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """Arguments for jaxsched on top: a horizon, or a function written anew for JAX."""

    @abc.abstractmethod
    def call(self, base_lr: float) -> str:
        """The schedule as its call: its name."""

    @abc.abstractmethod
    def torch(self, optimizer: Any) -> Live:
        """Theirs, alive."""

    @abc.abstractmethod
    def schedule(self, base_lr: float) -> jaxsched.Schedule:
        """Ours."""

    @abc.abstractmethod
    def torch_code(self) -> str:
        """The Python expression that makes theirs on ``optimizer``."""

    @abc.abstractmethod
    def jaxsched_code(self, base_lr: float) -> str:
        """The Python expression that makes ours."""

    @property
    def needs(self) -> tuple[str, ...]:
        """What a script imports for it besides torch, jax and jaxsched."""
        return ()

    def members(self) -> Iterator[BaseSpec]:
        """Those among the arguments: a tuple holds members."""
        for value in self.arguments.values():
            if isinstance(value, tuple):
                yield from value

    @property
    def calls_function(self) -> bool:
        """Whether a function of the user's is computed, and not only its values looked up."""
        mine = any(map(callable, self.arguments.values())) and "total_steps" not in self.ours
        return mine or any(member.calls_function for member in self.members())

    def given_functions(self) -> Iterator[Callable[..., Any]]:
        """The functions that either side is given, those of members included."""
        for member in self.members():
            yield from member.given_functions()
        yield from filter(callable, (*self.arguments.values(), *self.ours.values()))

    def recorded(self) -> dict[str, Any]:
        """What JSON can keep of it; functions by name."""
        arguments, ours = (
            {name: _recorded(value) for name, value in given.items()} for given in (self.arguments, self.ours)
        )
        return {"scheduler": self.scheduler, "arguments": arguments, "jaxsched": ours}

    def functions(self) -> Iterator[str]:
        """The sources of the functions that either side is given."""
        for value in {**self.arguments, **self.ours}.values():
            if isinstance(value, tuple):
                for member in value:
                    yield from member.functions()
            elif callable(value):
                yield _source(value)
        for name, value in self.arguments.items():
            if callable(value) and callable(self.ours.get(name)):
                yield _source(value)


@final
@dataclasses.dataclass(frozen=True)
class Spec(BaseSpec):
    """One of PyTorch's classes."""

    @property
    def sets_own_lr(self) -> bool:
        """Whether the learning rate is among the arguments, and not the optimizer's."""
        parameters = inspect.signature(getattr(jaxsched, self.scheduler)).parameters
        return "base_lr" in self.arguments or "base_lr" not in parameters

    @property
    def _library(self) -> Any:
        """The module of PyTorch that has the class."""
        import torch

        usual = torch.optim.lr_scheduler
        return usual if hasattr(usual, self.scheduler) else torch.optim.swa_utils

    @property
    def _takes_optimizer(self) -> bool:
        """ChainedScheduler has its members'."""
        return next(iter(inspect.signature(getattr(self._library, self.scheduler)).parameters)) == "optimizer"

    def call(self, base_lr: float) -> str:
        first = "" if self.sets_own_lr else repr(base_lr)
        named = arguments_code(self.arguments, lambda spec: spec.call(base_lr))
        return f"{self.scheduler}({f'{first}{named}'.removeprefix(', ')})"

    def torch(self, optimizer: Any) -> Live:
        arguments = {n: _each(v, lambda spec: spec.torch(optimizer)) for n, v in self.arguments.items()}
        first = (optimizer,) if self._takes_optimizer else ()
        return getattr(self._library, self.scheduler)(*first, **arguments)

    def schedule(self, base_lr: float) -> jaxsched.Schedule:
        given = {**self.arguments, **self.ours}
        arguments = {n: _each(v, lambda spec: spec.schedule(base_lr)) for n, v in given.items()}
        first = () if self.sets_own_lr else (base_lr,)
        made: jaxsched.Schedule = getattr(jaxsched, self.scheduler)(*first, **arguments)
        return made

    def torch_code(self) -> str:
        first = "optimizer" if self._takes_optimizer else ""
        named = arguments_code(self.arguments, lambda member: member.torch_code())
        return f"{self._library.__name__}.{self.scheduler}({f'{first}{named}'.removeprefix(', ')})"

    def jaxsched_code(self, base_lr: float) -> str:
        first = "" if self.sets_own_lr else repr(base_lr)
        given = {**self.arguments, **self.ours}
        named = arguments_code(given, lambda member: member.jaxsched_code(base_lr))
        return f"jaxsched.{self.scheduler}({f'{first}{named}'.removeprefix(', ')})"


def arguments_code(given: Mapping[str, Any], member: Callable[[Any], str] = str) -> str:
    """Named arguments as they stand in a call, each after a comma; a tuple holds members."""
    shown = []
    for name, value in given.items():
        if isinstance(value, tuple):
            text = f"[{', '.join(map(member, value))}]"
        else:
            text = value.__name__ if callable(value) else repr(value)
        shown.append(f", {name}={text}")
    return "".join(shown)


def _each(value: Any, convert: Callable[[BaseSpec], Any]) -> Any:
    """Members of a composite converted, everything else as it is."""
    if isinstance(value, tuple):
        return [convert(member) for member in value]
    return value


def _recorded(value: Any) -> Any:
    if isinstance(value, tuple):
        return [member.recorded() for member in value]
    return {"function": value.__name__} if callable(value) else value


def _source(function: Callable[..., Any]) -> str:
    return "\n" + textwrap.dedent(inspect.getsource(function))
