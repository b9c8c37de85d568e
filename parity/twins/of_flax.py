"""Twins from an NNX model and its optimizer, and from the parameters of a Linen one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import jax
import numpy as np
import optax

from .of_torch import Once

Modules = Mapping[str, str]


def nnx_twin(
    model: Any,
    optimizer: Any,
    loss_fn: Callable[[Any, Any], Any],
    batches: Iterable[Any],
    *,
    modules: Modules | None = None,
    learning_rate: Callable[[int], Any] | None = None,
    gradient: bool = False,
) -> Callable[[], Iterator[Mapping[str, Any]]]:
    """A twin for `compare_training` from an NNX model and its ``nnx.Optimizer``.

    >>> import jax.numpy as jnp, optax, parity
    >>> from flax import nnx
    >>> model = nnx.Linear(2, 1, rngs=nnx.Rngs(0))
    >>> optimizer = nnx.Optimizer(model, optax.inject_hyperparams(optax.sgd)(0.1), wrt=nnx.Param)
    >>> twin = parity.nnx_twin(model, optimizer, lambda model, x: (model(x) ** 2).mean(), [jnp.ones((4, 2))])
    >>> (update,) = twin()
    >>> sorted(update), sorted(update["weights"])
    (['batch', 'gradient_norm', 'initial_weights', 'loss', 'lr', 'weights'], ['bias', 'weight'])

    Weights are told as PyTorch has them: a ``kernel`` is a ``weight``, with its outputs first; so are a
    ``scale`` and an ``embedding``.

    Args:
      model: as it is to begin. It is trained, so that the twin can be made once.
      optimizer: of its parameters. An Optax transformation that takes ``value=`` is told the loss.
      loss_fn: the loss of a model and a batch.
      batches: one for each update; pytrees of arrays.
      modules: what PyTorch calls a module, by its path here: ``{"hidden": "0", "layers.1": "2"}``. A path
        that is not there stays.
      learning_rate: the schedule that the optimizer follows, from a count to a rate. If None, the rate is
        what the state of ``optax.inject_hyperparams``, or of jaxsched, says; or else not told.
      gradient: whether to tell the gradient, too, by parameter. It costs as much memory as the weights.

    Returns:
      The function of no arguments that `compare_training` takes.
    """
    from flax import nnx

    takes_value = isinstance(optimizer.tx, optax.GradientTransformationExtraArgs)

    @nnx.jit
    def update(model: Any, optimizer: Any, batch: Any) -> tuple[Any, ...]:
        loss, grads = nnx.value_and_grad(loss_fn)(model, batch)
        optimizer.update(model, grads, **({"value": loss} if takes_value else {}))
        return loss, optax.tree.norm(grads), nnx.to_pure_dict(grads) if gradient else None

    def weights() -> dict[str, Any]:
        return as_torch_has_them(nnx.to_pure_dict(nnx.state(model, nnx.Param)), modules)

    def updates() -> Iterator[Mapping[str, Any]]:
        begins = {"initial_weights": weights()}
        for k, batch in enumerate(batches):
            loss, norm, grads = update(model, optimizer, batch)
            settings = _settings(optimizer.opt_state, learning_rate, k)
            told = {**begins, "batch": batch, "loss": loss, "gradient_norm": norm, **settings}
            if gradient:
                told["gradient"] = as_torch_has_them(grads, modules)
            begins = {}
            yield {**told, "weights": weights()}

    return _once("nnx_twin", updates)


def linen_twin(
    params: Any,
    optimizer: optax.GradientTransformation,
    loss_fn: Callable[[Any, Any], Any],
    batches: Iterable[Any],
    *,
    modules: Modules | None = None,
    learning_rate: Callable[[int], Any] | None = None,
    gradient: bool = False,
) -> Callable[[], Iterator[Mapping[str, Any]]]:
    """A twin for `compare_training` from the parameters of a Linen model, or of any function of a pytree.

    >>> import jax.numpy as jnp, optax, parity
    >>> params = {"Dense_0": {"kernel": jnp.ones((2, 1)), "bias": jnp.zeros(1)}}
    >>> def loss_fn(params, x):
    ...     return ((x @ params["Dense_0"]["kernel"] + params["Dense_0"]["bias"]) ** 2).mean()
    >>> schedule = optax.exponential_decay(0.1, 1, 0.5)
    >>> twin = parity.linen_twin(
    ...     params, optax.sgd(schedule), loss_fn, [jnp.ones((4, 2))] * 2,
    ...     modules={"Dense_0": "0"}, learning_rate=schedule,
    ... )
    >>> [(float(update["lr"]), *update["weights"]) for update in twin()]
    [(0.1..., '0.bias', '0.weight'), (0.05..., '0.bias', '0.weight')]

    Args:
      params: as they are to begin.
      optimizer: an Optax transformation. One that takes ``value=`` is told the loss.
      loss_fn: the loss of parameters and a batch.
      batches: as for `nnx_twin`.
      modules: as for `nnx_twin`.
      learning_rate: as for `nnx_twin`.
      gradient: as for `nnx_twin`.

    Returns:
      The function of no arguments that `compare_training` takes.
    """
    transformation = optax.with_extra_args_support(optimizer)

    @jax.jit
    def update(params: Any, state: Any, batch: Any) -> tuple[Any, ...]:
        loss, grads = jax.value_and_grad(loss_fn)(params, batch)
        updates, state = transformation.update(grads, state, params, value=loss)
        return (
            optax.apply_updates(params, updates),
            state,
            loss,
            optax.tree.norm(grads),
            grads if gradient else None,
        )

    def updates() -> Iterator[Mapping[str, Any]]:
        now, state = params, transformation.init(params)
        begins = {"initial_weights": as_torch_has_them(now, modules)}
        for k, batch in enumerate(batches):
            now, state, loss, norm, grads = update(now, state, batch)
            settings = _settings(state, learning_rate, k)
            told = {**begins, "batch": batch, "loss": loss, "gradient_norm": norm, **settings}
            if gradient:
                told["gradient"] = as_torch_has_them(grads, modules)
            begins = {}
            yield {**told, "weights": as_torch_has_them(now, modules)}

    return updates  # parameters are values: it may begin as often as anyone likes


def _once(name: str, updates: Callable[[], Iterator[Mapping[str, Any]]]) -> Callable[[], Any]:
    once = Once(name)

    def make() -> Iterator[Mapping[str, Any]]:
        once.check()
        return updates()

    return make


def as_torch_has_them(tree: Any, modules: Modules | None = None) -> dict[str, Any]:
    """Flax's parameters by PyTorch's names, in PyTorch's layout."""
    found = {}
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        *inside, kind = [
            str(getattr(key, "key", getattr(key, "name", getattr(key, "idx", key)))) for key in path
        ]
        array = np.asarray(leaf)
        if kind == "kernel" and array.ndim > 1:  # its inputs and outputs come last, PyTorch's first
            array = np.moveaxis(array, (-1, -2), (0, 1))
        module = ".".join(inside)
        names = [(modules or {}).get(module, module), _KINDS.get(kind, kind)]
        found[".".join(filter(None, names))] = array
    return found


_KINDS = {"kernel": "weight", "scale": "weight", "embedding": "weight"}


def _settings(state: Any, learning_rate: Callable[[int], Any] | None, count: int) -> dict[str, Any]:
    """The rate of this update, and momentum and decay where the state has them: one for each group."""
    found: dict[str, list[Any]] = {}
    injected = optax.tree_utils.tree_get_all_with_path(state, "hyperparams")
    for _, hyperparameters in injected:
        for ours, key in _SETTINGS.items():
            if ours in hyperparameters:
                found.setdefault(key, []).append(np.asarray(hyperparameters[ours]))
    if learning_rate is not None:
        found["lr"] = [np.asarray(learning_rate(count))]
    return {key: values[0] if len(values) == 1 else values for key, values in found.items()}


_SETTINGS = {"learning_rate": "lr", "momentum": "momentum", "b1": "momentum", "weight_decay": "weight_decay"}

nnx_twin.__module__ = linen_twin.__module__ = "parity"
