"""PyTorch's learning-rate schedulers as jittable Optax schedules."""

from ._schedule import Schedule as Schedule
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
from .schedulers.one_cycle_lr import OneCycleLR as OneCycleLR
from .schedulers.polynomial_lr import PolynomialLR as PolynomialLR
from .schedulers.step_lr import StepLR as StepLR

__version__ = "0.1.0"
