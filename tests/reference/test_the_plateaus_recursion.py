"""The exact recursion of ReduceLROnPlateau, beside the live one, told the same metrics."""

import itertools

import numpy as np
import pytest
import torch

from parity.reference import exact
from parity.reference.arithmetic import fifty_digits

CHOICES = list(itertools.product(["min", "max"], ["rel", "abs"], [0, 2], [0, 1]))


@pytest.mark.parametrize(("mode", "threshold_mode", "patience", "cooldown"), CHOICES)
def test_it_goes_the_way_of_the_live_one(mode, threshold_mode, patience, cooldown):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.5)
    live = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, mode, 0.7, patience, 0.05, threshold_mode, cooldown, 0.01
    )
    # Better, equal and worse by less and by more than the threshold: in every order.
    metrics = np.random.default_rng(0).choice([0.5, 0.98, 1.0, 1.02, 2.0], size=60).cumprod().tolist()
    applied = [optimizer.param_groups[0]["lr"]]
    for metric in metrics:
        optimizer.step()
        live.step(metric)
        applied.append(optimizer.param_groups[0]["lr"])
    assert len(set(applied)) > 3
    found = exact.plateau(live, None, metrics, 0.5)
    assert [float(lr) for lr in found] == pytest.approx(applied, rel=1e-13)


@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_zero_is_a_float32(zero):
    assert fifty_digits.to_float32(fifty_digits.number(zero)) == np.float32(0.0)
