"""Warm-up, then ReduceLROnPlateau on a validation loss, in Flax NNX.

  python examples/warmup_plateau.py
  python examples/warmup_plateau.py --warmup 10 --patience 2 --factor 0.5

One value is both: a ReduceLROnPlateau around a LinearLR. Each epoch it is stepped with the validation loss,
which is PyTorch's `warmup.step(); plateau.step(loss)`, and its learning rate is written into the optimizer.
The warm-up multiplies the learning rate in force, so that a reduction during the warm-up is kept.
"""

from __future__ import annotations

from typing import NamedTuple

import common
import jax
import numpy as np
import optax
from flax import nnx
from matplotlib.figure import Figure
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import jaxsched


class Epoch(NamedTuple):
    lr: float  # that its updates applied
    training: float  # mean loss of its updates
    validation: float  # loss after it


def loss_of(model: nnx.Module, x: jax.Array, y: jax.Array) -> jax.Array:
    return optax.softmax_cross_entropy_with_integer_labels(model(x), y).mean()


@nnx.jit
def train_step(model: nnx.Module, optimizer: nnx.Optimizer, x: jax.Array, y: jax.Array) -> jax.Array:
    loss, grads = nnx.value_and_grad(loss_of)(model, x, y)
    optimizer.update(model, grads)
    return loss


validation_loss = nnx.jit(loss_of)


def draw(epochs: list[Epoch], warmup: int) -> Figure:
    lr, training, validation = np.array(epochs).T
    figure = Figure(figsize=(8, 5), layout="constrained")
    losses, rates = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
    losses.plot(training, color="0.6", label="training")
    losses.plot(validation, color="C0", label="validation")
    rates.step(range(len(lr)), lr, where="mid", color="C3")
    for axes, name in ((losses, "loss"), (rates, "learning rate")):
        axes.axvspan(-0.5, min(warmup, len(lr)) - 0.5, color="C1", alpha=0.15, linewidth=0, label="warm-up")
        for at in np.flatnonzero(np.diff(lr) < 0):
            axes.axvline(at + 0.5, color="0.8", linewidth=1, zorder=0)
        axes.set(yscale="log", ylabel=name, xlim=(-0.5, len(lr) - 0.5))
        axes.spines[["top", "right"]].set_visible(False)
    losses.legend(frameon=False)
    losses.set_title("Warm-up, then a reduction wherever the validation loss has stopped falling")
    rates.set_xlabel("epoch")
    rates.xaxis.get_major_locator().set_params(integer=True)
    return figure


def main(argv: list[str] | None = None) -> list[Epoch]:
    parser = common.parser(__doc__, "warmup_plateau")
    parser.add_argument("--epochs", type=int, default=30, metavar="N", help="(%(default)s)")
    parser.add_argument("--lr", type=float, default=0.2, help="at the end of the warm-up (%(default)s)")
    parser.add_argument("--warmup", type=int, default=5, metavar="N", help="epochs of it (%(default)s)")
    parser.add_argument("--patience", type=int, default=3, metavar="N", help="epochs borne (%(default)s)")
    parser.add_argument("--factor", type=float, default=0.3, help="of a reduction (%(default)s)")
    args = parser.parse_args(argv)
    if args.epochs < 1:
        parser.error(f"--epochs: must be at least 1, got {args.epochs}.")
    try:
        warmup = jaxsched.LinearLR(args.lr, start_factor=0.1, total_iters=args.warmup)
        plateau = jaxsched.ReduceLROnPlateau(
            warmup, factor=args.factor, patience=args.patience, min_lr=args.lr / 100
        )
    except ValueError as error:
        parser.error(str(error))

    x, y = load_digits(return_X_y=True)
    x, x_test, y, y_test = train_test_split(
        (x / 16).astype(np.float32), y, test_size=0.2, random_state=args.seed
    )
    x, x_validation, y, y_validation = train_test_split(x, y, test_size=0.25, random_state=args.seed)
    rngs, rng = nnx.Rngs(args.seed), np.random.default_rng(args.seed)
    model = nnx.Sequential(nnx.Linear(64, 64, rngs=rngs), nnx.relu, nnx.Linear(64, 10, rngs=rngs))
    # The schedule is not given to the optimizer, which could not show it a loss.
    sgd = optax.inject_hyperparams(optax.sgd)(learning_rate=args.lr, momentum=0.9)
    optimizer = nnx.Optimizer(model, sgd, wrt=nnx.Param)

    state, epochs = plateau.init(), []
    with common.Progress("epochs", total=args.epochs) as progress:
        for _ in range(args.epochs):
            optimizer.opt_state.hyperparams["learning_rate"][...] = state.lr
            losses = [train_step(model, optimizer, x[i], y[i]) for i in common.batches(rng, len(x), 32)]
            loss = validation_loss(model, x_validation, y_validation)
            state = plateau.step(state, loss)
            lr = jaxsched.current_lr(optimizer.opt_state)
            epochs.append(Epoch(float(lr), float(np.mean(losses)), float(loss)))
            progress(loss=loss, lr=lr)
    picture = common.save(draw(epochs, args.warmup), args.out / "warmup_plateau.png")
    accuracy = np.mean(np.argmax(model(x_test), axis=-1) == y_test)
    reductions = np.sum(np.diff([epoch.lr for epoch in epochs]) < 0)
    print(
        f"Test accuracy {accuracy:.1%}, validation loss {epochs[-1].validation:.4f}, learning rate "
        f"{epochs[-1].lr:.3g} after {len(epochs)} epochs and {reductions} reductions. Picture: {picture}"
    )
    return epochs


if __name__ == "__main__":
    main()
