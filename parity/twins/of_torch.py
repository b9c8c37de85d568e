"""A twin from a PyTorch model, optimizer, scheduler and loss."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ..handed_in import NotComparable, whole

if TYPE_CHECKING:
    import torch


def torch_twin(
    model: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    scheduler: Any,
    loss_fn: Callable[[Any, Any], Any],
    batches: Iterable[Any],
    *,
    steps_per_epoch: int = 1,
    gradient: bool = False,
) -> Callable[[], Iterator[Mapping[str, Any]]]:
    """A twin for `compare_training` from what a PyTorch loop is made of.

    >>> import parity, torch
    >>> model = torch.nn.Linear(2, 1)
    >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    >>> scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    >>> twin = parity.torch_twin(
    ...     model, optimizer, scheduler, lambda model, x: model(x).square().mean(), [torch.ones(4, 2)] * 3
    ... )
    >>> [update["lr"] for update in twin()]
    [[0.1], [0.05], [0.025]]

    Each update is ``zero_grad``, the loss, ``backward``, ``optimizer.step()``, ``scheduler.step()``. It tells
    all that `compare_training` knows by name but the update's norm, and the gradient itself on request:
    ``momentum`` where the optimizer has one or betas, ``weight_decay`` where it is not 0.

    Args:
      model: as it is to begin. It is trained, so that the twin can be made once.
      optimizer: of its parameters.
      scheduler: stepped after each update, or None. A ReduceLROnPlateau is told the loss.
      loss_fn: the loss of a model and a batch, a tensor of one number.
      batches: one for each update; of any form that ``loss_fn`` takes.
      steps_per_epoch: how many updates the scheduler is stepped after.
      gradient: whether to tell the gradient, too, by parameter. It costs as much memory as the weights.

    Returns:
      The function of no arguments that `compare_training` takes.
    """
    whole(steps_per_epoch, "steps_per_epoch", 1)
    once = Once("torch_twin")

    def make() -> Iterator[Mapping[str, Any]]:
        once.check()
        return _updates(model, optimizer, scheduler, loss_fn, batches, steps_per_epoch, gradient)

    return make


class Once:
    """A twin that trains a model that was handed over: a second time it would go on where it ended."""

    def __init__(self, name: str) -> None:
        self.name, self.made = name, False

    def check(self) -> None:
        """Raises `NotComparable` the second time."""
        if self.made:
            raise NotComparable(
                f"this {self.name} has been trained already: make its model anew, in a function of yours "
                f"that returns {self.name}(…)()"
            )
        self.made = True


def _updates(
    model: Any,
    optimizer: Any,
    scheduler: Any,
    loss_fn: Any,
    batches: Iterable[Any],
    each: int,
    gradient: bool,
) -> Iterator[Mapping[str, Any]]:
    import torch

    plateau = isinstance(scheduler, torch.optim.lr_scheduler.ReduceLROnPlateau)
    begins = {"initial_weights": _weights(model)}
    for k, batch in enumerate(batches):
        optimizer.zero_grad()
        loss = loss_fn(model, batch)
        loss.backward()
        gradients = [p.grad for p in model.parameters() if p.grad is not None]
        told: dict[str, Any] = {
            **begins,
            "batch": batch,
            "loss": loss.detach(),
            "gradient_norm": torch.nn.utils.get_total_norm(gradients),
            **_settings(optimizer.param_groups),
        }
        if gradient:  # an update without one leaves the weight as it is, as 0 does
            told["gradient"] = {
                name: torch.zeros_like(p) if p.grad is None else p.grad.detach().clone()
                for name, p in model.named_parameters()
            }
        optimizer.step()
        if scheduler is not None and (k + 1) % each == 0:
            scheduler.step(loss.item()) if plateau else scheduler.step()
        begins = {}
        yield {**told, "weights": _weights(model)}


def _weights(model: Any) -> dict[str, Any]:
    return {name: parameter.detach().clone() for name, parameter in model.named_parameters()}


def _settings(groups: Any) -> dict[str, list[float]]:
    """What the groups hold, a number for each."""
    found = {"lr": [float(group["lr"]) for group in groups]}
    momenta = [float(group["betas"][0] if "betas" in group else group.get("momentum", 0)) for group in groups]
    decays = [float(group.get("weight_decay", 0)) for group in groups]
    found.update({"momentum": momenta} if any(momenta) else {})
    return {**found, **({"weight_decay": decays} if any(decays) else {})}


torch_twin.__module__ = "parity"
