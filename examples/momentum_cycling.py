"""OneCycleLR driving the learning rate and b1 of Adam together, in Flax NNX.

  python examples/momentum_cycling.py
  python examples/momentum_cycling.py --max-lr 0.1 --epochs 5

As PyTorch's OneCycleLR, which cycles betas[0] unless told not to: momentum falls while the learning rate
rises, and rises while it falls. `schedule.momentum` is a schedule like any other, and any hyperparameter
takes one. Beside it, to look at and not as evidence, the same training with b1 fixed at Adam's default.
"""

from __future__ import annotations

import argparse
from typing import Any, NamedTuple

import common
import jax
import numpy as np
import optax
from flax import nnx
from matplotlib.figure import Figure
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from jaxsched import OneCycleLR

BATCH = 32


class Run(NamedTuple):
    lr: np.ndarray  # that each update applied
    b1: np.ndarray  # that each update applied
    loss: np.ndarray  # of each update's batch
    test_loss: float
    test_accuracy: float


def loss_of(model: nnx.Module, x: jax.Array, y: jax.Array) -> jax.Array:
    return optax.softmax_cross_entropy_with_integer_labels(model(x), y).mean()


@nnx.jit
def train_step(model: nnx.Module, optimizer: nnx.Optimizer, x: jax.Array, y: jax.Array) -> jax.Array:
    loss, grads = nnx.value_and_grad(loss_of)(model, x, y)
    optimizer.update(model, grads)
    return loss


def train(
    schedule: OneCycleLR, b1: Any, data: Any, args: argparse.Namespace, progress: common.Progress
) -> Run:
    x, x_test, y, y_test = data
    rngs, rng = nnx.Rngs(args.seed), np.random.default_rng(args.seed)
    model = nnx.Sequential(nnx.Linear(64, 64, rngs=rngs), nnx.relu, nnx.Linear(64, 10, rngs=rngs))
    adam = optax.inject_hyperparams(optax.adam)(learning_rate=schedule, b1=b1)
    optimizer = nnx.Optimizer(model, adam, wrt=nnx.Param)
    updates = []
    for _ in range(args.epochs):
        for i in common.batches(rng, len(x), BATCH):
            loss = train_step(model, optimizer, x[i], y[i])
            applied = optimizer.opt_state.hyperparams
            updates.append((applied["learning_rate"][...], applied["b1"][...], loss))
            progress(loss=loss, lr=updates[-1][0], b1=updates[-1][1])
    accuracy = np.mean(np.argmax(model(x_test), axis=-1) == y_test)
    return Run(*np.array(updates).T, float(loss_of(model, x_test, y_test)), float(accuracy))


def draw(cycled: Run, fixed: Run, epochs: int) -> Figure:
    figure = Figure(figsize=(8, 6), layout="constrained")
    axes = figure.subplots(3, 1, sharex=True)
    axes[0].plot(cycled.lr, color="C3")
    axes[0].set_ylabel("learning rate")
    for run, name, color in ((fixed, "b1 fixed", "0.6"), (cycled, "b1 cycled", "C0")):
        axes[1].plot(run.b1, color=color, label=name)
        per_epoch = run.loss.reshape(epochs, -1)
        middles = (np.arange(epochs) + 0.5) * per_epoch.shape[1]
        axes[2].plot(middles, per_epoch.mean(axis=1), color=color, marker=".", label=name)
    axes[1].set_ylabel("b1")
    axes[1].legend(frameon=False)
    axes[2].set(ylabel="training loss, epoch's mean", yscale="log", xlabel="update")
    for each in axes:
        each.spines[["top", "right"]].set_visible(False)
    return figure


def main(argv: list[str] | None = None) -> tuple[Run, Run]:
    parser = common.parser(__doc__, "momentum_cycling")
    parser.add_argument("--epochs", type=int, default=10, metavar="N", help="(%(default)s)")
    parser.add_argument("--max-lr", type=float, default=0.03, metavar="LR", help="the peak (%(default)s)")
    args = parser.parse_args(argv)
    x, y = load_digits(return_X_y=True)
    data = train_test_split((x / 16).astype(np.float32), y, random_state=args.seed)
    try:
        schedule = OneCycleLR(args.max_lr, epochs=args.epochs, steps_per_epoch=len(data[0]) // BATCH)
    except ValueError as error:
        parser.error(str(error))
    with common.Progress("updates", total=2 * schedule.total_steps) as progress:
        cycled, fixed = (train(schedule, b1, data, args, progress) for b1 in (schedule.momentum, 0.9))
    picture = common.save(draw(cycled, fixed, args.epochs), args.out / "momentum_cycling.png")
    reached = [f"test loss {run.test_loss:.4f}, accuracy {run.test_accuracy:.1%}" for run in (cycled, fixed)]
    print(f"b1 fixed at {fixed.b1[0]:.3g}: {reached[1]}")
    print(f"b1 from {cycled.b1.min():.3g} to {cycled.b1.max():.3g}: {reached[0]}. Picture: {picture}")
    return cycled, fixed


if __name__ == "__main__":
    main()
