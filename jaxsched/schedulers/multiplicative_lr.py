from typing import Annotated, Any, final

import jax
import numpy as np

from .. import _numerics as nx
from .._arguments import Horizon
from .._functions import Function, constant_value, tabulate
from .._shared_rate import Affine, Continues
from .._walled import Function as Written
from ._factor import FactorSchedule
from ._table import tabulated


@final
class MultiplicativeLR(Continues, FactorSchedule):
    r"""The learning rate in force times a function of the count, at every update.

    Equals :class:`torch.optim.lr_scheduler.MultiplicativeLR` for one parameter group.

    .. math::
        \mathrm{lr}(0) = \text{base\_lr}, \qquad
        \mathrm{lr}(k) = \mathrm{lr}(k - 1) \cdot \text{lr\_lambda}(k)

    A function that does not look at the count makes this an exponential, at any count. Any
    other has no closed form: its products are computed once on the host, in float64, up to
    a horizon, and looked up.

    Args:
      base_lr: the optimizer's learning rate, finite and >= 0.
      lr_lambda: a function of one count, finite and >= 0; Python's ``if`` and ``math`` are
        welcome. Its value at count 0 is used only where a sequence turns to it.
      total_steps: the horizon, an integer >= 1: how many counts are tabulated; from there on
        the last value stays. Not needed for a function that does not look at the count.

    Raises:
      ValueError: an argument is out of its range, or ``total_steps`` is needed.
      TypeError: an argument is of the wrong type.

    >>> from jaxsched import MultiplicativeLR
    >>> MultiplicativeLR(0.1, lambda k: 0.5).on_host([0, 1, 2])
    array([0.1  , 0.05 , 0.025], dtype=float32)
    >>> MultiplicativeLR(0.1, lambda k: 1.0 if k < 3 else 0.5, total_steps=5).on_host([2, 3, 4])
    array([0.1  , 0.05 , 0.025], dtype=float32)

    In a `SequentialLR` it goes on from the learning rate in force, and multiplies it by
    ``lr_lambda(0)`` at its milestone.
    """

    lr_lambda: Annotated[Written, Function(traced=False)]
    total_steps: Horizon = None

    def _check(self) -> None:
        if constant_value(self.lr_lambda) is not None:
            tabulate("MultiplicativeLR", "lr_lambda", self.lr_lambda, [1], least=0.0)
            object.__setattr__(self, "total_steps", None)  # no horizon, whoever gives one
        elif self.total_steps is None:
            raise ValueError(
                "MultiplicativeLR: total_steps must be given for a function that looks at the count, "
                "got None. The product of its values has no closed form: say how many updates to tabulate."
            )
        else:
            _products(self.lr_lambda, self.total_steps)

    def _scaled(self, lr: float, k: jax.Array) -> jax.Array:
        if self.total_steps is None:
            constant: Any = constant_value(self.lr_lambda)
            return nx.power(constant, k, lr)
        return nx.lookup(nx.capped(lr * _products(self.lr_lambda, self.total_steps)), k)

    def _lifted(self, k: jax.Array) -> nx.Lifted:
        if self.total_steps is None:
            constant: Any = constant_value(self.lr_lambda)
            return nx.lifted_power(constant, k)
        values, exponents = np.frexp(_products(self.lr_lambda, self.total_steps))
        return nx.lookup(values, k), nx.lookup(exponents, k)

    def _ratio(self, k: jax.Array) -> Any:
        if self.total_steps is None:
            return constant_value(self.lr_lambda)
        return nx.lookup(_factors(self.lr_lambda, self.total_steps), k)

    @property
    def _first(self) -> float:
        # The one place where PyTorch calls the function for count 0.
        return float(tabulate("MultiplicativeLR", "lr_lambda", self.lr_lambda, [0], least=0.0)[0])

    def _entry(self, k: jax.Array) -> Affine:
        return Affine(self._first, 0.0)

    def _formula_from(self, start: nx.Number, k: jax.Array) -> jax.Array:
        return nx.product_of_lifted([(start, 0), (self._first, 0), self._lifted(k)])


@tabulated
def _factors(lr_lambda: Written, total_steps: int) -> nx.Values:
    later = tabulate("MultiplicativeLR", "lr_lambda", lr_lambda, range(1, total_steps), least=0.0)
    return np.concatenate([[1.0], later, [1.0]])  # past the horizon the value stays


@tabulated
def _products(lr_lambda: Written, total_steps: int) -> nx.Values:
    return np.cumprod(_factors(lr_lambda, total_steps), dtype=np.float64)[:total_steps]
