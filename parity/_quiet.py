"""Keeps JAX from complaining of devices that nobody expects to be there.

`parity devices` needs the compilers for TPUs and GPUs. Where they are installed and no such device is there,
JAX takes the CPU, but says a page about it first. Some of that comes while libraries are loaded, before
anything can tell them not to.
"""

from __future__ import annotations

import contextlib
import glob
import importlib
import importlib.util
import os
import sys
import tempfile
from collections.abc import Iterator

_NOISE = (b"Could not find cuda drivers", b"before absl::InitializeLog()")


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Standard error without these lines; what else is written there comes at the end."""
    if not any(map(importlib.util.find_spec, _CUDA)):
        yield
        return
    with tempfile.TemporaryFile() as said:
        sys.stderr.flush()
        kept = os.dup(2)
        os.dup2(said.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
            said.seek(0)
            for line in said:
                if not any(each in line for each in _NOISE):
                    os.write(2, line)


def only_compilers() -> bool:
    """Whether compilers for devices are installed, and there is none that JAX could find."""
    if os.environ.get("JAX_PLATFORMS") or not any(map(importlib.util.find_spec, _COMPILERS)):
        return False
    return not any(map(glob.glob, _DEVICES))


def settle() -> None:
    """Where JAX would take the CPU in the end, tells it to look for nothing else, of which it complains."""
    if only_compilers():
        import jax

        jax.config.update("jax_platforms", "cpu")  # type: ignore[no-untyped-call]
        with quietly():
            jax.devices()


_CUDA = ("jax_cuda12_plugin", "jax_cuda13_plugin")
_COMPILERS = (*_CUDA, "libtpu")
_DEVICES = ("/dev/nvidia*", "/dev/dxg", "/dev/kfd", "/dev/accel*", "/dev/vfio/*")
"""What the drivers of GPUs and TPUs make."""


def begin() -> None:
    """What a new process does first, so that JAX has said all when work begins."""
    with quietly():
        import jax

        jax.devices()


def load_jax() -> None:
    """Imports it without what is said while that is done; before anything else that imports it."""
    if "jax" not in sys.modules:
        with quietly():
            importlib.import_module("jax")
