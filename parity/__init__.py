"""Steps real PyTorch schedulers beside JAX schedules and says where, and who is wrong."""

from . import _quiet as _quiet  # before anything that imports JAX
from .compare import (
    Comparison as Comparison,
    Difference as Difference,
    assert_parity as assert_parity,
    compare as compare,
)
from .devices.compare import compare_devices as compare_devices
