from typing import ClassVar, Protocol, final

import jax

from .._arguments import error
from .._schedule import Schedule


class CyclesMomentum(Protocol):
    """A schedule that also has a momentum moving against its learning rate."""

    @property
    def cycle_momentum(self) -> bool: ...

    def _momentum_formula(self, k: jax.Array) -> jax.Array: ...


@final
class Momentum(Schedule):
    """The momentum (``betas[0]`` of Adam) that goes with a cyclic learning rate.

    Made by the ``momentum`` attribute of `CyclicLR` and `OneCycleLR`.

    >>> from jaxsched import OneCycleLR
    >>> OneCycleLR(0.1, total_steps=10).momentum
    OneCycleLR(0.1, total_steps=10).momentum
    """

    of: CyclesMomentum

    _takes_narrow_counts: ClassVar[bool] = True

    def _check(self) -> None:
        if not hasattr(self.of, "cycle_momentum"):
            remedy = "Their attribute `momentum` makes one."
            raise error(TypeError, "Momentum", "of", self.of, "a CyclicLR or a OneCycleLR", remedy)
        if not self.of.cycle_momentum:
            raise ValueError(
                f"{type(self.of).__name__}: momentum needs cycle_momentum=True, got False. "
                "With cycle_momentum=False the optimizer keeps the momentum it was given."
            )

    def _formula(self, k: jax.Array) -> jax.Array:
        return self.of._momentum_formula(k)

    def __repr__(self) -> str:
        return f"{self.of!r}.momentum"
