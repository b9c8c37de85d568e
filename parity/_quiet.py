"""Imports JAX without what its CUDA plugin prints where there is no GPU.

The plugin's libraries do so while they are loaded, before anything can tell them not to. It is installed
where `parity devices` can be used, and each process would begin with eight lines of it.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
import tempfile
from collections.abc import Iterator

_NOISE = (b"Could not find cuda drivers", b"before absl::InitializeLog()")


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Standard error without these lines; what else is written there comes at the end."""
    if importlib.util.find_spec("jax_cuda12_plugin") is None:
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


if "jax" not in sys.modules:
    with quietly():
        import jax as jax
