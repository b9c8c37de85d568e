from typing import Annotated, final

import numpy as np

from .. import _numerics as nx
from .._arguments import LearningRate, Real
from ._cycles import CycleDecay, CycleLimit, CycleMul, Cycles, Initial, Place
from ._warmed import Prefix, Share, Warmup

Bound = Annotated[float, Real(least=-700.0, most=700.0, array=False, remedy="It is where the tanh is taken.")]


@final
class TanhLRScheduler(Cycles):
    r"""A warm-up, a hyperbolic tangent from ``base_lr`` towards ``lr_min``, perhaps again; then ``lr_min``.

    Equals ``timm.scheduler.TanhLRScheduler``. Behind the warm-up, in cycle :math:`i`, of which the share
    :math:`x` is over:

    .. math::
        \mathrm{lr} = \text{lr\_min} + (\text{base\_lr} \cdot \text{cycle\_decay}^i - \text{lr\_min})
            \frac{1 - \tanh(\text{lb} (1 - x) + \text{ub}\, x)}{2}

    Args:
      base_lr: the learning rate of the optimizer's group, finite and >= 0.
      t_initial: counts in the first cycle; an integer >= 1.
      lb: where the tangent begins, from -700 to 700.
      ub: where it ends, above ``lb``.
      lr_min: what each cycle tends to, finite and >= 0.
      cycle_mul: how much longer each cycle is than the one before, finite and >= 1.
      cycle_decay: how much lower each begins, finite and >= 0.
      cycle_limit: how many there are, an integer >= 0.
      warmup_t: counts of the warm-up, an integer >= 0. The line ends at the value there, and at ``base_lr``
        only with ``warmup_prefix``.
      warmup_lr_init: the value at count 0 of a warm-up, finite and >= 0.
      warmup_prefix: whether the cycles begin behind the warm-up, and not at count 0.

    Raises:
      ValueError: an argument is out of its range, or there are more than ten million counts.
      TypeError: an argument is of the wrong type.

    >>> from jaxsched.timm import TanhLRScheduler
    >>> TanhLRScheduler(0.1, 10).on_host([0, 5, 9, 10])
    array([0.1       , 0.09820138, 0.00179862, 0.        ], dtype=float32)

    Hsueh, Li and Wu, `Stochastic Gradient Descent with Hyperbolic-Tangent Decay on Classification
    <https://arxiv.org/abs/1806.01593>`_, 2018.
    """

    base_lr: LearningRate
    t_initial: Initial
    lb: Bound = -7.0
    ub: Bound = 3.0
    lr_min: LearningRate = 0.0
    cycle_mul: CycleMul = 1.0
    cycle_decay: CycleDecay = 1.0
    cycle_limit: CycleLimit = 1
    warmup_t: Warmup = 0
    warmup_lr_init: LearningRate = 0.0
    warmup_prefix: Prefix = False

    def _check(self) -> None:
        if not self.lb < self.ub:
            raise ValueError(
                f"TanhLRScheduler: ub must be above lb = {self.lb!r}, got {self.ub!r}. The tangent goes from "
                "one to the other."
            )
        super()._check()

    def _goal(self) -> nx.Number:
        if self.warmup_prefix:
            return self.base_lr
        share = self._shares(np.array([float(self.warmup_t)]))
        goal: nx.Number = self._between(float(share.above[0]), float(share.below[0]))
        return goal

    def _cycle(self, place: Place) -> Share:
        at = self.lb * place.left + self.ub * place.gone
        # (1 - tanh(y)) / 2 and (1 + tanh(y)) / 2, without the difference.
        return Share(1 / (1 + np.exp(2 * at)), 1 / (1 + np.exp(-2 * at)))
