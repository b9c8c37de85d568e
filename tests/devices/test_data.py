"""Array arguments: what a device does with them, also where a number gets small or large."""

import jax.numpy as jnp
import pytest

import jaxsched
from parity.devices.compare import compare
from parity.devices.compiler import Compiler
from parity.devices.door import brought
from parity.devices.targets import BY_NAME, missing

TARGETS = [BY_NAME["tpu:v5e"], BY_NAME["cuda:h100"]]
pytestmark = pytest.mark.skipif(missing(TARGETS) is not None, reason=str(missing(TARGETS)))

f = jnp.float32
MANY = list(range(100, 6_000, 100))
CHAIN = [
    jaxsched.ExponentialLR(f(0.1), gamma=f(0.99)),
    jaxsched.StepLR(f(0.1), step_size=100, gamma=f(0.5)),
    jaxsched.LinearLR(f(0.1), start_factor=0.1, total_iters=50),
]
DATA = {
    "step": jaxsched.StepLR(f(0.1), step_size=30),
    "step by data": jaxsched.StepLR(0.1, step_size=30, gamma=f(0.1)),
    "exponential": jaxsched.ExponentialLR(f(0.1), gamma=0.99),
    "exponential by data": jaxsched.ExponentialLR(f(0.1), gamma=f(0.99)),
    "growing": jaxsched.ExponentialLR(f(0.1), gamma=f(1.01)),
    "growing from 0": jaxsched.ExponentialLR(f(0.0), gamma=f(1.5)),
    "nothing": jaxsched.ExponentialLR(f(0.1), gamma=f(0.0)),
    "multi": jaxsched.MultiStepLR(f(0.1), milestones=MANY, gamma=0.1),
    "multi by data": jaxsched.MultiStepLR(0.1, milestones=MANY, gamma=f(0.1)),
    "polynomial": jaxsched.PolynomialLR(f(0.1), total_iters=100_000, power=7.0),
    "polynomial by data": jaxsched.PolynomialLR(0.1, total_iters=100_000, power=f(7.0)),
    "linear": jaxsched.LinearLR(f(0.1), start_factor=f(0.1), end_factor=f(0.0), total_iters=jnp.int32(50)),
    "cosine": jaxsched.CosineAnnealingLR(0.1, T_max=1_000, eta_min=f(1e-3)),
    "restarts": jaxsched.CosineAnnealingWarmRestarts(f(0.1), T_0=10, T_mult=2),
    "one cycle": jaxsched.OneCycleLR(f(0.1), total_steps=1_000),
    "averaging": jaxsched.SWALR(f(0.1), swa_lr=0.05, anneal_epochs=1_000),
    "cyclic": jaxsched.CyclicLR(f(0.01), max_lr=0.1, step_size_up=100, mode="exp_range", gamma=0.999),
    "cyclic by halves": jaxsched.CyclicLR(f(0.01), max_lr=f(0.1), step_size_up=100, mode="triangular2"),
    "chained": jaxsched.ChainedScheduler(CHAIN),
    "chained, in and out of range": jaxsched.ChainedScheduler(
        [jaxsched.ExponentialLR(f(0.1), f(1.5)), jaxsched.ExponentialLR(f(0.1), f(0.5))]
    ),
    "a sequence": jaxsched.SequentialLR(CHAIN[2:0:-1], [50]),
}

# Of two that are computed in the same way, the one with more of its arguments as arrays; `make test-long` has
# the others, too.
FIRST = (
    "step by data", "growing", "growing from 0", "nothing", "multi by data", "polynomial by data", "linear",
    "cosine", "cyclic by halves", "chained, in and out of range", "a sequence",
)  # fmt: skip


@pytest.fixture(scope="module")
def compiler():
    with Compiler() as made:
        yield made


@pytest.mark.parametrize(
    "schedule",
    [
        pytest.param(schedule, id=name, marks=() if name in FIRST else pytest.mark.slow)
        for name, schedule in DATA.items()
    ],
)
def test_has_the_same_bits(compiler, schedule):
    (found,) = compare([brought(schedule, number=10_000)], TARGETS, compiler)
    assert {name: (each.same, each.first) for name, each in found.items()} == {
        target.name: (True, None) for target in TARGETS
    }
