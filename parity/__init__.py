"""Steps real PyTorch schedulers beside JAX schedules and says where, and who is wrong."""

from .compare import Comparison as Comparison
from .compare import Difference as Difference
from .compare import assert_parity as assert_parity
from .compare import compare as compare
