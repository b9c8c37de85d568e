import abc
from typing import ClassVar

import jax

from .. import _numerics as nx
from .._schedule import Schedule
from .._shared_rate import Multiplies


class FactorSchedule(Multiplies, Schedule):
    """A learning rate times a factor that the host can multiply into its tables."""

    _takes_narrow_counts: ClassVar[bool] = True

    @abc.abstractmethod
    def _scaled(self, lr: float, k: jax.Array) -> jax.Array:
        """The factor at a count, times a Python number; float64, >= 0."""

    def _factor(self, k: jax.Array) -> jax.Array:
        return self._scaled(1.0, k)

    def _formula(self, k: jax.Array) -> jax.Array:
        # A number is part of what is computed on the host; data has to be multiplied with.
        if nx.is_number(self.base_lr):
            return self._scaled(float(self.base_lr), k)
        return super()._formula(k)
