"""The LeNet's update step with every schedule, for devices that are not here."""

import importlib.util

import digits_lenet
import jax
import numpy as np
import optax
import pytest
import torch
from flax import nnx

import jaxsched
from parity.cases import MEMBERS, chain, sequence

PLATFORMS = ("cpu", "cuda", "rocm", "tpu")

# One of each class; PyTorch's scheduler of each is in the table of parity, too.
SPECS = {spec.scheduler: spec for spec in MEMBERS.values()}
SPECS["SequentialLR"] = sequence((9, 40), "linear", "cosine", "swa")
SPECS["ChainedScheduler"] = chain("linear", "cosine to", "step")

QUICK = ("CosineAnnealingLR", "SequentialLR")
each = pytest.mark.parametrize(
    "spec",
    [
        pytest.param(spec, id=name, marks=[] if name in QUICK else pytest.mark.slow)
        for name, spec in SPECS.items()
    ],
)


def update_step(schedule):
    """A pure function of arrays, and the shapes of those."""
    model = digits_lenet.LeNet(8, 10, nnx.Rngs(0))
    adam = optax.inject_hyperparams(optax.adam)(learning_rate=schedule)
    structure, state = nnx.split((model, nnx.Optimizer(model, adam, wrt=nnx.Param)))

    def step(state, x, y):
        model, optimizer = nnx.merge(structure, state)
        loss = digits_lenet.train_step(model, optimizer, x, y)
        return nnx.state((model, optimizer)), loss

    batch = jax.ShapeDtypeStruct((64, 8, 8, 1), np.float32), jax.ShapeDtypeStruct((64,), np.int32)
    return step, (jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), state), *batch)


def test_every_class_is_there():
    public = {name for name in dir(jaxsched) if name[0].isupper()}
    missing = {name for name in public if hasattr(torch.optim.lr_scheduler, name)} - set(SPECS)
    assert missing == {"ReduceLROnPlateau"}  # which is no function of the count; see test_plateau


@each
def test_update_lowers_for_every_platform(spec):
    step, shapes = update_step(spec.schedule(0.1))
    exported = jax.export.export(jax.jit(step), platforms=PLATFORMS)(*shapes)
    assert exported.platforms == PLATFORMS
    assert len(exported.out_avals) == len(jax.tree.leaves(shapes[0])) + 1


@pytest.mark.skipif(importlib.util.find_spec("libtpu") is None, reason="libtpu is not installed")
@each
def test_update_compiles_for_a_tpu(spec, tpu):
    step, shapes = update_step(spec.schedule(0.1))
    compiled = jax.jit(step, in_shardings=tpu, out_shardings=tpu).lower(*shapes).compile()
    assert compiled.cost_analysis()["flops"] > 1e6


@pytest.fixture(scope="module")
def tpu():
    """A place on a TPU that is not here."""
    from jax.experimental import topologies

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TPU_SKIP_MDS_QUERY", "1")
        patch.setenv("TPU_ACCELERATOR_TYPE", "v5litepod-4")
        patch.setenv("TPU_WORKER_HOSTNAMES", "localhost")
        topology = topologies.get_topology_desc("v5e:2x2", platform="tpu")
    return jax.sharding.SingleDeviceSharding(topology.devices[0])
