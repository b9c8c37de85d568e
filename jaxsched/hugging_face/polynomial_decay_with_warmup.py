from typing import Annotated, final

import jax

from .. import _numerics as nx
from .._arguments import Real
from ._warmup import TrainingSteps, WarmupSchedule, length


@final
class PolynomialDecayWithWarmup(WarmupSchedule):
    r"""Up in a line, and down along a power to ``lr_end``.

    Equals ``transformers.get_polynomial_decay_schedule_with_warmup``, ``"polynomial"``. From
    ``num_warmup_steps`` on:

    .. math::
        \mathrm{lr}(k) = \frac{\text{base\_lr}}{\text{lr\_init}} \left(\text{lr\_end} +
            (\text{lr\_init} - \text{lr\_end}) \left(\frac{\max(\text{num\_training\_steps} - k, 0)}
            {\text{num\_training\_steps} - \text{num\_warmup\_steps}}\right)^{\text{power}}\right)

    Args:
      base_lr: the learning rate of the optimizer's group, finite and >= 0.
      num_warmup_steps: the count at which ``base_lr`` is reached; an integer >= 0.
      num_training_steps: the count at which ``lr_end`` is reached, where it stays; an integer >= 1.
      lr_end: the last learning rate, finite and >= 0, below ``lr_init``.
      power: finite and >= 0; 1 is linear.
      lr_init: what transformers takes for the first learning rate of *every* group: the
        optimizer's default, finite and > 0. None for ``base_lr``, which is right.

    Raises:
      ValueError: an argument is out of its range.
      TypeError: an argument is of the wrong type.

    The first count, the peak, the last update, and past it:

    >>> from jaxsched.hugging_face import PolynomialDecayWithWarmup
    >>> PolynomialDecayWithWarmup(0.1, 2, 10, lr_end=0.02, power=2.0).on_host([0, 2, 6, 10, 11])
    array([0.  , 0.1 , 0.04, 0.02, 0.02], dtype=float32)

    In transformers a group with a learning rate of its own ends at ``lr_end`` times its share
    of the optimizer's default. With ``lr_init`` given it does so here, too, as `from_torch`
    does it. Differs from transformers: ``num_training_steps = num_warmup_steps`` goes to
    ``lr_end`` at once (theirs divides by zero).
    """

    num_training_steps: TrainingSteps
    lr_end: Annotated[nx.Number, Real(remedy="It is the last learning rate.")] = 1e-7
    power: Annotated[nx.Number, Real(remedy="A negative power would grow without bound.")] = 1.0
    lr_init: Annotated[nx.Number | None, Real(open=True, remedy="Leave it out.", optional=True)] = None

    def _check(self) -> None:
        first = self.base_lr if self.lr_init is None else self.lr_init
        if nx.is_number(first) and nx.is_number(self.lr_end) and not first > self.lr_end:
            name = "base_lr" if self.lr_init is None else "lr_init"
            raise ValueError(
                f"PolynomialDecayWithWarmup: lr_end must be below {name} = {first!r}, got {self.lr_end!r}. "
                "It is an absolute learning rate, and not a share."
            )

    def _after(self, k: jax.Array) -> jax.Array:
        first = self.base_lr if self.lr_init is None else self.lr_init
        per = length(self.num_training_steps, self.num_warmup_steps)
        left = nx.until(self.num_training_steps, k)
        if nx.is_number(self.power) and self.power == 1:
            value = nx.interpolate(first, self.lr_end, per - left, left, per, nx.linear)
        else:
            value = self.lr_end + nx.product(
                nx.minus(first, self.lr_end), nx.fraction_power(left, per, self.power)
            )
        value = nx.where(k > self.num_training_steps, self.lr_end, value)  # where power is 0, not before
        return value if self.lr_init is None else nx.product(nx.fraction(self.base_lr, first), value)
