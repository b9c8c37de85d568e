import bisect
from collections.abc import Callable, Sequence
from typing import Annotated, ClassVar, cast, final

import jax
import numpy as np

from .. import _numerics as nx
from .._arguments import Milestones
from .._schedule import Schedule
from .._shared_rate import Affine, Wrapped
from ._members import Members, common_optimizer_lr


def _distinct(members: Sequence[Schedule]) -> list[Schedule]:
    """Those that are not equal; where arguments are being traced, nobody knows, and all are."""
    try:
        return list(dict.fromkeys(members))
    except TypeError:
        return list(members)


@final
class SequentialLR(Wrapped, Schedule):
    r"""One schedule after another.

    Equals :class:`torch.optim.lr_scheduler.SequentialLR`.

    .. math::
        \mathrm{lr}(k) = \text{schedulers}_i(k - \text{milestones}_{i-1}), \qquad
        \text{milestones}_{i-1} \le k < \text{milestones}_i

    Each schedule starts anew, at its own count 0 and from its own ``base_lr``. Two do not:
    `MultiplicativeLR` and `SWALR` go on from the learning rate in force: the value at the
    milestone is the one before it, times ``lr_lambda(0)`` or as it is.

    Every phase is evaluated at its own count and one is taken, in float64 and with one
    rounding: the cost grows with the number of phases and not with the count. Phases of
    equal schedules are evaluated once.

    Args:
      schedulers: schedules, at least one; they may be sequences and chains themselves.
      milestones: counts >= 0 at which the next one takes over, in order; one fewer.

    Raises:
      ValueError: there are not as many milestones as hand-overs, or they are out of order.
      TypeError: an argument is of the wrong type.

    Warm-up, then a cosine; the last of one, the first of the other, and its end:

    >>> from jaxsched import CosineAnnealingLR, LinearLR, SequentialLR
    >>> warmup, cosine = LinearLR(0.1, start_factor=0.1), CosineAnnealingLR(0.1, T_max=95)
    >>> SequentialLR([warmup, cosine], milestones=[5]).on_host([0, 4, 5, 100])
    array([0.01 , 0.082, 0.1  , 0.   ], dtype=float32)

    Differs from torch: sequences and chains may be members (torch advances one that comes
    first by a step and refuses it later on), and milestones out of order raise.

    Differs from optax: ``join_schedules`` rounds each phase to float32 in its own way, and
    has no notion of going on from the learning rate in force.
    """

    schedulers: Annotated[Sequence[Schedule], Members()]
    milestones: Annotated[Sequence[int], Milestones()]

    _takes_narrow_counts: ClassVar[bool] = True

    def _check(self) -> None:
        if len(self.milestones) != len(self.schedulers) - 1:
            raise ValueError(
                f"SequentialLR: milestones must be one fewer than the {len(self.schedulers)} schedulers, "
                f"got {len(self.milestones)}. A milestone is where the next one takes over."
            )
        if list(self.milestones) != sorted(self.milestones):
            raise ValueError(
                f"SequentialLR: milestones must be in order, got {list(self.milestones)}. "
                "Sort them together with the schedulers."
            )

    @property
    def _wrapped(self) -> Schedule:
        """What it is, where there is no other."""
        return self.schedulers[0]

    @property
    def _is_one(self) -> bool:
        return len(self.schedulers) == 1

    def _formula(self, k: jax.Array) -> jax.Array:
        if any(member._continues for member in self.schedulers):
            return self._from_phase(0, self.schedulers[0]._formula, k)
        if isinstance(k, np.integer):  # one value on the host, where it is known which phase is in force
            at = bisect.bisect_right(self.milestones, k)
            return self.schedulers[at]._formula(nx.since(k, (0, *self.milestones)[at]))
        members = _distinct(self.schedulers)
        if len(members) == len(self.schedulers):
            return self._from_phase(0, self.schedulers[0]._formula, k)
        return self._by_member(members, k)

    def _by_member(self, members: Sequence[Schedule], k: jax.Array) -> jax.Array:
        """The value where a member has several phases: it is evaluated once, at the count in the phase."""
        phase = nx.count_reached(k, self.milestones)
        own = k - nx.lookup(np.asarray((0, *self.milestones), k.dtype), phase)
        whose = nx.lookup(np.asarray([members.index(each) for each in self.schedulers], np.int32), phase)
        value: nx.Number = members[0]._formula(own)
        for i, member in enumerate(members[1:], start=1):
            value = nx.where(whose == i, member._formula(own), value)
        return cast(jax.Array, value)

    def _formula_on(self, start: int, lr: nx.Number, k: jax.Array) -> jax.Array:
        at = bisect.bisect_right(self.milestones, start)
        member, milestone = self.schedulers[at], (0, *self.milestones)[at]

        def formula(k: jax.Array) -> jax.Array:
            return member._formula_on(start - milestone, lr, nx.since(nx.maximum(k, start), milestone))

        return self._from_phase(at, formula, k)

    def _from_phase(self, at: int, formula: Callable[[jax.Array], jax.Array], k: jax.Array) -> jax.Array:
        """The value where a formula of ``k`` is in force until phase ``at`` ends."""
        phases = list(zip(self.schedulers[1:], self.milestones, strict=True))[at:]
        ends = [*self.milestones[at + 1 :], None]  # one that ends where it begins is never in force
        phases = [(member, begin) for (member, begin), end in zip(phases, ends, strict=False) if begin != end]
        counts = [k]
        for member, milestone in reversed(phases):
            # What goes on from the phase before needs its last value, so there that phase stays: no schedule
            # is asked about two counts.
            goes_on = member._continues and milestone > 0
            counts.append(nx.minimum(counts[-1], milestone - 1) if goes_on else counts[-1])
        value = formula(counts.pop())
        for member, milestone in phases:
            k = counts.pop()
            own = nx.since(k, milestone)
            goes_on = member._continues and milestone > 0
            then = member._formula_from(value, own) if goes_on else member._formula(own)
            value = nx.where(k >= milestone, then, value)
        return value

    def _least(self) -> float:
        return min(member._least() for member in self.schedulers)

    @property
    def _optimizer_lr(self) -> nx.Number | None:
        return common_optimizer_lr(self.schedulers)

    @property
    def _overwrites(self) -> bool:
        return all(member._overwrites for member in self.schedulers)

    def _start(self, k: jax.Array) -> Affine:
        return super()._start(k) if self._is_one else Affine(0.0, self._formula(k))

    def _step(self, k: jax.Array) -> Affine:
        # A step within a phase is the member's own; the first one of a phase starts it anew.
        step = self.schedulers[0]._step(k)
        for member, milestone in zip(self.schedulers[1:], self.milestones, strict=True):
            step = self._start_or_step(member, milestone, k).where(k >= milestone, step)
        return step

    def _start_or_step(self, member: Schedule, milestone: int, k: jax.Array) -> Affine:
        own = nx.since(k, milestone)
        if member._overwrites:
            return Affine(0.0, member._formula(own))
        goes_on = member._continues and milestone > 0
        entry = member._entry(own * 0) if goes_on else Affine(0.0, member._formula(own))
        return entry.where(own == 0, member._step(nx.maximum(own, 1)))

    @property
    def _continues(self) -> bool:
        return self._is_one and super()._continues

    @property
    def _rises(self) -> bool:
        return self._is_one and super()._rises

    def _multiplies(self, horizon: int | None) -> bool:
        return self._is_one and super()._multiplies(horizon)
