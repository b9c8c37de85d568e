"""Steps real PyTorch schedulers beside JAX schedules and says where, and who is wrong."""

from . import _quiet as _quiet  # before anything that imports JAX
from .api import assert_parity as assert_parity, compare as compare
from .comparison import Comparison as Comparison, Difference as Difference
from .devices.compare import compare_devices as compare_devices

for _public in (Comparison, Difference, assert_parity, compare, compare_devices):
    _public.__module__ = __name__  # so that pickles outlive the modules
