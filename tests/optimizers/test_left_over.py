"""Many groups, narrow types, what is frozen, and what was written in another way, beside PyTorch."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from torch.optim import lr_scheduler

from jaxsched import optax_code, optimizer_from_torch, optimizer_state_from_torch


def weight(*shape, dtype=torch.float64):
    return torch.nn.Parameter(torch.ones(shape or (2,), dtype=dtype))


@pytest.fixture(autouse=True)
def wide():
    with jax.enable_x64(True), jax.numpy_dtype_promotion("standard"):
        yield


def test_a_scheduler_is_stepped_once_for_all_groups(monkeypatch):
    """Each of its steps is one for each group: stepped for every group, they would be the square."""
    made = []
    get_lr = lr_scheduler.CosineAnnealingLR.get_lr
    monkeypatch.setattr(lr_scheduler.CosineAnnealingLR, "get_lr", lambda self: made.append(0) or get_lr(self))

    def steps(groups):
        live = torch.optim.AdamW([{"params": [weight()], "lr": 0.1 + i} for i in range(groups)])
        scheduler = lr_scheduler.CosineAnnealingLR(live, T_max=10)
        made.clear()
        optimizer_from_torch(live, scheduler, labels=lambda path, leaf: 0)
        params, names = [jnp.ones(2)] * groups, {i: f"{i}" for i in range(groups)}
        labels = lambda path, leaf: path[0].idx  # noqa: E731
        optimizer_state_from_torch(live, params, scheduler, names=names, labels=labels)
        return len(made)

    assert steps(6) == steps(2)


@pytest.mark.parametrize(
    ("name", "arguments", "numbers"),
    [("NAdam", {}, ("mu_product",)), ("ASGD", {"t0": 1.0}, ("eta", "mu"))],
)
@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
def test_what_load_state_dict_casts(name, arguments, numbers, dtype):
    """NAdam's mu_product and ASGD's eta are of the type of their parameter from then on."""
    w = weight(3, dtype=getattr(torch, dtype))
    live = getattr(torch.optim, name)([w], lr=0.1, **arguments)
    gradients = np.random.default_rng(0).normal(size=(30, 3))

    def step(k):
        w.grad = torch.tensor(gradients[k]).to(w.dtype)
        live.step()

    for k in range(3):
        step(k)
    live.load_state_dict(live.state_dict())
    made = optimizer_from_torch(live)
    params = jnp.asarray(w.detach().double().numpy().copy(), dtype)
    state = optimizer_state_from_torch(live, params, names={0: ""})
    for ours, like in zip(jax.tree.leaves(state), jax.tree.leaves(made.init(params)), strict=True):
        assert ours.dtype == like.dtype
    for k in range(3, 30):
        step(k)
        updates, state = made.update(jnp.asarray(gradients[k], dtype), state, params)
        params = params + updates
        inner = state.inner_state[0] if name == "NAdam" else state.inner_state
        for number in numbers:
            assert getattr(inner, number) == float(live.state[w][number])
    if dtype == "float64":
        np.testing.assert_allclose(params, w.detach().numpy(), rtol=1e-13)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": math.nan}),
        ("Rprop", {"lr": math.inf, "step_sizes": (1e-6, math.inf)}),
        ("ASGD", {"lr": 0.1, "t0": math.inf}),
        ("ASGD", {"lr": 0.1, "t0": -math.inf, "alpha": math.nan}),
        ("Adafactor", {"lr": 0.1, "eps": (math.inf, 1e-3)}),
    ],
)
def test_the_code_of_what_is_infinite_runs(name, arguments):
    w = weight()
    live = getattr(torch.optim, name)([w], **arguments)
    scope = {}
    exec(optax_code(live), scope)
    params = jnp.ones(2)
    state = scope["optimizer"].init(params)
    for _ in range(3):
        w.grad = torch.ones_like(w)
        live.step()
        updates, state = scope["optimizer"].update(jnp.ones(2), state, params)
        params = params + updates
    np.testing.assert_allclose(params, w.detach().numpy(), rtol=1e-14)
