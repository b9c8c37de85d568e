"""The learning-rate schedules of Hugging Face's transformers, by their names and arguments."""

from ..by_metric.greedy_lr import GreedyLR as GreedyLR, GreedyState as GreedyState
from ._by_name import get_scheduler as get_scheduler
from .constant_with_warmup import ConstantWithWarmup as ConstantWithWarmup
from .cosine_warmup_with_min_lr import CosineWarmupWithMinLR as CosineWarmupWithMinLR
from .cosine_with_min_lr import CosineWithMinLR as CosineWithMinLR
from .cosine_with_restarts import CosineWithRestarts as CosineWithRestarts
from .cosine_with_warmup import CosineWithWarmup as CosineWithWarmup
from .inverse_sqrt import InverseSqrt as InverseSqrt
from .linear_with_warmup import LinearWithWarmup as LinearWithWarmup
from .polynomial_decay_with_warmup import PolynomialDecayWithWarmup as PolynomialDecayWithWarmup
from .warmup_stable_decay import WarmupStableDecay as WarmupStableDecay

for _public in [value for name, value in vars().items() if not name.startswith("_")]:
    if hasattr(_public, "__qualname__"):
        _public.__module__ = __name__
del _public
