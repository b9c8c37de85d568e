import abc
from typing import Any, ClassVar

import jax

from .. import _numerics as nx
from .._arguments import LearningRate
from .._schedule import Schedule


class FactorSchedule(Schedule):
    """A learning rate times a factor of the count, ``base_lr * factor(k)``.

    In PyTorch these multiply whatever learning rate is in force, so that several of them
    chained on one optimizer multiply to the product of their factors, in any order.
    """

    base_lr: LearningRate

    _takes_narrow_counts: ClassVar[bool] = True

    @property
    def _overwrites(self) -> bool:
        return False

    @abc.abstractmethod
    def _scaled(self, lr: float, k: jax.Array) -> jax.Array:
        """The factor at a count, times a Python number; float64, >= 0."""

    def _lifted(self, k: jax.Array) -> nx.Lifted:
        """The factor, to be multiplied with others."""
        return self._factor(k), 0

    def _factor(self, k: jax.Array) -> jax.Array:
        """The factor at a count; float64, >= 0."""
        return self._scaled(1.0, k)

    def _formula(self, k: jax.Array) -> jax.Array:
        # A number is part of what is computed on the host; data has to be multiplied with.
        if nx.is_number(self.base_lr):
            return self._scaled(float(self.base_lr), k)
        return nx.product_of_lifted([(self.base_lr, 0), self._lifted(k)])

    def _ratio(self, k: jax.Array) -> Any:
        """What PyTorch's step to count ``k >= 1`` multiplies the learning rate by.

        From a factor of 0 there is no way back: PyTorch leaves the learning rate alone.
        """
        before, now = self._factor(k - 1), self._factor(k)
        return nx.where(before > 0, nx.quotient(now, nx.where(before > 0, before, 1.0)), 1.0)

    def _transition(self, k: jax.Array) -> tuple[Any, Any]:
        first = k == 0
        return nx.where(first, self._factor(k), self._ratio(nx.where(first, 1, k))), 0.0
