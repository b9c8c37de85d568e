import functools
import warnings
from typing import Annotated, Any, NamedTuple, final

import jax
import jax.numpy as jnp
import numpy as np
import optax

from .. import _numerics as nx
from .._arguments import Choice, Integer, Real, error
from .._schedule import Schedule, _settle, _value, _widen
from .._value import Value
from .carried import increment, join, split
from .machine import as_metric, as_state, better, counter


class PlateauState(NamedTuple):
    """Where `ReduceLROnPlateau` is. Shapes are ``()`` unless its arguments are larger arrays."""

    lr: jax.Array
    """The learning rate in force; float32, or float64 if begun under ``jax_enable_x64``."""

    lr_rest: jax.Array
    """What rounding took from ``lr``, see `_carried`; float32 of shape ``(2, *lr.shape)``."""

    best: jax.Array
    """The best metric so far, ±inf before the first; of the type of ``lr``."""

    num_bad_epochs: jax.Array
    """Steps without improvement since the last one, or since a reduction; int32."""

    cooldown_counter: jax.Array
    """Steps of the cooldown that are left; int32."""

    last_epoch: jax.Array
    """Steps so far; int32."""


class ScaleByPlateauState(NamedTuple):
    """State of `ReduceLROnPlateau.scale_by_learning_rate`; all of shape ``()``."""

    lr: jax.Array
    """What the last update applied (at first, what the first one will); float32 or float64."""

    plateau: PlateauState
    """Where the plateau is; its ``lr`` is what the next update applies."""

    total: jax.Array
    """Sum of the values since the last step; of the type of ``lr``."""

    total_rest: jax.Array
    """What rounding took from ``total``; float32 of shape ``(2,)``."""

    seen: jax.Array
    """How many values that sum has; int32."""


def _rate_or_schedule(owner: str, name: str, value: Any) -> Any:
    if isinstance(value, Schedule):
        return value
    if callable(value):
        remedy = "Give a function of the count as LambdaLR(1.0, function)."
        raise error(TypeError, owner, name, value, "a finite number >= 0 or a jaxsched schedule", remedy)
    return Real(remedy="Give a finite learning rate >= 0, or a schedule.")(owner, name, value)


def _below_one(owner: str, name: str, value: Any) -> Any:
    remedy = "It multiplies the learning rate at each reduction."
    value = Real(remedy=remedy)(owner, name, value)
    if not isinstance(value, jax.core.Tracer) and np.any(np.asarray(value) >= 1):
        raise error(ValueError, owner, name, value, "a finite number in [0, 1)", remedy)
    return value


@final
class ReduceLROnPlateau(Value):
    r"""Reduces the learning rate when a metric has stopped improving.

    Equals :class:`torch.optim.lr_scheduler.ReduceLROnPlateau` for one parameter group; for
    several, make one for each, with its own ``min_lr``.

    Not a function of the count but a pure state machine. `init` makes its state, `step` is
    given a metric and makes the next one, and ``state.lr`` is the learning rate in force. A
    step first asks whether the metric is better than the best one so far:

    ==========  =======================================  =======================================
    ``mode``    ``threshold_mode="rel"``                 ``threshold_mode="abs"``
    ==========  =======================================  =======================================
    ``"min"``   ``metric < best * (1 - threshold)``      ``metric < best - threshold``
    ``"max"``   ``metric > best * (1 + threshold)``      ``metric > best + threshold``
    ==========  =======================================  =======================================

    If so it is the new best, and the count of bad steps is 0; if not (NaN never is) the count
    grows by one. In cooldown one step of it passes instead and the count is 0. Once more
    than ``patience`` steps are bad,

    .. math::
        \mathrm{lr} \leftarrow \max(\mathrm{lr} \cdot \text{factor}, \text{min\_lr})

    unless that takes no more than ``eps`` away; the cooldown begins and the count is 0.
    Decisions and learning rate are computed in float64, as PyTorch does.

    With a schedule in place of a learning rate, each step first does what a step of that
    schedule does to the learning rate in force: ``scheduler.step()``, then
    ``plateau.step(metric)``, on one optimizer. A schedule that multiplies, such as a warm-up
    by `LinearLR`, keeps the reductions; one that overwrites, such as `OneCycleLR`, forgets
    them at its next step, as it does in PyTorch.

    Args:
      base_lr: the optimizer's learning rate, finite and >= 0, or a schedule.
      mode: ``"min"`` or ``"max"``: whether a smaller or a larger metric is better.
      factor: in [0, 1).
      patience: bad steps that are borne; an integer >= 0.
      threshold: by how much a metric must be better, finite and >= 0.
      threshold_mode: ``"rel"`` or ``"abs"``.
      cooldown: steps after a reduction in which none is bad; an integer >= 0.
      min_lr: finite and >= 0. It bounds reductions, not the schedule.
      eps: a reduction by no more than this is not made; finite and >= 0.

    Raises:
      ValueError: an argument is out of its range.
      TypeError: an argument is of the wrong type.

    The last bad step that is borne, and the first that is not:

    >>> from jaxsched import LinearLR, ReduceLROnPlateau
    >>> plateau = ReduceLROnPlateau(0.1, factor=0.5, patience=1)
    >>> state = plateau.init()
    >>> for metric in [2.0, 2.0, 2.0]:
    ...     state = plateau.step(state, metric)
    ...     print(state.lr, state.num_bad_epochs)
    0.1 0
    0.1 1
    0.05 0

    Warm-up, then plateau:

    >>> import jax, jax.numpy as jnp
    >>> plateau = ReduceLROnPlateau(LinearLR(0.1, start_factor=0.5, total_iters=2), factor=0.5, patience=3)
    >>> def step(state, metric):
    ...     state = plateau.step(state, metric)
    ...     return state, state.lr
    >>> state, lrs = jax.lax.scan(step, plateau.init(), jnp.ones(5))
    >>> print(lrs)
    [0.075 0.1   0.1   0.1   0.05 ]

    To step once per epoch on a metric of the validation, keep the state beside the
    optimizer's and set ``opt_state.hyperparams["learning_rate"] = state.lr`` of an
    ``optax.inject_hyperparams``. To step at updates, on their loss, see
    `scale_by_learning_rate`.

    With ``"rel"``, a negative metric that stays the same counts as better for ever, because
    ``best * (1 - threshold)`` is above a negative best: the learning rate is never reduced.
    That is PyTorch's behaviour, too. A step that is not traced warns of it.

    Differs from torch: a float64 metric is rounded to float32 unless ``jax_enable_x64`` is
    on, as all data of JAX is; ``factor`` and ``min_lr`` may not be negative, nor
    ``threshold`` and ``patience``.

    Differs from optax: ``contrib.reduce_on_plateau`` reduces one step earlier, and with
    ``patience=0`` it reduces on improvement and never on a plateau; it decides in float32.
    """

    _state_type = PlateauState

    base_lr: Annotated[nx.Number | Schedule, _rate_or_schedule]
    mode: Annotated[str, Choice(("min", "max"))] = "min"
    factor: Annotated[nx.Number, _below_one] = 0.1
    patience: Annotated[nx.Whole, Integer(0, "It is the number of bad steps that are borne.")] = 10
    threshold: Annotated[nx.Number, Real(remedy="It is by how much a metric must be better.")] = 1e-4
    threshold_mode: Annotated[str, Choice(("rel", "abs"))] = "rel"
    cooldown: Annotated[nx.Whole, Integer(0, "It is a number of steps.")] = 0
    min_lr: Annotated[nx.Number, Real(remedy="It drives one parameter group; make one for each.")] = 0.0
    eps: Annotated[nx.Number, Real(remedy="It is the smallest reduction, in learning rate.")] = 1e-8

    def init(self) -> PlateauState:
        """The state before the first step; its ``lr`` is the one to begin with."""
        dtype = jnp.result_type(float)
        with jax.enable_x64(True):
            start: PlateauState = _start(jax.tree.map(_settle, self), dtype)
        return start

    def step(self, state: PlateauState, metric: Any) -> PlateauState:
        """The state after one more metric.

        Args:
          state: from `init` or a step.
          metric: a real number, or an array that broadcasts to the shape of the state, of any
            integer or float type; rounded to the type of ``state.best``.

        Raises:
          TypeError: the metric is of another type.
          ValueError: the metric is of another shape.
        """
        state = as_state("ReduceLROnPlateau", state)
        metric = self._metric(metric, state)
        with jax.enable_x64(True):
            plateau, metric = jax.tree.map(_settle, (self, metric))
            stepped: PlateauState = _step(plateau, state, metric)
        return stepped

    def scale_by_learning_rate(
        self, accumulation_size: int = 1, *, flip_sign: bool = True
    ) -> optax.GradientTransformationExtraArgs:
        """The plateau as the last part of an Optax optimizer.

        An update is scaled by minus the learning rate in force; then the plateau is stepped
        with the ``value`` that ``update`` was given. So update ``k`` applies the learning
        rate after ``k`` steps, as with ``optimizer.step()`` before ``scheduler.step()``.

        >>> import optax
        >>> plateau = ReduceLROnPlateau(0.1, patience=0)
        >>> optimizer = optax.chain(optax.scale_by_adam(), plateau.scale_by_learning_rate())
        >>> params = jnp.zeros(3)
        >>> state = optimizer.init(params)
        >>> for _ in range(3):
        ...     updates, state = optimizer.update(params, state, params, value=1.0)
        ...     print(state[-1].lr)
        0.1
        0.1
        0.01

        After an optimizer that has a learning rate of its own, where
        ``optax.contrib.reduce_on_plateau`` is put, a base of 1 and no second minus sign:

        >>> scale = ReduceLROnPlateau(1.0).scale_by_learning_rate(flip_sign=False)
        >>> optimizer = optax.chain(optax.adam(1e-3), scale)

        Then ``min_lr`` and ``eps`` are in units of that scale, and `current_lr` reads the scale.

        Args:
          accumulation_size: updates to each step of the plateau (and of its schedule), which
            is then given the mean of their values; an integer >= 1. To step once per epoch,
            the updates in an epoch.
          flip_sign: whether to scale by minus the learning rate.

        Returns:
          A transformation whose ``update`` needs ``value=``, a real number; its state is a
          `ScaleByPlateauState`.

        Raises:
          ValueError: an argument is out of its range, or the plateau has arguments that are
            arrays of more than one number.
        """
        owner = "scale_by_learning_rate"
        every = Integer(1, "It is the number of updates to a step.", array=False)
        size = every(owner, "accumulation_size", accumulation_size)
        sign = -1.0 if flip_sign else 1.0
        if _shape(self) != ():
            raise ValueError(f"{owner}: all arguments must be single numbers, got {self!r}. Use jax.vmap.")

        def init(params: Any) -> ScaleByPlateauState:
            plateau = self.init()
            # A copy: two leaves in one buffer could not be donated.
            return ScaleByPlateauState(
                lr=jnp.array(plateau.lr, copy=True),
                plateau=plateau,
                total=jnp.zeros_like(plateau.lr),
                total_rest=jnp.zeros_like(plateau.lr_rest),
                seen=jnp.zeros((), np.int32),
            )

        def update(
            updates: Any, state: ScaleByPlateauState, params: Any = None, *, value: Any, **others: Any
        ) -> tuple[Any, ScaleByPlateauState]:
            state = jax.tree.map(jnp.asarray, state)  # a checkpoint's may be NumPy's
            lr = state.plateau.lr
            updates = jax.tree.map(lambda g: (sign * lr).astype(g.dtype) * g, updates)
            value = self._metric(value, state.plateau)
            with jax.enable_x64(True):
                plateau, value = jax.tree.map(_settle, (self, value))
                return updates, _accumulate(plateau, state, value, size)

        return optax.GradientTransformationExtraArgs(init, update)

    def _metric(self, metric: Any, state: PlateauState) -> jax.Array:
        owner = "ReduceLROnPlateau"
        metric = as_metric(owner, metric, "a real number or an array of them")
        if np.broadcast_shapes(metric.shape, state.best.shape) != state.best.shape:
            raise ValueError(
                f"{owner}: metric must be of the shape {state.best.shape} of the state, got {metric.shape}. "
                "Reduce it to one number; for many plateaus at once use jax.vmap."
            )
        self._warn_of_negative(metric)
        return jnp.asarray(metric)

    def _warn_of_negative(self, metric: Any) -> None:
        if self.threshold_mode != "rel" or isinstance(metric, jax.core.Tracer):
            return
        # Reading the metric waits for it, but who steps outside of a jit does so once per epoch,
        # with a metric at hand.
        if np.any(np.asarray(metric) < 0):
            warnings.warn(
                "ReduceLROnPlateau: with threshold_mode='rel' a negative metric that stays the same counts "
                "as better, as in PyTorch, and never reduces the learning rate. Use threshold_mode='abs'.",
                stacklevel=4,
            )


def _shape(plateau: ReduceLROnPlateau) -> tuple[int, ...]:
    return np.broadcast_shapes(*(np.shape(x) for x in jax.tree.leaves(plateau)))


@functools.partial(jax.jit, static_argnames="dtype")
def _start(plateau: ReduceLROnPlateau, dtype: Any) -> PlateauState:
    plateau, shape = jax.tree.map(_widen, plateau), _shape(plateau)
    lr = plateau.base_lr
    if isinstance(lr, Schedule):
        with nx.to_be(dtype):
            lr = _value(lr, jnp.zeros((), np.int64))
    lr, rest = split(jnp.broadcast_to(jnp.asarray(lr, np.float64), shape), dtype)
    return PlateauState(
        lr=lr,
        lr_rest=rest,
        best=jnp.full(shape, np.inf if plateau.mode == "min" else -np.inf, dtype),
        num_bad_epochs=jnp.zeros(shape, np.int32),
        cooldown_counter=jnp.zeros(shape, np.int32),
        last_epoch=jnp.zeros(shape, np.int32),
    )


@jax.jit
def _step(plateau: ReduceLROnPlateau, state: PlateauState, metric: jax.Array) -> PlateauState:
    return _next(jax.tree.map(_widen, plateau), state, _widen(metric).astype(np.float64))


def _next(plateau: ReduceLROnPlateau, state: PlateauState, metric: jax.Array) -> PlateauState:
    """One step, in float64; PyTorch's ``step``, line by line."""
    with jax.named_scope("ReduceLROnPlateau"), nx.to_be(state.lr.dtype):
        lr: Any = join(state.lr, state.lr_rest)
        last_epoch = increment(state.last_epoch)
        if isinstance(plateau.base_lr, Schedule):
            lr = plateau.base_lr._step(last_epoch.astype(np.int64))(lr)

        current = nx.round_to(metric, state.best.dtype)
        improves = better(
            current.astype(np.float64),
            state.best.astype(np.float64),
            plateau.mode,
            plateau.threshold,
            plateau.threshold_mode,
        )
        bad = jnp.where(improves, 0, increment(state.num_bad_epochs))

        cooling = state.cooldown_counter > 0
        cooldown = jnp.where(cooling, state.cooldown_counter - 1, state.cooldown_counter)
        bad = jnp.where(cooling, 0, bad)

        reduce = bad.astype(np.int64) > plateau.patience
        reduced = nx.maximum(nx.product(lr, plateau.factor), plateau.min_lr)
        lr = jnp.where(reduce & (lr - reduced > plateau.eps), reduced, lr)
        first, rest = split(lr, state.lr.dtype)
        return PlateauState(
            lr=first,
            lr_rest=rest,
            best=jnp.where(improves, current, state.best),
            num_bad_epochs=jnp.where(reduce, 0, bad),
            cooldown_counter=jnp.where(reduce, counter(plateau.cooldown), cooldown),
            last_epoch=last_epoch,
        )


@functools.partial(jax.jit, static_argnames="size")
def _accumulate(
    plateau: ReduceLROnPlateau, state: ScaleByPlateauState, value: jax.Array, size: int
) -> ScaleByPlateauState:
    """One update: a step of the plateau with the mean value, if ``size`` are together."""
    dtype = state.total.dtype
    value = _widen(value).astype(np.float64)
    if size > 1:
        # Else a value would go through a sum of one.
        value = join(state.total, state.total_rest) + value
    seen = state.seen + 1
    due = seen == size
    stepped = _next(jax.tree.map(_widen, plateau), state.plateau, _mean(value, size))
    total, rest = split(jnp.where(due, 0.0, value), dtype)
    return ScaleByPlateauState(
        lr=state.plateau.lr,
        plateau=jax.tree.map(lambda new, old: jnp.where(due, new, old), stepped, state.plateau),
        total=total,
        total_rest=rest,
        seen=jnp.where(due, 0, seen),
    )


def _mean(total: jax.Array, size: int) -> jax.Array:
    if size == 1:
        return total
    mean = nx.fraction(abs(total), size)
    # The parts of a fraction of infinity would be inf and NaN.
    return jnp.where(jnp.isfinite(total), jnp.where(total < 0, -mean, mean), total)
