import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, cast, final

import jax
import numpy as np

from .. import _numerics as nx
from .._arguments import Horizon
from .._schedule import Schedule
from .._shared_rate import Affine, NoClosedFormError, Wrapped, ratios, scaled_since
from ..schedulers._table import tabulated
from ._members import Members, common_optimizer_lr


@final
class ChainedScheduler(Wrapped, Schedule):
    r"""Several schedules on one learning rate, each stepping at every update.

    Equals :class:`torch.optim.lr_scheduler.ChainedScheduler`.

    At every step each member in turn maps the learning rate in force, :math:`\mathrm{lr}
    \mapsto a\,\mathrm{lr} + b`:

    ===============================================  ==============================================
    Constant, Linear, Step, MultiStep, Exponential,  multiply it: :math:`a = f(k)/f(k-1),\ b = 0`
    Polynomial, Multiplicative
    CosineAnnealing, SWA                             pull it towards a value: :math:`b \ne 0`
    Lambda, WarmRestarts, Cyclic, OneCycle           overwrite it: :math:`a = 0`
    ===============================================  ==============================================

    From this follows where there is a closed form. Multiplications commute and telescope:
    :math:`\mathrm{lr}(k) = \text{base\_lr} \prod_i f_i(k)`. After a member that overwrites,
    nothing before it is remembered, so that its value and one step of each later member are
    all there is. A cosine down to 0 multiplies, too, up to ``T_max``; the step after that adds to
    a 0, so that only what the others have multiplied since then counts. Of several such cosines the
    last rise of each does. One with ``eta_min`` adds to what is there from the start, and a sequence
    begins anew: then the trajectory is computed once, in float64, on the host, up to a horizon. Such
    a chain can overshoot: what another member takes off below ``eta_min`` the rising cosine magnifies,
    to a negative learning rate even. It does in PyTorch.

    Args:
      schedulers: schedules with the same ``base_lr``, at least one, in the order in which
        they step; they may be sequences and chains themselves.
      total_steps: the horizon, an integer >= 1: how many counts are tabulated, if there is
        no closed form; from there on the last value stays.

    Raises:
      ValueError: ``total_steps`` is needed (the error names the member), or the members do
        not have the same ``base_lr``.
      TypeError: an argument is of the wrong type.

    >>> from jaxsched import ChainedScheduler, ConstantLR, CosineAnnealingLR, ExponentialLR
    >>> ChainedScheduler([ConstantLR(0.1, 0.5, 2), ExponentialLR(0.1, 0.5)]).on_host([0, 1, 2])
    array([0.05 , 0.025, 0.025], dtype=float32)
    >>> ChainedScheduler(
    ...     [CosineAnnealingLR(0.1, T_max=4, eta_min=0.02), ExponentialLR(0.1, 0.5)], total_steps=9
    ... ).on_host([0, 1, 8])
    array([ 0.1       ,  0.04414213, -0.00866116], dtype=float32)
    """

    schedulers: Annotated[Sequence[Schedule], Members()]
    total_steps: Horizon = None

    _takes_narrow_counts: ClassVar[bool] = True

    def _check(self) -> None:
        rates = [member._optimizer_lr for member in self.schedulers]
        known = [lr for lr in rates if lr is not None and nx.is_number(lr)]
        if len(set(known)) > 1:
            raise ValueError(
                "ChainedScheduler: schedulers must have the same base_lr, got "
                f"{', '.join(map(repr, known))}. They act on one learning rate, the optimizer's."
            )
        if self._without_closed_form(None) is None:
            object.__setattr__(self, "total_steps", None)  # no horizon, whoever gives one
        hinders = self._without_closed_form(self.total_steps)
        if hinders is not None and self.total_steps is None:
            raise ValueError(
                f"ChainedScheduler: total_steps must be given with {hinders!r} among the schedulers, "
                "got None. In a chain it has no closed form: say how many updates to tabulate."
            )
        if hinders is not None and jax.tree.leaves(self.schedulers):
            raise TypeError(
                f"ChainedScheduler: schedulers must have Python numbers only, with {hinders!r} among them. "
                "A trajectory without a closed form is computed on the host."
            )

    @property
    def _wrapped(self) -> Schedule:
        """What it is, where there is no other."""
        return self.schedulers[0]

    @property
    def _is_one(self) -> bool:
        return len(self.schedulers) == 1

    @property
    def _links(self) -> list[Schedule]:
        """The members, and in the place of a chain its own: each steps in its turn either way."""
        own: list[Schedule] = []
        for member in self.schedulers:
            own += member._links if isinstance(member, ChainedScheduler) else [member]
        return own

    def _without_closed_form(self, horizon: int | None) -> Schedule | None:
        """The first member for which the trajectory must be tabulated, up to a horizon."""
        if self._is_one or self._overwrites:
            return None
        if all(self._links[i]._rises for i in self._rising):
            return None
        hindering = [member for member in self._links if not member._multiplies(horizon)]
        # One that rises is named only if there is no other.
        return min(hindering, key=lambda member: member._rises, default=None)

    def _formula(self, k: jax.Array) -> jax.Array:
        if self._is_one:
            return super()._formula(k)
        if self._overwrites:
            return self._since_overwritten(k)
        if self._without_closed_form(self.total_steps) is None:
            if self._multiplies(self.total_steps):
                return self._times(self._factors(k, self.total_steps))
            return self._since_rises(k)
        return nx.lookup(_trajectory(self), k)

    def _times(self, factors: Sequence[nx.Lifted]) -> jax.Array:
        """The optimizer's learning rate times all of these."""
        lr = self._optimizer_lr
        assert lr is not None  # what multiplies has one
        return nx.product_of_lifted([(lr, 0), *factors])

    def _since_rises(self, k: jax.Array) -> jax.Array:
        """What each rise has left, and before any what the start has.

        Of each member that rises only the last rise counts: before it there was a 0 of its own. Of what it
        added, another's 0 since then leaves nothing.
        """
        risen = {at: self._links[at]._last_rise(k) for at in self._rising}
        first = functools.reduce(nx.maximum, risen.values()) == 0
        value = nx.where(first, self._times(self._factors(k, None)), 0.0)
        for at, begun in risen.items():
            value = value + nx.where(
                begun > 0, nx.rounded(self._times(self._since_rise(at, begun, k, risen))), 0.0
            )
        return value

    def _since_rise(
        self, at: int, risen: jax.Array, k: jax.Array, rises: Mapping[int, jax.Array]
    ) -> Sequence[nx.Lifted]:
        """What has multiplied the learning rate since one member rose, and how far that is up."""
        factors = list(self._links[at]._factors(k, None))
        for i, member in enumerate(self._links):
            if i == at:
                continue
            # Whoever steps before the one that rises has multiplied a 0 in that step.
            begun = risen if i < at else nx.since(risen, 1)
            now = member._factors(k, None)
            if i in rises:
                # At its own 0 then: it goes on from its rise. A 0 since then leaves nothing.
                zero = nx.since(rises[i], 1)
                before = member._factors(nx.where((rises[i] > 0) & (zero == begun), rises[i], begun), None)
                now = [(nx.where((rises[i] > 0) & (zero > begun), 0.0, x), e) for x, e in now]
                now = [(nx.where(begun == k, 1.0, x), nx.where(begun == k, 0, e)) for x, e in now]
                before = [
                    (nx.where((x == 0) | (begun == k), 1.0, x), nx.where(begun == k, 0, e)) for x, e in before
                ]
            else:
                before = member._factors(begun, None)
            factors += ratios(now, before)
        return factors

    @property
    def _rising(self) -> list[int]:
        """Which members do not just multiply."""
        return [i for i, member in enumerate(self._links) if not member._multiplies(None)]

    def _formula_on(self, start: int, lr: nx.Number, k: jax.Array) -> jax.Array:
        if self._is_one:
            return super()._formula_on(start, lr, k)
        if self._overwrites:
            return nx.where(k == start, lr, self._formula(k))
        if self._multiplies(self.total_steps):
            return scaled_since(start, lr, k, functools.partial(self._factors, horizon=self.total_steps))
        if self.total_steps is None and len(self._rising) == 1:
            return self._until_rise(start, lr, k)
        if self.total_steps is None or not nx.is_number(lr):
            raise NoClosedFormError
        return nx.lookup(_trajectory_on(self, start, float(lr)), nx.since(k, start))

    def _until_rise(self, start: int, lr: nx.Number, k: jax.Array) -> jax.Array:
        rising = self._links[self._rising[0]]
        ((left, _),) = rising._factors(nx.one_count(start), None)
        if left == 0:  # the next rise is added to what was set here
            raise NoClosedFormError
        factors = functools.partial(self._factors, horizon=None)
        risen = rising._last_rise(k) > int(rising._last_rise(nx.one_count(start)))
        return nx.where(risen, self._formula(k), scaled_since(start, lr, k, factors))

    def _since_overwritten(self, k: jax.Array) -> jax.Array:
        """The value of the last member that overwrites, and what those after it make of it."""
        last = max(i for i, member in enumerate(self._links) if member._overwrites)
        value: jax.Array = self._links[last]._formula(k)
        for member in self._links[last + 1 :]:
            value = cast(jax.Array, member._at(k)(value))
        return value

    def _least(self) -> float:
        return super()._least() if self._is_one else 0.0

    @property
    def _optimizer_lr(self) -> nx.Number | None:
        return common_optimizer_lr(self.schedulers)

    @property
    def _overwrites(self) -> bool:
        return any(member._overwrites for member in self._links)

    def _start(self, k: jax.Array) -> Affine:
        return functools.reduce(Affine.then, [member._start(k) for member in self._links])

    def _step(self, k: jax.Array) -> Affine:
        if self._overwrites:
            return Affine(0.0, self._formula(k))
        return functools.reduce(Affine.then, [member._step(k) for member in self._links])

    @property
    def _continues(self) -> bool:
        return self._is_one and super()._continues

    @property
    def _rises(self) -> bool:
        return self._is_one and super()._rises

    def _multiplies(self, horizon: int | None) -> bool:
        return all(member._multiplies(horizon) for member in self._links)

    def _factors(self, k: jax.Array, horizon: int | None) -> Sequence[nx.Lifted]:
        return [factor for member in self._links for factor in member._factors(k, horizon)]


@tabulated
def _trajectory(chain: ChainedScheduler) -> nx.Values:
    assert chain.total_steps is not None
    return np.array(list(_stepped(chain, range(chain.total_steps), chain._optimizer_lr)))


@tabulated
def _trajectory_on(chain: ChainedScheduler, start: int, lr: float) -> nx.Values:
    assert chain.total_steps is not None
    return np.array([lr, *_stepped(chain, range(start + 1, chain.total_steps), lr)])


def _stepped(chain: ChainedScheduler, counts: Sequence[int], lr: Any) -> Iterator[float]:
    """The learning rate after each step, as PyTorch makes them."""
    k: Any = np.asarray(counts, np.int64)
    maps = [np.broadcast_arrays(*member._at(k), k)[:2] for member in chain._links]
    for row in zip(*(column.tolist() for pair in maps for column in pair), strict=True):
        for scale, offset in zip(row[::2], row[1::2], strict=True):
            lr = scale * lr + offset
        yield lr
