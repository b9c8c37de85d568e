"""Flax's twin, with Optax."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Hashable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
import optax

import jaxsched

from .torch_twin import live
from .twins import CLASSES, FEATURES, OPTIMIZERS, WIDTH, Data, Update, cycles

if TYPE_CHECKING:
    from .case import TrainingCase

Loss: TypeAlias = Callable[[Any, Any], Any]
"""Of logits and labels."""


def cross_entropy(logits: Any, labels: Any) -> Any:
    """The mean over the batch, as PyTorch's."""
    return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()


def unchanged(gradients: Any) -> Any:
    """Gradients as they are."""
    return gradients


def by_flax(
    case: TrainingCase, given: Data, *, loss_is: Loss = cross_entropy, gradients_are: Any = unchanged
) -> Iterator[Update]:
    """Flax's twin, as anyone writes it, driven by the schedules of jaxsched.

    Args:
      case: what to train.
      given: where to begin, and on what.
      loss_is: the loss of logits and labels.
      gradients_are: what becomes of gradients.
    """
    from flax import nnx

    flax = _flax()
    with _as_torch_does():
        network = flax.network(bias="bias" in case.kinds)
        parameters = {
            f"{name}.{kind}": getattr(layer, "kernel" if kind == "weight" else kind)
            for name, layer in (("hidden", network.hidden), ("last", network.last))
            for kind in case.kinds
        }
        for name, parameter in parameters.items():
            parameter[...] = jnp.asarray(given.weights[name])
        optimizer = nnx.Optimizer(network, transformation(case), wrt=nnx.Param)
        start: dict[str, Any] | None = _copied(parameters)
    for x, y in given.batches:
        # Entered for each update: what is between two yields is somebody else's.
        with _as_torch_does():
            loss, norm, gradients = flax.gradient(network, x, y, loss_is, gradients_are)
            flax.update(network, optimizer, gradients, loss)
            state = optimizer.opt_state
        cycled, weights = _cycled_by_optax(case, state), _copied(parameters)
        yield Update(float(loss), float(norm), _lrs(state), cycled, weights, (x, y), start)
        start = None


class _Flax(NamedTuple):
    """What Flax's twins have in common, so that it is compiled once for all of them."""

    network: Any
    gradient: Any
    update: Any


@functools.cache
def _flax() -> _Flax:
    # Not at the top: to compare schedules, nobody needs Flax.
    from flax import nnx

    class Network(nnx.Module):
        def __init__(self, bias: bool) -> None:
            rngs = nnx.Rngs(0)
            make = functools.partial(nnx.Linear, param_dtype=np.float64, use_bias=bias, rngs=rngs)
            self.hidden, self.last = make(FEATURES, WIDTH), make(WIDTH, CLASSES)

        def __call__(self, x: jax.Array) -> jax.Array:
            logits: jax.Array = self.last(nnx.relu(self.hidden(x)))
            return logits

    @functools.partial(nnx.jit, static_argnums=(3, 4))
    def gradient(network: Network, x: Any, y: Any, loss_is: Loss, gradients_are: Any) -> tuple[Any, ...]:
        def loss_of(network: Network) -> Any:
            return loss_is(network(x), y)

        loss, gradients = nnx.value_and_grad(loss_of)(network)
        gradients = gradients_are(gradients)
        return loss, optax.tree.norm(gradients), gradients

    @nnx.jit
    def update(network: Network, optimizer: Any, gradients: Any, loss: Any) -> None:
        optimizer.update(network, gradients, value=loss)

    return _Flax(Network, gradient, update)


def _copied(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {name: np.array(parameter[...]) for name, parameter in parameters.items()}


@contextlib.contextmanager
def _as_torch_does() -> Iterator[None]:
    """In float64, on the CPU, and with the promotions that Optax itself relies on."""
    cpu = jax.devices("cpu")[0]
    with jax.enable_x64(True), jax.default_device(cpu), jax.numpy_dtype_promotion("standard"):
        yield


def transformation(case: TrainingCase) -> optax.GradientTransformationExtraArgs:
    """The Optax optimizer of a case; one group for each base learning rate."""
    make, cycled = OPTIMIZERS[case.optimizer].optax, OPTIMIZERS[case.optimizer].cycled
    if make is None:
        return _converted(case)
    labels = "all" if len(case.base_lrs) == 1 else _by_layer
    names = ("all",) if len(case.base_lrs) == 1 else ("hidden", "last")
    if case.scheduler == "ReduceLROnPlateau":
        arguments = case.spec.arguments
        plateaus = {
            n: jaxsched.ReduceLROnPlateau(lr, **arguments) for n, lr in zip(names, case.base_lrs, strict=True)
        }
        return optax.partition(
            {
                name: optax.chain(make(1.0), plateau.scale_by_learning_rate(flip_sign=False))
                for name, plateau in plateaus.items()
            },
            labels,
        )
    groups: dict[Hashable, Any] = {}
    for name, lr in zip(names, case.base_lrs, strict=True):
        schedule: Any = case.spec.schedule(lr)
        groups[name] = {"learning_rate": schedule}
        if cycles(case):
            groups[name][cycled] = schedule.momentum
    return jaxsched.by_group(make, groups, labels)


def _converted(case: TrainingCase) -> optax.GradientTransformationExtraArgs:
    """What `optimizer_from_torch` makes of PyTorch's, alive."""
    _, optimizer, scheduler = live(case)
    several = len(case.base_lrs) > 1
    return jaxsched.optimizer_from_torch(optimizer, scheduler, labels=_group if several else None)


def _group(path: Any, _: Any) -> int:
    return ("hidden", "last").index(path[0].key)


def _by_layer(parameters: Any) -> Any:
    return jax.tree_util.tree_map_with_path(lambda path, _: path[0].key, parameters)


def _lrs(state: Any) -> tuple[float, ...]:
    found = jaxsched.current_lr(state)
    rates = [rate for _, rate in sorted(found.items())] if isinstance(found, dict) else [found]
    return tuple(map(float, rates))


def _cycled_by_optax(case: TrainingCase, state: Any) -> float:
    if not cycles(case):
        return np.nan
    hyperparameters = optax.tree_utils.tree_get(state, "hyperparams")
    (value,) = jax.tree.leaves(hyperparameters[OPTIMIZERS[case.optimizer].cycled])
    return float(value)
