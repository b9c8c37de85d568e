"""Steps real PyTorch schedulers beside JAX schedules and says where, and who is wrong."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from . import _quiet

if TYPE_CHECKING:
    from .api import assert_parity as assert_parity, compare as compare
    from .comparison import Comparison as Comparison, Difference as Difference
    from .devices.compare import compare_devices as compare_devices
    from .twins import (
        TrainingComparison as TrainingComparison,
        assert_training_parity as assert_training_parity,
        compare_training as compare_training,
        linen_twin as linen_twin,
        nnx_twin as nnx_twin,
        torch_twin as torch_twin,
    )

_PUBLIC = {
    "Comparison": "comparison",
    "Difference": "comparison",
    "TrainingComparison": "twins",
    "assert_parity": "api",
    "assert_training_parity": "twins",
    "compare": "api",
    "compare_devices": "devices.compare",
    "compare_training": "twins",
    "linen_twin": "twins",
    "nnx_twin": "twins",
    "torch_twin": "twins",
}

__all__ = list(_PUBLIC)


def __getattr__(name: str) -> Any:
    """Loads what is asked for: `parity --help` needs no JAX, and not everything needs all packages."""
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    _quiet.load_jax()
    value = globals()[name] = getattr(importlib.import_module(f".{_PUBLIC[name]}", __name__), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_PUBLIC})
