"""The same classifier trained by PyTorch and by Flax, side by side, under five learning-rate schedules.

  python examples/ionosphere.py
  python examples/ionosphere.py --data ionosphere.data

Each schedule is a PyTorch scheduler, stepped once an epoch; Flax trains with what jaxsched.from_torch makes
of it, from the same weights, on the same batches. Once in float32 and once in float64: if the two frameworks
do the same, only rounding lies between them, and float64 leaves far less of it.
"""

from __future__ import annotations

import argparse
import pathlib
from collections.abc import Callable
from typing import Any, NamedTuple

import common
import flax
import jax
import jax.numpy as jnp
import numpy as np
import optax
import torch
from flax import nnx
from matplotlib.figure import Figure
from sklearn import datasets
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch.optim import lr_scheduler

import jaxsched

BATCH = 24
Make = Callable[[torch.optim.Optimizer], lr_scheduler.LRScheduler]
SCHEDULERS: dict[str, Make] = {
    "constant": lambda sgd: lr_scheduler.ConstantLR(sgd, factor=1.0),
    "LinearLR, 1.0 → 0.3 over 10": lambda sgd: lr_scheduler.LinearLR(sgd, 1.0, 0.3, total_iters=10),
    "LinearLR, 1.0 → 0.5 over 30": lambda sgd: lr_scheduler.LinearLR(sgd, 1.0, 0.5, total_iters=30),
    "StepLR, halved every 15": lambda sgd: lr_scheduler.StepLR(sgd, step_size=15, gamma=0.5),
    "LambdaLR, 0.1/(1 + 0.01·epoch)": lambda sgd: lr_scheduler.LambdaLR(sgd, lambda e: 1 / (1 + 0.01 * e)),
}
PAGE = """# PyTorch and Flax, side by side

Written by [`examples/ionosphere.py`](../examples/ionosphere.py), with torch {torch}, jax {jax} and flax
{flax} on {device}, by the command

    python examples/ionosphere.py --data {data} --epochs {epochs} --seed {seed} --markdown docs/ionosphere.md

The data, `{data}`: {rows} rows of {width} numbers, {trained} of them to train on. (`ionosphere.data` is the
file of UCI's [Ionosphere](https://archive.ics.uci.edu/dataset/52/ionosphere) data set.)

{table}

Learning rates are compared as float32; weights by the norm of their difference, divided by that of PyTorch's.
"""


class Run(NamedTuple):
    """One training in both frameworks. Where there are two columns: PyTorch's and Flax's."""

    lr: np.ndarray  # (updates, 2)
    loss: np.ndarray  # of the test set after each epoch, (epochs, 2)
    accuracy: np.ndarray  # of the test set after each epoch, (epochs, 2)
    apart: np.ndarray  # the norm of the weights' difference by that of PyTorch's weights, (epochs,)


def load(parser: argparse.ArgumentParser, source: str) -> tuple[np.ndarray, np.ndarray]:
    """Features, and labels 0 and 1."""
    if source == "breast-cancer":
        return datasets.load_breast_cancer(return_X_y=True)
    if source == "openml":
        try:  # 59 is UCI's ionosphere; the default parser needs pandas
            data = datasets.fetch_openml(data_id=59, as_frame=False, parser="liac-arff")
        except OSError as error:
            parser.error(f"--data openml: openml.org must be reachable, got {error}. Give a file instead.")
        return data.data.astype(float), np.array(data.target == "g", int)
    try:
        lines = pathlib.Path(source).read_text(encoding="utf-8").rstrip().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        parser.error(f"--data: must be breast-cancer, openml or a file like ionosphere.data, got {error}.")
    rows: list[list[float]] = []
    for number, line in enumerate(lines, 1):
        *numbers, label = line.split(",")
        try:
            rows.append([*map(float, numbers), ("b", "g").index(label)])
        except ValueError:
            rows.append([])
        if len(rows[-1]) != 35 or not np.isfinite(rows[-1]).all():
            wanted = "34 finite numbers and then g or b, with commas between"
            parser.error(f"--data: {source}, line {number}: must be {wanted}, got {line[:60]!r}.")
    return np.reshape([row[:-1] for row in rows], (-1, 34)), np.array([row[-1] for row in rows])


def flax_loss(model: nnx.Module, x: jax.Array, y: jax.Array) -> tuple[jax.Array, jax.Array]:
    logits = model(x)
    return optax.sigmoid_binary_cross_entropy(logits, y).mean(), logits


flax_evaluate = nnx.jit(flax_loss)


@nnx.jit
def flax_update(model: nnx.Module, optimizer: nnx.Optimizer, x: jax.Array, y: jax.Array) -> None:
    grads, _ = nnx.grad(flax_loss, has_aux=True)(model, x, y)
    optimizer.update(model, grads)


def train(make: Make, parts: list[np.ndarray], args: argparse.Namespace, progress: common.Progress) -> Run:
    x, x_test, y, y_test = parts
    tx, tx_test, ty, ty_test = map(torch.from_numpy, parts)
    width = x.shape[1]

    torch.manual_seed(args.seed)
    hidden, last = torch.nn.Linear(width, width), torch.nn.Linear(width, 1)
    net = torch.nn.Sequential(hidden, torch.nn.ReLU(), last, torch.nn.Flatten(0)).to(tx.dtype)
    torch_loss = torch.nn.BCEWithLogitsLoss()
    sgd = torch.optim.SGD(net.parameters(), lr=0.1)
    scheduler = make(sgd)

    schedule = jaxsched.PerEpoch(jaxsched.from_torch(scheduler), len(x) // BATCH)
    layers = [nnx.Linear(width, n, param_dtype=x.dtype, rngs=nnx.Rngs(0)) for n in (width, 1)]
    for layer, twin in zip(layers, (hidden, last), strict=True):
        layer.kernel[...] = jnp.array(twin.weight.detach().numpy().T)  # copies: PyTorch trains in place
        layer.bias[...] = jnp.array(twin.bias.detach().numpy())
    model = nnx.Sequential(layers[0], nnx.relu, layers[1], jnp.ravel)
    optimizer = nnx.Optimizer(model, optax.inject_hyperparams(optax.sgd)(schedule), wrt=nnx.Param)

    rng, lrs, epochs = np.random.default_rng(args.seed), [], []
    for _ in range(args.epochs):
        for i in common.batches(rng, len(x), BATCH):
            sgd.zero_grad()
            torch_loss(net(tx[i]), ty[i]).backward()
            sgd.step()
            flax_update(model, optimizer, x[i], y[i])
            lrs.append((sgd.param_groups[0]["lr"], float(jaxsched.current_lr(optimizer.opt_state))))
        scheduler.step()
        with torch.no_grad():
            logits = net(tx_test)
        loss, flax_logits = flax_evaluate(model, x_test, y_test)
        right = [np.mean((np.asarray(z) > 0) == y_test) for z in (logits, flax_logits)]
        weights = [np.ravel(w) for layer in layers for w in (layer.kernel[...].T, layer.bias[...])]
        twins = torch.nn.utils.parameters_to_vector(net.parameters()).detach().numpy()
        apart = np.linalg.norm(np.concatenate(weights) - twins) / np.linalg.norm(twins)
        epochs.append((float(torch_loss(logits, ty_test)), float(loss), *right, apart))
        progress(loss=epochs[-1][1], lr=lrs[-1][1])
    found = np.array(epochs)
    return Run(np.array(lrs), found[:, :2], found[:, 2:4], found[:, 4])


def table(runs: dict[str, list[Run]]) -> str:
    """Where the two frameworks end, and how far apart they are at any time, in Markdown."""
    rows = ["| schedule | | learning rate | test loss | test accuracy | weights | in float64 |"]
    rows += ["|---|---|--:|--:|--:|--:|--:|"]
    for name, (run, exact) in runs.items():
        for i, framework in enumerate(("PyTorch", "Flax")):
            lr, loss, accuracy = (column[-1, i] for column in run[:3])
            rows += [f"| {name} | {framework} | {lr:.6g} | {loss:.8f} | {accuracy:.2%} | | |"]
        lr, loss, accuracy = (abs(np.diff(np.float32(column))).max() for column in run[:3])
        weights = f"{run.apart.max():.1e} | {exact.apart.max():.1e}"
        rows += [f"| | apart, at most | {lr:.2g} | {loss:.1e} | {accuracy:.2%} | {weights} |"]
    return "\n".join(rows)


def draw(runs: dict[str, list[Run]]) -> Figure:
    figure = Figure(figsize=(13, 4), layout="constrained")
    rates, losses, apart = figure.subplots(1, 3)
    for (name, (run, exact)), color in zip(runs.items(), ("0.3", "C0", "C9", "C3", "C2"), strict=True):
        epochs = np.arange(1, len(run.loss) + 1)
        lr = run.lr[:: len(run.lr) // len(epochs)]
        for axes, both, style in ((rates, lr, "steps-mid"), (losses, run.loss, "default")):
            axes.plot(epochs, both[:, 0], color=color, drawstyle=style, linewidth=5, alpha=0.3)
            axes.plot(epochs, both[:, 1], color=color, drawstyle=style, linewidth=1.2, label=name)
        apart.plot(epochs, run.apart, color=color)
        apart.plot(epochs, exact.apart, color=color)
    for both, text in zip((run, exact), ("float32", "float64"), strict=True):
        apart.annotate(text, (epochs[-1], both.apart[-1]), (0, 8), textcoords="offset points", ha="right")
    losses.legend(frameon=False, fontsize="small")
    apart.set_yscale("log")
    titles = "learning rate: PyTorch wide, Flax thin", "test loss: PyTorch wide, Flax thin", "weights apart"
    for axes, title in zip((rates, losses, apart), titles, strict=True):
        axes.set(title=title, xlabel="epoch")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def main(argv: list[str] | None = None) -> dict[str, list[Run]]:
    parser = common.parser(__doc__, "ionosphere")
    parser.add_argument("--data", default="breast-cancer", metavar="PATH",
                        help="UCI's ionosphere.data; or openml, to fetch it; or %(default)s")  # fmt: skip
    parser.add_argument("--epochs", type=int, default=50, metavar="N", help="(%(default)s)")
    parser.add_argument("--markdown", type=pathlib.Path, metavar="FILE", help="write the tables there, too")
    args = parser.parse_args(argv)
    if args.epochs < 1:
        parser.error(f"--epochs: must be at least 1, got {args.epochs}.")
    x, y = load(parser, args.data)
    fewest = min(np.count_nonzero(y == label) for label in (0, 1))
    if fewest < BATCH:
        parser.error(f"--data: {args.data} must have {BATCH} rows or more of each class, got {fewest}.")
    parts = train_test_split(x, y, test_size=0.2, random_state=args.seed, stratify=y)
    scaler = StandardScaler().fit(parts[0])
    parts[:2] = map(scaler.transform, parts[:2])

    torch.set_num_threads(1)  # so small a network spends more on waiting for the others than it gains
    runs: dict[str, list[Run]] = {name: [] for name in SCHEDULERS}
    with common.Progress("epochs", total=2 * len(SCHEDULERS) * args.epochs) as progress:
        for dtype in (np.float32, np.float64):
            # PyTorch is on the CPU, where float32 is float32; an accelerator may multiply in less.
            with jax.enable_x64(dtype == np.float64), jax.default_matmul_precision("highest"):
                for name, make in SCHEDULERS.items():
                    runs[name].append(train(make, [part.astype(dtype) for part in parts], args, progress))
    print(table(runs))
    if args.markdown:
        facts: dict[str, Any] = {"torch": torch.__version__, "jax": jax.__version__, "flax": flax.__version__}
        facts |= {"device": jax.devices()[0].device_kind, "data": pathlib.Path(args.data).name}
        facts |= {"rows": len(x), "width": x.shape[1], "trained": len(parts[0]), "table": table(runs)}
        page = PAGE.format(epochs=args.epochs, seed=args.seed, **facts)
        args.markdown.write_text(page, encoding="utf-8")
    picture = common.save(draw(runs), args.out / "ionosphere.png")
    same = np.concatenate([np.diff(np.float32(run.lr)) == 0 for run, _ in runs.values()])
    far = [max(run.apart.max() for run in column) for column in zip(*runs.values(), strict=True)]
    print(f"{same.sum():,} of {same.size:,} learning rates have the same bits; weights at most {far[0]:.1e} "
          f"apart, {far[1]:.1e} in float64. Picture: {picture}")  # fmt: skip
    return runs


if __name__ == "__main__":
    main()
