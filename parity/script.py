"""A case as a script of its own, with torch, jax and jaxsched only, to send to somebody."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Iterator
from typing import Any

from .cases import Case, Spec
from .cases_hugging_face import GreedyCase, HuggingFaceSpec
from .plateau import PlateauCase

_HEAD = '''\
"""{name}

Steps PyTorch's scheduler beside jaxsched's and prints the counts at which they differ.
"""

import jax
import jax.numpy as jnp
import math
import numpy as np
import torch

import jaxsched

optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr={lr!r}, momentum=0.9)
'''

_TAIL = """\
words = [np.asarray(side, np.float32).view(np.uint32) for side in (ours, theirs)]
differing = np.flatnonzero(words[0] != words[1])
for k in differing[:20]:
    print(f"index {k}: ours {ours[k]:.9g}, PyTorch {theirs[k]:.17g}")
print(f"{len(differing)} of {len(theirs)} counts differ")
"""

_STEPS = """\
theirs = []
for k in range({steps}):
    theirs.append({read})
    optimizer.step()
    scheduler.step()
ours = np.asarray(jax.jit(jax.vmap(schedule))(jnp.arange({steps})))
"""

_FRACTIONS = """\
epochs = {fractions}
theirs = []
for epoch in epochs:
    optimizer.step()
    scheduler.step(epoch)
    theirs.append({read})
ours = np.asarray(jax.jit(jax.vmap(schedule))(jnp.asarray(epochs)))
"""

_METRICS = """\
inf, nan = float("inf"), float("nan")
metrics = {metrics}
read = lambda: optimizer.param_groups[0]["lr"]
state = plateau.init()
ours, theirs = [state.lr], [read()]
for metric in metrics:
    optimizer.step()
{beside}    scheduler.step(metric)
    state = plateau.step(state, jnp.float32(metric))
    ours.append(state.lr)
    theirs.append(read())
"""


def of(case: Case | PlateauCase) -> str:
    """The script."""
    return _of_plateau(case) if isinstance(case, PlateauCase) else _of_case(case)


def _of_case(case: Case) -> str:
    what = "" if case.quantity == "lr" else ".momentum"
    read = f'optimizer.param_groups[0]["{case.quantity}"]'
    loop = (
        _FRACTIONS.format(fractions=list(case.fractions), read=read)
        if case.fractions
        else _STEPS.format(steps=case.steps, read=read)
    )
    parts = [
        _HEAD.format(name=case.name, lr=case.base_lr),
        *(["import transformers\n"] if isinstance(case.spec, HuggingFaceSpec) else []),
        *_functions(case.spec),
        f"scheduler = {_torch(case.spec)}",
        f"schedule = {_ours(case.spec, case.base_lr)}{what}",
        loop,
        _TAIL,
    ]
    return "\n".join(parts)


def _of_plateau(case: PlateauCase) -> str:
    arguments = _arguments(case.trace.arguments, str)
    beside = case.beside
    base = repr(case.trace.base_lr) if beside is None else _ours(beside, case.trace.base_lr)
    torch = f"torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer{arguments})"
    ours = f"jaxsched.ReduceLROnPlateau({base}{arguments})"
    if isinstance(case, GreedyCase):
        torch = f"transformers.optimization.GreedyLR(optimizer{arguments})"
        ours = f"jaxsched.hugging_face.GreedyLR({base}{arguments})"
    parts = [
        _HEAD.format(name=case.name, lr=case.trace.base_lr),
        *(["import transformers\n"] if isinstance(case, GreedyCase) else []),
        *([] if beside is None else [f"beside = {_torch(beside)}"]),
        f"scheduler = {torch}",
        f"plateau = {ours}",
        _METRICS.format(
            metrics=list(case.trace.metrics), beside="" if beside is None else "    beside.step()\n"
        ),
        _TAIL,
    ]
    return "\n".join(parts)


def _torch(spec: Spec) -> str:
    if isinstance(spec, HuggingFaceSpec):
        return spec.call(0.0).replace("0.0", "optimizer", 1).replace("get_", "transformers.get_", 1)
    library = "torch.optim.swa_utils" if spec.scheduler == "SWALR" else "torch.optim.lr_scheduler"
    arguments = _arguments(spec.arguments, _torch)
    if spec.scheduler == "ChainedScheduler":
        return f"{library}.{spec.scheduler}({arguments.removeprefix(', ')})"
    return f"{library}.{spec.scheduler}(optimizer{arguments})"


def _ours(spec: Spec, base_lr: float) -> str:
    if isinstance(spec, HuggingFaceSpec):
        return f"jaxsched.hugging_face.{spec.call(base_lr)}"
    arguments = _arguments({**spec.arguments, **spec.ours}, lambda member: _ours(member, base_lr))
    first = "" if spec.sets_own_lr else repr(base_lr)
    return f"jaxsched.{spec.scheduler}({f'{first}{arguments}'.removeprefix(', ')})"


def _arguments(given: Any, member: Any) -> str:
    shown = []
    for name, value in given.items():
        if isinstance(value, tuple):
            text = f"[{', '.join(member(one) for one in value)}]"
        else:
            text = value.__name__ if callable(value) else repr(value)
        shown.append(f", {name}={text}")
    return "".join(shown)


def _functions(spec: Spec) -> Iterator[str]:
    """The sources of the functions that a case gives to either side."""
    for value in {**spec.arguments, **spec.ours}.values():
        if isinstance(value, tuple):
            for member in value:
                yield from _functions(member)
        elif callable(value):
            yield "\n" + textwrap.dedent(inspect.getsource(value))
    for name, value in spec.arguments.items():
        if callable(value) and callable(spec.ours.get(name)):
            yield "\n" + textwrap.dedent(inspect.getsource(value))
