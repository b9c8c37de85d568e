"""timm's schedulers: what is exactly known of each, written from timm's source.

A file that is put into this folder is found by itself. timm itself is entered as a bare namespace (`module`):
its ``__init__`` would import torchvision, and models.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import pathlib
import sys
import types
from collections.abc import Mapping
from typing import Any

from ..known import Known, listed

TABLE: Mapping[str, type[Known]] = listed(__path__, __name__)
"""By the full name of timm's class."""

INSTALLED = importlib.util.find_spec("timm") is not None


def module(name: str) -> Any:
    """A module of ``timm.scheduler``, without the rest of timm, if that has not been imported already."""
    for package in ("timm", "timm.scheduler"):
        if package not in sys.modules:
            spec = importlib.util.find_spec("timm")
            assert spec is not None  # `INSTALLED` says so
            assert spec.origin is not None
            bare = types.ModuleType(package)
            bare.__path__ = [str(pathlib.Path(spec.origin).parent.joinpath(*package.split(".")[1:]))]
            bare.__spec__ = spec if package == "timm" else importlib.machinery.ModuleSpec(package, None)
            sys.modules[package] = bare
    return importlib.import_module(f"timm.scheduler.{name}")
