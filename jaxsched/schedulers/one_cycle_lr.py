import dataclasses
from typing import Annotated, Any, ClassVar, final

import jax

from .. import _numerics as nx
from .._arguments import Choice, Flag, Integer, LearningRate, MomentumValue, Real
from .._schedule import Schedule
from ._momentum import Momentum

_SHAPES = {"cos": nx.half_cosine, "linear": nx.linear}


@final
class OneCycleLR(Schedule):
    r"""Up to ``max_lr`` and down to almost nothing, once, over a whole run.

    Equals :class:`torch.optim.lr_scheduler.OneCycleLR`.

    With :math:`p = \text{pct\_start} \cdot \text{total\_steps}`, the learning rate moves,
    along a half cosine or a line,

    =====================  =======================================  ================================
    from                   to                                       by count
    =====================  =======================================  ================================
    ``max_lr/div_factor``  ``max_lr``                               :math:`p - 1`
    ``max_lr``             ``max_lr/div_factor``                    :math:`2p - 2` (``three_phase``)
    where that ended       ``max_lr/div_factor/final_div_factor``   ``total_steps - 1``
    =====================  =======================================  ================================

    where the ends of phases are real numbers, not rounded to a count, as in torch.

    Args:
      max_lr: the peak, finite and >= 0.
      total_steps: updates in the run; an integer >= 1.
      epochs: instead of ``total_steps``, together with ``steps_per_epoch``; integer >= 1.
      steps_per_epoch: updates in an epoch; an integer >= 1.
      pct_start: share of the run on the way up; in [0, 1].
      anneal_strategy: ``"cos"`` or ``"linear"``.
      cycle_momentum: whether `momentum` is cycled, too.
      base_momentum: momentum at the peak; in [0, 1].
      max_momentum: momentum at both ends; in [0, 1].
      div_factor: peak over first learning rate, finite and > 0.
      final_div_factor: first over last learning rate, finite and > 0.
      three_phase: whether the way down mirrors the way up before the last phase.

    Raises:
      ValueError: an argument is out of its range, or the length of the run is not given, or
        given twice and not the same.
      TypeError: an argument is of the wrong type.

    The start, the peak, the last update, and past the end:

    >>> from jaxsched import OneCycleLR
    >>> schedule = OneCycleLR(0.5, total_steps=10, div_factor=10, final_div_factor=5)
    >>> schedule.on_host([0, 2, 9, 10])
    array([0.05, 0.5 , 0.01, 0.01], dtype=float32)
    >>> schedule.momentum.on_host([0, 2, 9])
    array([0.95, 0.85, 0.95], dtype=float32)

    Differs from torch: past the last update the last value stays (torch extrapolates at
    ``total_steps``, to a negative learning rate with ``"linear"``, and then raises); where
    ``pct_start * total_steps`` is 1 the run starts at the peak (torch divides by zero).

    Differs from optax: ``cosine_onecycle_schedule`` has its peak at the whole part of
    ``pct_start * total_steps`` and its end at ``total_steps``, one count after the last
    update; its linear schedule always has three phases; it has no momentum.

    Smith and Topin, `Super-Convergence <https://arxiv.org/abs/1708.07120>`_, 2018.
    """

    max_lr: LearningRate
    total_steps: Annotated[
        nx.Whole | None, Integer(1, "It is the number of updates in the run.", optional=True)
    ] = None
    epochs: dataclasses.InitVar[int | None] = None
    steps_per_epoch: dataclasses.InitVar[int | None] = None
    pct_start: Annotated[nx.Number, Real(0, 1, remedy="It is a share of the run, not a percentage.")] = 0.3
    anneal_strategy: Annotated[str, Choice(tuple(_SHAPES))] = "cos"
    cycle_momentum: Annotated[bool, Flag()] = True
    base_momentum: MomentumValue = 0.85
    max_momentum: MomentumValue = 0.95
    div_factor: Annotated[nx.Number, Real(open=True, remedy="It divides max_lr.")] = 25.0
    final_div_factor: Annotated[nx.Number, Real(open=True, remedy="It divides max_lr/div_factor.")] = 1e4
    three_phase: Annotated[bool, Flag()] = False

    _takes_narrow_counts: ClassVar[bool] = True

    def __post_init__(self, *given: Any) -> None:
        position, epochs, steps_per_epoch = given
        if epochs is not None or steps_per_epoch is not None or self.total_steps is None:
            object.__setattr__(self, "total_steps", self._length(epochs, steps_per_epoch))
        super().__post_init__(position)

    def _length(self, epochs: int | None, steps_per_epoch: int | None) -> Any:
        """The one number that ``total_steps`` or ``epochs * steps_per_epoch`` gives."""
        if epochs is None or steps_per_epoch is None:
            raise ValueError(
                "OneCycleLR: total_steps, or epochs and steps_per_epoch, must be given, got "
                f"total_steps={self.total_steps}, epochs={epochs}, steps_per_epoch={steps_per_epoch}. "
                "The schedule needs the length of the run."
            )
        epochs = Integer(1, "It is the number of epochs.")("OneCycleLR", "epochs", epochs)
        steps_per_epoch = Integer(1, "It is the number of updates in an epoch.")(
            "OneCycleLR", "steps_per_epoch", steps_per_epoch
        )
        product = epochs * steps_per_epoch
        if self.total_steps is not None and self.total_steps != product:
            raise ValueError(
                f"OneCycleLR: total_steps must be epochs * steps_per_epoch = {product} when all are "
                f"given, got {self.total_steps}. Give one of the two."
            )
        return product

    @property
    def _optimizer_lr(self) -> None:
        return None  # it sets its own

    @property
    def momentum(self) -> Momentum:
        """The momentum as a schedule of its own; ValueError if ``cycle_momentum=False``."""
        return Momentum(self)

    def _ends(self) -> tuple[Any, Any]:
        first = nx.fraction(self.max_lr, self.div_factor)
        return first, nx.fraction(first, self.final_div_factor)

    def _formula(self, k: jax.Array) -> jax.Array:
        first, last = self._ends()
        return self._phases(k, first, self.max_lr, last)

    def _least(self) -> float:
        ends = (self.max_lr, *self._ends())
        return min(ends) if all(map(nx.is_number, ends)) else 0.0  # where it is 0, all are

    def _momentum_formula(self, k: jax.Array) -> jax.Array:
        return self._phases(k, self.max_momentum, self.base_momentum, self.max_momentum)

    def _phases(self, k: jax.Array, first: Any, peak: Any, last: Any) -> jax.Array:
        assert self.total_steps is not None  # __post_init__ has seen to it
        last_count, total = self.total_steps - 1, nx.to_float(self.total_steps)
        peak_at = nx.rounded(nx.product(self.pct_start, total) - 1)
        phases = [(peak_at, first, peak)]
        if self.three_phase:
            phases.append((nx.rounded(nx.product(2 * self.pct_start, total) - 2), peak, first))
        phases.append((nx.to_float(last_count), phases[-1][2], last))
        begins = [0.0, *(until for until, _, _ in phases)]
        shape = _SHAPES[self.anneal_strategy]
        spans = [
            (low, high, nx.exact_difference(until, at))
            for at, (until, low, high) in zip(begins, phases, strict=False)
        ]
        ways = nx.ways(shape, *spans)

        # From the last phase to the first, so that the first one that holds k wins.
        k = nx.to_float(nx.minimum(k, last_count))
        chosen = (begins[-2], *phases[-1], *ways[-1].parts)
        for at, phase, way in reversed(list(zip(begins[:-1], phases, ways, strict=True))[:-1]):
            chosen = nx.choose(k <= phase[0], (at, *phase, *way.parts), chosen)
        at, until, start, stop, *parts = chosen
        return nx.interpolate(
            start, stop, k - at, nx.minus(until, k), ways[0]._replace(parts=tuple(parts)), shape
        )
