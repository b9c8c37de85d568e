from typing import Annotated, ClassVar, final

import jax
import numpy as np

from .. import _numerics as nx
from .._arguments import Integer, LearningRate
from .._schedule import Schedule
from .._shared_rate import Affine, NoClosedFormError, Wrapped
from ._members import Member


@final
class SetAt(Wrapped, Schedule):
    r"""A schedule whose learning rate was set by hand at some count: PyTorch goes on from there.

    Most of PyTorch's schedulers do not look at where they should be. They multiply the learning rate that
    they find in the optimizer, or pull it towards a value; so whoever changes it, or loads a scheduler's
    state without the optimizer's, changes every learning rate that follows. With :math:`c` for the count and
    :math:`f` for the schedule, from :math:`c` on it is

    ================================================  ====================================================
    Constant, Linear, Step, MultiStep, Exponential,   :math:`\text{lr} \cdot f(k) / f(c)`
    Polynomial, Multiplicative
    CosineAnnealing, SWA                              the same share of the way to ``eta_min``, ``swa_lr``;
                                                      a cosine that rises again has forgotten it
    Lambda, WarmRestarts, Cyclic, OneCycle            :math:`\text{lr}` at count :math:`c` alone
    ================================================  ====================================================

    In a sequence this holds until the next milestone.

    Args:
      schedule: any schedule whose arguments are Python numbers.
      count: the count of the first update with the new learning rate, an integer >= 0.
      lr: the learning rate that was set, finite and >= 0.

    Raises:
      ValueError: an argument is out of its range, or what the schedule does from there has no closed form.
      TypeError: an argument is of the wrong type.

    >>> from jaxsched import SetAt, StepLR
    >>> SetAt(StepLR(0.1, step_size=2, gamma=0.5), 3, 0.2).on_host([0, 2, 3, 4, 6])
    array([0.1 , 0.05, 0.2 , 0.1 , 0.05], dtype=float32)
    """

    schedule: Annotated[Schedule, Member()]
    count: Annotated[int, Integer(0, "It is a number of updates.", array=False)]
    lr: LearningRate

    _takes_narrow_counts: ClassVar[bool] = True

    def _check(self) -> None:
        if jax.tree.leaves(self.schedule):
            raise TypeError(
                f"SetAt: schedule must have Python numbers as arguments, got {self.schedule!r}. "
                "Convert arrays with float()."
            )
        lr = self.lr if nx.is_number(self.lr) else 1.0
        try:
            with np.errstate(all="ignore"), jax.enable_x64(True), nx.to_be(np.float64):
                self.schedule._formula_on(self.count, lr, nx.one_count(self.count))
        except NoClosedFormError:
            raise ValueError(
                f"SetAt: schedule must be one that goes on in closed form, got {self.schedule!r}. "
                "Record what it does instead, with from_torch(..., total_steps=)."
            ) from None

    @property
    def _wrapped(self) -> Schedule:
        return self.schedule

    def _formula(self, k: jax.Array) -> jax.Array:
        return self._set(super()._formula(k), k)

    def _set(self, before: jax.Array, k: jax.Array) -> jax.Array:
        after = self.schedule._formula_on(self.count, self.lr, nx.maximum(k, self.count))
        return nx.where(k >= self.count, after, before)

    def _formula_from(self, start: nx.Number, k: jax.Array) -> jax.Array:
        return self._set(super()._formula_from(start, k), k)

    def _formula_on(self, start: int, lr: nx.Number, k: jax.Array) -> jax.Array:
        value = super()._formula_on(start, lr, k)
        return self._set(value, k) if start < self.count else value

    def _least(self) -> float:
        return 0.0

    def _start(self, k: jax.Array) -> Affine:
        return Affine(0.0, self.lr) if self.count == 0 else super()._start(k)

    def _step(self, k: jax.Array) -> Affine:
        return Affine(0.0, self.lr).where(k == self.count, super()._step(k))

    def _multiplies(self, horizon: int | None) -> bool:
        return False
