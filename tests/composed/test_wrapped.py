"""A user's schedule that slows the count of another: as PyTorch's that is stepped less often."""

from typing import Annotated

import jax.numpy as jnp
import numpy as np
import pytest
import torch
from torch.optim import lr_scheduler as theirs

from jaxsched import (
    ChainedScheduler,
    CosineAnnealingLR,
    LambdaLR,
    PerEpoch,
    Schedule,
    SequentialLR,
    StartingAt,
    StepLR,
    Wrapped,
)
from jaxsched.composed._members import Member

UPDATES, EACH = 12, 2


class Half(Wrapped, Schedule):
    """All that `Wrapped` names, and no more."""

    schedule: Annotated[Schedule, Member()]

    @property
    def _wrapped(self):
        return self.schedule

    def _own(self, k):
        return k // EACH

    def _counted(self, own):
        return own * EACH

    def _own_horizon(self, horizon):
        return None if horizon is None else -(-horizon // EACH)


def level(k):
    return 1.0 + 0.0 * k


STEP, COSINE, LEVEL = StepLR(0.1, 1, 0.5), CosineAnnealingLR(0.1, 9, eta_min=0.05), LambdaLR(0.1, level)
THEIRS = {
    STEP: lambda optimizer: theirs.StepLR(optimizer, 1, 0.5),
    COSINE: lambda optimizer: theirs.CosineAnnealingLR(optimizer, 9, eta_min=0.05),
    LEVEL: lambda optimizer: theirs.LambdaLR(optimizer, level),
}


def stepped(members):
    """What PyTorch applies; a member with True beside it steps at every other update only."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    live = [(THEIRS[schedule](optimizer), slow) for schedule, slow in members]
    for k in range(UPDATES):
        yield optimizer.param_groups[0]["lr"]
        optimizer.step()
        for scheduler, slow in live:
            if not slow or (k + 1) % EACH == 0:
                scheduler.step()


@pytest.mark.parametrize("wrap", [Half, lambda s: PerEpoch(s, EACH)], ids=["a user's", "PerEpoch"])
@pytest.mark.parametrize(
    "members",
    [
        [(STEP, True)],
        [(STEP, True), (COSINE, False)],
        [(COSINE, True), (STEP, False)],
        [(LEVEL, True), (STEP, False)],
        [(STEP, False), (LEVEL, True)],
        [(STEP, False), (LEVEL, True), (STEP, False)],
        [(STEP, True), (STEP, False), (COSINE, True)],
    ],
    ids=lambda members: " ".join(f"{'slow ' * slow}{type(schedule).__name__}" for schedule, slow in members),
)
def test_in_every_company(wrap, members):
    ours = [wrap(schedule) if slow else schedule for schedule, slow in members]
    chain = ChainedScheduler(ours, total_steps=UPDATES)
    np.testing.assert_allclose(
        chain.on_host(np.arange(UPDATES)), np.fromiter(stepped(members), float), rtol=1e-6
    )
    np.testing.assert_array_equal(chain(jnp.arange(UPDATES)), chain.on_host(np.arange(UPDATES)))


def test_one_that_pauses_in_a_chain_asks_for_how_many_updates_to_tabulate():
    for wrap in (Half, lambda schedule: PerEpoch(schedule, EACH)):
        with pytest.raises(ValueError, match="total_steps must be given"):
            ChainedScheduler([STEP, wrap(LEVEL), STEP])


def test_what_advances_with_every_count_does_not_pause():
    assert not StartingAt(LEVEL, 3)._pauses
    assert not SequentialLR([LEVEL], [])._pauses
    assert not PerEpoch(LEVEL, 1)._pauses
    ChainedScheduler([STEP, StartingAt(LEVEL, 3), PerEpoch(LEVEL, 1), STEP])
