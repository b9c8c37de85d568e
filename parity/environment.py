"""What a figure of a run depends on."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import pathlib
import platform
import subprocess

import jax
import numpy as np

import jaxsched

PACKAGES = ("torch", "jax", "jaxlib", "optax", "flax", "numpy", "mpmath", "transformers")
"""Those that have a say in it; not every command needs all of them."""


def environment() -> dict[str, str]:
    """Versions, the device, the settings, the state of the sources and the time."""
    return {
        "jaxsched": jaxsched.__version__,
        **_installed(),
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "device": f"{jax.default_backend()} ({jax.devices()[0].device_kind})",
        "x64": str(jax.numpy.result_type(float) == np.float64).lower(),
        "XLA_FLAGS": os.environ.get("XLA_FLAGS", ""),
        "commit": _commit(),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def _installed() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _commit() -> str:
    """Which state of the sources was run, where they are under version control."""
    folder = pathlib.Path(__file__).parent
    try:
        described = subprocess.run(
            ["git", "-C", str(folder), "describe", "--always", "--dirty", "--exclude=*"],
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return described.stdout.strip()
