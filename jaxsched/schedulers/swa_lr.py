from typing import Annotated, ClassVar, final

import jax

from .. import _numerics as nx
from .._arguments import Choice, Integer, LearningRate
from .._schedule import Schedule
from .._shared_rate import UNCHANGED, Affine, Continues

_SHAPES = {"cos": nx.half_cosine, "linear": nx.linear}


@final
class SWALR(Continues, Schedule):
    r"""From the learning rate in force to a constant one, for averaging weights.

    Equals :class:`torch.optim.swa_utils.SWALR`.

    .. math::
        \mathrm{lr}(k) = (1 - \alpha)\, \text{base\_lr} + \alpha\, \text{swa\_lr}, \qquad
        \alpha = \begin{cases}
            (1 - \cos(\pi t)) / 2 & \text{cos} \\ t & \text{linear}
        \end{cases}, \qquad t = \frac{\min(k, \text{anneal\_epochs})}{\text{anneal\_epochs}}

    Args:
      base_lr: the learning rate it starts from, finite and >= 0.
      swa_lr: the learning rate it ends at and keeps, finite and >= 0.
      anneal_epochs: counts from one to the other; an integer >= 0; 0 jumps at once.
      anneal_strategy: ``"cos"`` or ``"linear"``.

    Raises:
      ValueError: an argument is out of its range.
      TypeError: an argument is of the wrong type.

    >>> from jaxsched import SWALR, ExponentialLR, SequentialLR
    >>> SWALR(0.1, swa_lr=0.05, anneal_epochs=4, anneal_strategy="linear").on_host([0, 1, 4, 5])
    array([0.1   , 0.0875, 0.05  , 0.05  ], dtype=float32)

    After another schedule it goes on from the learning rate in force; ``base_lr`` is then
    only the optimizer's:

    >>> SequentialLR([ExponentialLR(0.1, 0.5), SWALR(0.1, swa_lr=0.05)], [2]).on_host([1, 2, 12])
    array([0.05, 0.05, 0.05], dtype=float32)

    Izmailov et al., `Averaging Weights Leads to Wider Optima and Better Generalization
    <https://arxiv.org/abs/1803.05407>`_, 2018.
    """

    base_lr: LearningRate
    swa_lr: LearningRate
    anneal_epochs: Annotated[nx.Whole, Integer(0, "It is a number of counts; 0 jumps at once.")] = 10
    anneal_strategy: Annotated[str, Choice(tuple(_SHAPES))] = "cos"

    _takes_narrow_counts: ClassVar[bool] = True

    @property
    def _overwrites(self) -> bool:
        return False

    def _formula(self, k: jax.Array) -> jax.Array:
        return self._formula_from(self.base_lr, k)

    def _formula_from(self, start: nx.Number, k: jax.Array) -> jax.Array:
        elapsed = nx.minimum(k, self.anneal_epochs)
        shape = _SHAPES[self.anneal_strategy]
        return nx.interpolate(
            start,
            self.swa_lr,
            elapsed,
            self.anneal_epochs - elapsed,
            self.anneal_epochs,
            shape,
        )

    def _start(self, k: jax.Array) -> Affine:
        return self._entry(k)

    def _entry(self, k: jax.Array) -> Affine:
        return Affine(0.0, self.swa_lr).where(self.anneal_epochs == 0, UNCHANGED)

    def _formula_on(self, start: int, lr: nx.Number, k: jax.Array) -> jax.Array:
        left = self._left(nx.one_count(start))
        share = nx.quotient(self._left(k), nx.where(left > 0, left, 1.0))
        value = self.swa_lr + nx.product(nx.minus(lr, self.swa_lr), share)
        return nx.where(k == start, lr, value)

    def _left(self, k: jax.Array) -> jax.Array:
        """The share of the way that is left."""
        return SWALR(1.0, 0.0, self.anneal_epochs, self.anneal_strategy)._formula(k)

    def _step(self, k: jax.Array) -> Affine:
        before, now = self._left(k - 1), self._left(k)  # once there, it stays
        scale = nx.where(before > 0, nx.quotient(now, nx.where(before > 0, before, 1.0)), 0.0)
        return Affine(scale, nx.product(self.swa_lr, nx.minus(1.0, scale)))
