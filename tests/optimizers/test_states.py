"""A state of PyTorch's, gone on from, beside PyTorch's own going on."""

import copy
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from arguments import ARGUMENTS
from beside import distance, live, random, stepped, trained
from hypothesis import Phase, given, settings, strategies as st
from test_driven import BY_NAME, CYCLES, SCHEDULERS, two_groups
from torch.optim import lr_scheduler

from jaxsched import current_lr, optimizer_from_torch, optimizer_state_from_torch

BEFORE, AFTER = 30, 30


def halves(grads):
    return {key: g[:BEFORE] for key, g in grads.items()}, {key: g[BEFORE:] for key, g in grads.items()}


def same_names(params):
    return {key: key for key in params}


@pytest.mark.parametrize("name", sorted(ARGUMENTS))
@settings(max_examples=3, phases=(Phase.reuse, Phase.generate))
@given(data=st.data())
def test_goes_on(name, data):
    arguments = data.draw(ARGUMENTS[name])
    params, grads = random(name, 6, BEFORE + AFTER)
    optimizer, tensors = live(name, params, arguments)
    first, second = halves(grads)
    half = stepped(optimizer, tensors, first)
    with jax.enable_x64(True):
        made = optimizer_from_torch(optimizer)
        half = {key: jnp.asarray(p) for key, p in half.items()}
        state = optimizer_state_from_torch(optimizer, half, names=same_names(params))
        like = made.init(half)
        assert jax.tree.structure(state) == jax.tree.structure(like)
        for x, y in zip(jax.tree.leaves(state), jax.tree.leaves(like), strict=True):
            assert (x.shape, x.dtype) == (y.shape, y.dtype)
        ours, _, _ = trained(made, half, second, state)
    bound = 1e-2 if name == "Muon" else 1e-12
    assert distance(ours, stepped(optimizer, tensors, second)) <= bound


DRIVING = {
    "SequentialLR": SCHEDULERS["SequentialLR"],
    "ReduceLROnPlateau": lambda o: lr_scheduler.ReduceLROnPlateau(o, factor=0.5, patience=2),
    "OneCycleLR": CYCLES["OneCycleLR"],
    "CyclicLR": CYCLES["CyclicLR"],
}
PAIRS = [(name, kind) for name in ("NAdam", "RMSprop", "SGD") for kind in DRIVING]
PAIRS += [("ASGD", kind) for kind in ("SequentialLR", "ReduceLROnPlateau")]  # no momentum to cycle


@pytest.mark.parametrize(("name", "kind"), PAIRS)
def test_goes_on_with_a_scheduler(name, kind):
    arguments = {"lr": 0.1} | ({"momentum": 0.9} if name in ("RMSprop", "SGD") else {})
    params, grads = random(name, 7, BEFORE + AFTER)
    optimizer, tensors = live(name, params, arguments)
    scheduler = DRIVING[kind](optimizer)
    losses = np.random.default_rng(1).random(BEFORE + AFTER)
    plateau = isinstance(scheduler, lr_scheduler.ReduceLROnPlateau)
    seen = []

    def after(k):
        seen.append(optimizer.param_groups[0]["lr"])
        scheduler.step(losses[len(seen) - 1]) if plateau else scheduler.step()

    first, second = halves(grads)
    half = stepped(optimizer, tensors, first, after)
    with jax.enable_x64(True):
        half = {key: jnp.asarray(p) for key, p in half.items()}
        made = optimizer_from_torch(optimizer, scheduler)
        state = optimizer_state_from_torch(optimizer, half, scheduler, names=same_names(params))
        if not plateau:
            np.testing.assert_allclose(current_lr(state), seen[-1], rtol=1e-12)
        values = jnp.asarray(losses[BEFORE:]) if plateau else None
        ours, end, rates = trained(made, half, second, state, values=values, collect=current_lr)
    theirs = stepped(optimizer, tensors, second, after)
    np.testing.assert_allclose(rates, seen[BEFORE:], rtol=1e-12)
    assert distance(ours, theirs) <= 1e-12
    assert plateau or end.count == BEFORE + AFTER


TURNED = {
    "fc.weight": ("fc/kernel", (1, 0)),
    "conv.weight": ("conv/kernel", (2, 1, 0)),
    "fc.bias": "fc/bias",
}
SHAPES = {"fc.weight": (4, 3), "conv.weight": (2, 3, 5), "fc.bias": (4,)}


def turned(arrays, first=0):
    """As a tree of JAX, with the axes from ``first`` on in JAX's order."""
    kept = tuple(range(first))

    def one(name, order):
        return np.transpose(arrays[name], (*kept, *(first + axis for axis in order)))

    return {
        "conv": {"kernel": one("conv.weight", (2, 1, 0))},
        "fc": {"bias": one("fc.bias", (0,)), "kernel": one("fc.weight", (1, 0))},
    }


@pytest.mark.parametrize("name", ["Adam", "RMSprop", "Rprop", "ASGD", "Adadelta"])
def test_transposed(name):
    rng = np.random.default_rng(8)
    params = {key: rng.normal(size=shape) for key, shape in SHAPES.items()}
    grads = {key: rng.normal(size=(BEFORE + AFTER, *shape)) for key, shape in SHAPES.items()}
    optimizer, tensors = live(name, params, {"lr": 0.1})
    first, second = halves(grads)
    half = turned(stepped(optimizer, tensors, first))
    with jax.enable_x64(True):
        half = jax.tree.map(jnp.asarray, half)
        state = optimizer_state_from_torch(optimizer, half, names=TURNED)
        made = optimizer_from_torch(optimizer)
        ours, end = half, state
        for k in range(AFTER):
            g = jax.tree.map(lambda x, k=k: jnp.asarray(x[k]), turned(second, 1))
            updates, end = made.update(g, end, ours)
            ours = jax.tree.map(jnp.add, ours, updates)
    theirs = turned(stepped(optimizer, tensors, second))
    for x, y in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        assert np.abs(np.asarray(x) - y).max() <= 1e-12 * np.abs(y).max()


def test_adafactor_may_turn_its_last_two_axes():
    params, grads = {"w": np.random.default_rng(0).normal(size=(4, 3))}, {}
    grads["w"] = np.random.default_rng(1).normal(size=(BEFORE + AFTER, 4, 3))
    optimizer, tensors = live("Adafactor", params, {"lr": 0.1})
    first, second = halves(grads)
    half = {"w": stepped(optimizer, tensors, first)["w"].T}
    with jax.enable_x64(True):
        state = optimizer_state_from_torch(optimizer, half, names={"w": ("w", (1, 0))})
        turned = {"w": second["w"].transpose(0, 2, 1)}
        ours, _, _ = trained(optimizer_from_torch(optimizer), half, turned, state)
    theirs = stepped(optimizer, tensors, second)
    assert distance({"w": ours["w"].T}, theirs) <= 1e-12


def test_groups_and_a_checkpoint():
    params, grads = random("AdamW", 9, BEFORE + AFTER)
    first, second = halves(grads)

    def made():
        return two_groups(params, weight_decay=0.0, amsgrad=True)

    trained_there, tensors = made()
    scheduler = lr_scheduler.StepLR(trained_there, 10)
    half = stepped(trained_there, tensors, first, lambda k: scheduler.step())
    saved = copy.deepcopy((trained_there.state_dict(), scheduler.state_dict()))
    loaded, tensors = made()
    with torch.no_grad():
        for key, p in tensors.items():
            p.copy_(torch.tensor(half[key]))
    again = lr_scheduler.StepLR(loaded, 10)
    loaded.load_state_dict(saved[0])
    again.load_state_dict(saved[1])
    names = {0: "kernel", 1: "scale", 2: "bias"}  # as the groups hold them
    with jax.enable_x64(True):
        half = {key: jnp.asarray(p) for key, p in half.items()}
        optimizer = optimizer_from_torch(loaded, again, labels=BY_NAME)
        state = optimizer_state_from_torch(loaded, half, again, names=names, labels=BY_NAME)
        assert jax.tree.structure(state) == jax.tree.structure(optimizer.init(half))
        ours, _, _ = trained(optimizer, half, second, state)
    theirs = stepped(loaded, tensors, second, lambda k: again.step())
    assert distance(ours, theirs) <= 1e-12


def test_before_the_first_step_it_is_the_beginning():
    for name in sorted(ARGUMENTS):
        params, _ = random(name, 0, 1)
        optimizer, _ = live(name, params, {"lr": 0.25})
        params = {key: jnp.asarray(p, np.float32) for key, p in params.items()}
        state = optimizer_state_from_torch(optimizer, params, names=same_names(params))
        start = optimizer_from_torch(optimizer).init(params)
        for x, y in zip(jax.tree.leaves(state), jax.tree.leaves(start), strict=True):
            np.testing.assert_array_equal(x, y)


def test_the_second_momentum_of_a_dampened_sgd_is_dampened():
    optimizer, tensors = live("SGD", {"w": np.ones(2)}, {"lr": 0.1, "momentum": 0.9, "dampening": 0.5})
    stepped(optimizer, tensors, {"w": np.ones((1, 2))})
    state = optimizer_state_from_torch(optimizer, {"w": jnp.zeros(2)}, names={"w": "w"})
    assert state.inner_state[0].count == 1


def adam(**arguments):
    return live("Adam", {"w": np.zeros((2, 3)), "b": np.zeros(2)}, arguments)


PARAMS = {"w": jnp.zeros((2, 3)), "b": jnp.zeros(2)}


@pytest.mark.parametrize(
    ("names", "params", "message"),
    [
        ({"w": "w"}, PARAMS, "names must have a place for each parameter, got none for 'b'"),
        (
            {"w": "w", "b": "b", "c": "c"},
            PARAMS,
            "names must be names of the optimizer's parameters, 'w', 'b'",
        ),
        ({"w": "w", "b": "c"}, PARAMS, "names['b'] must be a path of its own among b, w, got 'c'"),
        ({"w": "w", "b": "w"}, PARAMS, "names['b'] must be a path of its own among b, w, got 'w'"),
        (
            {"w": ("w", (0, 0)), "b": "b"},
            PARAMS,
            "names['w'] must be the 2 axes in another order, got (0, 0)",
        ),
        (
            {"w": ("w", (1, 0)), "b": "b"},
            PARAMS,
            "names['w'] must lead to a parameter of the same shape, got (3, 2) for its exp_avg",
        ),
        (
            {"w": "w", "b": "b"},
            {**PARAMS, "c": jnp.zeros(1)},
            "params must have only what the optimizer has, got c, to which no name leads",
        ),
    ],
)
def test_names_that_do_not_fit(names, params, message):
    optimizer, tensors = adam()
    stepped(optimizer, tensors, {"w": np.ones((1, 2, 3)), "b": np.ones((1, 2))})
    with pytest.raises(ValueError, match=re.escape(f"optimizer_state_from_torch: {message}")):
        optimizer_state_from_torch(optimizer, params, names=names)
    with pytest.raises(TypeError, match="names must be a mapping from names to paths"):
        optimizer_state_from_torch(optimizer, params, names=["w"])


def test_parameters_that_stand_elsewhere():
    optimizer, tensors = adam()
    stepped(optimizer, tensors, {"w": np.ones((1, 2, 3)), "b": np.ones((1, 2))})
    stepped(optimizer, {"w": tensors["w"]}, {"w": np.ones((1, 2, 3))})
    tensors["b"].grad = None
    optimizer.step()
    with pytest.raises(ValueError, match="made the same updates, and 'w' stands at 3 and 'b' at 2"):
        optimizer_state_from_torch(optimizer, PARAMS, names={"w": "w", "b": "b"})


@pytest.mark.parametrize(
    ("name", "shape", "axes", "arguments"),
    [("Muon", (2, 3), (1, 0), {}), ("Adafactor", (2, 3, 4), (2, 0, 1), {})],
)
def test_transpositions_that_are_another_optimization(name, shape, axes, arguments):
    optimizer, _ = live(name, {"w": np.zeros(shape)}, arguments)
    params = {"w": jnp.zeros([shape[axis] for axis in axes])}
    with pytest.raises(ValueError, match=re.escape(f"names['w'] must keep the axes, got {axes}")):
        optimizer_state_from_torch(optimizer, params, names={"w": ("w", axes)})


def test_muon_may_be_transposed_where_its_scale_is_the_same():
    for shape, arguments in [((3, 3), {}), ((2, 3), {"adjust_lr_fn": "match_rms_adamw"})]:
        optimizer, tensors = live("Muon", {"w": np.zeros(shape)}, arguments)
        stepped(optimizer, tensors, {"w": np.random.default_rng(0).normal(size=(2, *shape))})
        params = {"w": jnp.zeros(shape[::-1])}
        state = optimizer_state_from_torch(optimizer, params, names={"w": ("w", (1, 0))})
        (buffer,) = [p["momentum_buffer"] for p in optimizer.state.values()]
        np.testing.assert_allclose(state.inner_state[0].mu["w"], buffer.numpy().T, rtol=1e-6)


@pytest.mark.parametrize("begun", [False, True])
def test_a_state_can_be_donated(begun):
    """Two of its leaves in one buffer could not."""
    optimizer, tensors = live("SGD", {"w": np.ones(2)}, {"lr": 0.1, "momentum": 0.9})
    scheduler = lr_scheduler.ReduceLROnPlateau(optimizer)
    params = {"w": jnp.ones(2)}
    made = optimizer_from_torch(optimizer, scheduler)
    state = made.init(params)
    if begun:
        stepped(optimizer, tensors, {"w": np.ones((2, 2))}, lambda k: scheduler.step(1.0))
        state = optimizer_state_from_torch(optimizer, params, scheduler, names={"w": "w"})
    places = [leaf.unsafe_buffer_pointer() for leaf in jax.tree.leaves(state)]
    assert len(set(places)) == len(places)
