"""The gallery: every schedule drawn, its call in PyTorch and here, and how far Optax's own is."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import importlib.util
import io
import pathlib
import sys
from typing import Any

import numpy as np

import jaxsched
from parity import answers
from parity.cases import Case, optax_equivalents
from parity.cases.spec import Spec
from parity.catalogue import TIMM_CASES, TRANSFORMERS_CASES
from parity.ulp import rounded_distance

from .pictures import save, shown

STEPS = 121
LEAD = """\
# Gallery

Every schedule, with the call that makes it in PyTorch and here. Each pair was compared when the page was
made: **the same** means equal in every bit. Where Optax has a schedule that is meant to do the same, its
greatest distance is told as a share of the highest learning rate, and in [ULP](../ulp.md) where it is
small: the number of steps from one float32 number to the next.
"""
TOLD = """\
These are told a metric after each update or epoch: here a loss that falls 60 times and then stays.
[How they are compared with PyTorch](../report.md).
"""


def drawn() -> dict[str, list[jaxsched.Schedule]]:
    """Those that examples/gallery.py draws; it is a script, and found by its path."""
    examples = pathlib.Path(__file__).parents[2] / "examples"
    sys.path.insert(0, str(examples))
    try:
        found = importlib.util.spec_from_file_location("gallery", examples / "gallery.py")
        assert found is not None
        assert found.loader is not None
        module = importlib.util.module_from_spec(found)
        found.loader.exec_module(module)
    finally:
        sys.path.remove(str(examples))
    return dict(module.GALLERY)


def write(folder: pathlib.Path) -> None:
    """The page, and its pictures beside it."""
    parts = [LEAD, "## PyTorch's schedulers, and what goes around them\n"]
    for name, schedules in drawn().items():
        parts.append(_section(folder, name, [(schedule, _case(schedule)) for schedule in schedules]))
    for title, cases in (("Hugging Face's", TRANSFORMERS_CASES), ("timm's", TIMM_CASES)):
        parts.append(f"## {title} schedules\n")
        for name, chosen in telling(cases).items():
            parts.append(_section(folder, name, [(chosen.schedule(), chosen)]))
    parts.append(f"## Told a metric\n\n{TOLD}")
    for name, machine in machines().items():
        save(folder / "pictures", f"gallery-{name}", functools.partial(_draw_told, machine))
        parts += [f"### {name}\n", shown(f"pictures/gallery-{name}", f"{name} on a loss that stops falling")]
        parts.append(f"```python\n{_home(machine)}{machine!r}\n```\n")
    (folder / "gallery.md").write_text("\n".join(parts), encoding="utf-8")


def machines() -> dict[str, Any]:
    return {
        "ReduceLROnPlateau": jaxsched.ReduceLROnPlateau(0.1, factor=0.5, patience=5),
        "GreedyLR": jaxsched.hugging_face.GreedyLR(0.1, patience=5, factor=0.9),
        "PlateauLRScheduler": jaxsched.timm.PlateauLRScheduler(0.1, decay_rate=0.5, patience_t=5, mode="min"),
    }


def _home(machine: Any) -> str:
    return f"{type(machine).__module__}."


def _draw_told(machine: Any, axes: Any, colours: Any) -> None:
    """The rate while a loss falls, and then stays where it is."""
    state, rates = machine.init(), []
    for count in range(STEPS):
        rates.append(float(state.lr))
        state = machine.step(state, max(0.4, 1.0 - 0.01 * count))
    axes.plot(np.arange(STEPS), rates, drawstyle="steps-post", label=type(machine).__name__)
    axes.set(xlabel="metrics that were told", ylabel="learning rate", xlim=(0, STEPS - 1), ylim=(0, None))


def telling(cases: Any) -> dict[str, Case]:
    """Of each name the case whose curve turns most often, and moves most."""
    found: dict[str, list[Case]] = {}
    for case in cases:
        if isinstance(case, Case):
            found.setdefault(case.scheduler, []).append(case)

    def values(case: Case) -> tuple[int, float]:
        steps = np.diff(case.schedule().on_host(np.arange(case.steps)))
        ways = np.sign(steps[steps != 0])
        return int(np.sum(ways[1:] != ways[:-1])) if case.steps >= STEPS else -1, len(ways) / len(steps)

    short = {name: [c for c in these if c.steps <= 1_500] or these for name, these in found.items()}
    return {name: max(these, key=values) for name, these in short.items()}


def _case(schedule: jaxsched.Schedule) -> Case | None:
    """The comparison with PyTorch; None where PyTorch has no such class, or its calls are not ours."""
    spec = _spec(schedule)
    # Where a run has an end, PyTorch has no value behind it.
    steps = min(STEPS, getattr(schedule, "total_steps", None) or STEPS)
    return None if spec is None else Case(spec, _base_lr(schedule), steps)


def _base_lr(schedule: Any) -> float:
    members = getattr(schedule, "schedulers", None)
    return _base_lr(members[0]) if members else float(getattr(schedule, "base_lr", 0.1))


def _spec(schedule: Any) -> Spec | None:
    import torch

    name = type(schedule).__name__
    if not hasattr(torch.optim.lr_scheduler, name) and not hasattr(torch.optim.swa_utils, name):
        return None
    arguments: dict[str, Any] = {}
    ours: dict[str, Any] = {}
    own = "max_lr" in (field.name for field in dataclasses.fields(schedule))
    for field in dataclasses.fields(schedule):
        value = getattr(schedule, field.name)
        if (field.name == "base_lr" and not own) or (value == field.default and field.name != "max_lr"):
            continue
        if field.name == "schedulers":
            value = tuple(map(_spec, value))
        elif isinstance(value, tuple):
            value = list(value)
        (ours if field.name == "total_steps" and name != "OneCycleLR" else arguments)[field.name] = value
    return Spec(name, arguments, ours)


def _section(
    folder: pathlib.Path, name: str, shown_cases: list[tuple[jaxsched.Schedule, Case | None]]
) -> str:
    steps = max([STEPS, *(case.steps for _, case in shown_cases if case)])
    save(
        folder / "pictures",
        f"gallery-{name}",
        functools.partial(_draw, [s for s, _ in shown_cases], name, steps),
    )
    title = "OneCycleLR(…).momentum" if name == "Momentum" else name
    said = [f"### {title}\n", shown(f"pictures/gallery-{name}", f"{title} over {steps} updates")]
    for schedule, case in shown_cases:
        said.append(_calls(schedule, case))
    return "\n".join(said)


def _draw(schedules: list[jaxsched.Schedule], name: str, steps: int, axes: Any, colours: Any) -> None:
    jaxsched.plot(schedules, steps, ax=axes)
    axes.set(xlim=(0, steps - 1), ylim=(0.8, 1.0) if name == "Momentum" else (0, None))
    if name == "Momentum":
        axes.set_ylabel("momentum")


def _calls(schedule: jaxsched.Schedule, case: Case | None) -> str:
    if case is None:
        return f"```python\n{_named(repr(schedule))}\n```\n\nPyTorch has no such class.\n"
    code = (
        f"# {_library(case)}\n{case.spec.torch_code()}\n\n# jaxsched\n{case.spec.jaxsched_code(case.base_lr)}"
    )
    code = code.replace("torch.optim.lr_scheduler.", "lr_scheduler.").replace(
        "torch.optim.swa_utils.", "swa_utils."
    )
    return f"```python\n{code}\n```\n\n{_distances(schedule, case)}\n"


def _library(case: Case) -> str:
    return {"transformers": "Hugging Face", "timm": "timm"}.get(
        case.spec.torch_code().partition(".")[0], "PyTorch"
    )


def _named(text: str) -> str:
    """A call without the ``jaxsched.`` that reprs leave out."""
    return f"jaxsched.{text}"


def _distances(schedule: jaxsched.Schedule, case: Case) -> str:
    with contextlib.redirect_stdout(io.StringIO()):
        comparison = case.compare()
    if not comparison.passed or case.schedule() != schedule:
        raise AssertionError(f"{case.name} is not what it says: {comparison}")
    same = "**the same**" if comparison.identical == comparison.steps else comparison.remark
    said = f"Both are {same}, at {comparison.steps:,} counts."
    equal = optax_equivalents.equivalent(case)
    if equal is None:
        return f"{said} No schedule of Optax is meant to do the same."
    torch = case.step().values[: equal.steps]
    (theirs,) = answers.all_under_jit([equal.schedule], [np.arange(len(torch), dtype=np.int32)])
    ulps, wanted = rounded_distance(np.asarray(theirs), torch), torch.astype(np.float32)
    if not np.isfinite(theirs).all():
        return f"{said} `optax.{equal.name}`: **NaN**, first at count {int(np.argmin(np.isfinite(theirs)))}."
    share = float(np.max(np.abs(theirs - wanted)) / np.max(wanted))
    if not ulps.any():
        return f"{said} `optax.{equal.name}`: the same, too."
    # Where PyTorch's value is next to 0 an ULP says nothing: millions of them may be nothing at all.
    away = f" ({np.max(ulps):,.0f} ULP)" if np.max(ulps) < 1e6 else ""
    return (
        f"{said} `optax.{equal.name}`: up to **{share:.1e}** of the highest learning rate away{away}, "
        f"most at count {int(np.argmax(np.abs(theirs - wanted)))}."
    )
