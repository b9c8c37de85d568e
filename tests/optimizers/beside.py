"""PyTorch's own optimizers, stepped, and what stands beside them."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import torch

SHAPES = {"kernel": (4, 3), "bias": (5,), "scale": ()}
MATRICES = {"kernel": (4, 3), "wide": (3, 5)}


def shapes_of(name):
    return MATRICES if name == "Muon" else SHAPES


def random(name, seed, steps, scale=1.0, still=False):
    """Parameters and gradients; some of the gradients are 0, and with ``still`` some entries always."""
    rng = np.random.default_rng(seed)
    params = {key: rng.normal(size=shape) for key, shape in shapes_of(name).items()}
    grads = {}
    for key, shape in shapes_of(name).items():
        grads[key] = scale * rng.normal(size=(steps, *shape)) * (rng.random((steps, *shape)) > 0.1)
        if still and shape:
            grads[key][..., :1] = 0.0
    return params, grads


def random_for(name, arguments, seed, steps, exponent):
    """The same in a size for which an optimizer does not magnify the last bit.

    A parameter that decays, and has no gradient but that, swings about 0 under an optimizer that divides by
    the size of gradients: PyTorch's own result is another one after the last bit of its start has changed.
    """
    decays = bool(arguments.get("weight_decay"))
    return random(name, seed, steps, 10.0 ** max(exponent, 0 if decays else -3), still=not decays)


def live(name, params, arguments, dtype=torch.float64):
    """An optimizer of PyTorch and its parameters, by name."""
    tensors = {key: torch.nn.Parameter(torch.tensor(p).to(dtype)) for key, p in params.items()}
    return getattr(torch.optim, name)(list(tensors.items()), **arguments), tensors


def stepped(optimizer, tensors, grads, after=lambda k: None):
    """The parameters after all steps; ``after`` is called with the index of each."""
    for k in range(len(next(iter(grads.values())))):
        for key, p in tensors.items():
            p.grad = torch.tensor(grads[key][k]).to(p.dtype)
        optimizer.step()
        after(k)
    return {key: p.detach().to(torch.float64).numpy().copy() for key, p in tensors.items()}


def trained(optimizer, params, grads, state=None, dtype=np.float64, values=None, collect=lambda s: ()):
    """The parameters and the state after all updates, and what is collected of the state after each."""
    dtype = jnp.dtype(dtype)
    grads = {key: jnp.asarray(g).astype(dtype) for key, g in grads.items()}

    @jax.jit
    def run(params, state, grads, values):
        def one(carried, given):
            params, state = carried
            g, value = given
            extra = {} if value is None else {"value": value}
            updates, state = optimizer.update(g, state, params, **extra)
            return (optax.apply_updates(params, updates), state), collect(state)

        state = optimizer.init(params) if state is None else state
        return jax.lax.scan(one, (params, state), (grads, values))

    params = {key: jnp.asarray(p).astype(dtype) for key, p in params.items()}
    (params, state), collected = run(params, state, grads, values)
    return {key: np.asarray(p, np.float64) for key, p in params.items()}, state, collected


def distance(ours, theirs):
    """The largest difference, of the largest entry. A single parameter may be on its way through 0."""
    largest = max(np.abs(x).max() for x in theirs.values())
    return max(np.abs(ours[key] - x).max() for key, x in theirs.items()) / largest


def ulp(ours, theirs):
    """The largest and the mean distance, in float32."""
    found = np.concatenate(
        [
            np.ravel(np.abs(ours[key] - x) / np.spacing(np.abs(x).astype(np.float32)))
            for key, x in theirs.items()
        ]
    )
    return found.max(), found.mean()
