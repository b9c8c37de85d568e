"""Two trainings side by side, whoever made them: what parts first, by how much, and what is to blame.

Nothing here knows of jaxsched. `parity.training` trains pairs of ours by it.
"""

from .compare import assert_training_parity as assert_training_parity, compare_training as compare_training
from .culprit import Culprit as Culprit
from .growth import Growth as Growth
from .of_flax import linen_twin as linen_twin, nnx_twin as nnx_twin
from .of_torch import torch_twin as torch_twin
from .quantities import Quantity as Quantity
from .result import TrainingComparison as TrainingComparison
