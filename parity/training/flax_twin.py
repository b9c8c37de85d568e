"""Flax's twin, with Optax."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Hashable, Iterator
from typing import TYPE_CHECKING, Any

import jax
import jax.flatten_util
import jax.numpy as jnp
import numpy as np
import optax

import jaxsched

from .twins import CLASSES, FEATURES, KINDS, OPTIMIZERS, WIDTH, Data, Update, cycles

if TYPE_CHECKING:
    from .case import TrainingCase


def by_flax(case: TrainingCase, given: Data) -> Iterator[Update]:
    """Flax's twin, as anyone writes it, driven by the schedules of jaxsched."""
    # Not at the top: to compare schedules, nobody needs Flax.
    from flax import nnx

    class Network(nnx.Module):
        def __init__(self) -> None:
            make = functools.partial(nnx.Linear, param_dtype=np.float64, rngs=nnx.Rngs(0))
            self.hidden, self.last = make(FEATURES, WIDTH), make(WIDTH, CLASSES)

        def __call__(self, x: jax.Array) -> jax.Array:
            logits: jax.Array = self.last(nnx.relu(self.hidden(x)))
            return logits

    def loss_of(network: Network, x: Any, y: Any) -> Any:
        return optax.softmax_cross_entropy_with_integer_labels(network(x), y).mean()

    @nnx.jit
    def update(network: Network, optimizer: Any, x: Any, y: Any) -> tuple[jax.Array, jax.Array]:
        loss, grads = nnx.value_and_grad(loss_of)(network, x, y)
        optimizer.update(network, grads, value=loss)
        return loss, jnp.linalg.norm(jax.flatten_util.ravel_pytree(grads)[0])

    with _as_torch_does():
        network = Network()
        parameters = {
            f"{name}.{kind}": getattr(layer, "kernel" if kind == "weight" else kind)
            for name, layer in (("hidden", network.hidden), ("last", network.last))
            for kind in KINDS
        }
        for name, parameter in parameters.items():
            parameter[...] = jnp.asarray(given.weights[name])
        optimizer = nnx.Optimizer(network, transformation(case), wrt=nnx.Param)
        start: dict[str, Any] | None = _copied(parameters)
        step: Any = nnx.cached_partial(update, network, optimizer)  # else Flax looks at both for each update
    for x, y in given.batches:
        # Entered for each update: what is between two yields is somebody else's.
        with _as_torch_does():
            loss, gradient = step(x, y)
            state = optimizer.opt_state
        cycled, weights = _cycled_by_optax(case, state), _copied(parameters)
        yield Update(float(loss), float(gradient), _lrs(state), cycled, weights, (x, y), start)
        start = None


def _copied(parameters: dict[str, Any]) -> dict[str, Any]:
    return {name: np.array(parameter[...]) for name, parameter in parameters.items()}


@contextlib.contextmanager
def _as_torch_does() -> Iterator[None]:
    """In float64, on the CPU, and with the promotions that Optax itself relies on."""
    cpu = jax.devices("cpu")[0]
    with jax.enable_x64(True), jax.default_device(cpu), jax.numpy_dtype_promotion("standard"):
        yield


def transformation(case: TrainingCase) -> optax.GradientTransformationExtraArgs:
    """The Optax optimizer of a case; one group for each base learning rate."""
    labels = "all" if len(case.base_lrs) == 1 else _by_layer
    names = ("all",) if len(case.base_lrs) == 1 else ("hidden", "last")
    make, cycled = OPTIMIZERS[case.optimizer].optax, OPTIMIZERS[case.optimizer].cycled
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


def _by_layer(parameters: Any) -> Any:
    return jax.tree_util.tree_map_with_path(lambda path, _: path[0].key, parameters)


def _lrs(state: Any) -> tuple[float, ...]:
    found = jaxsched.current_lr(state)
    rates = (found["hidden"], found["last"]) if isinstance(found, dict) else (found,)
    return tuple(map(float, rates))


def _cycled_by_optax(case: TrainingCase, state: Any) -> float:
    if not cycles(case):
        return np.nan
    (value,) = jax.tree.leaves(
        optax.tree_utils.tree_get(state, "hyperparams")[OPTIMIZERS[case.optimizer].cycled]
    )
    return float(value)
