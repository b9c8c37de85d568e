"""The cases of transformers: every name of its ``get_scheduler``, every argument, the hard spots."""

from __future__ import annotations

import dataclasses
import importlib.util
import itertools
import math
from typing import Any, final

import jaxsched.hugging_face

from ..metrics import MetricCase, float32, noisy
from ..reference.live import Live
from .by_count import Case
from .by_metric import PlateauCase
from .deviation import Deviation, of_spec
from .spec import BaseSpec


@final
@dataclasses.dataclass(frozen=True)
class HuggingFaceSpec(BaseSpec):
    """A name that transformers knows, and what its ``get_scheduler`` is given."""

    @property
    def specific(self) -> dict[str, Any]:
        """What only this schedule has."""
        return {
            n: v for n, v in self.arguments.items() if n not in ("num_warmup_steps", "num_training_steps")
        }

    @property
    def _given(self) -> dict[str, Any]:
        steps = {n: v for n, v in self.arguments.items() if n not in self.specific}
        return {**steps, **({"scheduler_specific_kwargs": self.specific} if self.specific else {})}

    def call(self, base_lr: float) -> str:
        given = "".join(f", {name}={value!r}" for name, value in self._given.items())
        return f"get_scheduler({self.scheduler!r}, {base_lr!r}{given})"

    def torch(self, optimizer: Any) -> Live:
        import transformers

        return transformers.get_scheduler(self.scheduler, optimizer, **self._given)

    def schedule(self, base_lr: float) -> jaxsched.Schedule:
        made = jaxsched.hugging_face.get_scheduler(self.scheduler, base_lr, **self._given)
        assert isinstance(made, jaxsched.Schedule)
        return made

    def torch_code(self) -> str:
        return self.call(0.0).replace("0.0", "optimizer", 1).replace("get_", "transformers.get_", 1)

    def jaxsched_code(self, base_lr: float) -> str:
        return f"jaxsched.hugging_face.{self.call(base_lr)}"

    @property
    def needs(self) -> tuple[str, ...]:
        return ("import transformers\n",)


def _case(
    name: str, base_lr: float, steps: int, warmup: int, training: int | None = None, **specific: Any
) -> Case:
    given: dict[str, Any] = {"num_warmup_steps": warmup}
    if training is not None:
        given["num_training_steps"] = training
    return Case(HuggingFaceSpec(name, {**given, **specific}), base_lr, steps)


@dataclasses.dataclass(frozen=True)
class GreedyCase(PlateauCase):
    """A GreedyLR with what it is told. Its decisions hang on the last bit: each value must be the same."""

    @property
    def scheduler(self) -> str:
        return "greedy"

    @property
    def name(self) -> str:
        given = f", scheduler_specific_kwargs={dict(self.trace.arguments)!r}" if self.trace.arguments else ""
        return f"get_scheduler('greedy', {self.trace.base_lr!r}{given}) on {self.trace.name!r}"

    @property
    def classes(self) -> tuple[str, str]:
        return "transformers.optimization.GreedyLR", "jaxsched.hugging_face.GreedyLR"

    @property
    def needs(self) -> tuple[str, ...]:
        return ("import transformers\n",)

    def plateau(self) -> Any:
        return jaxsched.hugging_face.get_scheduler(
            "greedy", self.trace.base_lr, scheduler_specific_kwargs=self.trace.arguments
        )

    def make_torch_schedulers(self) -> tuple[Live, Live | None]:
        import torch
        import transformers

        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=self.trace.base_lr)
        return transformers.get_scheduler(
            "greedy", optimizer, scheduler_specific_kwargs=dict(self.trace.arguments)
        ), None

    def arbiter(self, scheduler: Live, beside: Live | None) -> None:
        return None


def _greedy(name: str, metrics: tuple[float, ...], **arguments: Any) -> GreedyCase:
    return GreedyCase(MetricCase(name, metrics, arguments))


_EAGER = {"factor": 0.9, "patience": 1}
_NOISY = noisy([2.0 - k / 200 for k in range(400)], 0.2, seed=7)
_GOOD_AND_BAD = float32(
    [2.0 - 0.01 * k for k in range(60)] + [2.0] * 60 + [1.0 - 0.01 * k for k in range(60)]
)

GREEDY_CASES: tuple[GreedyCase, ...] = (
    _greedy("noisy", _NOISY),
    _greedy("good, bad, good", _GOOD_AND_BAD, **_EAGER),
    _greedy("waits", _GOOD_AND_BAD, **_EAGER, cooldown=3, warmup=5),
    _greedy("to the upper end", float32(-k for k in range(60)), factor=0.5, patience=0, max_lr=0.7),
    _greedy("to the lower end, and anew", (1.0,) * 200, **_EAGER, min_lr=0.02, reset_start=4),
    _greedy("anew at once", (1.0,) * 60, factor=0.5, patience=0, reset_start=0, cooldown=2),
    _greedy("smooth", _NOISY, **_EAGER, smooth=True, window_size=7),
    _greedy("smooth, longer than the run", _NOISY[:40], **_EAGER, smooth=True, window_size=50),
    _greedy("smooth, anew", (1.0,) * 90, **_EAGER, smooth=True, window_size=4, min_lr=0.05, reset_start=2),
    _greedy("max, relative", noisy([k / 100 for k in range(300)], 0.1, seed=8), **_EAGER, mode="max",
            threshold_mode="rel", threshold=0.01),
    _greedy("small changes", _GOOD_AND_BAD, patience=0, factor=0.999, eps=1e-4),
    _greedy("NaN and inf", (1.0, 0.5, math.nan, 0.4, -math.inf, math.nan, 1.0, math.inf) * 6, **_EAGER),
    _greedy("NaN, smooth", (1.0, 0.5, math.nan, 0.4, 0.3, 0.2) * 6, **_EAGER, smooth=True, window_size=3),
)  # fmt: skip


_TYPES = ("linear", "cosine", "1-sqrt")

CASES: tuple[Case, ...] = (
    Case(HuggingFaceSpec("constant", {}), 5e-5, 50),
    # Warm-ups of none, one, and many; past the end of each; more warm-up than training.
    *(_case("constant_with_warmup", 5e-5, 3 * warmup + 5, warmup) for warmup in (0, 1, 500)),
    *(_case("linear", 5e-5, 1_100, warmup, 1_000) for warmup in (0, 1, 60, 999)),
    _case("linear", 5e-5, 30, 10, 10),
    _case("linear", 5e-5, 30, 20, 10),
    _case("linear", 3e-4, 50_100, 2_000, 50_000),
    *(_case("cosine", 5e-5, 2_500, warmup, 1_000) for warmup in (0, 1, 60)),
    *(_case("cosine", 5e-5, 1_200, 100, 1_000, num_cycles=cycles) for cycles in (0.0, 0.25, 0.3, 1.0, 3.5)),
    _case("cosine", 5e-5, 30, 20, 10),
    _case("cosine", 3e-4, 50_100, 2_000, 50_000),
    *(_case("cosine_with_restarts", 5e-5, 1_100, 40, 1_000, num_cycles=n) for n in (1, 2, 5, 7)),
    _case("cosine_with_restarts", 5e-5, 30, 3, 20),
    _case("polynomial", 5e-5, 1_100, 100, 1_000),
    *(_case("polynomial", 1e-3, 1_100, 10, 1_000, lr_end=1e-5, power=p) for p in (0.0, 0.5, 1.0, 2.0, 3.5)),
    _case("polynomial", 1e-3, 120, 0, 100, lr_end=0.0),
    *(_case("inverse_sqrt", 1e-3, 5_000, warmup) for warmup in (0, 1, 300)),
    _case("inverse_sqrt", 1e-3, 5_000, 100, timescale=777),
    _case("cosine_with_min_lr", 5e-5, 2_200, 50, 1_000, min_lr=5e-6),
    _case("cosine_with_min_lr", 5e-5, 2_200, 50, 1_000, min_lr_rate=0.1),
    _case("cosine_with_min_lr", 5e-5, 1_100, 50, 1_000, min_lr_rate=0.1, num_cycles=1.5),
    _case("cosine_warmup_with_min_lr", 5e-5, 2_200, 50, 1_000, min_lr=5e-6),
    *(
        _case("cosine_warmup_with_min_lr", 5e-5, 1_100, warmup, 1_000, min_lr_rate=0.1, warmup_lr_rate=0.25)
        for warmup in (0, 1, 2, 50)
    ),
    _case("cosine_warmup_with_min_lr", 5e-5, 1_100, 50, 1_000, min_lr_rate=0.0, num_cycles=1.0),
    _case("warmup_stable_decay", 3e-4, 1_100, 50, 1_000, num_decay_steps=200),
    _case("warmup_stable_decay", 3e-4, 1_100, 50, num_decay_steps=200, num_stable_steps=750),
    _case("warmup_stable_decay", 3e-4, 50, 0, 40, num_decay_steps=0),
    _case("warmup_stable_decay", 3e-4, 50, 10, 40, num_decay_steps=30),
    _case("warmup_stable_decay", 3e-4, 500, 50, 400, num_decay_steps=100, num_cycles=1.25),
    *(
        _case(
            "warmup_stable_decay", 3e-4, 700, 83, 600, num_decay_steps=127, warmup_type=up, decay_type=down,
            min_lr_ratio=(0, 0.1, 0.01)[i % 3],
        )
        for i, (up, down) in enumerate(itertools.product(_TYPES, _TYPES))
    ),
)  # fmt: skip
"""Nothing of these is compared where transformers is not installed."""

INSTALLED = importlib.util.find_spec("transformers") is not None


def _deviation(
    count: int, name: str, torch_does: str, jaxsched_does: str, reason: str, /, **arguments: int
) -> Deviation:
    spec = HuggingFaceSpec(name, arguments)
    return of_spec(spec, count, f"`{spec.call(0.1)}` at count {count}", torch_does, jaxsched_does, reason)


DEVIATIONS: tuple[Deviation, ...] = (
    _deviation(
        5,
        "cosine_with_restarts",
        "has 0 for one update",
        "starts again from base_lr",
        "49 times a 49th is a little less than 1 in floats, so that theirs is at the end of a cycle",
        num_warmup_steps=4,
        num_training_steps=53,
        num_cycles=49,
    ),
    _deviation(
        10,
        "polynomial",
        "divides by zero",
        "is at lr_end",
        "a decay of no updates has ended",
        num_warmup_steps=10,
        num_training_steps=10,
    ),
    _deviation(
        10,
        "warmup_stable_decay",
        "starts in the middle of its decay",
        "raises when made",
        "no run has a negative number of updates in its middle",
        num_warmup_steps=10,
        num_training_steps=25,
        num_decay_steps=30,
    ),
)
"""Nothing of these is demonstrated where transformers is not installed."""
