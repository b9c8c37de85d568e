"""Flax's twin, with Optax."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

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

    bias = "bias" in case.kinds
    with _as_torch_does():
        network = _network()(bias)
        for name, parameter in _parameters(network, case.kinds).items():
            parameter[...] = jnp.asarray(given.weights[name])
        optimizer = nnx.Optimizer(network, transformation(case), wrt=nnx.Param)
        gradient, update = _gradient(bias, loss_is, gradients_are), _update(case, network, optimizer)
        weights, state = _arrays(network), _arrays(optimizer)
    start: dict[str, Any] | None = _named(case, weights)
    for x, y in given.batches:
        # Entered for each update: what is between two yields is somebody else's.
        with _as_torch_does():
            loss, norm, gradients = gradient(weights, x, y)
            weights, state, rates, cycled = update(weights, state, gradients, loss)
        after = _named(case, weights)
        yield Update(float(loss), float(norm), tuple(map(float, rates)), float(cycled), after, (x, y), start)
        start = None


# Between updates there are only arrays, as in Flax's functional style: `nnx.jit` would walk through network
# and optimizer before and after each, which takes longer than the update itself.


@functools.cache
def _network() -> Any:
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

    return Network


def _parameters(network: Any, kinds: Sequence[str]) -> dict[str, Any]:
    """By PyTorch's names."""
    return {
        f"{name}.{kind}": getattr(layer, "kernel" if kind == "weight" else kind)
        for name, layer in (("hidden", network.hidden), ("last", network.last))
        for kind in kinds
    }


def _arrays(module: Any) -> list[jax.Array]:
    from flax import nnx

    return jax.tree.leaves(nnx.state(module))


def _named(case: TrainingCase, weights: Sequence[jax.Array]) -> dict[str, Any]:
    """The weights by PyTorch's names; Flax has them in the order of its own."""
    names = [f"{layer}.{kind}" for layer in ("hidden", "last") for kind in sorted(case.kinds)]
    return {name: np.array(each) for name, each in zip(names, weights, strict=True)}


def _whole(module: Any) -> Callable[[Sequence[jax.Array]], Any]:
    """From arrays to a module that has them."""
    from flax import nnx

    definition, state = nnx.split(module)
    structure = jax.tree.structure(state)
    return lambda arrays: nnx.merge(definition, jax.tree.unflatten(structure, arrays))


@functools.cache
def _gradient(bias: bool, loss_is: Loss, gradients_are: Any) -> Any:
    """Compiled once for all twins."""
    whole = _whole(_network()(bias))

    @jax.jit
    def gradient(weights: Any, x: Any, y: Any) -> tuple[Any, ...]:
        loss, gradients = jax.value_and_grad(lambda weights: loss_is(whole(weights)(x), y))(weights)
        gradients = gradients_are(gradients)
        return loss, optax.tree.norm(gradients), gradients

    return gradient


def _update(case: TrainingCase, network: Any, optimizer: Any) -> Any:
    from flax import nnx

    whole_network, whole_optimizer = _whole(network), _whole(optimizer)
    structure = jax.tree.structure(nnx.state(network))

    @jax.jit
    def update(weights: Any, state: Any, gradients: Any, loss: Any) -> tuple[Any, ...]:
        network, optimizer = whole_network(weights), whole_optimizer(state)
        optimizer.update(network, jax.tree.unflatten(structure, gradients), value=loss)
        told = _lrs(optimizer.opt_state), _cycled_by_optax(case, optimizer.opt_state)
        return _arrays(network), _arrays(optimizer), *told

    return update


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


def _lrs(state: Any) -> tuple[Any, ...]:
    found = jaxsched.current_lr(state)
    rates = [rate for _, rate in sorted(found.items())] if isinstance(found, dict) else [found]
    return tuple(rates)


def _cycled_by_optax(case: TrainingCase, state: Any) -> Any:
    if not cycles(case):
        return np.nan
    hyperparameters = optax.tree_utils.tree_get(state, "hyperparams")
    (value,) = jax.tree.leaves(hyperparameters[OPTIMIZERS[case.optimizer].cycled])
    return value
