"""What `make accelerator` measures, at a small size and on the CPU."""

import json

import jax
import numpy as np
import optax
import pytest

import jaxsched
from benchmarks import accelerator, replayed


@pytest.fixture(autouse=True)
def strict():
    """Optax is measured as people run it: with JAX's own promotion."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


def per_weight(rate):
    step, given = accelerator.update(optax.sgd, rate, (2, 8))
    return accelerator.float64_per_weight(step.lower(*given).compile().as_text())


def test_float64_for_each_weight_is_seen():
    schedule = jaxsched.CosineAnnealingLR(0.1, T_max=10, eta_min=0.01)

    def without_barrier(k):
        with jax.enable_x64(True):
            return schedule._formula(k.astype(np.int64)).astype(np.float32)

    assert per_weight(without_barrier) > 20
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
    monkeypatch.setattr(accelerator, "float64_per_weight", lambda text: 21)
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


def found(**counts):
    return replayed.Found("StepLR", counts.pop("optax", False), **counts)


@pytest.mark.parametrize(
    ("one", "passes"),
    [
        (found(compared=9, replayed=9), True),
        (found(compared=9, replayed=9, unlike_replay=1), False),
        (found(compared=9, replayed=9, one_by_one_unlike_replay=1), False),
        (found(compared=9, replayed=9, unlike_host=1, replay_unlike_host=1), False),
        (found(compared=9, unlike_host=1, not_replayed="cosine"), True),
        (found(compared=9, replayed=9, unlike_host=1, replay_unlike_host=1, optax=True), True),
        (found(compared=9, replayed=9, unlike_replay=1, optax=True), False),
    ],
)
def test_what_the_replay_did_not_say_fails(one, passes):
    said = replayed.summary([found(compared=5, replayed=5), one])
    assert said["passed"] == passes
    whose = said["optax" if one.optax else "jaxsched"]
    assert whose["unlike the replay"] == one.unlike_replay
    assert len(said["differing"]) == bool(
        one.unlike_host or one.unlike_replay or one.one_by_one_unlike_replay
    )


@pytest.mark.parametrize(
    ("wrong_at", "many", "few"), [(-1, 1, 0), (7, 1, 1), (2**31 - 1, 1, 0), (10**12, 0, 0)]
)
def test_a_wrong_replay_is_seen(wrong_at, many, few):
    """The CPU in the place of a GPU, whose bits it has; and a program that says otherwise at one count."""
    from parity.cases import CASES
    from parity.devices.program import Program
    from parity.devices.table import subjects_of
    from parity.devices.targets import BY_NAME

    class Said(Program):
        def replay(self, arguments, outputs=None):
            values = schedule.on_host(arguments[0])
            return [np.where(arguments[0] == wrong_at, np.float32(1), values)]

        def instructions(self, *outputs):
            return 1

        def unknown(self, output):
            return []

    class Compiler:
        def compile(self, subject, arguments, target):
            return Said()

    case = next(case for case in CASES if case.scheduler == "StepLR")
    schedule = case.schedule()
    ((_, subject),) = [each for each in subjects_of(case, 5000, False) if each[0] is None]
    one = replayed._found(case.name, False, subject, BY_NAME["cuda:h100"], Compiler())
    assert (one.unlike_replay, one.unlike_host) == (many, 0)
    assert (one.one_by_one_unlike_replay, one.one_by_one) == (few, replayed.ONE_BY_ONE)
    assert (one.replay_unlike_host, one.replayed) == (many, one.compared)


def test_a_device_that_is_no_target_is_left_out():
    said = replayed.replayed(quick=True)
    assert said["passed"]
    assert said["skipped"].startswith("cpu is none of TPU v4, ")
