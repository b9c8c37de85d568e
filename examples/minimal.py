"""A PyTorch script's scheduler, and a network trained with it in Flax: `python examples/minimal.py`."""

import jax
import jax.numpy as jnp
import optax
import torch
from flax import nnx

from jaxsched import from_torch

# What stands in the PyTorch script.
optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=200)

schedule = from_torch(scheduler)  # CosineAnnealingLR(0.1, T_max=200): an Optax schedule, to the bit
model = nnx.Sequential(nnx.Linear(2, 32, rngs=nnx.Rngs(0)), nnx.tanh, nnx.Linear(32, 1, rngs=nnx.Rngs(1)))
training = nnx.Optimizer(model, optax.sgd(schedule), wrt=nnx.Param)
x = jax.random.normal(jax.random.key(0), (256, 2))
y = x[:, :1] * x[:, 1:]  # which no line can fit


@nnx.jit
def update(model, training):
    loss, grads = nnx.value_and_grad(lambda model: jnp.mean((model(x) - y) ** 2))(model)
    training.update(model, grads)
    return loss


losses = [float(update(model, training)) for _ in range(200)]
print(f"{schedule}: loss {losses[0]:.3f} -> {losses[-1]:.3f} in {len(losses)} updates")
