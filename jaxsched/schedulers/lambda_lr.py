from typing import Annotated, ClassVar, final

import jax

from .. import _numerics as nx
from .._arguments import Horizon, LearningRate
from .._functions import Function, call, require_the_same, require_traceable, tabulate
from .._schedule import Schedule
from .._walled import Function as Written
from ._table import tabulated


@final
class LambdaLR(Schedule):
    r"""The learning rate times a function of the count.

    Equals :class:`torch.optim.lr_scheduler.LambdaLR` for one parameter group.

    .. math::
        \mathrm{lr}(k) = \text{base\_lr} \cdot \text{lr\_lambda}(k)

    Args:
      base_lr: the optimizer's learning rate, finite and >= 0.
      lr_lambda: a function of one count, an integer. JAX traces it, unless there is a horizon, and
        computes in float64 what Python would: ``+ - * /`` and square roots have the same bits, other
        operations but for the last one. What it reads must not change: it is asked when the
        program is compiled.
      total_steps: a horizon, an integer >= 1: the function is called by Python for so many
        counts, once, and its values are looked up; from there on the last one stays.

    Raises:
      ValueError: an argument is out of its range.
      TypeError: an argument is of the wrong type, or JAX cannot trace the function and there
        is no horizon.

    >>> from jaxsched import LambdaLR
    >>> LambdaLR(0.1, lambda k: 0.5**k)(2)
    Array(0.025, dtype=float32)

    A function with ``if`` or ``math.cos`` in it is not traceable, and needs a horizon:

    >>> import jax.numpy as jnp
    >>> LambdaLR(0.1, lambda k: 1.0 if k < 5 else 0.5)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    TypeError: LambdaLR: lr_lambda must be a function of a count that JAX can trace, got ...
    >>> LambdaLR(0.1, lambda k: 1.0 if k < 5 else 0.5, total_steps=10)(5)
    Array(0.05, dtype=float32)
    >>> LambdaLR(0.1, lambda k: jnp.where(k < 5, 1.0, 0.5))(5)
    Array(0.05, dtype=float32)
    """

    base_lr: LearningRate
    lr_lambda: Annotated[Written, Function(traced=False)]
    total_steps: Horizon = None

    _takes_narrow_counts: ClassVar[bool] = True

    def _check(self) -> None:
        if self.total_steps is None:
            remedy = "; or give total_steps= to have the function tabulated"
            require_traceable("LambdaLR", "lr_lambda", self.lr_lambda, remedy=remedy)
            require_the_same("LambdaLR", "lr_lambda", self.lr_lambda, remedy=remedy)
        else:
            _values(self.lr_lambda, self.total_steps)

    def _formula(self, k: jax.Array) -> jax.Array:
        if self.total_steps is None:
            return self.base_lr * call(self.lr_lambda, nx.wide(k))
        return self.base_lr * nx.lookup(_values(self.lr_lambda, self.total_steps), k)


@tabulated
def _values(lr_lambda: Written, total_steps: int) -> nx.Values:
    return tabulate("LambdaLR", "lr_lambda", lr_lambda, range(total_steps))
