"""timm's learning-rate schedulers, by their names and arguments.

The count is the number that timm's ``step`` is given, an epoch, or, with ``t_in_epochs=False``, the one that
``step_update`` is given, an update; `PerEpoch` turns the one into the other. Noise comes from torch's own
random generator: `from_torch` records a live scheduler that has it. At count 0 stands what timm's constructor
leaves: ``warmup_lr_init``, or without a warm-up ``base_lr``.
"""

from .cosine_lr_scheduler import CosineLRScheduler as CosineLRScheduler
from .multi_step_lr_scheduler import MultiStepLRScheduler as MultiStepLRScheduler
from .plateau_lr_scheduler import (
    PlateauLRScheduler as PlateauLRScheduler,
    PlateauLRState as PlateauLRState,
)
from .poly_lr_scheduler import PolyLRScheduler as PolyLRScheduler
from .step_lr_scheduler import StepLRScheduler as StepLRScheduler
from .tanh_lr_scheduler import TanhLRScheduler as TanhLRScheduler

for _public in [value for name, value in vars().items() if not name.startswith("_")]:
    if hasattr(_public, "__qualname__"):
        _public.__module__ = __name__
del _public
