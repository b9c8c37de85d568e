"""Without what compiles."""

import pytest

import parity
from parity.devices import compare


def test_compare_devices_asks_for_what_is_there(monkeypatch):
    with pytest.raises(ValueError, match="no target 'tpu:v99'; there are"):
        parity.compare_devices(lambda count: count, "tpu:v99")
    monkeypatch.setattr(compare, "missing", lambda targets: "needs a compiler")
    with pytest.raises(ImportError, match="needs a compiler"):
        parity.compare_devices(lambda count: count)
