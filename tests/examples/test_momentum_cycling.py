"""The example's learning rate and b1 are those that PyTorch's OneCycleLR gives to Adam."""

import jax
import momentum_cycling
import numpy as np
import pytest
import torch


def test_learning_rate_and_b1_are_pytorchs(tmp_path, capsys):
    options = ["--epochs", "3", "--max-lr", "0.02", "--out", str(tmp_path)]
    with jax.numpy_dtype_promotion("standard"):  # Optax raises b1 to the power of an integer count
        cycled, fixed = momentum_cycling.main(options)

    adam = torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))], betas=(0.9, 0.999))
    steps = len(cycled.lr)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(adam, max_lr=0.02, total_steps=steps)
    group = adam.param_groups[0]
    for k in range(steps):
        assert (cycled.lr[k], cycled.b1[k]) == (np.float32(group["lr"]), np.float32(group["betas"][0]))
        adam.step()
        if k + 1 < steps:
            scheduler.step()
    np.testing.assert_array_equal(fixed.lr, cycled.lr)
    assert set(fixed.b1.tolist()) == {np.float32(0.9)}
    assert (fixed.loss != cycled.loss).any(), "b1 must reach the update"
    assert cycled.test_accuracy > 0.9
    assert (tmp_path / "momentum_cycling.png").stat().st_size > 10_000
    assert f"accuracy {cycled.test_accuracy:.1%}" in capsys.readouterr().out.splitlines()[-1]


@pytest.mark.parametrize(
    ("option", "message"),
    [("--epochs=0", "OneCycleLR: epochs must be"), ("--max-lr=-1", "OneCycleLR: max_lr must be")],
)
def test_bad_options(option, message, capsys):
    with pytest.raises(SystemExit):
        momentum_cycling.main([option])
    assert message in capsys.readouterr().err
