"""A case as a script of its own, with torch, jax and jaxsched only, to send to somebody."""

from __future__ import annotations

from collections.abc import Sequence

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


def by_count(
    name: str,
    lr: float,
    parts: Sequence[str],
    *,
    torch: str,
    ours: str,
    quantity: str,
    steps: int,
    epochs: Sequence[float] | None,
) -> str:
    """The script of a schedule that is a function of the count.

    Args:
      name: of the case.
      lr: the optimizer's.
      parts: what comes before: imports, and the sources of functions.
      torch: the expression that makes theirs.
      ours: that which makes ours.
      quantity: ``lr`` or ``momentum``.
      steps: for how many counts.
      epochs: for ``scheduler.step(epoch)``, instead of ``steps``.
    """
    read = f'optimizer.param_groups[0]["{quantity}"]'
    loop = (
        _FRACTIONS.format(fractions=list(epochs), read=read)
        if epochs
        else _STEPS.format(steps=steps, read=read)
    )
    head = _HEAD.format(name=name, lr=lr)
    return "\n".join([head, *parts, f"scheduler = {torch}", f"schedule = {ours}", loop, _TAIL])


def by_metric(
    name: str,
    lr: float,
    parts: Sequence[str],
    *,
    torch: str,
    ours: str,
    beside: str | None,
    metrics: Sequence[float],
) -> str:
    """The script of a schedule that is told metrics.

    Args:
      name: of the case.
      lr: the optimizer's.
      parts: what comes before.
      torch: the expression that makes theirs.
      ours: that which makes ours.
      beside: that which makes the scheduler on the same optimizer, stepped before; None without one.
      metrics: what both are told.
    """
    loop = _METRICS.format(metrics=list(metrics), beside="" if beside is None else "    beside.step()\n")
    head = _HEAD.format(name=name, lr=lr)
    other = [] if beside is None else [f"beside = {beside}"]
    return "\n".join([head, *parts, *other, f"scheduler = {torch}", f"plateau = {ours}", loop, _TAIL])
