"""What broke when it was attacked, beside PyTorch."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from torch.optim import lr_scheduler
from torch.optim.optimizer import register_optimizer_step_pre_hook

from jaxsched import current_lr, optax_code, optimizer_from_torch, optimizer_state_from_torch


def weight(*shape):
    return torch.nn.Parameter(torch.ones(shape or (2,), dtype=torch.float64))


def as_jax(parameter):
    return jnp.asarray(parameter.detach().numpy().copy())


@pytest.fixture(autouse=True)
def wide():
    with jax.enable_x64(True), jax.numpy_dtype_promotion("standard"):
        yield


@pytest.mark.parametrize("begin", [30, 35, 39])
def test_a_checkpoint_in_the_middle_of_an_epoch(begin):
    w = weight()
    live = torch.optim.Adam([w], lr=0.1)
    scheduler = lr_scheduler.ExponentialLR(live, 0.5)

    def step(k):
        w.grad = torch.ones_like(w)
        rate = live.param_groups[0]["lr"]
        live.step()
        if k % 10 == 9:
            scheduler.step()
        return rate

    for k in range(begin):
        step(k)
    made = optimizer_from_torch(live, scheduler, steps_per_epoch=10)
    params = as_jax(w)
    state = optimizer_state_from_torch(live, params, scheduler, names={0: ""}, steps_per_epoch=10)
    for k in range(begin, 52):
        rate = step(k)
        updates, state = made.update(jnp.ones(2), state, params)
        params = params + updates
        assert current_lr(state) == rate
    np.testing.assert_allclose(params, w.detach().numpy(), rtol=1e-12)


def test_labels_that_contradict_names():
    a, b = weight(3, 3), weight(3, 3)
    live = torch.optim.AdamW([{"params": [a], "lr": 0.1}, {"params": [b], "lr": 0.001}])
    params = {"a": jnp.ones((3, 3)), "b": jnp.ones((3, 3))}
    names = {0: "a", 1: "b"}
    with pytest.raises(
        ValueError, match="labels must say of a that it is in the group 0, as names has it, got 1"
    ):
        optimizer_state_from_torch(live, params, names=names, labels={"a": 1, "b": 0})
    with pytest.raises(ValueError, match="labels must say of a that it is in the group 0"):
        optimizer_state_from_torch(
            live, params, names=names, labels=lambda path, leaf: int(path[0].key == "a")
        )
    optimizer_state_from_torch(live, params, names=names, labels={"a": 0, "b": 1})


def test_a_square_kernel_the_other_way_round():
    layer = torch.nn.Linear(3, 3)
    live = torch.optim.Adam(layer.named_parameters())
    params = {"kernel": as_jax(layer.weight).T, "bias": as_jax(layer.bias)}
    names = {"weight": "kernel", "bias": "bias"}
    with pytest.raises(
        ValueError, match=r"names\['weight'\] must say how the axes change places.*Give it \(1, 0\)"
    ):
        optimizer_state_from_torch(live, params, names=names)
    optimizer_state_from_torch(live, params, names={**names, "weight": ("kernel", (1, 0))})
    with pytest.raises(ValueError, match="Give it no axes"):
        optimizer_state_from_torch(
            live, {**params, "kernel": as_jax(layer.weight)}, names={**names, "weight": ("kernel", (1, 0))}
        )


@pytest.mark.parametrize("name", ["Rprop", "ASGD"])
@pytest.mark.parametrize("rate", [0.1, 0.001])
def test_a_rate_set_before_the_first_update(name, rate):
    w = weight()
    live = getattr(torch.optim, name)([w], lr=0.01)
    made = optimizer_from_torch(live)
    params = jnp.ones(2)
    state = made.init(params)
    live.param_groups[0]["lr"] = rate
    state.hyperparams["learning_rate"] = jnp.asarray(rate)
    for _ in range(3):
        w.grad = torch.ones_like(w)
        live.step()
        updates, state = made.update(jnp.ones(2), state, params)
        params = params + updates
    # PyTorch keeps ASGD's eta in float32.
    np.testing.assert_allclose(params, w.detach().numpy(), rtol=1e-12)


def test_a_gradient_that_is_nan_stops_no_rprop():
    w = weight()
    live = torch.optim.Rprop([w], lr=0.01)
    made = optimizer_from_torch(live)
    params = jnp.ones(2)
    state = made.init(params)
    for k in range(5):
        gradient = [np.nan if k == 2 else 1.0, 1.0]
        w.grad = torch.tensor(gradient, dtype=torch.float64)
        live.step()
        updates, state = made.update(jnp.asarray(gradient), state, params)
        params = params + updates
    np.testing.assert_allclose(params, w.detach().numpy(), rtol=1e-14)


def adagrad_by_hand():
    live = torch.optim.Adagrad([weight()], lr=0.1)
    live.param_groups[0]["initial_accumulator_value"] = 5.0
    return live


def twice():
    w = weight()
    with pytest.warns(UserWarning, match="duplicate parameters"):
        return torch.optim.SGD([w, w], lr=0.1)


REFUSED = {
    "optimizer must have parameters, got none in any of its groups": lambda: torch.optim.SGD(
        [{"params": []}], lr=0.1
    ),
    "must have the digits of its parameters": lambda: torch.optim.AdamW([weight()], lr=torch.tensor(0.01)),
    "must have the initial_accumulator_value that Adagrad was made with, 0": adagrad_by_hand,
    "a parameter must be in the optimizer once": twice,
    "the name of a group must be no number, got 1": lambda: torch.optim.SGD(
        [{"params": [weight()], "name": 1}, {"params": [weight()], "name": 0}], lr=0.1
    ),
}


@pytest.mark.parametrize("says", REFUSED)
def test_what_is_refused(says):
    live = REFUSED[says]()
    for convert in (optimizer_from_torch, optax_code):
        with pytest.raises(ValueError, match=says):
            convert(live)


def test_a_hook_of_all_optimizers():
    live = torch.optim.SGD([weight()], lr=0.1)
    handle = register_optimizer_step_pre_hook(lambda *_: None)
    try:
        with pytest.raises(ValueError, match="optimizers must have no hooks, and torch"):
            optimizer_from_torch(live)
    finally:
        handle.remove()
    optimizer_from_torch(live)


def test_an_empty_group_is_none():
    live = torch.optim.AdamW(
        [{"params": [weight()], "weight_decay": 0.1}, {"params": [], "weight_decay": 0.0}]
    )
    assert "partition" not in optax_code(live)
    params = {"a": jnp.ones(2)}
    optimizer_from_torch(live).init(params)
    optimizer_from_torch(live, labels={"a": 0}).init(params)


class Halving(lr_scheduler.LRScheduler):
    def get_lr(self):
        return [base / 2 ** (self.last_epoch // 10) for base in self.base_lrs]


def test_what_is_recorded_must_stand_at_its_beginning():
    w = weight()
    live = torch.optim.Adam([w], lr=0.1)
    scheduler = Halving(live)
    optimizer_from_torch(live, scheduler, total_steps=100)
    w.grad = torch.ones_like(w)
    live.step()
    scheduler.step()
    with pytest.raises(
        ValueError, match="scheduler must stand at its beginning, since a Halving is recorded"
    ):
        optimizer_from_torch(live, scheduler, total_steps=100)


@pytest.mark.parametrize("place", [None, ("a", "b", (1, 0)), 3])
def test_a_place_that_is_none(place):
    live = torch.optim.Adam([weight(2, 2)])
    with pytest.raises(TypeError, match=r"names\[0\] must be 'fc/kernel' or \('fc/kernel', \(1, 0\)\)"):
        optimizer_state_from_torch(live, {"a": jnp.ones((2, 2))}, names={0: place})


def test_adafactor_that_forgets_all_at_once():
    w = torch.nn.Parameter(torch.ones(3, 4, dtype=torch.float64))
    live = torch.optim.Adafactor([w], lr=0.1, beta2_decay=0.0)
    made = optimizer_from_torch(live)
    params = jnp.ones((3, 4))
    state = made.init(params)
    for k in range(60):
        gradient = np.random.default_rng(k).normal(size=(3, 4)) * [1e3, 1e-3][k % 2]
        w.grad = torch.tensor(gradient)
        live.step()
        updates, state = made.update(jnp.asarray(gradient), state, params)
        params = params + updates
    np.testing.assert_allclose(params, w.detach().numpy(), rtol=1e-12)
