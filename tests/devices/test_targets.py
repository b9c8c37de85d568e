"""The targets: their names, what must be installed, and what a device has in place of a number."""

import importlib.util

import numpy as np
import pytest
from hypothesis import given, strategies as st

from parity.devices import targets
from parity.devices.program import float32
from parity.devices.targets import BY_NAME, DEFAULT, TARGETS, Family, find, missing


def test_the_names():
    assert list(BY_NAME) == [
        *("tpu:v4", "tpu:v5e", "tpu:v5p", "tpu:v6e", "tpu:7x"),
        *("cuda:a100", "cuda:h100", "cuda:b200"),
    ]
    assert [target.architecture for target in TARGETS[5:]] == ["sm_80", "sm_90", "sm_100"]
    assert {target.family for target in find(DEFAULT)} == set(Family)


def test_each_is_found_once():
    assert find(["cuda:h100", "tpu:v4", "cuda:h100"]) == [BY_NAME["cuda:h100"], BY_NAME["tpu:v4"]]
    with pytest.raises(ValueError, match=r"no target 'tpu:v9'; there are tpu:v4, .*cuda:b200"):
        find(["tpu:v4", "tpu:v9"])
    with pytest.raises(ValueError, match=r"a target is a name .*, got \['tpu:v4'\]; give several one by one"):
        find([["tpu:v4"]])


@pytest.mark.parametrize(
    ("absent", "target", "package"),
    [
        ("libtpu", "tpu:v5e", "libtpu"),
        ("jax_cuda12_plugin", "cuda:h100", "jax-cuda12-plugin"),
        ("jax_plugins.xla_cuda12", "cuda:a100", "jax-cuda12-pjrt"),
        ("flatbuffers", "tpu:7x", "flatbuffers"),
    ],
)
def test_what_must_be_installed(monkeypatch, absent, target, package):
    def find_spec(name, *_):
        return None if name == absent or "cuda13" in name else importlib.util.__spec__

    monkeypatch.setattr(targets.importlib.util, "find_spec", find_spec)
    assert missing(find([target])) == (
        f"{target} needs {package}, which is not installed: pip install 'jaxsched[devices]', on x86-64 Linux"
    )
    others = {"tpu:v5e": "cuda:h100", "cuda:h100": "tpu:v5e", "cuda:a100": "tpu:v4"}
    if target in others:
        assert missing(find([others[target]])) is None


@pytest.mark.parametrize("other", ["cuda12", "cuda13"])
def test_the_compiler_of_either_cuda_will_do(monkeypatch, other):
    def find_spec(name, *_):
        return None if other in name else importlib.util.__spec__

    monkeypatch.setattr(targets.importlib.util, "find_spec", find_spec)
    assert missing(find(["cuda:h100"])) is None
    here = {"cuda12": 13, "cuda13": 12}[other]
    assert targets.packages(targets.Family.CUDA) == (f"jax-cuda{here}-plugin", f"jax-cuda{here}-pjrt")


def test_a_package_around_it_may_be_missing_too(monkeypatch):
    def find_spec(name, *_):
        if "." in name:
            raise ModuleNotFoundError(name)
        return importlib.util.__spec__

    monkeypatch.setattr(targets.importlib.util, "find_spec", find_spec)
    assert missing(find(["tpu:v4"])) is None
    assert "jax-cuda12-pjrt" in missing(find(["cuda:h100"]))


@given(st.integers(0, 2**32 - 1))
def test_a_tpu_has_no_subnormal_numbers(word):
    value = float32([word])
    tpu, gpu = (BY_NAME[name].rounds(value).view(np.uint32)[0] for name in ("tpu:v5e", "cuda:h100"))
    assert gpu == word
    sign, exponent = word & 0x8000_0000, word >> 23 & 0xFF
    assert tpu == (word if exponent else sign)


def test_only_float32_is_flushed():
    for values in (np.asarray([1, -1], np.int32), np.asarray([1e-320, 5e-324])):
        assert BY_NAME["tpu:v5e"].rounds(values) is values
