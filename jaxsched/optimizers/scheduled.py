"""Hyperparameters that change, in the state, as ``optax.inject_hyperparams`` keeps them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from ..by_metric.reduce_lr_on_plateau import ReduceLROnPlateau
from ._leaves import check_arrays


def scheduled(
    make_optimizer: Callable[..., optax.GradientTransformation], **hyperparameters: Any
) -> optax.GradientTransformationExtraArgs:
    """An optimizer whose hyperparameters are schedules, plateaus or numbers in its state.

    ``optax.inject_hyperparams`` for what is given by name, and for nothing else: all that
    ``make_optimizer`` has of its own stays a constant of the program. The state is that of
    ``inject_hyperparams``; `current_lr` reads it.

    >>> import jax.numpy as jnp, optax
    >>> from jaxsched import OneCycleLR, current_lr
    >>> from jaxsched.optimizers import scheduled
    >>> schedule = OneCycleLR(0.5, total_steps=10)
    >>> optimizer = scheduled(
    ...     lambda learning_rate, b1: optax.adam(learning_rate, b1=b1, eps=1e-6),
    ...     learning_rate=schedule,
    ...     b1=schedule.momentum,
    ... )
    >>> state = optimizer.init(jnp.zeros(3))
    >>> print(current_lr(state), state.hyperparams["b1"])
    0.02 0.95

    A `ReduceLROnPlateau` is stepped by each update with the ``value`` that it is given. So update ``k``
    applies the learning rate after ``k`` steps, as with ``optimizer.step()`` before ``scheduler.step(loss)``:

    >>> from jaxsched import ReduceLROnPlateau
    >>> optimizer = scheduled(optax.sgd, learning_rate=ReduceLROnPlateau(0.1, patience=0))
    >>> state = optimizer.init(jnp.zeros(3))
    >>> for _ in range(3):
    ...     updates, state = optimizer.update(jnp.ones(3), state, value=1.0)
    ...     print(current_lr(state))
    0.1
    0.1
    0.01

    Args:
      make_optimizer: a function of these names that returns a transformation. It sees the values of an
        update, arrays of shape ``()`` and of JAX's default float type, and not the schedules.
      **hyperparameters: schedules (functions of the count), plateaus, or numbers, which can be changed in
        the state.

    Returns:
      A transformation. No type in its state or of its updates ever changes, whatever the types of the
      hyperparameters, as loops of JAX need it. What has 16 bits is computed in float32 and rounded once, as
      PyTorch does: to Optax alone, a momentum of 0.9 beside bfloat16 is 0.8984.
    """
    names = {name: _stateful(each) for name, each in hyperparameters.items()}

    def factory(**values: object) -> optax.GradientTransformation:
        return make_optimizer(**values)

    # All that Optax injects, it turns into arrays; by this it sees only what may change. A
    # momentum of 0.9 stays a constant of the program, and Adam's state stays in bfloat16.
    keyword = inspect.Parameter.KEYWORD_ONLY
    parameters = [inspect.Parameter(name, keyword) for name in names]
    factory.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    # Without a type, a learning rate for bfloat16 parameters would be rounded to bfloat16.
    injected = optax.inject_hyperparams(factory, hyperparam_dtype=jnp.result_type(float))(**names)

    def init(params: Any) -> Any:
        check_arrays("scheduled", "params", params)
        return injected.init(params)

    def update(updates: Any, state: Any, params: Any = None, **extra: Any) -> tuple[Any, Any]:
        check_arrays("scheduled", "updates", updates)
        check_arrays("scheduled", "params", params)
        made, after = injected.update(_wide(updates), _wide(state), _wide(params), **extra)
        return _with_dtypes_of(updates, made), _with_dtypes_of(state, after)

    return optax.GradientTransformationExtraArgs(init, update)


class _Told:
    """A plateau as a schedule that Optax tells the ``value`` of an update."""

    def __init__(self, plateau: Any) -> None:
        self.plateau = plateau

    def init(self) -> Any:
        return self.plateau.init()

    def update(self, state: Any, **extra: Any) -> Any:
        if "value" not in extra:
            raise ValueError(
                f"scheduled: value must be given to update, got none. {type(self.plateau).__name__} looks at "
                "it: optimizer.update(updates, state, params, value=loss)."
            )
        return self.plateau.step(state, extra["value"])

    def __call__(self, state: Any, **_: Any) -> jax.Array:
        # A copy: two leaves of a state in one buffer could not be donated.
        return jnp.array(state.lr, copy=True)


def is_plateau(value: object) -> bool:
    """Whether it is stepped with metrics: `ReduceLROnPlateau`, GreedyLR and their like."""
    return isinstance(value, ReduceLROnPlateau) or (hasattr(value, "init") and hasattr(value, "step"))


def _stateful(value: Any) -> Any:
    if isinstance(value, int):  # Optax would keep it whole, and half a rate set later would be 0
        return float(value)
    return _Told(value) if is_plateau(value) else value


def _wide(tree: Any) -> Any:
    """Floats of 16 bits as float32."""

    def one(x: Any) -> Any:
        narrow = hasattr(x, "dtype") and jnp.issubdtype(x.dtype, jnp.floating) and x.dtype.itemsize < 4
        return x.astype(np.float32) if narrow else x

    return jax.tree.map(one, tree)


def _with_dtypes_of(before: object, after: object) -> object:
    """As it was given: in a loop of JAX no type may change.

    A learning rate or momentum in more bits than the parameters makes wider what it is multiplied with.
    """

    def as_before(old: Any, new: Any) -> Any:
        there, here = getattr(old, "dtype", None), getattr(new, "dtype", None)
        same = there is None or here is None or there == here
        return new if same else new.astype(there)

    try:
        return jax.tree.map(as_before, before, after)
    except ValueError:  # the optimizer makes another structure, which is its business
        return after
