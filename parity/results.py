"""What came of a run: the one model that every report prints."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from . import modes
from .comparison import Comparison
from .environment import environment

if TYPE_CHECKING:
    from .cases import ComparedCase
    from .deviations import Demonstration
    from .devices.table import Table
    from .optimizers import Beside
    from .training import TrainingResult


@dataclasses.dataclass(frozen=True)
class OptaxResult:
    """How far Optax's own schedule is from PyTorch's on the same case."""

    name: str
    steps: int
    identical: int
    max_ulp: float
    max_ulp_count: int | None
    max_share: float
    """Greatest difference, as a share of the highest value; NaN where a value is NaN."""


@dataclasses.dataclass(frozen=True)
class PairCase:
    """A schedule and a scheduler that somebody brought."""

    name: str
    scheduler: str
    steps: int
    quantity: str = "lr"
    setup: None = None
    """Nothing is known of how it was made."""


@dataclasses.dataclass(frozen=True)
class CaseResult:
    case: ComparedCase | PairCase
    comparison: Comparison
    optax: OptaxResult | None
    seconds: float
    torch_seconds: float
    """What of it PyTorch took to step its scheduler."""

    command: str | None = None
    """What does the case once more, if it is not one of the table."""

    modes: Mapping[str, int] = dataclasses.field(default_factory=dict)
    """At how many counts other bits came out when called otherwise; empty where not looked at."""

    @property
    def again(self) -> str:
        """The command that does this case once more."""
        return self.command or f"parity run -k {shlex.quote(self.case.name)}"

    @property
    def problem(self) -> str | None:
        """Why the case fails, in one sentence; None when it passes."""
        unstable = [f"{mode} ({n})" for mode, n in self.modes.items() if n]
        if self.comparison.problem is not None or not unstable:
            return self.comparison.problem
        return f"other bits than under vmap, at so many of {modes.COUNTS} counts: {', '.join(unstable)}"

    @property
    def passed(self) -> bool:
        return self.problem is None


@dataclasses.dataclass(frozen=True)
class Tally:
    """The cases of one scheduler, added up."""

    scheduler: str
    cases: int
    failed: int
    steps: int
    identical: int
    correctly_rounded: int
    max_ulp: float


@dataclasses.dataclass(frozen=True)
class Run:
    """All results, and where they were had."""

    results: tuple[CaseResult, ...]
    training: tuple[TrainingResult, ...]
    deviations: tuple[Demonstration, ...]
    environment: dict[str, str]
    seconds: float
    devices: Table | None = None
    optimizers: tuple[Beside, ...] = ()
    """PyTorch's beside Optax's, where the run is whole."""

    @property
    def failed(self) -> tuple[CaseResult, ...]:
        return tuple(result for result in self.results if not result.passed)

    @property
    def parted(self) -> tuple[TrainingResult, ...]:
        """The twins that did not stay together."""
        return tuple(result for result in self.training if not result.passed)

    @property
    def outdated(self) -> tuple[Demonstration, ...]:
        """Accepted deviations that no longer occur."""
        return tuple(shown for shown in self.deviations if not shown.occurs)

    @property
    def other_optimizers(self) -> tuple[Beside, ...]:
        """Those of which `optimizer_from_torch` makes something else."""
        return tuple(beside for beside in self.optimizers if not beside.passed)

    @property
    def broken(self) -> bool:
        """Whether what is said of PyTorch or Optax beside the cases no longer holds."""
        return bool(self.outdated or self.other_optimizers)

    @property
    def torch_seconds(self) -> float:
        """What PyTorch's own loops took, of all processes together."""
        return sum(result.torch_seconds for result in self.results) + sum(
            result.torch_seconds for result in self.training
        )

    @property
    def steps(self) -> int:
        return sum(result.comparison.steps for result in self.results)

    @property
    def identical(self) -> int:
        return sum(result.comparison.identical for result in self.results)

    @property
    def correctly_rounded(self) -> int:
        return sum(result.comparison.correctly_rounded for result in self.results)

    @property
    def compared(self) -> bool:
        """Whether there was anything."""
        replayed = self.devices is not None and self.devices.compared > 0
        trained = any(result.comparison.steps or not result.case.brought for result in self.training)
        return self.steps > 0 or trained or replayed

    @property
    def passed(self) -> bool:
        """Whether anything was compared, nothing of it is refused, and the deviations still hold."""
        devices = self.devices.refused if self.devices is not None else ()
        return self.compared and not (self.failed or self.parted or self.broken or devices)

    @property
    def verdict(self) -> str:
        """In two words at most; not compared: what was asked for was left out, and nothing else is wrong."""
        if self.passed:
            return "passed"
        devices = self.devices.failed if self.devices is not None else ()
        wrong = self.failed or self.parted or self.broken or devices
        return "failed" if wrong or self.devices is None else "not compared"

    def by_scheduler(self) -> list[Tally]:
        """One tally for each scheduler, in the order of the cases."""
        tallies = []
        for name in dict.fromkeys(result.case.scheduler for result in self.results):
            cases = [result for result in self.results if result.case.scheduler == name]
            mine = [result.comparison for result in cases]
            tallies.append(
                Tally(
                    scheduler=name,
                    cases=len(mine),
                    failed=sum(not result.passed for result in cases),
                    steps=sum(found.steps for found in mine),
                    identical=sum(found.identical for found in mine),
                    correctly_rounded=sum(found.correctly_rounded for found in mine),
                    max_ulp=max(found.max_ulp for found in mine),
                )
            )
        return tallies

    def summary(self) -> str:
        """One line, of the schedules."""
        share = 100 * self.identical / max(self.steps, 1)
        digits = f"{int(share * 1e5) / 1e5:.5f}" if self.identical < self.steps else "100"
        return (
            f"{len(self.results) - len(self.failed)} passed, {len(self.failed)} failed: "
            f"{self.identical:,} of {self.steps:,} values ({digits} %) identical to PyTorch's, "
            f"{self.correctly_rounded:,} correctly rounded where PyTorch's are not"
        )

    def training_summary(self) -> str:
        """One line, of the twins."""
        updates = sum(result.comparison.steps for result in self.training)
        weights: dict[float, float] = {}  # by what is allowed
        for result in self.training:
            allowed = result.comparison.relative
            weights[allowed] = max(weights.get(allowed, 0.0), result.worst)
        (_, least), *others = sorted(weights.items()) or [(0.0, 0.0)]
        beyond = "".join(f", and {apart:.1e} where {allowed:g} is allowed" for allowed, apart in others)
        return (
            f"training: {len(self.training) - len(self.parted)} of {len(self.training)} pairs of twins stay "
            f"together; in {updates:,} updates the weights are at most {least:.1e} apart"
            f"{beyond}"
        )


def gathered(
    results: Sequence[CaseResult | TrainingResult],
    seconds: float = 0.0,
    shown: tuple[Demonstration, ...] = (),
) -> Run:
    """A run of what was compared elsewhere."""
    return Run(
        tuple(result for result in results if isinstance(result, CaseResult)),
        tuple(result for result in results if not isinstance(result, CaseResult)),
        shown,
        environment(),
        seconds,
    )
