"""Two real processes on this machine, and one: the same learning rates, the same weights."""

import pathlib

import multihost
import numpy as np
import pytest

import jaxsched

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture
def start(monkeypatch, capfd):
    """Runs the example in so many processes, started from this one: what they say, what is in the file."""
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))

    def begin(folder, processes, updates=20):
        command = ["--processes", str(processes), "--updates", str(updates), "--out", str(folder)]
        code = multihost.main(command)
        said = capfd.readouterr()
        assert code == 0, said.err
        return said.out.splitlines(), np.load(folder / "multihost.npz")

    return begin


def test_two_processes_are_one(start, tmp_path):
    lines, two = start(tmp_path / "two", 2)
    said = sorted(line.partition(": ")[2] for line in lines if line.startswith("Process "))
    assert len(said) == 2
    assert said[0] == said[1]
    assert lines[-1] == "20 learning rates and all weights the same in 2 processes."
    # Only process 0 writes.
    assert sorted(path.name for path in (tmp_path / "two").iterdir()) == ["multihost.npz", "multihost.png"]

    schedule = jaxsched.SequentialLR(
        [jaxsched.LinearLR(0.2, 0.1, total_iters=4), jaxsched.CosineAnnealingLR(0.2, T_max=16)], [4]
    )
    np.testing.assert_array_equal(two["rates"], schedule.on_host(np.arange(20)))
    _, one = start(tmp_path / "one", 1)
    np.testing.assert_array_equal(one["rates"], two["rates"])
    assert len(one.files) == 5
    for name in one.files:
        # The sum over the batch is taken in two parts.
        np.testing.assert_allclose(two[name], one[name], rtol=1e-4, atol=1e-6, err_msg=name)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--processes", "2", "--coordinator", "host:1"],
            "give --processes to start them here, or --coordinator to be one of them",
        ),
        (["--processes", "2", "--updates", "3"], "--updates: must be at least 5, got 3."),
    ],
)
def test_bad_options(options, message, capsys):
    with pytest.raises(SystemExit):
        multihost.main(options)
    assert message in capsys.readouterr().err
