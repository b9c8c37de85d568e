"""Optimizers driven by schedulers, in groups, and by plateaus, beside PyTorch's."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import torch
from beside import SHAPES, distance, live, random, stepped, trained
from torch.optim import lr_scheduler

from jaxsched import current_lr, optax_code, optimizer_from_torch
from jaxsched.interop.optimizer_rows import ROWS

STEPS = 60


SCHEDULERS = {
    "StepLR": lambda o: lr_scheduler.StepLR(o, 20, 0.3),
    "CosineAnnealingLR": lambda o: lr_scheduler.CosineAnnealingLR(o, 40, 1e-3),
    "SequentialLR": lambda o: lr_scheduler.SequentialLR(
        o, [lr_scheduler.LinearLR(o, 0.1, total_iters=10), lr_scheduler.ExponentialLR(o, 0.9)], [10]
    ),
    "LambdaLR": lambda o: lr_scheduler.LambdaLR(o, lambda k: 1 / (k + 1)),
}


# Every optimizer once; every scheduler with one that is scaled by its rate, with the one that the rate
# reaches an update later, and with the one that it only bounds.
PAIRS = [(name, "StepLR") for name in sorted(ROWS)]
PAIRS += [(name, s) for s in SCHEDULERS for name in ("SGD", "ASGD", "Adafactor") if s != "StepLR"]


@pytest.mark.parametrize(("name", "scheduler"), PAIRS)
def test_the_learning_rate(name, scheduler):
    params, grads = random(name, 1, STEPS)
    arguments = {"lr": 0.3} | ({"momentum": 0.9} if name in ("SGD", "RMSprop") else {})
    optimizer, tensors = live(name, params, arguments)
    driving = SCHEDULERS[scheduler](optimizer)
    with jax.enable_x64(True):
        made = optimizer_from_torch(optimizer, driving)
        ours, _, rates = trained(made, params, grads, collect=lambda s: current_lr(s))
    seen = []

    def after(k):
        seen.append(optimizer.param_groups[0]["lr"])
        driving.step()

    theirs = stepped(optimizer, tensors, grads, after)
    np.testing.assert_allclose(rates, seen, rtol=1e-12)
    if name == "Muon":  # its iteration is in bfloat16
        assert distance(ours, theirs) <= 1e-3
    else:
        assert distance(ours, theirs) <= 1e-12


CYCLES = {
    "OneCycleLR": lambda o: lr_scheduler.OneCycleLR(o, 0.5, total_steps=STEPS + 1),
    "CyclicLR": lambda o: lr_scheduler.CyclicLR(o, 0.1, 0.5, 7, 11, base_momentum=0.5),
    "down to 0": lambda o: lr_scheduler.CyclicLR(o, 0.1, 0.5, 4, 4, base_momentum=0.0, max_momentum=0.8),
    "LinearLR, OneCycleLR": lambda o: lr_scheduler.SequentialLR(
        o, [lr_scheduler.LinearLR(o, 0.1), lr_scheduler.OneCycleLR(o, 0.5, total_steps=STEPS + 1)], [5]
    ),
}


OF_MOMENTUM = [
    ("SGD", {"momentum": 0.9}, "momentum"),
    ("SGD", {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1}, "momentum"),
    ("SGD", {"momentum": 0.9, "dampening": 0.5}, "momentum"),
    ("RMSprop", {"momentum": 0.9, "centered": True}, "momentum"),
    ("Adam", {}, "b1"),
    ("Adam", {"amsgrad": True}, "b1"),
    ("AdamW", {}, "b1"),
    ("NAdam", {}, "b1"),
    ("RAdam", {"decoupled_weight_decay": True, "weight_decay": 0.1}, "b1"),
    ("Adamax", {}, "b1"),
    ("Muon", {"ns_steps": 1}, "momentum"),
]


def with_cycles():
    """Every optimizer with a cycle and with a momentum down to 0, every cycle with one of each kind.

    The others put these together in other ways, and are slow.
    """
    for i, of in enumerate(OF_MOMENTUM):
        for cycle in CYCLES:
            first = i % 5 == 0 or cycle in ("OneCycleLR", "down to 0")
            yield pytest.param(*of, cycle, marks=() if first else pytest.mark.slow)


# A OneCycleLR that is made later sets the rate at once, in PyTorch, too.
@pytest.mark.filterwarnings("ignore:from_torch. the optimizer's learning rate is 0.002")
@pytest.mark.parametrize(("name", "arguments", "key", "cycle"), list(with_cycles()))
def test_the_momentum(name, arguments, key, cycle):
    params, grads = random(name, 2, STEPS)
    optimizer, tensors = live(name, params, {"lr": 0.3, **arguments})
    driving = CYCLES[cycle](optimizer)
    steps = {"total_steps": STEPS} if cycle.startswith("LinearLR") else {}
    with jax.enable_x64(True):
        made = optimizer_from_torch(optimizer, driving, **steps)
        ours, _, held = trained(made, params, grads, collect=lambda s: s.hyperparams)
    seen = []

    def after(k):
        group = optimizer.param_groups[0]
        seen.append(group["momentum"] if key == "momentum" else group["betas"][0])
        driving.step()

    theirs = stepped(optimizer, tensors, grads, after)
    assert set(held) == {"learning_rate", key}
    np.testing.assert_allclose(held[key], seen, rtol=1e-12, atol=1e-17)
    assert distance(ours, theirs) <= (1e-3 if name == "Muon" else 1e-12)


def test_a_plateau_is_told_the_value_of_each_update():
    params, grads = random("AdamW", 3, STEPS)
    losses = np.random.default_rng(0).normal(size=STEPS)
    optimizer, tensors = live("AdamW", params, {"lr": 0.3})
    driving = lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=3, threshold_mode="abs")
    with jax.enable_x64(True):
        made = optimizer_from_torch(optimizer, driving)
        ours, _, rates = trained(made, params, grads, values=jnp.asarray(losses), collect=current_lr)
        with pytest.raises(ValueError, match="value must be given to update, got none"):
            trained(made, params, grads)
    seen = []

    def after(k):
        seen.append(optimizer.param_groups[0]["lr"])
        driving.step(losses[k])

    theirs = stepped(optimizer, tensors, grads, after)
    assert len(set(seen)) > 3
    np.testing.assert_allclose(rates, seen, rtol=1e-12)
    assert distance(ours, theirs) <= 1e-12


def two_groups(params, kind=torch.optim.AdamW, names=True, **second):
    tensors = {key: torch.nn.Parameter(torch.tensor(p)) for key, p in params.items()}
    groups = [
        {"params": [tensors["kernel"], tensors["scale"]], "lr": 0.1},
        {"params": [tensors["bias"]], "lr": 0.01, **second},
    ]
    if names:
        groups[0]["name"], groups[1]["name"] = "body", "head"
    return kind(groups), tensors


BY_NAME = {"kernel": "body", "bias": "head", "scale": "body"}
BY_INDEX = {"kernel": 0, "bias": 1, "scale": 0}


@pytest.mark.parametrize(
    ("names", "labels", "keys"),
    [
        (True, BY_NAME, ("body", "head")),
        (True, BY_INDEX, ("body", "head")),
        (False, BY_INDEX, (0, 1)),
        (True, lambda path, leaf: "head" if leaf.ndim == 1 else "body", ("body", "head")),
        (False, lambda path, leaf: int(path[0].key == "bias"), (0, 1)),
    ],
)
def test_groups(names, labels, keys):
    params, grads = random("AdamW", 4, STEPS)
    optimizer, tensors = two_groups(
        params, names=names, betas=(0.8, 0.9), weight_decay=0.0, amsgrad=True, maximize=True
    )
    driving = lr_scheduler.OneCycleLR(optimizer, [0.5, 0.05], total_steps=STEPS + 1)
    with jax.enable_x64(True):
        made = optimizer_from_torch(optimizer, driving, labels=labels)
        ours, _, rates = trained(made, params, grads, collect=current_lr)
    seen = []

    def after(k):
        seen.append([group["lr"] for group in optimizer.param_groups])
        driving.step()

    theirs = stepped(optimizer, tensors, grads, after)
    assert distance(ours, theirs) <= 1e-12
    assert set(rates) == set(keys)
    for index, key in enumerate(keys):
        np.testing.assert_allclose(rates[key], np.asarray(seen)[:, index], rtol=1e-12)


def test_groups_that_are_the_same_need_no_labels():
    params, _ = random("SGD", 0, 1)
    optimizer, _ = two_groups(params, torch.optim.SGD, lr=0.1)
    assert current_lr(optimizer_from_torch(optimizer).init(params)) == np.float32(0.1)


def test_groups_that_differ_need_labels():
    params, _ = random("SGD", 0, 1)
    optimizer, _ = two_groups(params, torch.optim.SGD)
    with pytest.raises(ValueError, match="The 2 parameter groups differ: give a"):
        optimizer_from_torch(optimizer)
    for labels, message in [
        (
            {**BY_NAME, "bias": "tail"},
            r"labels\['bias'\] must be one of .* got 'tail' .*It is the name of a",
        ),
        (dict.fromkeys(SHAPES, "body"), "groups must have parameters, got none with the label 'head'"),
        ({"kernel": "body"}, "labels must have the structure of the parameters"),
    ]:
        with pytest.raises(ValueError, match=f"optimizer_from_torch: {message}"):
            optimizer_from_torch(optimizer, labels=labels).init(params)


@pytest.mark.parametrize("rate", [0.1, 1])
def test_the_rate_can_be_set_by_hand(rate):
    params, _ = random("SGD", 0, 1)
    optimizer, _ = live("SGD", params, {"lr": rate})
    made = optimizer_from_torch(optimizer)
    assert current_lr(made.init(params)).dtype == np.float32
    state = made.init(params)
    state.hyperparams["learning_rate"] = jnp.asarray(0.5)
    updates, _ = made.update({key: jnp.ones(shape) for key, shape in SHAPES.items()}, state)
    assert updates["scale"] == -0.5


def test_what_has_no_gradient_is_left_to_set_to_zero():
    """As the docstring says: a gradient of 0 decays, and PyTorch skips a parameter without one."""
    params, grads = random("AdamW", 5, STEPS)
    optimizer, tensors = live("AdamW", params, {"lr": 0.1})
    trainable = {key: p for key, p in tensors.items() if key != "bias"}
    theirs = stepped(optimizer, trainable, grads)
    assert (tensors["bias"].detach().numpy() == params["bias"]).all()
    labels = {key: "frozen" if key == "bias" else "trained" for key in params}
    with jax.enable_x64(True):
        made = optimizer_from_torch(optimizer)
        parted = optax.partition({"trained": made, "frozen": optax.set_to_zero()}, labels)
        ours, _, _ = trained(parted, params, grads)
        grads["bias"] = np.zeros_like(grads["bias"])
        decayed, _, _ = trained(made, params, grads)
    assert (ours["bias"] == params["bias"]).all()
    assert distance(ours, theirs) <= 1e-12
    assert (np.abs(decayed["bias"]) < np.abs(params["bias"])).all()


def test_a_scheduler_that_steps_once_an_epoch():
    params, grads = random("AdamW", 6, STEPS)
    optimizer, tensors = live("AdamW", params, {"lr": 0.1})
    driving = lr_scheduler.StepLR(optimizer, 2, 0.5)
    with jax.enable_x64(True):
        made = optimizer_from_torch(optimizer, driving, steps_per_epoch=7)
        ours, _, _ = trained(made, params, grads)
    theirs = stepped(optimizer, tensors, grads, lambda k: (k + 1) % 7 or driving.step())
    assert distance(ours, theirs) <= 1e-12
    assert "PerEpoch(" in optax_code(optimizer, driving, steps_per_epoch=7)
