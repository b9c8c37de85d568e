"""A LeNet on images, over all devices there are, with any schedule, killed and resumed as you like.

  python examples/digits_lenet.py
  python examples/digits_lenet.py --schedule OneCycleLR --set max_lr=0.01 --set pct_start=0.2
  python examples/digits_lenet.py --data openml:mnist_784 --epochs 3
  python examples/digits_lenet.py                 again, and it goes on where it was killed
  python examples/digits_lenet.py --anew          again, from the start

The batch is sharded over the devices and the parameters are replicated. The schedule counts updates, and
that count is part of the optimizer's state: a run that is resumed from a checkpoint goes on with the
learning rates, and the weights, of one that was never killed. So the same command, given again, is the same
run: it goes on from the last checkpoint in --out, and with other options it is refused. The rates that were
applied go to updates.csv, in decimals and as bits, and with the loss to logs for TensorBoard.
"""

from __future__ import annotations

import argparse
import itertools
import json
import pathlib
import shutil
from typing import TextIO

import common
import jax
import numpy as np
import optax
import orbax.checkpoint as ocp
from flax import nnx
from jax.sharding import AxisType, NamedSharding, PartitionSpec as P
from matplotlib.figure import Figure
from sklearn.datasets import fetch_openml, load_digits
from sklearn.model_selection import train_test_split
from tensorboardX import SummaryWriter

import jaxsched


class LeNet(nnx.Module):
    def __init__(self, size: int, classes: int, rngs: nnx.Rngs) -> None:
        self.conv1 = nnx.Conv(1, 8, (3, 3), rngs=rngs)
        self.conv2 = nnx.Conv(8, 16, (3, 3), rngs=rngs)
        self.dense1 = nnx.Linear((size // 4) ** 2 * 16, 128, rngs=rngs)
        self.dense2 = nnx.Linear(128, 64, rngs=rngs)
        self.dense3 = nnx.Linear(64, classes, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        for convolution in (self.conv1, self.conv2):
            x = nnx.max_pool(nnx.relu(convolution(x)), (2, 2), strides=(2, 2))
        x = x.reshape(len(x), -1)
        return self.dense3(nnx.relu(self.dense2(nnx.relu(self.dense1(x)))))


@nnx.jit
def train_step(model: LeNet, optimizer: nnx.Optimizer, x: jax.Array, y: jax.Array) -> jax.Array:
    def loss_of(model: LeNet) -> jax.Array:
        return optax.softmax_cross_entropy_with_integer_labels(model(x), y).mean()

    loss, grads = nnx.value_and_grad(loss_of)(model)
    optimizer.update(model, grads)
    return loss


@nnx.jit
def correct(model: LeNet, x: jax.Array, y: jax.Array) -> jax.Array:
    return (model(x).argmax(-1) == y).sum()


def images(source: str) -> tuple[np.ndarray, np.ndarray]:
    """Square images in [0, 1] and their classes."""
    name = source.removeprefix("openml:")
    found = load_digits() if name == "digits" else fetch_openml(name, version=1, as_frame=False)
    x, classes = np.asarray(found.data, np.float32), np.unique(found.target, return_inverse=True)[1]
    size = round(x.shape[1] ** 0.5)
    return x.reshape(-1, size, size, 1) / x.max(), classes.astype(np.int32)


def batches(x: np.ndarray, y: np.ndarray, batch: int, seed: int, done: int):
    """The batches of every epoch, from update `done` on; their order depends on the seed alone."""
    per_epoch = len(x) // batch
    for epoch in itertools.count(done // per_epoch):
        rng = np.random.default_rng((seed, epoch))
        skip = max(done - epoch * per_epoch, 0)
        for index in itertools.islice(common.batches(rng, len(x), batch), skip, None):
            yield x[index], y[index]


def the_same_run(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """Sees to it that what is in --out, if anything is, was made with the same options."""
    if args.anew:
        for made in ("checkpoints", "tensorboard"):
            shutil.rmtree(args.out / made, ignore_errors=True)
    options = {name: value for name, value in vars(args).items() if name not in ("out", "anew")}
    file, checkpoints = args.out / "options.json", args.out / "checkpoints"
    if checkpoints.exists() and any(checkpoints.iterdir()):
        before = json.loads(file.read_text()) if file.exists() else {}
        other = [f"--{name} {before.get(name)} (now {value})" for name, value in options.items()
                 if before.get(name) != value]  # fmt: skip
        if other:
            parser.error(f"--out: {args.out} has a run with {', '.join(other)}. Name another folder, or give "
                         "--anew, which removes its checkpoints.")  # fmt: skip
    args.out.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(options, indent=2) + "\n")


COLUMNS = "count,learning_rate,loss,learning_rate_bits\n"


def journal(path: pathlib.Path, done: int) -> TextIO:
    """The updates so far, cut back to those that the checkpoint has; the others are done again."""
    file = path.open("a+", buffering=1)  # a line is on disk before the next update
    file.seek(0)
    for _ in range(done + 1 if done else 0):
        file.readline()
    file.truncate(file.tell())
    if not done:
        file.write(COLUMNS)
    return file


def line(count: int, lr: np.float32, loss: np.float32) -> str:
    """The shortest decimals that are these float32 numbers, and beside them the bits of the rate."""
    return f"{count},{lr!s},{loss!s},0x{lr.view(np.uint32):08x}\n"


def draw(counts: np.ndarray, rates: np.ndarray, losses: np.ndarray) -> Figure:
    figure = Figure(figsize=(8, 5), layout="constrained")
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
    top.plot(counts, losses, color="0.75", linewidth=0.8)
    width = max(len(losses) // 50, 1)
    top.plot(counts[width - 1 :], np.convolve(losses, np.ones(width) / width, "valid"), color="C0")
    bottom.step(counts, rates, where="post", color="C3")
    for axes, name in ((top, "training loss"), (bottom, "learning rate")):
        axes.set_ylabel(name)
        axes.spines[["top", "right"]].set_visible(False)
    top.set(yscale="log", title="Each update's loss, their moving average, and the learning rate it applied")
    bottom.set_xlabel("count of updates")
    return figure


def main(argv: list[str] | None = None) -> dict[str, np.ndarray]:
    parser = common.parser(__doc__, "digits_lenet")
    common.add_schedule(parser, "OneCycleLR")
    parser.add_argument(
        "--data", default="digits", help="digits, or openml:NAME of square images (%(default)s)"
    )
    parser.add_argument("--epochs", type=int, default=15, metavar="N", help="(%(default)s)")
    parser.add_argument("--batch", type=int, default=64, metavar="N", help="over all devices (%(default)s)")
    parser.add_argument("--checkpoint", type=int, default=50, metavar="N", help="updates apart (%(default)s)")
    parser.add_argument("--anew", action="store_true", help="from the start, whatever is in --out")
    args = parser.parse_args(argv)
    devices = jax.device_count()
    if args.batch < 1 or args.batch % devices:
        parser.error(f"--batch: must be a multiple of the {devices} devices, got {args.batch}.")
    x, y = images(args.data)
    x, x_test, y, y_test = train_test_split(x, y, test_size=0.2, random_state=args.seed)
    per_epoch = len(x) // args.batch
    total = args.epochs * per_epoch
    given = {"base_lr": 0.003, "max_lr": 0.003, "total_steps": total, "T_max": total, "step_size": total // 3}
    schedule = common.schedule_from(parser, args, **given)

    the_same_run(parser, args)

    mesh = jax.make_mesh((devices,), ("data",), axis_types=(AxisType.Auto,))
    everywhere, sharded = NamedSharding(mesh, P()), NamedSharding(mesh, P("data"))
    model = LeNet(x.shape[1], int(y.max()) + 1, nnx.Rngs(args.seed))
    adam = optax.inject_hyperparams(optax.adam)(learning_rate=schedule)
    optimizer = nnx.Optimizer(model, adam, wrt=nnx.Param)
    structure, state = nnx.split((model, optimizer))
    state, done = jax.device_put(state, everywhere), 0

    manager = ocp.CheckpointManager(
        (args.out / "checkpoints").absolute(), options=ocp.CheckpointManagerOptions(max_to_keep=2)
    )
    if manager.latest_step() is not None:
        done = manager.latest_step()
        shapes = jax.tree.map(ocp.utils.to_shape_dtype_struct, state)
        state = manager.restore(done, args=ocp.args.StandardRestore(shapes))
    model, optimizer = nnx.merge(structure, state)

    rates, loss = [], np.nan
    with (
        journal(args.out / "updates.csv", done) as written,
        SummaryWriter(str(args.out / "tensorboard")) as log,
        common.Progress("updates", total) as progress,
    ):
        progress(done, loss=loss, lr=schedule.on_host(done))
        feed = batches(x, y, args.batch, args.seed, done)
        for count, (xs, ys) in zip(range(done, total), feed, strict=False):
            loss = np.float32(train_step(model, optimizer, *jax.device_put((xs, ys), sharded)))
            lr = np.float32(jaxsched.current_lr(optimizer.opt_state))
            rates.append(lr)
            written.write(line(count, lr, loss))
            log.add_scalar("learning rate", lr, count)
            log.add_scalar("loss", loss, count)
            progress(loss=loss, lr=lr)
            if (count + 1) % args.checkpoint == 0 or count + 1 == total:
                state = nnx.state((model, optimizer))
                manager.save(count + 1, args=ocp.args.StandardSave(state))
    manager.close()  # waits until the last one is written

    right = sum(int(correct(model, xs, ys)) for xs, ys in batches_of(x_test, y_test, 512))
    table = np.loadtxt(args.out / "updates.csv", delimiter=",", skiprows=1, usecols=(0, 1, 2), ndmin=2)
    picture = common.save(draw(*table.T), args.out / "digits_lenet.png")
    began = f"going on from update {done}, " if 0 < done < total else ""
    if done == total:
        began = "all of which were done before (--anew does them again), "
    print(
        f"Test accuracy {right / len(x_test):.1%} after {total} updates on {devices} device(s), "
        f"{began}with {schedule}. Picture: {picture}; updates: {args.out / 'updates.csv'}"
    )
    weights = {
        "/".join(map(str, path)): np.asarray(w[...]) for path, w in nnx.to_flat_state(nnx.state(model))
    }
    return {"start": done, "rates": np.array(rates, np.float32), "accuracy": right / len(x_test), **weights}


def batches_of(x: np.ndarray, y: np.ndarray, size: int):
    return ((x[i : i + size], y[i : i + size]) for i in range(0, len(x), size))


if __name__ == "__main__":
    main()
