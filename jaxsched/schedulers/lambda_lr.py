from collections.abc import Callable
from typing import Annotated, Any, final

import jax

from .. import _numerics as nx
from .._arguments import Function, LearningRate, call
from .._schedule import Schedule


@final
class LambdaLR(Schedule):
    r"""The learning rate times a function of the count.

    Equals :class:`torch.optim.lr_scheduler.LambdaLR` for one parameter group.

    .. math::
        \mathrm{lr}(k) = \text{base\_lr} \cdot \text{lr\_lambda}(k)

    Args:
      base_lr: the optimizer's learning rate, finite and >= 0.
      lr_lambda: a function of one count that JAX can trace. It is given the count as an
        integer and computes in float64; its own arithmetic is as exact as it is written.

    Raises:
      ValueError: ``base_lr`` is out of its range.
      TypeError: an argument is of the wrong type, or JAX cannot trace the function.

    >>> from jaxsched import LambdaLR
    >>> LambdaLR(0.1, lambda k: 0.5**k)(2)
    Array(0.025, dtype=float32)

    A function with ``if`` or ``math.cos`` in it is not traceable:

    >>> import jax.numpy as jnp
    >>> LambdaLR(0.1, lambda k: 1.0 if k < 5 else 0.5)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    TypeError: LambdaLR: lr_lambda must be a function of a count that JAX can trace, got ...
    >>> LambdaLR(0.1, lambda k: jnp.where(k < 5, 1.0, 0.5))(5)
    Array(0.05, dtype=float32)
    """

    base_lr: LearningRate
    lr_lambda: Annotated[Callable[[Any], Any], Function()]

    def _formula(self, k: jax.Array) -> jax.Array:
        return self.base_lr * call(self.lr_lambda, k)
