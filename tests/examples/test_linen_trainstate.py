"""The Linen example's learning rates are PyTorch's, and its epochs are one program."""

import linen_trainstate
import numpy as np
import pytest
from test_warmup_plateau import torch_rates


def test_learning_rates_are_pytorchs(tmp_path, capsys):
    options = ["--epochs", "12", "--lr", "0.5", "--warmup", "6", "--patience", "0", "--factor", "0.5"]
    epochs = linen_trainstate.main([*options, "--out", str(tmp_path)])

    lrs, training, validation = np.array(epochs, np.float32).T
    assert lrs.tolist() == torch_rates(validation, lr=0.5, warmup=6, patience=0, factor=0.5)
    assert (np.diff(lrs) < 0).any()
    assert training[-1] < 0.1
    assert validation[-1] < 0.3
    assert (tmp_path / "linen_trainstate.png").stat().st_size > 10_000
    assert f"learning rate {lrs[-1]:.3g} after 12 epochs" in capsys.readouterr().out.splitlines()[-1]


def test_more_epochs_compile_nothing_more(tmp_path, compilations):
    def compiled(epochs):
        compilations.clear()
        linen_trainstate.main(["--epochs", str(epochs), "--out", str(tmp_path)])
        return len(compilations)

    compiled(1)  # what JAX compiles only once in a process
    assert compiled(5) == compiled(2)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--epochs=0", "--epochs: must be at least 1, got 0."),
        ("--patience=-1", "ReduceLROnPlateau: patience must be"),
        ("--lr=-1", "LinearLR: base_lr must be"),
    ],
)
def test_bad_options(option, message, capsys):
    with pytest.raises(SystemExit):
        linen_trainstate.main([option])
    assert message in capsys.readouterr().err
