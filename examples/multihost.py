"""One training run over several processes: one learning rate, and one process that writes.

  python examples/multihost.py                        two processes on this machine
  python examples/multihost.py --coordinator host0:1234 --process-id 0 --num-processes 4
                                                      one of four, on a cluster; start one on each host

Every process computes the learning rate from the count in its own copy of the optimizer's state, so that
nothing about it is sent around; the gradients are averaged over all devices of all processes. The last
lines show what each process applied, and that their weights are the same.
"""

from __future__ import annotations

import pathlib
import socket
import subprocess
import sys

import common
import jax
import numpy as np
import optax
from flax import nnx
from jax.experimental import multihost_utils
from jax.sharding import AxisType, NamedSharding, PartitionSpec as P
from matplotlib.figure import Figure
from sklearn.datasets import load_digits

import jaxsched

BATCH = 96


@nnx.jit
def train_step(model: nnx.Module, optimizer: nnx.Optimizer, x: jax.Array, y: jax.Array) -> jax.Array:
    def loss_of(model: nnx.Module) -> jax.Array:
        return optax.softmax_cross_entropy_with_integer_labels(model(x), y).mean()

    loss, grads = nnx.value_and_grad(loss_of)(model)
    optimizer.update(model, grads)
    return loss


def train(updates: int, seed: int, out: pathlib.Path) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Trains on the devices of all processes; returns the rates applied here, and the weights."""
    mesh = jax.make_mesh((jax.device_count(),), ("data",), axis_types=(AxisType.Auto,))
    sharded = NamedSharding(mesh, P("data"))
    x, y = load_digits(return_X_y=True)
    x, y = (x / 16).astype(np.float32), y.astype(np.int32)

    rngs = nnx.Rngs(seed)
    model = nnx.Sequential(nnx.Linear(64, 32, rngs=rngs), nnx.relu, nnx.Linear(32, 10, rngs=rngs))
    warmup = jaxsched.LinearLR(0.2, start_factor=0.1, total_iters=updates // 5)
    decay = jaxsched.CosineAnnealingLR(0.2, T_max=updates - updates // 5)
    schedule = jaxsched.SequentialLR([warmup, decay], milestones=[updates // 5])
    sgd = optax.inject_hyperparams(optax.sgd)(learning_rate=schedule, momentum=0.9)
    structure, state = nnx.split((model, nnx.Optimizer(model, sgd, wrt=nnx.Param)))
    # The same seed made the same weights in every process: together they are one global array.
    model, optimizer = nnx.merge(
        structure,
        jax.tree.map(lambda a: multihost_utils.host_local_array_to_global_array(a, mesh, P()), state),
    )

    def local_part(rows: np.ndarray) -> jax.Array:
        """A global batch, of which this process hands over the rows of its own devices."""
        return jax.make_array_from_callback(rows.shape, sharded, lambda index: rows[index])

    rng, rates = np.random.default_rng(seed), []
    with common.Progress("updates", updates, disable=jax.process_index() != 0) as progress:
        for _ in range(updates):
            index = rng.choice(len(x), BATCH, replace=False)
            loss = train_step(model, optimizer, local_part(x[index]), local_part(y[index]))
            rates.append(np.asarray(jaxsched.current_lr(optimizer.opt_state)))
            progress(loss=np.asarray(loss), lr=rates[-1])
    if jax.process_index() == 0:
        common.save(draw(np.array(rates)), out / "multihost.png")
    weights = {
        "/".join(map(str, path)): np.asarray(w[...]) for path, w in nnx.to_flat_state(nnx.state(model))
    }
    return np.array(rates), weights


def draw(rates: np.ndarray) -> Figure:
    figure = Figure(figsize=(8, 3), layout="constrained")
    axes = figure.subplots()
    axes.step(range(len(rates)), rates, where="post", color="C3")
    axes.set(xlabel="count of updates", ylabel="learning rate", title="The learning rate of every process")
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def start_all(processes: int, rest: list[str]) -> int:
    """Starts the processes on this machine and waits for them; the worst exit code."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        address = f"localhost:{free.getsockname()[1]}"
    command = [sys.executable, __file__, *rest, "--coordinator", address, "--num-processes", str(processes)]
    running = [subprocess.Popen([*command, "--process-id", str(i)]) for i in range(processes)]
    return max(abs(process.wait()) for process in running)


def main(argv: list[str] | None = None) -> int:
    parser = common.parser(__doc__, "multihost")
    parser.add_argument("--updates", type=int, default=100, metavar="N", help="(%(default)s)")
    parser.add_argument("--processes", type=int, metavar="N", help="start so many here (2)")
    parser.add_argument("--coordinator", metavar="HOST:PORT", help="where process 0 is")
    parser.add_argument(
        "--num-processes", type=int, metavar="N", help="how many there are, with --coordinator"
    )
    parser.add_argument("--process-id", type=int, metavar="I", help="which of them this is, from 0")
    args = parser.parse_args(argv)
    if args.coordinator is None and args.processes is None:
        args.processes = 2
    if args.processes is not None and args.coordinator is not None:
        parser.error("give --processes to start them here, or --coordinator to be one of them")
    if args.updates < 5:
        parser.error(f"--updates: must be at least 5, got {args.updates}.")
    if args.processes is not None:
        rest = ["--updates", str(args.updates), "--seed", str(args.seed), "--out", str(args.out)]
        return start_all(args.processes, rest)

    jax.distributed.initialize(args.coordinator, args.num_processes, args.process_id)
    if BATCH % jax.device_count():
        parser.error(f"the batch of {BATCH} must divide over {jax.device_count()} devices, and does not")
    rates, weights = train(args.updates, args.seed, args.out)
    alike = multihost_utils.process_allgather(np.concatenate([rates, *(w.ravel() for w in weights.values())]))
    norm = np.linalg.norm(alike[jax.process_index(), len(rates) :])
    print(
        f"Process {jax.process_index()} of {jax.process_count()}: learning rate {rates[-1]:.6g} at update "
        f"{len(rates) - 1}, norm of the weights {norm:.9g}\n",
        end="",  # in one write, so that the lines of the processes do not mix
        flush=True,
    )
    multihost_utils.sync_global_devices("printed")
    if jax.process_index() == 0:
        np.savez(args.out / "multihost.npz", rates=rates, **weights)
        same = "the same" if (alike == alike[0]).all() else "NOT the same"
        print(f"{len(rates)} learning rates and all weights {same} in {jax.process_count()} processes.")
    return 0 if (alike == alike[0]).all() else 1


if __name__ == "__main__":
    sys.exit(main())
