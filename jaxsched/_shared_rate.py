"""Several schedules on one learning rate: what each of them does to the one in force.

Alone, a schedule just follows its formula. In a chain, before a plateau or later in a sequence, it meets a
learning rate that others have changed, as PyTorch's schedulers meet the one in the optimizer. There is little
that they do to it, and all of it is an `Affine`, ``lr -> scale * lr + offset``:

=================  ===================  ============================================================
what               where it is said     what most do
=================  ===================  ============================================================
begin on it        ``_start(k)``        overwrite it with the value at count 0
step to a count    ``_step(k)``         overwrite it with the value there
be turned to,      ``_entry(k)``,       overwrite it with the value at count 0, and begin anew
in a sequence      ``_formula_from()``
go on from it,     ``_formula_on()``    leave it until their next step, which overwrites it
set by hand
=================  ===================  ============================================================

So a class that says nothing overwrites. One that does something else derives from one of these, too, before
`Schedule`:

* `Multiplies`: a learning rate times a factor of the count. Several of them multiply to the product of their
  factors, in any order, and have a closed form.
* `Continues`: goes on from the learning rate in force when a sequence turns to it.
* `Wrapped`: does what another schedule does, at a count of that one's own.
"""

import abc
from collections.abc import Callable, Sequence
from typing import ClassVar, NamedTuple

import jax

from . import _numerics as nx
from ._arguments import LearningRate
from ._value import Value


class Affine(NamedTuple):
    """What becomes of a learning rate in force: ``scale * lr + offset``.

    >>> halve, add = Affine(0.5, 0.0), Affine(1.0, 0.25)
    >>> halve.then(add)(1.0), add.then(halve)(1.0)
    (0.75, 0.625)
    """

    scale: nx.Number
    """Float64, as the other; a Python number or an array that broadcasts to the counts."""

    offset: nx.Number

    def __call__(self, lr: nx.Number) -> nx.Number:
        """The learning rate afterwards."""
        after: nx.Number = self.offset + nx.product(self.scale, lr)
        return after

    def then(self, later: "Affine") -> "Affine":
        """This one, and then another."""
        return Affine(later.scale * self.scale, later(self.offset))

    def where(self, condition: jax.Array | bool, other: "Affine") -> "Affine":
        """This one where the condition holds, else the other."""
        return Affine(*nx.choose(condition, self, other))


UNCHANGED = Affine(1.0, 0.0)


class NoClosedFormError(Exception):
    """What a schedule makes of a learning rate that was set by hand has no closed form."""


class SharedRate(Value, abc.ABC):
    """What a schedule is to others on one learning rate; base of `Schedule`.

    All counts are as in `_formula`.
    """

    @abc.abstractmethod
    def _formula(self, k: jax.Array) -> jax.Array:
        """The unrounded value: float64 of the shape of ``k``.

        ``k`` is a non-negative int64 array (float64 for a fractional count) of any shape;
        the array arguments are float64 or int64. Composed schedules call this of their
        members, so that the result is rounded once, whatever the depth.

        Where a class says that it ``_takes_narrow_counts``, and all of its members do, ``k`` may
        be an int32 or uint32 array instead, never smaller than what is subtracted from it.
        """

    _takes_narrow_counts: ClassVar[bool] = False
    """Whether ``_formula`` takes counts of 32 bits; what they are added up to, it must see to."""

    def _least(self) -> float:
        """No value lies between 0 and this one. If it is normal in float32, none is made subnormal.

        Of what goes on from a learning rate in force, whatever that one is.
        """
        return 0.0

    @property
    def _optimizer_lr(self) -> nx.Number | None:
        """The learning rate that PyTorch's optimizer is given; None where it does not matter."""
        return getattr(self, "base_lr", None)

    @property
    def _overwrites(self) -> bool:
        """Whether its start and every step forget the learning rate in force."""
        return True

    def _start(self, k: jax.Array) -> Affine:
        """What beginning does; PyTorch's constructor. ``k`` is 0, of any shape."""
        return Affine(0.0, self._formula(k))

    def _step(self, k: jax.Array) -> Affine:
        """What PyTorch's step to a count ``k >= 1`` does."""
        return Affine(0.0, self._formula(k))

    def _at(self, k: jax.Array) -> Affine:
        """The start at count 0, and the step to every other."""
        if self._overwrites:
            return Affine(0.0, self._formula(k))
        return self._start(k * 0).where(k == 0, self._step(nx.maximum(k, 1)))

    @property
    def _continues(self) -> bool:
        """Whether it goes on from the learning rate in force when a sequence turns to it."""
        return False

    def _entry(self, k: jax.Array) -> Affine:
        """What the step does with which a sequence turns to it. ``k`` is 0, of any shape."""
        return Affine(0.0, self._formula(k))

    def _formula_from(self, start: nx.Number, k: jax.Array) -> jax.Array:
        """The unrounded value ``k`` counts after a sequence turned to it, at the learning rate ``start``."""
        return self._formula(k)

    def _formula_on(self, start: int, lr: nx.Number, k: jax.Array) -> jax.Array:
        """The unrounded value at counts ``k >= start``, where ``lr`` was set at ``start``."""
        if not self._overwrites:
            raise NoClosedFormError
        return nx.where(k == start, lr, self._formula(k))

    def _multiplies(self, horizon: int | None) -> bool:
        """Whether all it does below a horizon (None: at any count) is to multiply."""
        return False

    def _factors(self, k: jax.Array, horizon: int | None) -> Sequence[nx.Lifted]:
        """What it has multiplied the learning rate by at a count; asked only if it ``_multiplies``."""
        raise NotImplementedError

    @property
    def _rises(self) -> bool:
        """Whether it multiplies, but for the steps at which it begins anew from a learning rate of 0."""
        return False

    def _last_rise(self, k: jax.Array) -> jax.Array:
        """The last such step at or before ``k``, 0 if there was none; asked only if it ``_rises``."""
        raise NotImplementedError


class Multiplies(SharedRate):
    """A learning rate times a factor of the count, ``base_lr * factor(k)``.

    Chained on one optimizer, several of these multiply to the product of their factors, in any order.
    To write one, define ``_factor`` in place of ``_formula``:

    >>> import jax.numpy as jnp
    >>> from jaxsched import ChainedScheduler, Multiplies, Schedule, StepLR
    >>> class RootDecay(Multiplies, Schedule):
    ...     def _factor(self, k):
    ...         return 1 / jnp.sqrt(k + 1.0)
    >>> RootDecay(0.5)(3)
    Array(0.25, dtype=float32)
    >>> ChainedScheduler([StepLR(0.5, step_size=2, gamma=0.5), RootDecay(0.5)])(3)
    Array(0.125, dtype=float32)

    Args:
      base_lr: the optimizer's learning rate, finite and >= 0.
    """

    base_lr: LearningRate

    @abc.abstractmethod
    def _factor(self, k: jax.Array) -> jax.Array:
        """The factor at a count; float64 of the shape of ``k``, >= 0.

        Once it is 0 it must stay so: beside others on one learning rate nothing brings that back.
        """

    def _lifted(self, k: jax.Array) -> nx.Lifted:
        """The factor, to be multiplied with others: it may be out of the range of numbers."""
        return self._factor(k), 0

    def _formula(self, k: jax.Array) -> jax.Array:
        return nx.product_of_lifted([(self.base_lr, 0), self._lifted(k)])

    def _ratio(self, k: jax.Array) -> nx.Number:
        """What PyTorch's step to count ``k >= 1`` multiplies the learning rate by.

        From a factor of 0 there is no way back: PyTorch leaves the learning rate alone.
        """
        before, now = self._factor(k - 1), self._factor(k)
        return nx.where(before > 0, nx.quotient(now, nx.where(before > 0, before, 1.0)), 1.0)

    @property
    def _overwrites(self) -> bool:
        return False

    def _start(self, k: jax.Array) -> Affine:
        return Affine(self._factor(k), 0.0)

    def _step(self, k: jax.Array) -> Affine:
        return Affine(self._ratio(k), 0.0)

    def _formula_on(self, start: int, lr: nx.Number, k: jax.Array) -> jax.Array:
        return scaled_since(start, lr, k, lambda k: [self._lifted(k)])

    def _multiplies(self, horizon: int | None) -> bool:
        return True

    def _factors(self, k: jax.Array, horizon: int | None) -> Sequence[nx.Lifted]:
        return [self._lifted(k)]


def scaled_since(
    start: int, lr: nx.Number, k: jax.Array, factors: Callable[[jax.Array], Sequence[nx.Lifted]]
) -> jax.Array:
    """``lr`` times what factors have become since a count."""
    return nx.product_of_lifted([(lr, 0), *ratios(factors(k), factors(nx.one_count(start)))])


def ratios(now: Sequence[nx.Lifted], before: Sequence[nx.Lifted]) -> list[nx.Lifted]:
    """What factors have become since. From a factor of 0 there is no way back."""
    found: list[nx.Lifted] = []
    for (value, exponent), (earlier, then) in zip(now, before, strict=True):
        lost = earlier == 0
        ratio = nx.quotient(value, nx.where(lost, 1.0, earlier))
        found.append((nx.where(lost, 1.0, ratio), nx.where(lost, 0, exponent - then)))
    return found


class Continues(SharedRate):
    """A schedule that goes on from the learning rate in force when a sequence turns to it."""

    @property
    def _continues(self) -> bool:
        return True

    @abc.abstractmethod
    def _entry(self, k: jax.Array) -> Affine: ...

    @abc.abstractmethod
    def _formula_from(self, start: nx.Number, k: jax.Array) -> jax.Array: ...


class Wrapped(SharedRate):
    """What another schedule is, at a count of that one's own: every question is put to it, once and here."""

    @property
    @abc.abstractmethod
    def _wrapped(self) -> SharedRate:
        """The other schedule."""

    def _own(self, k: jax.Array) -> jax.Array:
        """Its count."""
        return k

    @property
    def _pauses(self) -> bool:
        """Whether its count may be the same for several of ours; it steps where that changes."""
        return type(self)._own is not Wrapped._own

    def _counted(self, own: jax.Array) -> jax.Array:
        """The first count at which the other one's is ``own``; 0 if that is before its beginning."""
        return own

    def _own_horizon(self, horizon: int | None) -> int | None:
        """How many counts of its own lie below a horizon."""
        return horizon

    def _formula(self, k: jax.Array) -> jax.Array:
        return self._wrapped._formula(self._own(k))

    def _least(self) -> float:
        return self._wrapped._least()

    @property
    def _optimizer_lr(self) -> nx.Number | None:
        return self._wrapped._optimizer_lr

    @property
    def _overwrites(self) -> bool:
        return self._wrapped._overwrites and not self._pauses

    def _start(self, k: jax.Array) -> Affine:
        return self._wrapped._start(self._own(k))

    def _step(self, k: jax.Array) -> Affine:
        own = self._own(k)
        if not self._pauses:
            return self._wrapped._step(own)
        # Where nothing steps, the learning rate in force stays.
        return self._wrapped._step(nx.maximum(own, 1)).where(own != self._own(k - 1), UNCHANGED)

    @property
    def _continues(self) -> bool:
        return self._wrapped._continues

    def _entry(self, k: jax.Array) -> Affine:
        return self._wrapped._entry(self._own(k))

    def _formula_from(self, start: nx.Number, k: jax.Array) -> jax.Array:
        return self._wrapped._formula_from(start, self._own(k))

    def _formula_on(self, start: int, lr: nx.Number, k: jax.Array) -> jax.Array:
        return self._wrapped._formula_on(int(self._own(nx.one_count(start))), lr, self._own(k))

    def _multiplies(self, horizon: int | None) -> bool:
        return self._wrapped._multiplies(self._own_horizon(horizon))

    def _factors(self, k: jax.Array, horizon: int | None) -> Sequence[nx.Lifted]:
        return self._wrapped._factors(self._own(k), self._own_horizon(horizon))

    @property
    def _rises(self) -> bool:
        return self._wrapped._rises

    def _last_rise(self, k: jax.Array) -> jax.Array:
        return self._counted(self._wrapped._last_rise(self._own(k)))
