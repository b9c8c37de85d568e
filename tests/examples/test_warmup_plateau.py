"""The learning rates that the NNX example applied are PyTorch's, given the losses that it saw."""

import numpy as np
import pytest
import torch
import warmup_plateau


def torch_rates(losses, *, lr, warmup, factor, patience):
    """The learning rate of each epoch, from PyTorch's two schedulers and these validation losses."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)
    ramp = torch.optim.lr_scheduler.LinearLR(optimizer, start_factor=0.1, total_iters=warmup)
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, factor=factor, patience=patience, min_lr=lr / 100
    )
    rates = []
    for loss in losses:
        rates.append(np.float32(optimizer.param_groups[0]["lr"]))
        optimizer.step()
        ramp.step()
        plateau.step(loss)
    return rates


def test_learning_rates_are_pytorchs(tmp_path, capsys):
    options = ["--epochs", "12", "--lr", "0.5", "--warmup", "6", "--patience", "0", "--factor", "0.5"]
    epochs = warmup_plateau.main([*options, "--out", str(tmp_path)])

    lrs, training, validation = np.array(epochs, np.float32).T
    assert lrs.tolist() == torch_rates(validation, lr=0.5, warmup=6, patience=0, factor=0.5)
    reduced = np.diff(lrs) < 0
    assert reduced[:6].any(), "no reduction during the warm-up: the options must force one"
    assert reduced[6:].any()
    assert training[-1] < 0.1
    assert validation[-1] < 0.3
    assert (tmp_path / "warmup_plateau.png").stat().st_size > 10_000
    last = capsys.readouterr().out.splitlines()[-1]
    assert f"learning rate {lrs[-1]:.3g} after 12 epochs and {reduced.sum()} reductions" in last


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--epochs=0", "--epochs: must be at least 1, got 0."),
        ("--factor=1", "ReduceLROnPlateau: factor must be"),
        ("--warmup=-1", "LinearLR: total_iters must be"),
    ],
)
def test_bad_options(option, message, capsys):
    with pytest.raises(SystemExit):
        warmup_plateau.main([option])
    assert message in capsys.readouterr().err
