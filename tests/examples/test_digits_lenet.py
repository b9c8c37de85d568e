"""The LeNet on many devices: the schedule's learning rates, and the same run when it is killed."""

import csv
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import time

import digits_lenet
import jax
import numpy as np
import pytest

import jaxsched

ROOT = pathlib.Path(__file__).parents[2]
SMALL = ["--epochs", "1", "--checkpoint", "4"]  # 22 updates


def weights(found):
    return {name: value for name, value in found.items() if name not in ("start", "rates", "accuracy")}


def logged(folder):
    """What each update applied, by count; an update that was done twice must say the same twice."""
    rates = {}
    with (folder / "updates.csv").open() as file:
        for row in csv.DictReader(file):
            rate = np.uint32(int(row["learning_rate_bits"], 16)).view(np.float32)
            assert rate == np.float32(row["learning_rate"])  # decimals that are the same number
            assert np.isfinite(float(row["loss"]))
            assert rates.setdefault(int(row["count"]), rate) == rate
    return [rates[count] for count in range(len(rates))]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    return digits_lenet.main([*SMALL, "--out", str(folder)]), folder


def test_update_k_applies_schedule_k(whole):
    found, folder = whole
    schedule = jaxsched.OneCycleLR(0.003, total_steps=22)
    np.testing.assert_array_equal(found["rates"], schedule.on_host(np.arange(22)))
    assert logged(folder) == found["rates"].tolist()
    assert found["accuracy"] > 0.3
    assert (folder / "digits_lenet.png").stat().st_size > 10_000
    assert list((folder / "tensorboard").glob("events.*"))


@pytest.mark.slow
def test_eight_devices_are_one(whole, tmp_path):
    assert jax.device_count() == 8
    environment = {**os.environ, "JAX_PLATFORMS": "cpu", "PYTHONPATH": f"{ROOT}:{ROOT / 'examples'}"}
    code = (
        "import digits_lenet, numpy, sys; found = digits_lenet.main(sys.argv[2:]); "
        "numpy.savez(sys.argv[1], **found)"
    )
    arguments = [str(tmp_path / "one.npz"), *SMALL, "--out", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], env=environment, capture_output=True, text=True
    )
    assert "on 1 device(s)" in done.stdout, done.stderr
    one, (eight, _) = np.load(tmp_path / "one.npz"), whole
    np.testing.assert_array_equal(one["rates"], eight["rates"])
    for name, value in weights(eight).items():
        # Sums over the batch are taken in another order.
        np.testing.assert_allclose(one[name], value, rtol=1e-3, atol=2e-5, err_msg=name)


def killed(folder, updates):
    """Starts the example and kills it when so many updates are on disk; how many were."""
    environment = {
        **os.environ,
        "JAX_PLATFORMS": "cpu",
        "JAX_NUM_CPU_DEVICES": "8",
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, str(ROOT / "examples" / "digits_lenet.py"), *SMALL, "--out", str(folder)]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    path = folder / "updates.csv"
    while process.poll() is None:
        if path.exists() and path.read_text().count("\n") > updates:
            process.send_signal(signal.SIGKILL)
            break
        time.sleep(0.005)
    assert process.wait() == -signal.SIGKILL, "it ended before it could be killed"
    return path.read_text().count("\n") - 1  # beside the names of the columns


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2))])
def test_killed_and_resumed_it_is_the_same_run(whole, tmp_path, seed):
    moment = random.Random(seed).randrange(5, 20)
    reached = killed(tmp_path, moment)
    found = digits_lenet.main([*SMALL, "--out", str(tmp_path)])
    assert found["start"] <= reached < 22
    # Killed soon after the first checkpoint was begun, at update 4, it may not have been on disk yet.
    assert found["start"] > 0 or moment < 12
    uninterrupted, folder = whole
    assert logged(tmp_path) == logged(folder)
    np.testing.assert_array_equal(found["rates"], uninterrupted["rates"][found["start"] :])
    for name, value in weights(uninterrupted).items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)


def test_another_schedule(tmp_path):
    options = ["--schedule", "StepLR", "--set", "gamma=0.5", "--set", "step_size=5", "--epochs", "1"]
    found = digits_lenet.main([*options, "--out", str(tmp_path)])
    np.testing.assert_array_equal(
        found["rates"], jaxsched.StepLR(0.003, step_size=5, gamma=0.5).on_host(np.arange(22))
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--schedule", "NoLR"], "--schedule: no schedule is called 'NoLR'; there are "),
        (["--set", "gamma"], "--set: wants NAME=VALUE, got 'gamma'"),
        (["--set", "max_lr=-1"], "OneCycleLR: max_lr must be a finite number >= 0, got -1.0."),
        (["--batch", "12"], "--batch: must be a multiple of the 8 devices, got 12."),
    ],
)
def test_bad_options(options, message, capsys, tmp_path):
    with pytest.raises(SystemExit):
        digits_lenet.main([*options, "--out", str(tmp_path)])
    assert message in capsys.readouterr().err


def test_the_same_command_again_is_the_same_run(whole, capsys):
    found, folder = whole
    before = logged(folder)
    again = digits_lenet.main([*SMALL, "--out", str(folder)])
    assert (
        "22 updates on 8 device(s), all of which were done before (--anew does them"
        in capsys.readouterr().out
    )
    assert again["start"] == 22
    assert again["accuracy"] == found["accuracy"]
    assert logged(folder) == before
    for name, value in weights(found).items():
        np.testing.assert_array_equal(again[name], value, err_msg=name)


def test_another_run_does_not_go_on_from_it(whole, capsys, tmp_path):
    _, folder = whole
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    other = [*SMALL, "--set", "pct_start=0.5", "--out", str(tmp_path)]
    with pytest.raises(SystemExit):
        digits_lenet.main(other)
    said = capsys.readouterr().err
    assert "has a run with --set [] (now ['pct_start=0.5']). Name another folder, or give --anew" in said
    assert logged(tmp_path) == logged(folder)
    found = digits_lenet.main([*other, "--anew"])
    assert found["start"] == 0
    assert logged(tmp_path) == found["rates"].tolist() != logged(folder)
