"""PyTorch's learning-rate schedulers as jittable Optax schedules."""

import sys as _sys

from . import hugging_face as hugging_face, optimizers as optimizers, timm as timm
from ._groups import by_group as by_group
from ._plot import plot as plot
from ._reading import current_lr as current_lr
from ._schedule import Schedule as Schedule
from ._shared_rate import (
    Affine as Affine,
    Continues as Continues,
    Multiplies as Multiplies,
    Wrapped as Wrapped,
)
from .by_metric.reduce_lr_on_plateau import (
    PlateauState as PlateauState,
    ReduceLROnPlateau as ReduceLROnPlateau,
)
from .composed.chained_scheduler import ChainedScheduler as ChainedScheduler
from .composed.per_epoch import PerEpoch as PerEpoch
from .composed.sequential_lr import SequentialLR as SequentialLR
from .composed.set_at import SetAt as SetAt
from .composed.starting_at import StartingAt as StartingAt
from .composed.warmup import Warmup as Warmup
from .interop.from_torch import from_torch as from_torch, from_torch_state as from_torch_state
from .interop.optimizer_from_torch import (
    optax_code as optax_code,
    optimizer_from_torch as optimizer_from_torch,
)
from .interop.optimizer_states import optimizer_state_from_torch as optimizer_state_from_torch
from .interop.to_torch import to_torch as to_torch
from .schedulers.constant_lr import ConstantLR as ConstantLR
from .schedulers.cosine_annealing_lr import CosineAnnealingLR as CosineAnnealingLR
from .schedulers.cosine_annealing_warm_restarts import (
    CosineAnnealingWarmRestarts as CosineAnnealingWarmRestarts,
)
from .schedulers.cyclic_lr import CyclicLR as CyclicLR
from .schedulers.exponential_lr import ExponentialLR as ExponentialLR
from .schedulers.lambda_lr import LambdaLR as LambdaLR
from .schedulers.linear_lr import LinearLR as LinearLR
from .schedulers.multi_step_lr import MultiStepLR as MultiStepLR
from .schedulers.multiplicative_lr import MultiplicativeLR as MultiplicativeLR
from .schedulers.one_cycle_lr import OneCycleLR as OneCycleLR
from .schedulers.polynomial_lr import PolynomialLR as PolynomialLR
from .schedulers.recorded import Recorded as Recorded
from .schedulers.step_lr import StepLR as StepLR
from .schedulers.swa_lr import SWALR as SWALR

__version__ = "0.1.0"

# What is public says where it is found: a pickle holds that name, and files may move.
for _public in [value for name, value in vars().items() if not name.startswith("_")]:
    if hasattr(_public, "__qualname__"):
        _public.__module__ = __name__
del _public

# Pickles of before that name the files of then.
for _then, _now in {
    "hugging_face.greedy_lr": "by_metric.greedy_lr",
    "schedulers.chained_scheduler": "composed.chained_scheduler",
    "schedulers.per_epoch": "composed.per_epoch",
    "schedulers.reduce_lr_on_plateau": "by_metric.reduce_lr_on_plateau",
    "schedulers.sequential_lr": "composed.sequential_lr",
    "schedulers.starting_at": "composed.starting_at",
}.items():
    _sys.modules[f"{__name__}.{_then}"] = _sys.modules[f"{__name__}.{_now}"]
del _then, _now
