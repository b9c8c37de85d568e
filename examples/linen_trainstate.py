"""Warm-up, then ReduceLROnPlateau on a validation loss, with Flax Linen's TrainState.

  python examples/linen_trainstate.py
  python examples/linen_trainstate.py --warmup 10 --patience 2 --factor 0.5

The training of warmup_plateau.py, for those who have a TrainState. Its apply_gradients hands no loss on to
the optimizer, so the state of the plateau is a field of the TrainState, and is saved with it. A whole epoch
is one compiled program: the updates, the validation, and the plateau's decision.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import common
import flax.linen as nn
import jax
import numpy as np
import optax
from flax.training import train_state
from matplotlib.figure import Figure
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import jaxsched


class Epoch(NamedTuple):
    lr: float  # that its updates applied
    training: float  # mean loss of its updates
    validation: float  # loss after it


class TrainState(train_state.TrainState):
    plateau: jaxsched.PlateauState


class Classifier(nn.Module):
    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        return nn.Dense(10)(nn.relu(nn.Dense(64)(x)))


def loss_of(params: Any, state: TrainState, x: jax.Array, y: jax.Array) -> jax.Array:
    logits = state.apply_fn(params, x)
    return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()


def update(state: TrainState, batch: tuple[jax.Array, jax.Array]) -> tuple[TrainState, jax.Array]:
    loss, grads = jax.value_and_grad(loss_of)(state.params, state, *batch)
    return state.apply_gradients(grads=grads), loss


@jax.jit
def train_epoch(
    plateau: jaxsched.ReduceLROnPlateau, state: TrainState, batches: Any, validation: Any
) -> tuple[TrainState, jax.Array, jax.Array]:
    hyperparams = state.opt_state.hyperparams | {"learning_rate": state.plateau.lr}
    state = state.replace(opt_state=state.opt_state._replace(hyperparams=hyperparams))
    state, losses = jax.lax.scan(update, state, batches)
    loss = loss_of(state.params, state, *validation)
    return state.replace(plateau=plateau.step(state.plateau, loss)), losses.mean(), loss


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
    parser = common.parser(__doc__, "linen_trainstate")
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
    model, rng = Classifier(), np.random.default_rng(args.seed)
    state = TrainState.create(
        apply_fn=model.apply,
        params=model.init(jax.random.key(args.seed), x[:1]),
        tx=optax.inject_hyperparams(optax.sgd)(learning_rate=args.lr, momentum=0.9),
        plateau=plateau.init(),
    )

    epochs = []
    with common.Progress("epochs", total=args.epochs) as progress:
        for _ in range(args.epochs):
            order = np.stack(list(common.batches(rng, len(x), 32)))
            state, training, validation = train_epoch(
                plateau, state, (x[order], y[order]), (x_validation, y_validation)
            )
            lr = jaxsched.current_lr(state.opt_state)
            epochs.append(Epoch(float(lr), float(training), float(validation)))
            progress(loss=validation, lr=lr)
    picture = common.save(draw(epochs, args.warmup), args.out / "linen_trainstate.png")
    accuracy = np.mean(np.argmax(state.apply_fn(state.params, x_test), axis=-1) == y_test)
    reductions = np.sum(np.diff([epoch.lr for epoch in epochs]) < 0)
    print(
        f"Test accuracy {accuracy:.1%}, validation loss {epochs[-1].validation:.4f}, learning rate "
        f"{epochs[-1].lr:.3g} after {len(epochs)} epochs and {reductions} reductions. Picture: {picture}"
    )
    return epochs


if __name__ == "__main__":
    main()
