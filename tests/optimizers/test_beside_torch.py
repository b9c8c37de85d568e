"""Each optimizer beside PyTorch's own, stepped: float64, float32 and bfloat16."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from arguments import ARGUMENTS
from beside import distance, live, random, stepped, trained, ulp
from hypothesis import Phase, given, settings, strategies as st

from jaxsched import optimizer_from_torch
from jaxsched.interop.optimizer_rows import ROWS

STEPS = 1000

# A thousand steps of PyTorch's take some tenths of a second: few examples, and none made simpler for minutes.
some = settings(max_examples=max(settings().max_examples // 3, 4), phases=(Phase.reuse, Phase.generate))


@pytest.fixture(autouse=True)
def optax_may_promote(strict):
    """``optax.adam`` raises a number to a power that is a count, which is forbidden where all else is strict."""
    with jax.numpy_dtype_promotion("standard"):
        yield


def test_all_are_tried():
    assert set(ARGUMENTS) == set(ROWS)


@pytest.mark.parametrize("name", sorted(set(ARGUMENTS) - {"Muon"}))
@some
@given(st.data(), st.integers(0, 2**31), st.sampled_from([1e-3, 1.0, 1e3]))
def test_float64(name, data, seed, scale):
    arguments = data.draw(ARGUMENTS[name])
    params, grads = random(name, seed, STEPS, scale)
    optimizer, tensors = live(name, params, arguments)
    with jax.enable_x64(True):
        ours, _, _ = trained(optimizer_from_torch(optimizer), params, grads)
    assert distance(ours, stepped(optimizer, tensors, grads)) <= 1e-12


@some
@given(ARGUMENTS["Muon"], st.integers(0, 2**31), st.sampled_from([1e-3, 1.0, 1e3]))
def test_float64_of_muon(arguments, seed, scale):
    """Its iteration is in bfloat16 in PyTorch, too: a sum in another order may round to the other side."""
    params, grads = random("Muon", seed, STEPS, scale)
    optimizer, tensors = live("Muon", params, arguments)
    theirs = [params]
    stepped(
        optimizer,
        tensors,
        grads,
        lambda k: theirs.append({key: p.detach().numpy().copy() for key, p in tensors.items()}),
    )
    with jax.enable_x64(True):
        made = optimizer_from_torch(optimizer)
        ours = parameters_after_each(made, params, grads)
    for key, start in params.items():
        other = np.stack([p[key] for p in theirs])
        apart = np.stack([start, *ours[key]]) - other
        kept = 1 - arguments["lr"] * arguments["weight_decay"]
        own = np.abs(apart[1:] - kept * apart[:-1]).reshape(STEPS, -1).max(1)
        size = np.abs(np.diff(other, axis=0)).reshape(STEPS, -1).max(1)
        rounded_otherwise = own > 1e-12 * np.abs(other).max()
        assert rounded_otherwise.sum() <= 0.02 * STEPS
        assert (own <= 0.1 * size).all()


def parameters_after_each(optimizer, params, grads):
    found = {key: [] for key in params}

    def collect(after):
        for key, p in after.items():
            found[key].append(np.asarray(p))

    @jax.jit
    def run(params, grads):
        def one(carried, g):
            params, state = carried
            updates, state = optimizer.update(g, state, params)
            params = jax.tree.map(jnp.add, params, updates)
            return (params, state), params

        return jax.lax.scan(one, (params, optimizer.init(params)), grads)[1]

    return {key: np.asarray(x) for key, x in run(*jax.tree.map(jnp.asarray, (params, grads))).items()}


# The largest and the mean distance in float32 ULP after 1,000 updates of the defaults at a rate of 1/128, as
# measured, and that of PyTorch's `foreach` from its loop. Where ours is many times theirs, PyTorch rounds
# something that is not rounded here (AdamW: `1 - lr * weight_decay`), or Optax does what PyTorch does in
# float64 (Adam: the correction of the bias).
FLOAT32 = {
    "SGD": ({"momentum": 0.9, "dampening": 0.1}, 0, 0),
}


@pytest.mark.parametrize("name", sorted(FLOAT32))
def test_float32(name):
    arguments, most, mean = FLOAT32[name]
    ours, theirs = both_in_float32(name, arguments)
    found = ulp(ours, theirs)
    assert found[0] <= most
    assert found[1] <= mean


def both_in_float32(name, arguments):
    params, grads = random(name, 0, STEPS)
    params, grads = jax.tree.map(lambda x: x.astype(np.float32), (params, grads))
    optimizer, tensors = live(name, params, {"lr": 2.0**-7, **arguments}, torch.float32)
    ours, _, _ = trained(optimizer_from_torch(optimizer), params, grads, dtype=np.float32)
    return ours, stepped(optimizer, tensors, grads)


@pytest.mark.parametrize("name", sorted(ARGUMENTS))
def test_bfloat16(name):
    """PyTorch keeps the moments in the type of the parameters, and so does this."""
    params, grads = random(name, 0, 100)
    optimizer, tensors = live(name, params, {"lr": 2.0**-5}, torch.bfloat16)
    ours, state, _ = trained(optimizer_from_torch(optimizer), params, grads, dtype=jnp.bfloat16)
    theirs = stepped(optimizer, tensors, grads)
    for key, x in theirs.items():
        moved = np.abs(x - np.asarray(jnp.asarray(params[key]).astype(jnp.bfloat16), np.float64)).max()
        # Of the way that the parameters went; PyTorch rounds between the operations of an update, too, and
        # Muon's iteration makes more of what was rounded.
        bound = (0.2 if name == "Muon" else 0.1) * moved + 2.0**-7 * np.abs(x).max()
        assert np.abs(ours[key] - x).max() <= bound
    kept = {x.dtype for p in optimizer.state.values() for x in p.values() if x is not None and x.ndim}
    shaped = {x.dtype for x in jax.tree.leaves(state.inner_state) if x.ndim}
    assert kept <= {torch.bfloat16}
    assert shaped <= {jnp.dtype(jnp.bfloat16)}


@pytest.mark.parametrize("flag", ["foreach", "fused", "capturable", "differentiable"])
def test_how_it_computes_changes_nothing(flag):
    from jaxsched import optax_code

    params, _ = random("Adam", 0, 1)
    plain, _ = live("Adam", params, {})
    other, _ = live("Adam", params, {flag: True})
    assert optax_code(plain) == optax_code(other)


@pytest.mark.parametrize("name", ["NAdam", "ASGD"])
def test_numbers_in_float64_where_that_is_torchs_default(name):
    params, grads = random(name, 0, 100)
    torch.set_default_dtype(torch.float64)
    try:
        optimizer, tensors = live(name, params, {"lr": 0.1})
        with jax.enable_x64(True):
            made = optimizer_from_torch(optimizer)
            ours, _, _ = trained(made, params, grads)
        theirs = stepped(optimizer, tensors, grads)
    finally:
        torch.set_default_dtype(torch.float32)
    assert distance(ours, theirs) <= 1e-13
    with jax.enable_x64(True):
        other, _, _ = trained(optimizer_from_torch(optimizer), params, grads)
    assert distance(other, theirs) > 1e-10
