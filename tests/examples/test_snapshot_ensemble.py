"""The three schedules are PyTorch's, and the averages are averages."""

import numpy as np
import pytest
import snapshot_ensemble
import torch
from torch.optim import lr_scheduler
from torch.optim.swa_utils import SWALR

RUNS, CYCLE = 4, 2
EPOCHS = snapshot_ensemble.CYCLES * CYCLE


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    out = tmp_path_factory.mktemp("snapshot_ensemble")
    found = snapshot_ensemble.main(["--runs", str(RUNS), "--cycle", str(CYCLE), "--out", str(out)])
    assert (out / "snapshot_ensemble.png").stat().st_size > 10_000
    return found


def cosine(sgd, steps):
    return lr_scheduler.CosineAnnealingLR(sgd, T_max=steps)


def cyclic(sgd, steps):
    n = steps // EPOCHS
    return lr_scheduler.CyclicLR(
        sgd, 0.001, 0.2, step_size_up=n, step_size_down=(CYCLE - 1) * n, cycle_momentum=False
    )


def swa(sgd, steps):
    half = steps // 2
    members = [cosine(sgd, steps), SWALR(sgd, swa_lr=0.05, anneal_epochs=steps // EPOCHS)]
    return lr_scheduler.SequentialLR(sgd, members, milestones=[half])


@pytest.mark.parametrize(
    ("name", "make"), [("cosine", cosine), ("CyclicLR", cyclic), ("cosine, then SWALR", swa)]
)
def test_learning_rates_are_pytorchs(result, name, make):
    lrs = result.lr[name]
    sgd = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.2)
    scheduler = make(sgd, len(lrs))
    for k, lr in enumerate(lrs):
        assert lr == np.float32(sgd.param_groups[0]["lr"]), k
        sgd.step()
        scheduler.step()


def test_averages(result):
    accuracy, loss = result.accuracy, result.loss
    assert all(values.shape == (RUNS,) for values in (*accuracy.values(), *loss.values()))
    # The logarithm is concave: whatever the members, the loss of their mean is below their mean loss.
    members = np.array([loss[f"snapshot {i}"] for i in range(1, 6)])
    assert (loss["averaged snapshots"] < members.mean(axis=0)).all()
    assert all((values > 0).all() for values in loss.values())
    assert loss["SWALR, averaged"].mean() < loss["SWALR, at the end"].mean()
    assert accuracy["one network"].mean() > 0.85


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--runs=1", "--runs: must be at least 2, got 1."),
        ("--cycle=1", "--cycle: must be at least 2, got 1."),
        ("--wrong=2", "--wrong: must be from 0 to 1, got 2.0."),
    ],
)
def test_bad_options(option, message, capsys):
    with pytest.raises(SystemExit):
        snapshot_ensemble.main([option])
    assert message in capsys.readouterr().err
