"""Twins: one network trained by PyTorch and by Flax, from the same weights, on the same batches.

Both in float64 on the CPU, an update at a time. A schedule that is right on paper is of no use if it
is applied one update late, so what is compared is what the two optimizers did: the learning rate and
momentum of each update, its loss, its gradient, and the weights after it.
"""

from .case import TrainingCase as TrainingCase
from .flax_twin import by_flax as by_flax, transformation as transformation
from .result import (
    RELATIVE as RELATIVE,
    BroughtTwins as BroughtTwins,
    Quantity as Quantity,
    TrainingResult as TrainingResult,
)
from .side_by_side import train as train
from .table import TRAINING_CASES as TRAINING_CASES
from .torch_twin import by_torch as by_torch
from .twins import (
    OPTIMIZERS as OPTIMIZERS,
    Data as Data,
    Optimizer as Optimizer,
    Update as Update,
    data as data,
)
