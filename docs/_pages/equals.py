"""``python -m docs._pages.equals``: the page "you have, you write", from what the library itself converts."""

from __future__ import annotations

import inspect
import pathlib
import re
from collections.abc import Iterable, Iterator

import torch
import transformers

import jaxsched
from jaxsched.interop.counterparts import counterparts
from jaxsched.interop.optimizer_rows import REFUSED
from parity.catalogue import TIMM_CASES, TRANSFORMERS_CASES
from parity.optimizers.rows import ROWS

PAGE = pathlib.Path(__file__).parents[1] / "equals.md"

LEAD = """\
# You have, you write

Written by `make docs`, from the code that converts live objects. A PyTorch scheduler is made on an
optimizer and takes the learning rate from there; here it stands first, as `base_lr`. All other arguments
keep their names, their order and their defaults. Look up a name with the search of your browser.

You need not read this page if you have the live objects: `jaxsched.from_torch(scheduler)` and
`jaxsched.optimizer_from_torch(optimizer, scheduler)` do it for you, and `print` shows the call.
"""


def page() -> str:
    """The whole page."""
    return (
        "\n".join(
            [
                LEAD,
                "## PyTorch's schedulers\n",
                _table(("you have", "you write"), _of_pytorch()),
                "\n## Hugging Face's schedules\n",
                "The same call, with the learning rate in the place of the optimizer; one example each.\n",
                _table(("you have", "you write"), [*_of_cases(TRANSFORMERS_CASES), *_told_metrics()]),
                "\n## timm's schedulers\n",
                "timm counts epochs unless told otherwise: put the schedule into `jaxsched.PerEpoch`.\n",
                _table(("you have", "you write"), [*_of_cases(TIMM_CASES), *_plateau_of_timm()]),
                "\n## PyTorch's optimizers\n",
                "What `jaxsched.optax_code` writes; `lr` is a number or a schedule. "
                "Nine of PyTorch's optimizers train something else than the Optax optimizer of their name: "
                "[how far they are apart](optimizers-report.md).\n",
                _table(("you have", "you write"), _of_optimizers()),
                "",
                "".join(f"- `{name}` is refused. {why}\n" for name, why in REFUSED.items()),
            ]
        ).rstrip()
        + "\n"
    )


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, str]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    lines += [f"| `{theirs}` | `{ours}` |" for theirs, ours in rows]
    return "\n".join(lines)


def _of_pytorch() -> Iterator[tuple[str, str]]:
    usual = torch.optim.lr_scheduler
    for name, row in sorted(counterparts().items()):
        module = usual if hasattr(usual, name) else torch.optim.swa_utils
        theirs = getattr(module, name, None)
        if theirs is not None:
            home = "lr_scheduler" if module is usual else "swa_utils"
            yield f"{home}.{name}({_arguments(theirs)})", f"jaxsched.{name}({_arguments(row.ours)})"


def _arguments(cls: type) -> str:
    """As they stand in the signature, without what a user never writes."""
    left = ("last_epoch", "verbose", "position")
    given = inspect.signature(cls).parameters.values()
    return ", ".join(
        p.name if p.default is p.empty else f"{p.name}={_short(p.default)}"
        for p in given
        if p.name not in left
    )


def _short(value: object) -> str:
    return "1/3" if value == 1 / 3 else repr(value)


def _of_cases(cases: Iterable[object]) -> Iterator[tuple[str, str]]:
    """The first case of each scheduler that is made by a call."""
    seen = set()
    for case in cases:
        spec = getattr(case, "spec", None)
        if spec is not None and spec.scheduler not in seen:
            seen.add(spec.scheduler)
            yield spec.torch_code(), spec.jaxsched_code(case.base_lr)


def _told_metrics() -> Iterator[tuple[str, str]]:
    """The names of transformers that are no function of the count."""
    of_counts = {case.scheduler for case in TRANSFORMERS_CASES if hasattr(case, "spec")}
    for kind in transformers.SchedulerType:
        if kind.value not in of_counts:
            yield (
                f"transformers.get_scheduler({kind.value!r}, optimizer)",
                f"jaxsched.hugging_face.get_scheduler({kind.value!r}, 0.1)",
            )


def _plateau_of_timm() -> Iterator[tuple[str, str]]:
    given = _arguments(jaxsched.timm.PlateauLRScheduler)
    theirs = given.replace("base_lr", "optimizer", 1)
    yield f"timm.scheduler.PlateauLRScheduler({theirs})", f"jaxsched.timm.PlateauLRScheduler({given})"


def _of_optimizers() -> Iterator[tuple[str, str]]:
    for row in ROWS:
        live = getattr(torch.optim, row.cls)([torch.nn.Parameter(torch.zeros(2, 2))], lr=0.1, **row.arguments)
        code = jaxsched.optax_code(live).partition("optimizer = ")[2]
        given = "".join(f", {name}={value!r}" for name, value in row.arguments.items())
        yield f"torch.optim.{row.cls}(parameters, lr=lr{given})", _of_a_rate(_in_a_line(code))


def _of_a_rate(code: str) -> str:
    """The transformation itself, without the wrapper that keeps the rate in its state."""
    inner = code.removeprefix("scheduled(lambda learning_rate: ").removesuffix(", learning_rate=0.1)")
    ours = "|".join(name for name in vars(jaxsched.optimizers) if not name.startswith("_"))
    return re.sub(rf"(?<![.\w])({ours})\(", r"jaxsched.optimizers.\1(", inner).replace(
        "(learning_rate", "(lr"
    )


def _in_a_line(code: str) -> str:
    """Code over several lines, as one."""
    line = " ".join(code.split())
    for bracket in "([":
        line = line.replace(f"{bracket} ", bracket)
    return line.replace(", )", ")").replace(" )", ")").replace(",)", ")")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
