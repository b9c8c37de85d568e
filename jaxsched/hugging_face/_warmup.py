import abc
from typing import Annotated, Any, ClassVar

import jax

from .. import _numerics as nx
from .._arguments import Integer, LearningRate
from .._schedule import Schedule

WarmupSteps = Annotated[nx.Whole, Integer(0, "It is the number of updates on the way up.")]
TrainingSteps = Annotated[nx.Whole, Integer(1, "It is the number of updates in the run.")]


class WarmupSchedule(Schedule):
    """From 0 in a line to ``base_lr`` at count ``num_warmup_steps``, and then something else."""

    base_lr: LearningRate
    num_warmup_steps: WarmupSteps

    _takes_narrow_counts: ClassVar[bool] = True

    @abc.abstractmethod
    def _after(self, k: jax.Array) -> Any:
        """The value at a count ``k >= num_warmup_steps``."""

    def _during(self, k: jax.Array) -> jax.Array:
        """The value at a count ``k < num_warmup_steps``."""
        end = nx.maximum(self.num_warmup_steps, 1)
        gone = nx.minimum(k, end)
        return nx.interpolate(0.0, self.base_lr, gone, end - gone, end, nx.linear)

    def _formula(self, k: jax.Array) -> jax.Array:
        end = self.num_warmup_steps
        # Each side sees counts of its own only, so that neither overflows or divides by 0.
        return nx.where(k < end, self._during(nx.minimum(k, end)), self._after(nx.maximum(k, end)))


def length(num_training_steps: Any, num_warmup_steps: Any) -> Any:
    """Updates after the warm-up; at least 1, as in transformers."""
    return nx.maximum(num_training_steps - num_warmup_steps, 1)
