"""The learning-rate range test: how large may the learning rate be?

  python examples/lr_range_test.py
  python examples/lr_range_test.py --growth linear --from 0.001 --to 2

Trains while the learning rate grows from update to update, exponentially (an ExponentialLR whose gamma is
above 1) or linearly (a LinearLR), and draws the loss over the learning rate. Suggested is where the
smoothed loss falls fastest per decade; beyond its minimum training is about to diverge. The test is from
Smith, "Cyclical Learning Rates for Training Neural Networks", 2015; the steepest descent as a suggestion is
the rule of fastai's and Lightning's finders.
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

import jaxsched


class Found(NamedTuple):
    rates: np.ndarray
    losses: np.ndarray
    smooth: np.ndarray
    suggestion: float
    minimum: float


@nnx.jit
def train_step(model: nnx.Module, optimizer: nnx.Optimizer, x: jax.Array, y: jax.Array) -> jax.Array:
    def loss_of(model: nnx.Module) -> jax.Array:
        return optax.softmax_cross_entropy_with_integer_labels(model(x), y).mean()

    loss, grads = nnx.value_and_grad(loss_of)(model)
    optimizer.update(model, grads)
    return loss


def growing(growth: str, start: float, end: float, updates: int) -> jaxsched.Schedule:
    """From start at the first update to end at the last."""
    if growth == "linear":
        return jaxsched.LinearLR(end, start_factor=start / end, end_factor=1.0, total_iters=updates - 1)
    return jaxsched.ExponentialLR(start, gamma=(end / start) ** (1 / (updates - 1)))


def smoothed(losses: np.ndarray, weight: float = 0.9) -> np.ndarray:
    """Exponential moving average, corrected for its start."""
    averages, average = [], 0.0
    for k, loss in enumerate(losses, start=1):
        average = weight * average + (1 - weight) * loss
        averages.append(average / (1 - weight**k))
    return np.array(averages)


def suggest(rates: np.ndarray, smooth: np.ndarray) -> tuple[float, float]:
    """Where the loss falls fastest per decade, up to its minimum, and where that is."""
    lowest = int(np.argmin(smooth))
    slope = np.gradient(smooth[: lowest + 2], np.log10(rates[: lowest + 2]))
    return float(rates[np.argmin(slope)]), float(rates[lowest])


def draw(found: Found) -> Figure:
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    axes.plot(found.rates, found.losses, color="0.8", linewidth=0.8, label="loss of each update")
    axes.plot(found.rates, found.smooth, color="C0", label="smoothed")
    axes.axvline(found.suggestion, color="C3", linewidth=1)
    axes.annotate(
        f"falls fastest at {found.suggestion:.2g}",
        (found.suggestion, 0.97),
        xycoords=("data", "axes fraction"),
        xytext=(5, 0),
        textcoords="offset points",
        color="C3",
        va="top",
    )
    axes.axvspan(
        found.minimum, found.rates[-1], color="0.5", alpha=0.12, linewidth=0, label="past the minimum"
    )
    top = 1.5 * found.smooth[0]
    axes.set(xscale="log", xlabel="learning rate", ylabel="training loss", ylim=(0, top), title="Range test")
    axes.set_xlim(found.rates[0], found.rates[-1])
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="lower left")
    return figure


def main(argv: list[str] | None = None) -> Found:
    parser = common.parser(__doc__, "lr_range_test")
    parser.add_argument(
        "--growth", choices=("exponential", "linear"), default="exponential", help="(%(default)s)"
    )
    parser.add_argument("--from", type=float, default=1e-4, dest="start", metavar="LR", help="(%(default)s)")
    parser.add_argument("--to", type=float, default=10.0, dest="end", metavar="LR", help="(%(default)s)")
    parser.add_argument("--updates", type=int, default=300, metavar="N", help="(%(default)s)")
    args = parser.parse_args(argv)
    if not 0 < args.start < args.end:
        parser.error(f"--from, --to: must be 0 < FROM < TO, got {args.start:g} and {args.end:g}.")
    if args.updates < 10:
        parser.error(f"--updates: must be at least 10, got {args.updates}.")
    schedule = growing(args.growth, args.start, args.end, args.updates)

    x, y = load_digits(return_X_y=True)
    x, rng, rngs = (x / 16).astype(np.float32), np.random.default_rng(args.seed), nnx.Rngs(args.seed)
    model = nnx.Sequential(nnx.Linear(64, 64, rngs=rngs), nnx.relu, nnx.Linear(64, 10, rngs=rngs))
    sgd = optax.inject_hyperparams(optax.sgd)(learning_rate=schedule, momentum=0.9)
    optimizer = nnx.Optimizer(model, sgd, wrt=nnx.Param)
    rates, losses = [], []
    with common.Progress("updates", args.updates) as progress:
        for _ in range(args.updates):
            index = rng.choice(len(x), 64, replace=False)
            losses.append(float(train_step(model, optimizer, x[index], y[index])))
            rates.append(float(jaxsched.current_lr(optimizer.opt_state)))
            progress(loss=losses[-1], lr=rates[-1])
            if not losses[-1] < 4 * losses[0]:
                break  # it has diverged, and every larger rate will, too
    smooth = smoothed(np.array(losses))
    found = Found(np.array(rates), np.array(losses), smooth, *suggest(np.array(rates), smooth))
    picture = common.save(draw(found), args.out / "lr_range_test.png")
    print(
        f"Suggested learning rate: {found.suggestion:.3g} (the loss is lowest at {found.minimum:.3g}, after "
        f"{len(rates)} updates up to {rates[-1]:.3g}). Picture: {picture}"
    )
    return found


if __name__ == "__main__":
    main()
