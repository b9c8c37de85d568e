"""The cases of transformers: every name of its ``get_scheduler``, every argument, the hard spots."""

from __future__ import annotations

import dataclasses
import importlib.util
import itertools
from typing import Any

import jaxsched.hugging_face

from .cases import Case, Spec


@dataclasses.dataclass(frozen=True)
class HuggingFaceSpec(Spec):
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

    def torch(self, optimizer: Any) -> Any:
        import transformers

        return transformers.get_scheduler(self.scheduler, optimizer, **self._given)

    def schedule(self, base_lr: float) -> jaxsched.Schedule:
        made: jaxsched.Schedule = jaxsched.hugging_face.get_scheduler(self.scheduler, base_lr, **self._given)
        return made


def _case(
    name: str, base_lr: float, steps: int, warmup: int, training: int | None = None, **specific: Any
) -> Case:
    given: dict[str, Any] = {"num_warmup_steps": warmup}
    if training is not None:
        given["num_training_steps"] = training
    return Case(HuggingFaceSpec(name, {**given, **specific}), base_lr, steps)


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
