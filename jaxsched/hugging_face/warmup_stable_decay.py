import dataclasses
from typing import Annotated, Any, final

import jax

from .. import _numerics as nx
from .._arguments import Choice, Integer, Real
from ._warmup import WarmupSchedule
from .cosine_with_warmup import Cycles

_TYPES = ("linear", "cosine", "1-sqrt")


@final
class WarmupStableDecay(WarmupSchedule):
    r"""Up from ``min_lr_ratio``, constant for most of the run, and down to ``min_lr_ratio``.

    Equals ``transformers.get_wsd_schedule``, ``"warmup_stable_decay"``. With ``m`` for
    ``min_lr_ratio``, the learning rate is ``base_lr * (m + (1 - m) * f)``, where ``f`` is 1 in
    the middle, and by type, at share ``p`` of the way,

    ============  ========================  ==========================================
    type          up                        down
    ============  ========================  ==========================================
    ``"linear"``  :math:`p`                 :math:`1 - p`
    ``"cosine"``  :math:`(1-\cos\pi p)/2`   :math:`(1+\cos(2\pi\,\text{num\_cycles}\,p))/2`
    ``"1-sqrt"``  :math:`1-\sqrt{1-p}`      :math:`1-\sqrt p`
    ============  ========================  ==========================================

    Args:
      base_lr: the optimizer's learning rate, finite and >= 0.
      num_warmup_steps: updates on the way up; an integer >= 0.
      num_decay_steps: updates on the way down; an integer >= 0. Then it stays at the end.
      num_training_steps: instead of ``num_stable_steps``, the sum of all three.
      num_stable_steps: updates in the middle; an integer >= 0.
      warmup_type: ``"linear"``, ``"cosine"`` or ``"1-sqrt"``.
      decay_type: ``"linear"``, ``"cosine"`` or ``"1-sqrt"``.
      min_lr_ratio: the share of ``base_lr`` at both ends; finite and >= 0.
      num_cycles: whole waves of a cosine on the way down; half of one goes down once.

    Raises:
      ValueError: an argument is out of its range, or the length of the run is not given, or
        given twice and not the same.
      TypeError: an argument is of the wrong type.

    The first count, the middle, the way down, and past it:

    >>> from jaxsched.hugging_face import WarmupStableDecay
    >>> schedule = WarmupStableDecay(0.1, 2, 4, num_training_steps=10, decay_type="linear")
    >>> schedule
    WarmupStableDecay(0.1, num_warmup_steps=2, num_decay_steps=4, num_stable_steps=4, decay_type='linear')
    >>> schedule.on_host([0, 2, 6, 8, 10, 11])
    array([0.  , 0.1 , 0.1 , 0.05, 0.  , 0.  ], dtype=float32)

    Differs from transformers: where ``num_training_steps`` is less than the other two together
    it raises (theirs jumps into the middle of the decay).

    Hu et al., `MiniCPM <https://arxiv.org/abs/2404.06395>`_, 2024.
    """

    num_decay_steps: Annotated[nx.Whole, Integer(0, "It is the number of updates on the way down.")]
    num_training_steps: dataclasses.InitVar[int | None] = None
    num_stable_steps: Annotated[
        nx.Whole | None, Integer(0, "It is the number of updates in the middle.", optional=True)
    ] = None
    warmup_type: Annotated[str, Choice(_TYPES)] = "linear"
    decay_type: Annotated[str, Choice(_TYPES)] = "cosine"
    min_lr_ratio: Annotated[nx.Number, Real(remedy="It is a share of base_lr.")] = 0.0
    num_cycles: Cycles = 0.5

    def __post_init__(self, *given: Any) -> None:
        position, num_training_steps = given
        if num_training_steps is not None:
            object.__setattr__(self, "num_stable_steps", self._stable(num_training_steps))
        super().__post_init__(position)

    def _stable(self, total: Any) -> Any:
        owner = "WarmupStableDecay"
        total = Integer(1, "It is the number of updates in the run.")(owner, "num_training_steps", total)
        warmup = self._checkers["num_warmup_steps"](owner, "num_warmup_steps", self.num_warmup_steps)
        decay = self._checkers["num_decay_steps"](owner, "num_decay_steps", self.num_decay_steps)
        stable = total - warmup - decay
        if isinstance(stable, int) and stable < 0:
            raise ValueError(
                f"{owner}: num_training_steps must be at least num_warmup_steps + num_decay_steps = "
                f"{warmup + decay}, got {total}. Shorten the warm-up or the decay."
            )
        if self.num_stable_steps is not None and self.num_stable_steps != stable:
            raise ValueError(
                f"{owner}: num_stable_steps must be {stable} when num_training_steps={total} is given, got "
                f"{self.num_stable_steps}. Give one of the two."
            )
        return stable

    def _check(self) -> None:
        if self.num_stable_steps is None:
            raise ValueError(
                "WarmupStableDecay: num_training_steps or num_stable_steps must be given, got neither. "
                "The schedule needs the length of the run."
            )

    @property
    def _begin(self) -> Any:
        """The count at which the way down begins."""
        assert self.num_stable_steps is not None  # _check has seen to it
        return self.num_warmup_steps + self.num_stable_steps

    def _during(self, k: jax.Array) -> jax.Array:
        end = nx.maximum(self.num_warmup_steps, 1)
        return self._way(end - k, end, self.warmup_type, 0.5)

    def _after(self, k: jax.Array) -> jax.Array:
        # What is constant in the middle is the first of the way down.
        gone = nx.since(k, self._begin)
        decay = nx.maximum(self.num_decay_steps, 1)
        value = self._way(nx.minimum(gone, decay), decay, self.decay_type, self.num_cycles)
        return nx.where(gone >= self.num_decay_steps, self._at_end(k), value)

    def _at_end(self, k: jax.Array) -> Any:
        return nx.where(k < self._begin, self.base_lr, nx.product(self.base_lr, self.min_lr_ratio))

    def _way(self, gone: Any, length: Any, kind: str, cycles: Any) -> jax.Array:
        """From ``base_lr`` down, ``gone`` of ``length``; the way up is this one backwards."""
        low = nx.product(self.base_lr, self.min_lr_ratio)
        if kind == "cosine":
            return nx.cosine_wave(self.base_lr, low, gone, length, cycles)
        if kind == "linear":
            return nx.interpolate(self.base_lr, low, gone, length - gone, length, nx.linear)
        # 1 - sqrt(p) without cancelling where p is next to 1.
        share = nx.quotient(nx.fraction(length - gone, length), 1.0 + nx.fraction_power(gone, length, 0.5))
        value: jax.Array = low + nx.product(nx.minus(self.base_lr, low), share)
        return value
