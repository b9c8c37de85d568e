"""The devices that a schedule can be compiled for without one of them being here, by name."""

from __future__ import annotations

import dataclasses
import enum
import importlib.util
from collections.abc import Iterable

import numpy as np

from .program import Array

EXTRA = "jaxsched[devices]"
"""What installs the compilers."""


class Family(enum.StrEnum):
    """Whose program it is; each family has a reader of its own."""

    TPU = "tpu"
    CUDA = "cuda"


@dataclasses.dataclass(frozen=True)
class Target:
    """A kind of device."""

    name: str
    """As on the command line: ``tpu:v5e``."""

    kind: str
    """As JAX calls such a device."""

    topology: str
    """Of the smallest machine that has it, as JAX's topologies name it."""

    description: str = ""
    """What XLA must be told of a GPU, as the text of its ``GpuTargetConfigProto``."""

    architecture: str = ""
    """What a GPU's program must say that it is for: ``sm_90``."""

    def __str__(self) -> str:
        return self.name

    @property
    def family(self) -> Family:
        return Family(self.name.partition(":")[0])

    @property
    def flushes(self) -> bool:
        """Whether its float32 arithmetic takes subnormal numbers for 0."""
        return self.family is Family.TPU

    @property
    def has_float64(self) -> bool:
        """Whether float64 is what IEEE 754 says; otherwise it is a pair of float32."""
        return self.family is not Family.TPU

    def rounds(self, values: Array) -> Array:
        """What the device has in place of each value: the same, or 0 with its sign."""
        if not self.flushes or values.dtype != np.float32:
            return values
        tiny = np.abs(values) < np.finfo(np.float32).smallest_normal
        return np.where(tiny, np.copysign(np.float32(0), values), values)


def _tpu(name: str, kind: str, topology: str) -> Target:
    return Target(f"tpu:{name}", kind, topology)


def _cuda(
    name: str,
    kind: str,
    capability: int,
    *,
    cores: int,
    units: int,
    clock: float,
    memory: int,
    bandwidth: int,
    cache: int,
    shared: int,
) -> Target:
    description = f"""\
gpu_device_info {{
  threads_per_block_limit: 1024 threads_per_warp: 32 threads_per_core_limit: 2048
  shared_memory_per_block: 49152 shared_memory_per_core: {shared * 1024}
  shared_memory_per_block_optin: {(shared - 1) * 1024}
  block_dim_limit_x: 2147483647 block_dim_limit_y: 65535 block_dim_limit_z: 65535
  registers_per_core_limit: 65536 registers_per_block_limit: 65536
  core_count: {cores} fpus_per_core: {units} clock_rate_ghz: {clock}
  device_memory_size: {memory} memory_bandwidth: {bandwidth} l2_cache_size: {cache}
  cuda_compute_capability {{ major: {capability} minor: 0 }}
}}
platform_name: "CUDA"
dnn_version_info {{ major: 9 minor: 7 }}
runtime_version {{ major: 12 minor: 8 patch: 0 }}
device_description_str: "{kind}"
"""
    return Target(f"cuda:{name}", kind, "1x1x1", description, f"sm_{capability}0")


TARGETS: tuple[Target, ...] = (
    _tpu("v4", "TPU v4", "v4:2x2x1"),
    _tpu("v5e", "TPU v5 lite", "v5e:2x2"),
    _tpu("v5p", "TPU v5", "v5p:2x2x1"),
    _tpu("v6e", "TPU v6 lite", "v6e:2x2"),
    _tpu("7x", "TPU7x", "tpu7x:2x2x1"),
    # Sizes and speeds only weigh on how XLA divides large work among threads; what is computed follows
    # from the compute capability.
    _cuda(
        "a100", "NVIDIA A100-SXM4-40GB", 8, cores=108, units=64, clock=1.41, memory=42_331_013_120,
        bandwidth=1_555_200_000_000, cache=41_943_040, shared=164,
    ),
    _cuda(
        "h100", "NVIDIA H100 80GB HBM3", 9, cores=132, units=128, clock=1.98, memory=84_942_979_072,
        bandwidth=3_352_320_000_000, cache=52_428_800, shared=228,
    ),
    _cuda(
        "b200", "NVIDIA B200", 10, cores=148, units=128, clock=1.965, memory=191_514_411_008,
        bandwidth=7_672_320_000_000, cache=132_644_864, shared=228,
    ),
)  # fmt: skip

BY_NAME = {target.name: target for target in TARGETS}

DEFAULT = ("tpu:v5e", "cuda:h100")

ENVIRONMENT = {
    # The compilers are asked as libraries; JAX itself stays on the CPU, whatever there is.
    "JAX_PLATFORMS": "cpu",
    # libtpu would ask the cloud which TPU this is, and would wait for the one that another process has.
    "TPU_SKIP_MDS_QUERY": "1",
    "TPU_ACCELERATOR_TYPE": "v5litepod-4",
    "TPU_WORKER_HOSTNAMES": "localhost",
    "ALLOW_MULTIPLE_LIBTPU_LOAD": "1",
    # JAX would look for CUDA's other libraries, none of which is needed to compile.
    "JAX_SKIP_CUDA_CONSTRAINTS_CHECK": "1",
    "TF_CPP_MIN_LOG_LEVEL": "2",
}
"""What must be set before JAX is imported where programs are compiled."""


def find(names: Iterable[str]) -> list[Target]:
    """The targets of these names, each once.

    Raises:
      ValueError: there is no such target; the text lists all.
    """
    found = {}
    for name in names:
        if not isinstance(name, str):
            raise ValueError(f"a target is a name such as 'tpu:v5e', got {name!r}; give several one by one")
        if name not in BY_NAME:
            raise ValueError(f"there is no target {name!r}; there are {', '.join(BY_NAME)}")
        found[name] = BY_NAME[name]
    return list(found.values())


COMPILERS = {
    Family.TPU: ({"libtpu": "libtpu"},),
    Family.CUDA: tuple(
        {f"jax_cuda{n}_plugin": f"jax-cuda{n}-plugin", f"jax_plugins.xla_cuda{n}": f"jax-cuda{n}-pjrt"}
        for n in (12, 13)
    ),
}
"""The modules of each compiler and the packages that they come from; of several, any will do."""

_ALWAYS = {"flatbuffers": "flatbuffers"}  # `jax.export` writes with it


def packages(family: Family) -> tuple[str, ...]:
    """The packages of the compiler that is installed; of the first there is, if none is."""
    compilers = COMPILERS[family]
    found = next((each for each in compilers if all(map(_installed, each))), compilers[0])
    return tuple(found.values())


def missing(targets: Iterable[Target]) -> str | None:
    """What must be installed to compile for these, in one sentence; None if all is there."""
    for target in targets:
        if any(all(map(_installed, each)) for each in COMPILERS[target.family]):
            needed = _ALWAYS
        else:
            needed = {**COMPILERS[target.family][0], **_ALWAYS}
        for module, package in needed.items():
            if not _installed(module):
                return (
                    f"{target.name} needs {package}, which is not installed: "
                    f"pip install '{EXTRA}', on x86-64 Linux"
                )
    return None


def _installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # the package that it would be in
        return False
