"""An ensemble of CyclicLR snapshots, and SWALR with averaged weights, beside one network trained as long.

  python examples/snapshot_ensemble.py
  python examples/snapshot_ensemble.py --wrong 0 --seed 1

CyclicLR leads a network into five minima, one after the other, and the predictions of the five snapshots are
averaged (Huang et al. 2017). SWALR holds the learning rate up in the second half, and the weights after each
of its epochs are averaged (Izmailov et al. 2018). The yardstick is one network with a cosine. A fifth of the
labels to train on is wrong, to leave something to gain. There are 16 runs, trained all at once, each with its
own split, labels and weights; the standard errors tell gain from luck.
"""

from __future__ import annotations

import argparse
from typing import Any, NamedTuple

import common
import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from jaxsched import SWALR, CosineAnnealingLR, CyclicLR, Schedule, SequentialLR, current_lr

BATCH, CYCLES = 32, 5
PEAK, LOW, SWA_LR = 0.2, 0.001, 0.05


class Result(NamedTuple):
    lr: dict[str, np.ndarray]  # that each update applied, by schedule
    accuracy: dict[str, np.ndarray]  # of the test set, an entry for each run, by what was tested
    loss: dict[str, np.ndarray]  # the same


def create(key: jax.Array) -> tuple[Any, Any]:
    rngs = nnx.Rngs(key)
    return nnx.split(nnx.Sequential(nnx.Linear(64, 64, rngs=rngs), nnx.relu, nnx.Linear(64, 10, rngs=rngs)))


def train(schedule: Schedule, data: Any, args: argparse.Namespace, progress: common.Progress) -> Any:
    """The weights after each epoch, of shape (epochs, runs, ...), and the learning rates."""
    x, y = data
    optimizer = optax.inject_hyperparams(optax.sgd)(learning_rate=schedule, momentum=0.9)
    keys = jax.random.split(jax.random.key(args.seed), args.runs)
    network, _ = create(keys[0])

    def loss_of(params: Any, x: jax.Array, y: jax.Array) -> jax.Array:
        logits = nnx.merge(network, params)(x)
        return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()

    def update(state: Any, batch: Any) -> Any:
        params, opt_state = state
        loss, grads = jax.value_and_grad(loss_of)(params, *batch)
        updates, opt_state = optimizer.update(grads, opt_state, params)
        return (optax.apply_updates(params, updates), opt_state), (current_lr(opt_state), loss)

    train_epoch = jax.jit(jax.vmap(lambda state, batches: jax.lax.scan(update, state, batches)))
    params = jax.vmap(lambda key: create(key)[1])(keys)
    state = params, jax.vmap(optimizer.init)(params)
    rng, history, applied = np.random.default_rng(args.seed), [], []
    for _ in range(CYCLES * args.cycle):
        order = np.array([list(common.batches(rng, x.shape[1], BATCH)) for _ in keys])
        run = np.arange(args.runs)[:, None, None]
        state, (lr, loss) = train_epoch(state, (x[run, order], y[run, order]))
        history.append(state[0])
        applied.append(np.asarray(lr[0]))
        progress(loss=loss.mean(), lr=applied[-1][-1])
    return jax.tree.map(lambda *weights: jnp.stack(weights), *history), np.concatenate(applied)


def standard_error(values: np.ndarray) -> float:
    return float(values.std(ddof=1) / np.sqrt(values.size))


def draw(result: Result, cycle: int) -> Figure:
    figure = Figure(figsize=(12, 4.5), layout="constrained")
    rates, scores = figure.subplots(1, 2)
    for (name, lr), color in zip(result.lr.items(), ("0.3", "C0", "C3"), strict=True):
        rates.plot(np.arange(len(lr)) * CYCLES * cycle / len(lr), lr, color=color, label=name)
    rates.plot(np.arange(1, CYCLES + 1) * cycle, [LOW] * CYCLES, "o", color="C0", label="snapshot")
    rates.set(xlabel="epoch", title="learning rate")
    rates.xaxis.get_major_locator().set_params(integer=True)
    rates.legend(frameon=False, ncols=4, loc="upper center", bbox_to_anchor=(0.5, -0.14))
    for row, (name, accuracy) in enumerate(result.accuracy.items()):
        color = "C3" if "SWALR" in name else "C0" if "snapshot" in name else "0.3"
        scores.errorbar(accuracy.mean(), row, xerr=standard_error(accuracy), fmt="o", color=color, capsize=3)
    scores.set_yticks(range(len(result.accuracy)), result.accuracy)
    scores.invert_yaxis()
    scores.grid(axis="x", alpha=0.3)
    scores.xaxis.set_major_formatter(PercentFormatter(1, decimals=1))
    scores.set_title(f"test accuracy: mean and standard error of {accuracy.size} runs")
    for axes in (rates, scores):
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def main(argv: list[str] | None = None) -> Result:
    parser = common.parser(__doc__, "snapshot_ensemble")
    parser.add_argument("--cycle", type=int, default=4, metavar="N", help="epochs in a cycle (%(default)s)")
    parser.add_argument("--runs", type=int, default=16, metavar="N", help="how many seeds (%(default)s)")
    parser.add_argument(
        "--wrong", type=float, default=0.2, metavar="P", help="share of wrong labels (%(default)s)"
    )
    args = parser.parse_args(argv)
    for name, value in (("cycle", args.cycle), ("runs", args.runs)):
        if value < 2:
            parser.error(f"--{name}: must be at least 2, got {value}.")
    if not 0 <= args.wrong <= 1:
        parser.error(f"--wrong: must be from 0 to 1, got {args.wrong}.")

    images, digits = load_digits(return_X_y=True)
    images = (images / 16).astype(np.float32)
    # Each run has its own split and its own wrong labels, or all would share the luck of one.
    seeds = args.seed * args.runs + np.arange(args.runs)
    splits = [train_test_split(images, digits, random_state=seed) for seed in seeds]
    x, x_test, y, y_test = (np.stack(parts) for parts in zip(*splits, strict=True))
    rng = np.random.default_rng(args.seed)
    y = np.where(rng.random(y.shape) < args.wrong, (y + rng.integers(1, 10, y.shape)) % 10, y)

    epochs, n = CYCLES * args.cycle, x.shape[1] // BATCH
    half = epochs // 2
    cosine = CosineAnnealingLR(PEAK, T_max=epochs * n)
    schedules = {
        "cosine": cosine,
        "CyclicLR": CyclicLR(
            LOW, PEAK, step_size_up=n, step_size_down=(args.cycle - 1) * n, cycle_momentum=False
        ),
        "cosine, then SWALR": SequentialLR([cosine, SWALR(PEAK, swa_lr=SWA_LR, anneal_epochs=n)], [half * n]),
    }
    with common.Progress("epochs", total=len(schedules) * epochs) as progress:
        trained = [train(schedule, (x, y), args, progress) for schedule in schedules.values()]
    (single, cyclic, swa), lrs = zip(*trained, strict=True)
    network, _ = create(jax.random.key(0))

    def log_probabilities(params: Any) -> jax.Array:
        logits = jax.vmap(lambda params, x: nnx.merge(network, params)(x))(params, x_test)
        return jax.nn.log_softmax(logits)

    last_of_cycle = slice(args.cycle - 1, None, args.cycle)
    snapshots = jax.vmap(log_probabilities)(jax.tree.map(lambda w: w[last_of_cycle], cyclic))
    on_plateau = slice(half + 1, None)  # without the epoch in which SWALR gets there
    tested = {
        "one network": log_probabilities(jax.tree.map(lambda w: w[-1], single)),
        **{f"snapshot {i}": snapshot for i, snapshot in enumerate(snapshots, 1)},
        "averaged snapshots": jax.nn.logsumexp(snapshots, axis=0) - np.log(CYCLES),
        "SWALR, at the end": log_probabilities(jax.tree.map(lambda w: w[-1], swa)),
        "SWALR, averaged": log_probabilities(jax.tree.map(lambda w: w[on_plateau].mean(0), swa)),
    }
    accuracy = {name: np.mean(np.argmax(p, axis=-1) == y_test, axis=-1) for name, p in tested.items()}
    loss = {
        name: -np.mean(np.take_along_axis(np.asarray(p), y_test[..., None], -1), (1, 2))
        for name, p in tested.items()
    }
    result = Result(dict(zip(schedules, lrs, strict=True)), accuracy, loss)

    for name, right in accuracy.items():
        print(f"{name:20} accuracy {right.mean():.2%} ± {standard_error(right):.2%}"
              f"  loss {loss[name].mean():.4f} ± {standard_error(loss[name]):.4f}")  # fmt: skip
    picture = common.save(draw(result, args.cycle), args.out / "snapshot_ensemble.png")
    gains = {name: accuracy[name] - accuracy["one network"] for name in tested if "averaged" in name}
    told = "; ".join(f"{n} {100 * g.mean():+.2f} ± {100 * standard_error(g):.2f}" for n, g in gains.items())
    print(f"Points of accuracy against one network: {told}. Picture: {picture}")
    return result


if __name__ == "__main__":
    main()
