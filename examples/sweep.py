"""64 learning-rate configurations trained at once with vmap, by one compiled program.

  python examples/sweep.py
  python examples/sweep.py --epochs 40 --lowest 0.001 --highest 1

A hyperparameter of a schedule that is an array is data. So 8 learning rates times 8 decays are one
ExponentialLR whose arguments have 64 entries, and vmap trains a network with each: one program, compiled
once. All begin with the same weights and see the same batches.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import common
import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from jaxsched import ExponentialLR, current_lr

SIDE, BATCH = 8, 32
DECAYS = np.geomspace(1e-4, 1, SIDE)  # last by first learning rate


class Sweep(NamedTuple):
    schedules: ExponentialLR  # one value; base_lr and gamma have 64 entries
    lr: np.ndarray  # that each update applied, (updates, 64)
    loss: np.ndarray  # of the validation set after each epoch, (epochs, 64); infinite where it overflowed
    compilations: int


def make_optimizer(schedule: ExponentialLR) -> optax.GradientTransformation:
    return optax.inject_hyperparams(optax.sgd)(learning_rate=schedule, momentum=0.9)


def train(schedule: ExponentialLR, network: Any, state: Any, batches: Any, validation: Any) -> Any:
    """An epoch of one configuration, as if there were no other."""
    optimizer = make_optimizer(schedule)

    def loss_of(params: Any, x: jax.Array, y: jax.Array) -> jax.Array:
        logits = nnx.merge(network, params)(x)
        return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()

    def update(state: Any, batch: Any) -> Any:
        params, opt_state = state
        updates, opt_state = optimizer.update(jax.grad(loss_of)(params, *batch), opt_state, params)
        return (optax.apply_updates(params, updates), opt_state), current_lr(opt_state)

    state, lrs = jax.lax.scan(update, state, batches)
    return state, lrs, loss_of(state[0], *validation)


def draw(sweep: Sweep) -> Figure:
    lr, loss = np.asarray(sweep.schedules.base_lr), sweep.loss
    figure = Figure(figsize=(12, 5), layout="constrained")
    grid, curves = figure.subplots(1, 2)
    best, guessing = loss[-1].argmin(), np.log(10)
    colors = ScalarMappable(LogNorm(min(loss[-1, best], guessing / 2), guessing), "viridis_r")
    grid.imshow(loss[-1].reshape(SIDE, SIDE), norm=colors.norm, cmap=colors.cmap, origin="lower")
    grid.set_facecolor("black")  # where the loss has overflowed
    for i, value in enumerate(loss[-1]):
        color = "white" if value > 0.3 else "black"
        grid.text(i % SIDE, i // SIDE, f"{value:.2g}", color=color, ha="center", va="center")
        curves.plot(range(1, len(loss) + 1), loss[:, i], color=colors.to_rgba(value), zorder=-value)
    frame = {"markerfacecolor": "none", "markeredgecolor": "C3", "markeredgewidth": 2.5}
    grid.plot(best % SIDE, best // SIDE, "s", markersize=34, **frame)
    grid.set_xticks(range(SIDE), [f"{x:.2g}" for x in lr[:SIDE]])
    grid.set_yticks(range(SIDE), [f"{x:.1g}" for x in DECAYS])
    grid.set(
        title="validation loss at the end", xlabel="first learning rate", ylabel="last by first learning rate"
    )
    curves.set(title="validation loss", xlabel="epoch", yscale="log", ylim=(None, 1.5 * guessing))
    curves.xaxis.get_major_locator().set_params(integer=True)
    curves.spines[["top", "right"]].set_visible(False)
    figure.colorbar(colors, ax=(grid, curves), label="validation loss at the end", extend="max")
    return figure


def main(argv: list[str] | None = None) -> Sweep:
    parser = common.parser(__doc__, "sweep")
    parser.add_argument("--epochs", type=int, default=10, metavar="N", help="(%(default)s)")
    parser.add_argument("--lowest", type=float, default=0.01, metavar="LR", help="(%(default)s)")
    parser.add_argument("--highest", type=float, default=2.0, metavar="LR", help="(%(default)s)")
    args = parser.parse_args(argv)
    if args.epochs < 1:
        parser.error(f"--epochs: must be at least 1, got {args.epochs}.")
    if not 0 < args.lowest < args.highest < np.inf:
        parser.error(f"--lowest: must be above 0 and below --highest, got {args.lowest} and {args.highest}.")

    x, y = load_digits(return_X_y=True)
    x, x_validation, y, y_validation = train_test_split(
        (x / 16).astype(np.float32), y, random_state=args.seed
    )
    rngs, rng = nnx.Rngs(args.seed), np.random.default_rng(args.seed)
    model = nnx.Sequential(nnx.Linear(64, 64, rngs=rngs), nnx.relu, nnx.Linear(64, 10, rngs=rngs))
    network, params = nnx.split(model)

    lrs, ends = np.meshgrid(np.geomspace(args.lowest, args.highest, SIDE), DECAYS)
    gammas = ends ** (1 / (args.epochs * (len(x) // BATCH)))
    schedules = ExponentialLR(jnp.asarray(lrs.ravel()), gamma=jnp.asarray(gammas.ravel()))
    state = jax.vmap(lambda schedule: (params, make_optimizer(schedule).init(params)))(schedules)
    train_all = jax.jit(jax.vmap(train, in_axes=(0, None, 0, None, None)), static_argnums=1)

    compiled: list[str] = []

    def count(event: str, *_: object, **__: object) -> None:
        if event.endswith("/backend_compile_duration"):
            compiled.append(event)

    jax.monitoring.register_event_duration_secs_listener(count)
    applied, losses = [], []
    with common.Progress("epochs", total=args.epochs) as progress:
        for _ in range(args.epochs):
            order = np.stack(list(common.batches(rng, len(x), BATCH)))
            state, lr, loss = train_all(
                schedules, network, state, (x[order], y[order]), (x_validation, y_validation)
            )
            applied.append(np.asarray(lr).T)
            losses.append(np.nan_to_num(loss, nan=np.inf))
            best = losses[-1].argmin()
            progress(loss=losses[-1][best], lr=applied[-1][-1, best])
    sweep = Sweep(schedules, np.concatenate(applied), np.stack(losses), len(compiled))
    picture = common.save(draw(sweep), args.out / "sweep.png")
    best_lr, gamma = (np.asarray(x)[best] for x in (schedules.base_lr, schedules.gamma))
    print(
        f"{loss.size} schedules, programs compiled: {sweep.compilations}. Best: ExponentialLR({best_lr:.2g}, "
        f"gamma={gamma:.4g}), validation loss {losses[-1][best]:.4f}. Picture: {picture}"
    )
    return sweep


if __name__ == "__main__":
    main()
