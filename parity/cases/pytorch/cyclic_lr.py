"""CyclicLR: the four scales, uneven sides, and momentum against it."""

from __future__ import annotations

import functools

import jaxsched

from ...reference import live
from ..by_count import Case, case
from ..deviation import Deviation, deviation, said_by_jaxsched, shown
from ..far import OFTEN, far
from ..functions import fade, halve
from ..member import member

OURS = jaxsched.CyclicLR

_case = functools.partial(case, OURS.__name__)

CASES: tuple[Case, ...] = (
    _case(0.1, 9_000, base_lr=0.01, max_lr=0.1),
    _case(0.1, 100, base_lr=0.001, max_lr=0.1, step_size_up=5),
    _case(0.1, 100, base_lr=0.001, max_lr=0.1, step_size_up=3, step_size_down=8),
    _case(0.1, 20, base_lr=0.0, max_lr=0.1, step_size_up=1),
    _case(0.1, 200, base_lr=0.01, max_lr=0.1, step_size_up=10, mode="triangular2"),
    _case(0.1, 3_000, base_lr=0.01, max_lr=0.1, step_size_up=50, mode="exp_range", gamma=0.999),
    _case(0.1, 200, base_lr=0.01, max_lr=0.1, step_size_up=10, scale_fn=halve),
    _case(
        0.1,
        200,
        base_lr=0.01,
        max_lr=0.1,
        step_size_up=10,
        scale_fn=fade,
        scale_mode="iterations",
    ),
    _case(0.1, 100, base_lr=0.01, max_lr=0.1, step_size_up=10, cycle_momentum=False),
    _case(0.1, 9_000, "momentum", base_lr=0.01, max_lr=0.1),
    _case(0.1, 200, "momentum", base_lr=0.01, max_lr=0.1, step_size_up=10, mode="triangular2"),
    _case(
        0.1,
        1_000,
        "momentum",
        base_lr=0.01,
        max_lr=0.1,
        step_size_up=20,
        step_size_down=30,
        mode="exp_range",
        gamma=0.99,
        base_momentum=0.5,
        max_momentum=0.95,
    ),
)

MEMBERS = {
    # It sets the optimizer's learning rate for everybody: here, to what it is anyway.
    "cyclic": member("CyclicLR", base_lr=0.1, max_lr=0.2, step_size_up=5, mode="triangular2"),
}

FAR: tuple[Case, ...] = (
    far("CyclicLR", base_lr=1e-3, max_lr=0.1, step_size_up=2_000, step_size_down=4_987),
    far("CyclicLR", base_lr=1e-3, max_lr=0.1, step_size_up=OFTEN, mode="triangular2"),
    far("CyclicLR", base_lr=0.0, max_lr=0.3, step_size_up=4_999, mode="exp_range", gamma=0.999_999_9),
    far(
        "CyclicLR",
        0.1,
        "momentum",
        base_lr=1e-3,
        max_lr=0.1,
        step_size_up=7,
        step_size_down=OFTEN,
        mode="exp_range",
        gamma=0.999_999_9,
    ),
)


def _cyclic_after_another() -> str:
    """PyTorch's first value on an optimizer that another scheduler has used."""
    import torch

    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.5, momentum=0.9)
    torch.optim.lr_scheduler.StepLR(optimizer, 10)
    cyclic = torch.optim.lr_scheduler.CyclicLR(optimizer, base_lr=0.01, max_lr=0.1)
    return shown(live.read(cyclic, "lr", 0))


_deviation = functools.partial(deviation, OURS.__name__)

DEVIATIONS: tuple[Deviation, ...] = (
    _deviation(
        5,
        "raises ZeroDivisionError",
        "raises when made, with the reason",
        "a way up of 0 updates has no slope",
        base_lr=0.01,
        max_lr=0.1,
        step_size_up=0,
        step_size_down=5,
    ),
    Deviation(
        "CyclicLR",
        "`CyclicLR(base_lr=0.01, max_lr=0.1)` on an optimizer that another scheduler has used, at count 0",
        "starts from the initial_lr which that scheduler left behind",
        "starts from base_lr",
        "PyTorch sets its own base_lr only after the first step",
        "2.13.0",
        _cyclic_after_another,
        said_by_jaxsched(0, lambda: jaxsched.CyclicLR(0.01, max_lr=0.1)),
    ),
)


def in_optax(case: Case, s: jaxsched.CyclicLR) -> None:
    """Optax has none."""
