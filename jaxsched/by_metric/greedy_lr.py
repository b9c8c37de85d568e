import dataclasses
import functools
from typing import Annotated, Any, NamedTuple, final

import jax
import jax.numpy as jnp
import numpy as np
import optax

from .. import _numerics as nx
from .._arguments import Choice, Flag, Integer, LearningRate, Real, error
from .._schedule import _settle, _widen
from .._value import Value
from .carried import increment, join, split
from .machine import as_metric, as_state, better, counter


class GreedyState(NamedTuple):
    """Where `GreedyLR` is. All of shape ``()`` but for the rests and the window."""

    lr: jax.Array
    """The learning rate in force; float32, or float64 if begun under ``jax_enable_x64``."""

    lr_rest: jax.Array
    """What rounding took from ``lr``; float32 of shape ``(2,)``."""

    best: jax.Array
    """The best (smoothed) metric so far, ±inf before the first; of the type of ``lr``."""

    best_rest: jax.Array
    """What rounding took from ``best``."""

    num_bad_epochs: jax.Array
    """Steps without improvement since the last one, or since a change; int32."""

    num_good_epochs: jax.Array
    """Steps with improvement in a row, since a change; int32."""

    cooldown_counter: jax.Array
    """Steps to wait after a reduction that are left; int32."""

    warmup_counter: jax.Array
    """Steps to wait after an increase that are left; int32."""

    reset_start: jax.Array
    """Reductions at ``min_lr`` that are left until all begins anew; int32."""

    last_epoch: jax.Array
    """Steps so far; int32."""

    window: jax.Array
    """The metrics that are averaged, the newest last; of the type of ``lr``, ``(window_size,)``."""

    total: jax.Array
    """Their sum, as it was added up; of the type of ``lr``."""

    total_rest: jax.Array
    """What rounding took from ``total``."""

    seen: jax.Array
    """How many metrics the window has; int32."""


class ScaleByGreedyState(NamedTuple):
    """State of `GreedyLR.scale_by_learning_rate`."""

    lr: jax.Array
    """What the last update applied (at first, what the first one will); float32 or float64."""

    greedy: GreedyState
    """Where it is; its ``lr`` is what the next update applies."""


@final
class GreedyLR(Value):
    r"""Raises the learning rate while a metric improves, and reduces it while it does not.

    Equals ``transformers.optimization.GreedyLR``, ``"greedy"``, for one parameter group.

    A pure state machine, like `ReduceLROnPlateau`: `init` makes its state, `step` is given a
    metric and makes the next one, and ``state.lr`` is the learning rate in force. A metric is
    better as there. After more than ``patience`` steps in a row that were better,

    .. math::
        \mathrm{lr} \leftarrow \min(\mathrm{lr} / \text{factor}, \text{max\_lr})

    and for ``warmup`` steps nothing more happens; after more than ``patience`` that were not,

    .. math::
        \mathrm{lr} \leftarrow \max(\mathrm{lr} \cdot \text{factor}, \text{min\_lr})

    and for ``cooldown`` steps nothing happens. Neither is done for a change of no more than
    ``eps``. After ``reset_start`` reductions at ``min_lr`` without an increase between them, all
    begins anew at ``base_lr``.

    Args:
      base_lr: the optimizer's learning rate, finite and >= 0.
      mode: ``"min"`` or ``"max"``: whether a smaller or a larger metric is better.
      factor: in (0, 1).
      patience: steps in a row that change nothing yet; an integer >= 0.
      threshold: by how much a metric must be better, finite and >= 0.
      threshold_mode: ``"rel"`` or ``"abs"``.
      cooldown: steps to wait after a reduction; an integer >= 0.
      warmup: steps to wait after an increase; an integer >= 0.
      min_lr: finite and >= 0.
      max_lr: finite and >= 0.
      eps: a change by no more than this is not made; finite and >= 0.
      smooth: whether to look at the mean of the last metrics.
      window_size: of how many; an integer >= 1.
      reset_start: reductions at ``min_lr`` until all begins anew; an integer >= 0.

    Raises:
      ValueError: an argument is out of its range.
      TypeError: an argument is of the wrong type.

    Two improvements are not enough for a patience of 2; the third one is:

    >>> from jaxsched.hugging_face import GreedyLR
    >>> greedy = GreedyLR(0.1, factor=0.5, patience=2)
    >>> state = greedy.init()
    >>> for metric in [3.0, 2.0, 1.0]:
    ...     state = greedy.step(state, metric)
    ...     print(state.lr, state.num_good_epochs)
    0.1 1
    0.1 2
    0.2 0

    Differs from transformers: with several parameter groups theirs begins anew when all of them
    are at their ``min_lr``; here, where each group has a value of its own, each by itself. A
    float64 metric is rounded to float32 unless ``jax_enable_x64`` is on.

    `GreedyLR <https://arxiv.org/abs/2512.14527>`_, 2025.
    """

    _state_type = GreedyState

    base_lr: LearningRate
    mode: Annotated[str, Choice(("min", "max"))] = "min"
    factor: Annotated[nx.Number, Real(0, 1, open=True, remedy="It divides the learning rate, too.")] = 0.95
    patience: Annotated[nx.Whole, Integer(0, "It is a number of steps.")] = 10
    threshold: Annotated[nx.Number, Real(remedy="It is by how much a metric must be better.")] = 1e-6
    threshold_mode: Annotated[str, Choice(("rel", "abs"))] = "abs"
    cooldown: Annotated[nx.Whole, Integer(0, "It is a number of steps.")] = 0
    warmup: Annotated[nx.Whole, Integer(0, "It is a number of steps.")] = 0
    min_lr: Annotated[nx.Number, Real(remedy="It drives one parameter group; make one for each.")] = 1e-3
    max_lr: Annotated[nx.Number, Real(remedy="It drives one parameter group; make one for each.")] = 1.0
    eps: Annotated[nx.Number, Real(remedy="It is the smallest change, in learning rate.")] = 1e-8
    smooth: Annotated[bool, Flag()] = False
    window_size: Annotated[int, Integer(1, "It is a number of metrics.", array=False)] = 50
    reset_start: Annotated[nx.Whole, Integer(0, "It is a number of reductions.")] = 500

    def _check(self) -> None:
        if nx.is_number(self.factor) and self.factor == 1:
            raise error(
                ValueError, "GreedyLR", "factor", self.factor, "below 1", "It divides, and multiplies."
            )
        shapes = {np.shape(getattr(self, field.name)) for field in dataclasses.fields(self)}
        if shapes != {()}:
            raise ValueError(f"GreedyLR: all arguments must be single numbers, got {self!r}. Use jax.vmap.")

    def init(self) -> GreedyState:
        """The state before the first step; its ``lr`` is the one to begin with."""
        dtype = jnp.result_type(float)
        with jax.enable_x64(True):
            start: GreedyState = _start(jax.tree.map(_settle, self), dtype)
        return start

    def step(self, state: GreedyState, metric: Any) -> GreedyState:
        """The state after one more metric.

        Args:
          state: from `init` or a step.
          metric: one real number; rounded to the type of ``state.lr``.

        Raises:
          TypeError: the metric is of another type.
          ValueError: the metric is an array of several.
        """
        state = as_state("GreedyLR", state)
        metric = _number(metric)
        with jax.enable_x64(True):
            greedy, metric = jax.tree.map(_settle, (self, metric))
            stepped: GreedyState = _step(greedy, state, metric)
        return stepped

    def scale_by_learning_rate(self, *, flip_sign: bool = True) -> optax.GradientTransformationExtraArgs:
        """As the last part of an Optax optimizer: scales an update, then steps with its ``value``.

        So update ``k`` applies the learning rate after ``k`` steps, as with ``optimizer.step()``
        before ``scheduler.step(loss)``.

        >>> import jax.numpy as jnp, optax
        >>> greedy = GreedyLR(0.1, factor=0.5, patience=0)
        >>> optimizer = optax.chain(optax.scale_by_adam(), greedy.scale_by_learning_rate())
        >>> params = jnp.zeros(3)
        >>> state = optimizer.init(params)
        >>> for loss in [3.0, 2.0, 2.5]:
        ...     updates, state = optimizer.update(params, state, params, value=loss)
        ...     print(state[-1].lr)
        0.1
        0.2
        0.4

        Args:
          flip_sign: whether to scale by minus the learning rate.

        Returns:
          A transformation whose ``update`` needs ``value=``, a real number; its state is a
          `ScaleByGreedyState`.
        """
        sign = -1.0 if flip_sign else 1.0

        def init(params: Any) -> ScaleByGreedyState:
            greedy = self.init()
            # A copy: two leaves in one buffer could not be donated.
            return ScaleByGreedyState(jnp.array(greedy.lr, copy=True), greedy)

        def update(
            updates: Any, state: ScaleByGreedyState, params: Any = None, *, value: Any, **others: Any
        ) -> tuple[Any, ScaleByGreedyState]:
            lr = jnp.asarray(state.greedy.lr)
            updates = jax.tree.map(lambda g: (sign * lr).astype(g.dtype) * g, updates)
            return updates, ScaleByGreedyState(lr, self.step(state.greedy, value))

        return optax.GradientTransformationExtraArgs(init, update)


def _number(metric: Any) -> Any:
    metric = as_metric("GreedyLR", metric, "one real number")
    if metric.shape != ():
        raise ValueError(
            f"GreedyLR: metric must be one number, got the shape {metric.shape}. Reduce it; for many at once "
            "use jax.vmap."
        )
    return jnp.asarray(metric)


@functools.partial(jax.jit, static_argnames="dtype")
def _start(greedy: GreedyLR, dtype: Any) -> GreedyState:
    greedy = jax.tree.map(_widen, greedy)
    lr, rest = split(jnp.asarray(greedy.base_lr, np.float64), dtype)
    zero, none = jnp.zeros((), np.int32), jnp.zeros_like(rest)
    return GreedyState(
        lr=lr,
        lr_rest=rest,
        best=_worst(greedy).astype(dtype),
        best_rest=none,
        num_bad_epochs=zero,
        num_good_epochs=zero,
        cooldown_counter=zero,
        warmup_counter=zero,
        reset_start=counter(greedy.reset_start),
        last_epoch=zero,
        window=jnp.zeros(greedy.window_size if greedy.smooth else 0, dtype),
        total=jnp.zeros((), dtype),
        total_rest=none,
        seen=zero,
    )


def _worst(greedy: GreedyLR) -> jax.Array:
    return jnp.asarray(np.inf if greedy.mode == "min" else -np.inf, np.float64)


@jax.jit
def _step(greedy: GreedyLR, s: GreedyState, metric: jax.Array) -> GreedyState:
    """One step, in float64; ``step`` of transformers, line by line."""
    with jax.named_scope("GreedyLR"), nx.to_be(s.lr.dtype):
        greedy, dtype = jax.tree.map(_widen, greedy), s.lr.dtype
        lr, best = join(s.lr, s.lr_rest), join(s.best, s.best_rest)
        current, window, total, seen = _smoothed(
            greedy, s, nx.round_to(_widen(metric).astype(np.float64), dtype)
        )

        cooling = s.cooldown_counter > 0
        warming = ~cooling & (s.warmup_counter > 0)
        looking = ~cooling & ~warming
        improves = looking & better(current, best, greedy.mode, greedy.threshold, greedy.threshold_mode)
        best = jnp.where(improves, current, best)
        good = jnp.where(improves, increment(s.num_good_epochs), 0)
        bad = jnp.where(looking & ~improves, increment(s.num_bad_epochs), 0)

        rise = good.astype(np.int64) > greedy.patience
        fall = ~rise & (bad.astype(np.int64) > greedy.patience)
        raised = nx.minimum(nx.quotient(lr, greedy.factor), greedy.max_lr)
        lowered = nx.maximum(nx.product(lr, greedy.factor), greedy.min_lr)
        rises, falls = rise & (raised - lr > greedy.eps), fall & (lr - lowered > greedy.eps)
        lr = jnp.where(rises, raised, jnp.where(falls, lowered, lr))

        again = counter(greedy.reset_start)
        left = jnp.where(rise, again, s.reset_start)
        at_lowest = fall & ~(lr > greedy.min_lr)
        left = jnp.where(at_lowest, left - 1, left)
        anew = at_lowest & (left <= 0)

        first, rest = split(jnp.where(anew, greedy.base_lr, lr), dtype)
        best, best_rest = split(jnp.where(anew, _worst(greedy), best), dtype)
        total, total_rest = split(jnp.where(anew, 0.0, total), dtype)
        warmup = jnp.where(warming, s.warmup_counter - 1, s.warmup_counter)
        cooldown = jnp.where(cooling, s.cooldown_counter - 1, s.cooldown_counter)
        return GreedyState(
            lr=first,
            lr_rest=rest,
            best=best,
            best_rest=best_rest,
            num_bad_epochs=jnp.where(fall, 0, bad),
            num_good_epochs=jnp.where(rise, 0, good),
            cooldown_counter=jnp.where(fall, counter(greedy.cooldown), cooldown),
            warmup_counter=jnp.where(anew, 0, jnp.where(rise, counter(greedy.warmup), warmup)),
            reset_start=jnp.where(anew, again, left),
            last_epoch=increment(s.last_epoch),
            window=window,
            total=total,
            total_rest=total_rest,
            seen=jnp.where(anew, 0, seen),
        )


def _smoothed(greedy: GreedyLR, s: GreedyState, metric: jax.Array) -> tuple[Any, Any, Any, Any]:
    """The metric to look at; the window with the new one, the sum of it, and how many it has."""
    current, total = metric.astype(np.float64), join(s.total, s.total_rest)
    if not greedy.smooth:
        return current, s.window, total, s.seen
    full = s.seen == greedy.window_size
    oldest = s.window[0].astype(np.float64)
    window = jnp.concatenate([s.window[1:], metric[None]])
    total = nx.rounded_sum(total, current)  # then what leaves, as theirs: sums of floats keep their errors
    total = jnp.where(full, nx.rounded_sum(total, -oldest), total)
    seen = jnp.where(full, s.seen, s.seen + 1)
    finite = jnp.isfinite(total)  # the mean of an infinity is one; quotients are of a schedule's numbers
    mean = nx.quotient(jnp.where(finite, total, 0.0), seen.astype(np.float64))
    return jnp.where(finite, mean, total), window, total, seen
