"""What `make accelerator` measures, at a small size and on the CPU."""

import json

import jax
import optax
import pytest

import jaxsched
from benchmarks import accelerator


@pytest.fixture(autouse=True)
def strict():
    """Optax is measured as people run it: with JAX's own promotion."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


def per_weight(rate):
    step, given = accelerator.update(optax.sgd, rate, (2, 8))
    return accelerator.float64_per_weight(step.lower(*given).compile().as_text())


def test_float64_for_each_weight_is_seen():
    """On a CPU the barrier is lifted before XLA fuses: the formula is there to be found."""
    assert per_weight(jaxsched.CosineAnnealingLR(0.1, T_max=10, eta_min=0.01)) > 20
    assert per_weight(0.1) == 0
    assert per_weight(optax.cosine_decay_schedule(0.1, 10)) == 0


def test_an_accelerator_on_which_it_is_there_fails(monkeypatch):
    monkeypatch.setattr(accelerator, "MODELS", {"small": (2, 8)})
    monkeypatch.setattr(accelerator, "TURNS", 1)
    on_cpu = accelerator.cost(quick=True)
    assert on_cpu["passed"]
    assert on_cpu["sgd, small"]["weights"] == 128
    assert on_cpu["sgd, small"]["microseconds"].keys() == {"constant", "jaxsched", "optax"}
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert not accelerator.cost(quick=True)["passed"]


def test_the_file_and_the_exit_code(monkeypatch, tmp_path, capsys):
    parts = {"cost": lambda quick: {"passed": True}, "parity": lambda quick: {"passed": False}}
    monkeypatch.setattr(accelerator, "PARTS", parts)
    path = tmp_path / "found.json"
    assert accelerator.main(["--only", "cost", "--output", str(path)]) == 0
    assert accelerator.main(["--output", str(path)]) == 1
    found = json.loads(path.read_text())
    assert found["parity"] == {"passed": False}
    assert {"device", "date", "jax"} <= found["environment"].keys()
