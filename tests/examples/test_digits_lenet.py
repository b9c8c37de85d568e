"""The LeNet on many devices: the schedule's learning rates, and the same run when it is killed."""

import os
import pathlib
import random
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import digits_lenet
import jax
import numpy as np
import pytest
from tensorboardX.proto.event_pb2 import Event

import jaxsched

ROOT = pathlib.Path(__file__).parents[2]
SMALL = ["--epochs", "1", "--checkpoint", "4"]  # 22 updates


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    return digits_lenet.main([*SMALL, "--out", str(folder)]), folder


def assert_same_run(folder, found, whole):
    """The counts, learning rates and losses of all updates, and the weights, to the bit."""
    uninterrupted, of_whole = whole
    assert (folder / "updates.csv").read_text() == (of_whole / "updates.csv").read_text()
    assert found["weights"].keys() == uninterrupted["weights"].keys()
    for name, value in uninterrupted["weights"].items():
        np.testing.assert_array_equal(found["weights"][name], value, err_msg=name)


def scalars(folder, tag):
    """What TensorBoard shows: for each count, the last value; a log is length, sum, event, sum, …"""
    values = {}
    for path in sorted(folder.glob("events.*")):
        rest = path.read_bytes()
        while rest:
            end = 12 + int.from_bytes(rest[:8], "little")
            event, rest = Event.FromString(rest[12:end]), rest[end + 4 :]
            values |= {event.step: value.simple_value for value in event.summary.value if value.tag == tag}
    return [values[step] for step in sorted(values)]


def test_update_k_applies_schedule_k(whole, capsys):
    found, folder = whole
    want = jaxsched.OneCycleLR(0.003, total_steps=22).on_host(np.arange(22)).tolist()
    assert found["rates"].tolist() == want
    assert scalars(folder / "tensorboard", "learning rate") == want
    assert found["accuracy"] > 0.3
    assert (folder / "digits_lenet.png").stat().st_size > 10_000


def test_eight_devices_are_one(whole, tmp_path):
    assert jax.device_count() == 8
    one = digits_lenet.main([*SMALL, "--devices", "1", "--out", str(tmp_path)])
    eight, _ = whole
    np.testing.assert_array_equal(one["rates"], eight["rates"])
    for name, value in eight["weights"].items():
        print(name, np.abs(one["weights"][name] - value).max(), np.abs(value).max())
    assert 0


# Killed ---------------------------------------------------------------------------------


def killed(folder, updates, delay=0.0, options=()):
    """Starts the example and kills it soon after so many updates are on disk; how many were."""
    environment = os.environ | {"JAX_NUM_CPU_DEVICES": "8", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, ROOT / "examples" / "digits_lenet.py", *SMALL, "--out", folder, *options]
    table = folder / "updates.csv"
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            if table.exists() and table.read_text().count("\n") > updates:
                time.sleep(delay)
                process.send_signal(signal.SIGKILL)
                break
            time.sleep(0.002)
    assert process.returncode == -signal.SIGKILL, "it ended before it could be killed"
    return table.read_text().count("\n") - 1


def test_killed_and_resumed_it_is_the_same_run(whole, tmp_path):
    reached = killed(tmp_path, updates=13)
    found = digits_lenet.main([*SMALL, "--out", str(tmp_path), "--resume"])
    assert 0 < found["start"] <= reached < 22
    assert_same_run(tmp_path, found, whole)
    assert scalars(tmp_path / "tensorboard", "learning rate") == found["rates"].tolist()


@pytest.mark.slow
def test_killed_at_three_random_moments_it_is_the_same_run(whole, tmp_path):
    # A checkpoint after every update, so that most moments are in the middle of writing one.
    options = ["--checkpoint", "1", "--resume"]
    for updates in sorted(random.sample(range(20), 3)):
        reached = killed(tmp_path, updates, random.uniform(0, 0.03), options)
        print(f"killed when {reached} updates were on disk, after {updates} and a moment")
    found = digits_lenet.main([*SMALL, "--out", str(tmp_path), *options])
    print(f"resumed from update {found['start']}")
    assert_same_run(tmp_path, found, whole)


def test_only_the_same_run_is_resumed(whole, capsys):
    _, folder = whole
    with pytest.raises(SystemExit):
        digits_lenet.main([*SMALL, "--out", str(folder)])
    assert "has checkpoints. Go on with --resume" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        digits_lenet.main([*SMALL, "--out", str(folder), "--resume", "--set", "max_lr=0.1"])
    assert "got {'schedule': 'OneCycleLR(0.1, total_steps=22)'" in capsys.readouterr().err


# Options --------------------------------------------------------------------------------


def test_another_schedule(tmp_path):
    options = ["--schedule", "StepLR", "--set", "gamma=0.5", "--set", "step_size=5", "--epochs", "1"]
    found = digits_lenet.main([*options, "--out", str(tmp_path)])
    want = jaxsched.StepLR(0.003, step_size=5, gamma=0.5).on_host(np.arange(22))
    np.testing.assert_array_equal(found["rates"], want)


def test_images_from_openml(monkeypatch):
    pixels = np.random.default_rng(0).integers(0, 256, (6, 784))
    labels = np.array(["3", "0", "9", "0", "3", "9"], object)  # MNIST's classes are strings there

    def fetch(name, version, as_frame):
        assert (name, version, as_frame) == ("mnist_784", 1, False)
        return SimpleNamespace(data=pixels, target=labels)

    monkeypatch.setattr(digits_lenet, "fetch_openml", fetch)
    x, y = digits_lenet.images(None, "openml:mnist_784")
    assert (x.shape, x.dtype, x.min(), x.max()) == ((6, 28, 28, 1), np.float32, 0, 1)
    assert (y.tolist(), y.dtype) == ([1, 0, 2, 0, 1, 2], np.int32)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--schedule", "NoLR"], "--schedule: no schedule is called 'NoLR'; there are "),
        (["--set", "gamma"], "--set: wants NAME=VALUE, got 'gamma'"),
        (["--set", "max_lr=-1"], "OneCycleLR: max_lr must be a finite number >= 0, got -1.0."),
        (["--epochs", "0"], "--epochs: must be at least 1, got 0."),
        (["--batch", "12"], "--batch: must be a multiple of the 8 devices and at most 1437, got 12."),
        (["--batch", "1440"], "--batch: must be a multiple of the 8 devices and at most 1437, got 1440."),
        (["--devices", "9"], "--devices: must be at most the 8 that there are, got 9."),
        (["--data", "digts"], "--data: must be digits or openml:NAME, got 'digts'."),
    ],
)
def test_bad_options(options, message, capsys, tmp_path):
    with pytest.raises(SystemExit):
        digits_lenet.main([*options, "--out", str(tmp_path)])
    assert message in capsys.readouterr().err
