from typing import Annotated, Any, ClassVar, final

import jax

from .. import _numerics as nx
from .._arguments import Choice, Flag, Gamma, Integer, LearningRate, MomentumValue
from .._functions import Function, call
from .._schedule import Schedule
from .._walled import Function as Written
from ._momentum import Momentum


@final
class CyclicLR(Schedule):
    r"""Up from ``base_lr`` to ``max_lr`` and down again, in cycles.

    Equals :class:`torch.optim.lr_scheduler.CyclicLR`.

    .. math::
        \mathrm{lr}(k) = \text{base\_lr} + (\text{max\_lr} - \text{base\_lr})\, x\, s

    where :math:`x` rises linearly from 0 to 1 over ``step_size_up`` updates and falls to 0
    over ``step_size_down``, and the scale :math:`s` is

    ================  ==================================================================
    ``triangular``    1
    ``triangular2``   :math:`2^{-c}` in cycle :math:`c = 0, 1, …`
    ``exp_range``     :math:`\text{gamma}^k`, with the count of the whole run
    ``scale_fn``      ``scale_fn(c + 1)`` or, with ``scale_mode="iterations"``,
                      ``scale_fn(k)``; then ``mode`` is not looked at
    ================  ==================================================================

    Args:
      base_lr: the lower end, finite and >= 0.
      max_lr: the upper end, finite and >= 0.
      step_size_up: updates on the way up; an integer >= 1.
      step_size_down: updates on the way down; an integer >= 1, by default ``step_size_up``.
      mode: ``"triangular"``, ``"triangular2"`` or ``"exp_range"``.
      gamma: for ``"exp_range"``, finite and >= 0.
      scale_fn: a scale of your own, a function that JAX can trace.
      scale_mode: what ``scale_fn`` is given: ``"cycle"`` (1, 2, …) or ``"iterations"``.
      cycle_momentum: whether `momentum` is cycled, too.
      base_momentum: momentum where the learning rate is highest; in [0, 1].
      max_momentum: momentum where the learning rate is lowest; in [0, 1].

    Raises:
      ValueError: an argument is out of its range.
      TypeError: an argument is of the wrong type.

    The bottom, the peak, and the bottom of the next cycle:

    >>> from jaxsched import CyclicLR
    >>> schedule = CyclicLR(0.1, max_lr=0.5, step_size_up=4, mode="triangular2")
    >>> schedule.on_host([0, 4, 8, 12])
    array([0.1, 0.5, 0.1, 0.3], dtype=float32)
    >>> schedule.momentum.on_host([0, 4, 8, 12])
    array([0.9 , 0.8 , 0.9 , 0.85], dtype=float32)

    Differs from torch: there the first learning rate is an ``initial_lr`` that an earlier
    scheduler left on the optimizer; here it is ``base_lr``.

    Smith, `Cyclical Learning Rates for Training Neural Networks
    <https://arxiv.org/abs/1506.01186>`_, 2017.
    """

    base_lr: LearningRate
    max_lr: LearningRate
    step_size_up: Annotated[nx.Whole, Integer(1, "It is the number of updates on the way up.")] = 2000
    step_size_down: Annotated[
        nx.Whole | None, Integer(1, "It is the number of updates on the way down.", optional=True)
    ] = None
    mode: Annotated[str, Choice(("triangular", "triangular2", "exp_range"))] = "triangular"
    gamma: Gamma = 1.0
    scale_fn: Annotated[Written | None, Function(optional=True)] = None
    scale_mode: Annotated[str, Choice(("cycle", "iterations"))] = "cycle"
    cycle_momentum: Annotated[bool, Flag()] = True
    base_momentum: MomentumValue = 0.8
    max_momentum: MomentumValue = 0.9

    _takes_narrow_counts: ClassVar[bool] = True

    def _check(self) -> None:
        # Two ways to say the same; equal schedules compare equal.
        if nx.is_number(self.step_size_up) and self.step_size_down == self.step_size_up:
            object.__setattr__(self, "step_size_down", None)

    @property
    def _optimizer_lr(self) -> None:
        return None  # it sets its own

    @property
    def momentum(self) -> Momentum:
        """The momentum as a schedule of its own; ValueError if ``cycle_momentum=False``."""
        return Momentum(self)

    def _formula(self, k: jax.Array) -> jax.Array:
        return self._cycle(k, self.base_lr, self.max_lr)

    def _momentum_formula(self, k: jax.Array) -> jax.Array:
        return self._cycle(k, self.max_momentum, self.base_momentum)

    def _cycle(self, k: jax.Array, low: nx.Number, high: nx.Number) -> jax.Array:
        """From ``low`` to ``high`` and back; ``high`` may be the smaller of the two."""
        up = self.step_size_up
        down = up if self.step_size_down is None else self.step_size_down
        cycle, position = nx.divmod_count(k, up + down)
        rising = position <= up
        length = nx.where(rising, up, down)
        elapsed = nx.where(rising, position, up + down - position)
        scale = self._scale(k, cycle)
        peak = high if scale is None else self._peak(low, high, scale)
        way, back = nx.ways(nx.linear, (low, peak, up), (low, peak, down))
        way = way._replace(parts=nx.choose(rising, way.parts, back.parts))
        return nx.interpolate(low, peak, elapsed, length - elapsed, way, nx.linear)

    def _peak(self, low: nx.Number, high: nx.Number, scale: Any) -> Any:
        """``low + (high - low) * scale``; with the signs such that nothing cancels."""
        up = low + nx.capped(nx.product(nx.minus(high, low), scale))
        down = nx.product(low, nx.minus(1.0, scale)) + nx.capped(nx.product(high, scale))
        return nx.capped(nx.rounded(nx.where(high >= low, up, down)))

    def _scale(self, k: jax.Array, cycle: jax.Array) -> jax.Array | None:
        if self.scale_fn is not None:
            return call(self.scale_fn, nx.wide(cycle) + 1 if self.scale_mode == "cycle" else nx.wide(k))
        if self.mode == "triangular2":
            return nx.power(0.5, cycle)
        if self.mode == "exp_range":
            return nx.power(self.gamma, k)
        return None
