from typing import Annotated, Any, NamedTuple, final

import jax
import jax.numpy as jnp
import numpy as np

from .. import _numerics as nx
from .._arguments import Choice, Integer, LearningRate, Real
from .._value import Value
from ..by_metric.reduce_lr_on_plateau import PlateauState, ReduceLROnPlateau
from ..composed.warmup import Warmup
from ..schedulers.constant_lr import ConstantLR
from ._warmed import Warmup as WarmupSteps


class PlateauLRState(NamedTuple):
    """Where a `PlateauLRScheduler` stands."""

    lr: jax.Array
    """The learning rate in force."""
    plateau: PlateauState
    """The plateau's own, which does not move during the warm-up."""
    epoch: jax.Array
    """How many steps there were; int32."""


@final
class PlateauLRScheduler(Value):
    """A warm-up, then a learning rate that is reduced when a metric has stopped improving.

    Equals ``timm.scheduler.PlateauLRScheduler`` without noise: a line from ``warmup_lr_init`` to ``base_lr``
    in ``warmup_t`` steps, which do not look at the metric; from then on `ReduceLROnPlateau`.

    Args:
      base_lr: the learning rate of the optimizer's group, finite and >= 0.
      decay_rate: what a reduction multiplies it by, in [0, 1).
      patience_t: bad steps that are borne; an integer >= 0.
      threshold: by which share a metric must be better, finite and >= 0.
      cooldown_t: steps after a reduction in which none is bad; an integer >= 0.
      warmup_t: steps of the warm-up, an integer >= 0.
      warmup_lr_init: the learning rate before the first step of a warm-up, finite and >= 0.
      lr_min: the least that a reduction leaves, finite and >= 0.
      mode: ``"max"`` or ``"min"``: whether a larger or a smaller metric is better.

    Raises:
      ValueError: an argument is out of its range.
      TypeError: an argument is of the wrong type.

    >>> from jaxsched.timm import PlateauLRScheduler
    >>> plateau = PlateauLRScheduler(0.1, decay_rate=0.5, patience_t=1, warmup_t=2)
    >>> state = plateau.init()
    >>> for metric in [0.7, 0.7, 0.7, 0.7, 0.7]:
    ...     state = plateau.step(state, metric)
    ...     print(state.lr)
    0.05
    0.1
    0.1
    0.1
    0.05
    """

    base_lr: LearningRate
    decay_rate: Annotated[float, Real(0, 1, array=False, remedy="It multiplies the learning rate.")] = 0.1
    patience_t: Annotated[int, Integer(0, "It is the number of bad steps that are borne.", array=False)] = 10
    threshold: Annotated[float, Real(array=False, remedy="It is by how much a metric must be better.")] = 1e-4
    cooldown_t: Annotated[int, Integer(0, "It is a number of steps.", array=False)] = 0
    warmup_t: WarmupSteps = 0
    warmup_lr_init: LearningRate = 0.0
    lr_min: LearningRate = 0.0
    mode: Annotated[str, Choice(("max", "min"))] = "max"

    @property
    def _plateau(self) -> ReduceLROnPlateau:
        return ReduceLROnPlateau(
            self.base_lr,
            mode=self.mode,
            factor=self.decay_rate,
            patience=self.patience_t,
            threshold=self.threshold,
            cooldown=self.cooldown_t,
            min_lr=self.lr_min,
        )

    def _check(self) -> None:
        _ = self._plateau  # which has a say, too

    def _line(self, epoch: Any) -> jax.Array:
        return Warmup(ConstantLR(self.base_lr, factor=1.0), self.warmup_t, self.warmup_lr_init)(epoch)

    def init(self) -> PlateauLRState:
        """The state before the first step; its ``lr`` is the one to begin with."""
        return PlateauLRState(self._line(0), self._plateau.init(), jnp.zeros((), np.int32))

    def step(self, state: PlateauLRState, metric: Any) -> PlateauLRState:
        """The state after one more step, an epoch as timm has it.

        Args:
          state: from `init` or a step.
          metric: as for `ReduceLROnPlateau.step`.
        """
        state = jax.tree.map(jnp.asarray, state)
        epoch = state.epoch + 1
        warm = epoch <= self.warmup_t
        stepped = self._plateau.step(state.plateau, metric)
        plateau = jax.tree.map(lambda old, new: nx.where(warm, old, new), state.plateau, stepped)
        return PlateauLRState(jnp.where(warm, self._line(epoch), plateau.lr), plateau, epoch)
