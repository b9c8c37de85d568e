"""PyTorch's twin."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from .twins import CLASSES, FEATURES, OPTIMIZERS, WIDTH, Data, Update, cycles

if TYPE_CHECKING:
    from .case import TrainingCase


def live(case: TrainingCase) -> tuple[Any, Any, Any]:
    """PyTorch's layers by name, with their optimizer and its scheduler, at the start."""
    import torch

    bias = "bias" in case.kinds
    hidden, last = torch.nn.Linear(FEATURES, WIDTH, bias), torch.nn.Linear(WIDTH, CLASSES, bias)
    hidden, last = hidden.double(), last.double()
    layers = [[*hidden.parameters(), *last.parameters()]]
    if len(case.base_lrs) > 1:
        layers = [list(hidden.parameters()), list(last.parameters())]
    groups = [{"params": each, "lr": lr} for each, lr in zip(layers, case.base_lrs, strict=True)]
    chosen = OPTIMIZERS[case.optimizer]
    optimizer = getattr(torch.optim, chosen.torch)(groups, **chosen.arguments)
    return {"hidden": hidden, "last": last}, optimizer, case.spec.torch(optimizer)


def by_torch(case: TrainingCase, given: Data) -> Iterator[Update]:
    """PyTorch's twin, as anyone writes it."""
    import torch

    layers, optimizer, scheduler = live(case)
    network = torch.nn.Sequential(layers["hidden"], torch.nn.ReLU(), layers["last"])
    parameters = {
        f"{name}.{kind}": getattr(each, kind) for name, each in layers.items() for kind in case.kinds
    }
    for name, parameter in parameters.items():
        parameter.data.copy_(torch.from_numpy(given.weights[name].T))

    def weights() -> dict[str, Any]:
        return {name: parameter.detach().numpy().T.copy() for name, parameter in parameters.items()}

    start: dict[str, Any] | None = weights()
    for x, y in given.batches:
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(network(torch.from_numpy(x)), torch.from_numpy(y))
        loss.backward()  # type: ignore[no-untyped-call]
        gradient = torch.nn.utils.get_total_norm([p.grad for p in network.parameters() if p.grad is not None])
        lrs = tuple(float(group["lr"]) for group in optimizer.param_groups)
        momentum = _cycled_by_torch(case, optimizer.param_groups[0])
        optimizer.step()
        if case.scheduler == "ReduceLROnPlateau":
            scheduler.step(loss.item())
        else:
            scheduler.step()
        yield Update(loss.item(), gradient.item(), lrs, momentum, weights(), (x, y), start)
        start = None


def _cycled_by_torch(case: TrainingCase, group: Mapping[str, Any]) -> float:
    if not cycles(case):
        return np.nan
    return float(group["momentum"] if "momentum" in group else group["betas"][0])
