"""What people hand in around a scheduler, and the epochs that it counts."""

import numpy as np
import pytest
import torch
from torch.optim import lr_scheduler as lrs

from jaxsched import CosineAnnealingLR, PerEpoch, Recorded, from_torch


def sgd():
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)


def cosine():
    return lrs.CosineAnnealingLR(sgd(), T_max=100)


IN_EPOCHS = {
    "lightning": lambda c: {"scheduler": c},
    "lightning, in a dictionary": lambda c: {"optimizer": c.optimizer, "lr_scheduler": {"scheduler": c}},
    "lightning, bare": lambda c: {"optimizer": c.optimizer, "lr_scheduler": c},
    "lightning, two lists": lambda c: ([c.optimizer], [c]),
    "lightning, two lists, a dictionary": lambda c: ([c.optimizer], [{"scheduler": c, "interval": "epoch"}]),
}


@pytest.mark.parametrize("wrap", IN_EPOCHS.values(), ids=IN_EPOCHS)
def test_lightning_steps_once_an_epoch(wrap):
    with pytest.raises(ValueError, match="steps_per_epoch must be given"):
        from_torch(wrap(cosine()))
    assert from_torch(wrap(cosine()), steps_per_epoch=7) == PerEpoch(CosineAnnealingLR(0.1, T_max=100), 7)


IN_UPDATES = {
    "interval step": lambda c: {"lr_scheduler": {"scheduler": c, "interval": "step"}},
    "two lists, interval step": lambda c: ([c.optimizer], [{"scheduler": c, "interval": "step"}]),
    "a list": lambda c: [c],
    "with its optimizer": lambda c: (c.optimizer, c),
    "timm's pair": lambda c: (c, 300),
}


@pytest.mark.parametrize("wrap", IN_UPDATES.values(), ids=IN_UPDATES)
def test_one_is_taken_out(wrap):
    assert from_torch(wrap(cosine())) == CosineAnnealingLR(0.1, T_max=100)


@pytest.mark.parametrize("given", [[], lambda: [cosine(), cosine()], lambda: ([sgd()], [cosine(), cosine()])])
def test_of_several_none_is_chosen(given):
    with pytest.raises(TypeError, match=r"must be one scheduler, got a (list|tuple) with [02] of them"):
        from_torch(given() if callable(given) else given)


def test_a_function_is_none():
    def get_lr(it):
        return 0.1

    for horizon in (None, 10):
        with pytest.raises(TypeError, match=r"goes into LambdaLR\(1.0, function, total_steps=…\)"):
            from_torch(get_lr, total_steps=horizon)


def test_a_horizon_is_in_updates():
    table = [0.1 * 0.9**k for k in range(100)]

    class Own(lrs.LRScheduler):
        def get_lr(self):
            return [table[self.last_epoch]]

    found = from_torch(Own(sgd()), steps_per_epoch=50, total_steps=5000)
    assert found == PerEpoch(Recorded(table), 50)
    assert from_torch(Own(sgd()), steps_per_epoch=50, total_steps=4951) == found


def test_a_position_is_in_updates():
    live = cosine()
    for _ in range(12):
        live.optimizer.step()
        live.step()
    found = from_torch(live, steps_per_epoch=30)
    assert found.position == 360
    assert found.on_host(found.position) == np.float32(live.get_last_lr()[0])


def test_a_plateau_takes_no_epochs():
    with pytest.raises(ValueError, match="steps_per_epoch must be None for ReduceLROnPlateau, got 100"):
        from_torch(lrs.ReduceLROnPlateau(sgd()), steps_per_epoch=100)


def test_what_cannot_be_copied_says_what_to_do(tmp_path):
    live = cosine()
    with open(tmp_path / "log", "w") as live.log, pytest.raises(ValueError, match="Take off it what cannot"):
        from_torch(live, total_steps=5)
