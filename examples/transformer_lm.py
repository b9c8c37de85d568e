"""A small GPT on Python's own documentation, in NNX and in PyTorch, from the same weights.

  python examples/transformer_lm.py
  python examples/transformer_lm.py --updates 400 --width 128

The recipe is PyTorch's and is written once: AdamW with two parameter groups (matrices decay, the rest does
not), gradients clipped by their norm, a learning rate that warms up, stays and decays, and batches gathered
over several steps. `optimizer_from_torch` makes Flax's optimizer of it. Both twins see the same batches; the
one in JAX is sharded over the devices there are. The picture has both losses on top of each other and, below,
how far apart they are.
"""

from __future__ import annotations

import pydoc_data.topics
from collections.abc import Iterator
from typing import Any

import common
import jax
import jax.numpy as jnp
import numpy as np
import optax
import torch
from flax import nnx
from jax.sharding import AxisType, NamedSharding, PartitionSpec as P
from matplotlib.figure import Figure

import jaxsched
import parity

VOCABULARY = 128  # ASCII
LAYERS, HEADS = 2, 4
CONTEXT, BATCH = 64, 16
GATHERED = 2  # batches for each update
CLIPPED = 1.0  # the norm of the gradient


Told = dict[str, Any]
"""What a twin says of an update; `parity.compare_training` knows the names."""


# The text -------------------------------------------------------------------------------


def text() -> np.ndarray:
    """What ``help()`` knows, as numbers below `VOCABULARY`."""
    whole = "\n".join(pydoc_data.topics.topics.values())
    return np.frombuffer(whole.encode("ascii", "replace"), np.uint8).astype(np.int32)


def batches(updates: int, seed: int) -> Iterator[np.ndarray]:
    """Pieces of the text, one character longer than the context; `GATHERED` batches for each update."""
    letters, rng = text(), np.random.default_rng(seed)
    for _ in range(updates):
        begin = rng.integers(len(letters) - CONTEXT - 1, size=(GATHERED, BATCH, 1))
        yield letters[begin + np.arange(CONTEXT + 1)]


# PyTorch --------------------------------------------------------------------------------


class TorchBlock(torch.nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = torch.nn.LayerNorm(width), torch.nn.LayerNorm(width)
        # No bias: the gradient of a key's is nothing but rounding, which Adam makes as large as any other.
        self.qkv, self.out = torch.nn.Linear(width, 3 * width, bias=False), torch.nn.Linear(width, width)
        self.up, self.down = torch.nn.Linear(width, 4 * width), torch.nn.Linear(4 * width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        n, t, width = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(n, t, 3, HEADS, width // HEADS).unbind(2)
        scores = torch.einsum("nqhd,nkhd->nhqk", q, k) / (width // HEADS) ** 0.5
        later = torch.ones(t, t, dtype=torch.bool).triu(1)
        weights = scores.masked_fill(later, -torch.inf).softmax(-1)
        x = x + self.out(torch.einsum("nhqk,nkhd->nqhd", weights, v).reshape(n, t, width))
        return x + self.down(torch.nn.functional.gelu(self.up(self.norm2(x)), approximate="tanh"))


class TorchGPT(torch.nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.letters = torch.nn.Embedding(VOCABULARY, width)
        self.places = torch.nn.Embedding(CONTEXT, width)
        self.blocks = torch.nn.ModuleList(TorchBlock(width) for _ in range(LAYERS))
        self.norm, self.head = torch.nn.LayerNorm(width), torch.nn.Linear(width, VOCABULARY)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        x = self.letters(tokens) + self.places.weight[: tokens.shape[1]]
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


def recipe(model: TorchGPT, lr: float, updates: int) -> tuple[torch.optim.Optimizer, Any]:
    """The optimizer and its scheduler, as a PyTorch script has them."""
    schedulers = torch.optim.lr_scheduler
    matrices = [p for p in model.parameters() if p.ndim == 2]
    others = [p for p in model.parameters() if p.ndim != 2]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=lr, betas=(0.9, 0.95))
    warmup, decay = max(updates // 10, 1), max(updates // 5, 1)
    members = [
        schedulers.LinearLR(optimizer, start_factor=0.1, total_iters=warmup),
        schedulers.ConstantLR(optimizer, factor=1.0),
        schedulers.CosineAnnealingLR(optimizer, T_max=decay, eta_min=lr / 100),
    ]
    return optimizer, schedulers.SequentialLR(optimizer, members, [warmup, updates - decay])


def by_torch(model: TorchGPT, optimizer: torch.optim.Optimizer, scheduler: Any, batch: np.ndarray) -> Told:
    losses = []
    for tokens in torch.tensor(batch, dtype=torch.int64):
        logits = model(tokens[:, :-1])
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())
        (loss / GATHERED).backward()
        losses.append(loss.item())
    torch.nn.utils.clip_grad_norm_(model.parameters(), CLIPPED)
    lr = optimizer.param_groups[0]["lr"]
    optimizer.step()
    optimizer.zero_grad()
    scheduler.step()
    weights = {name: p.detach().numpy().copy() for name, p in model.named_parameters()}
    return {"batch": batch, "loss": float(np.mean(losses)), "lr": lr, "weights": weights}


# JAX ------------------------------------------------------------------------------------


class Block(nnx.Module):
    def __init__(self, width: int, rngs: nnx.Rngs) -> None:
        norm = lambda: nnx.LayerNorm(width, epsilon=1e-5, rngs=rngs)  # noqa: E731 -- PyTorch's epsilon
        self.norm1, self.norm2 = norm(), norm()
        self.qkv = nnx.Linear(width, 3 * width, use_bias=False, rngs=rngs)
        self.out = nnx.Linear(width, width, rngs=rngs)
        self.up, self.down = nnx.Linear(width, 4 * width, rngs=rngs), nnx.Linear(4 * width, width, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        n, t, width = x.shape
        q, k, v = jnp.moveaxis(self.qkv(self.norm1(x)).reshape(n, t, 3, HEADS, width // HEADS), 2, 0)
        scores = jnp.einsum("nqhd,nkhd->nhqk", q, k) / (width // HEADS) ** 0.5
        weights = jax.nn.softmax(jnp.where(np.tri(t, dtype=bool), scores, -jnp.inf))
        x = x + self.out(jnp.einsum("nhqk,nkhd->nqhd", weights, v).reshape(n, t, width))
        return x + self.down(nnx.gelu(self.up(self.norm2(x)), approximate=True))


class GPT(nnx.Module):
    def __init__(self, width: int, rngs: nnx.Rngs) -> None:
        self.letters = nnx.Embed(VOCABULARY, width, rngs=rngs)
        self.places = nnx.Embed(CONTEXT, width, rngs=rngs)
        self.blocks = nnx.List(Block(width, rngs) for _ in range(LAYERS))
        self.norm = nnx.LayerNorm(width, epsilon=1e-5, rngs=rngs)
        self.head = nnx.Linear(width, VOCABULARY, rngs=rngs)

    def __call__(self, tokens: jax.Array) -> jax.Array:
        x = self.letters(tokens) + self.places.embedding[: tokens.shape[1]]
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


def placed(model: GPT, name: str) -> tuple[Any, bool]:
    """Where a weight of PyTorch is in Flax, and whether it is transposed there."""
    *path, last = name.split(".")
    module: Any = model
    for step in path:
        module = module[int(step)] if step.isdigit() else getattr(module, step)
    if last == "bias":
        return module.bias, False
    kinds = {nnx.Linear: "kernel", nnx.Embed: "embedding", nnx.LayerNorm: "scale"}
    return getattr(module, kinds[type(module)]), isinstance(module, nnx.Linear)


def with_weights_of(theirs: TorchGPT, model: GPT) -> GPT:
    """The same model with PyTorch's weights."""
    for name, parameter in theirs.named_parameters():
        there, transposed = placed(model, name)
        value = parameter.detach().numpy()
        there[...] = jnp.array(value.T if transposed else value)  # a copy: PyTorch trains in place
    return model


def transformation(optimizer: torch.optim.Optimizer, scheduler: Any) -> optax.GradientTransformationExtraArgs:
    """PyTorch's recipe in Optax: clipped, in groups, driven by the scheduler, batches gathered."""
    same = jaxsched.optimizer_from_torch(
        optimizer, scheduler, labels=lambda path, leaf: 0 if leaf.ndim == 2 else 1
    )
    clipped = optax.chain(optax.clip_by_global_norm(CLIPPED), same)
    return optax.MultiSteps(clipped, GATHERED).gradient_transformation()


def loss_of(model: GPT, tokens: jax.Array) -> jax.Array:
    logits = model(tokens[:, :-1])
    return optax.softmax_cross_entropy_with_integer_labels(logits, tokens[:, 1:]).mean()


@nnx.jit
def train_step(model: GPT, optimizer: nnx.Optimizer, tokens: jax.Array) -> jax.Array:
    loss, grads = nnx.value_and_grad(loss_of)(model, tokens)
    optimizer.update(model, grads)
    return loss


def by_jax(
    model: GPT, optimizer: nnx.Optimizer, batch: np.ndarray, sharding: NamedSharding, names: list[str]
) -> Told:
    losses = [float(train_step(model, optimizer, jax.device_put(tokens, sharding))) for tokens in batch]
    lr = float(jaxsched.current_lr(optimizer.opt_state)[0])
    found = [(name, *placed(model, name)) for name in names]
    weights = {name: np.asarray(x[...]).T if turned else np.asarray(x[...]) for name, x, turned in found}
    return {"batch": batch, "loss": float(np.mean(losses)), "lr": lr, "weights": weights}


# The script -----------------------------------------------------------------------------


def draw(theirs: list[Told], ours: list[Told]) -> Figure:
    figure = Figure(figsize=(8, 7), layout="constrained")
    losses, rates, apart = figure.subplots(3, 1, sharex=True, height_ratios=(3, 1, 1))
    for axes, name in ((losses, "loss"), (rates, "lr")):
        axes.plot([told[name] for told in theirs], color="C1", linewidth=4, alpha=0.4, label="PyTorch")
        axes.plot([told[name] for told in ours], color="C0", linewidth=1.2, label="Flax")
    distance = [abs(a["loss"] - b["loss"]) / a["loss"] for a, b in zip(theirs, ours, strict=True)]
    apart.plot(distance, ".", color="0.4")  # equal losses are not on a logarithmic scale
    apart.set(yscale="log", ylabel="loss apart\n(relative)", xlabel="update")
    losses.set_ylabel("loss")
    rates.set_ylabel("learning rate")
    for axes in (losses, rates, apart):
        axes.spines[["top", "right"]].set_visible(False)
    losses.legend(frameon=False)
    losses.set_title("The same recipe from the same weights: both losses, and how far apart they are")
    return figure


def main(argv: list[str] | None = None) -> parity.TrainingComparison:
    parser = common.parser(__doc__, "transformer_lm")
    parser.add_argument("--updates", type=int, default=200, metavar="N", help="(%(default)s)")
    parser.add_argument("--width", type=int, default=64, metavar="N", help="of the model (%(default)s)")
    parser.add_argument("--lr", type=float, default=3e-3, help="after the warm-up (%(default)s)")
    args = parser.parse_args(argv)
    if args.updates < 10:
        parser.error(f"--updates: must be at least 10, got {args.updates}.")
    if args.width < HEADS or args.width % HEADS:
        parser.error(f"--width: must be a multiple of {HEADS}, got {args.width}.")
    if BATCH % jax.device_count():
        parser.error(f"{jax.device_count()} devices must divide the batch of {BATCH}.")

    torch.manual_seed(args.seed)
    twin = TorchGPT(args.width)
    optimizer, scheduler = recipe(twin, args.lr, args.updates)
    mesh = jax.make_mesh((jax.device_count(),), ("data",), axis_types=(AxisType.Auto,))
    everywhere, sharded = NamedSharding(mesh, P()), NamedSharding(mesh, P("data"))
    model = with_weights_of(twin, GPT(args.width, nnx.Rngs(args.seed)))
    flax_optimizer = nnx.Optimizer(model, transformation(optimizer, scheduler), wrt=nnx.Param)
    state = nnx.state((model, flax_optimizer))
    nnx.update((model, flax_optimizer), jax.device_put(state, everywhere))
    names = [name for name, _ in twin.named_parameters()]

    theirs: list[Told] = []
    ours: list[Told] = []

    def torch_twin() -> Iterator[Told]:
        for batch in batches(args.updates, args.seed):
            theirs.append(by_torch(twin, optimizer, scheduler, batch))
            yield theirs[-1]

    def flax_twin() -> Iterator[Told]:
        for batch in batches(args.updates, args.seed):
            ours.append(by_jax(model, flax_optimizer, batch, sharded, names))
            progress(loss=ours[-1]["loss"], lr=ours[-1]["lr"])
            yield ours[-1]

    with common.Progress("updates", total=args.updates) as progress:
        found = parity.compare_training(torch_twin, flax_twin, steps=args.updates)
    picture = common.save(draw(theirs, ours), args.out / "transformer_lm.png")
    print(found)
    print(
        f"Loss {ours[0]['loss']:.3f} -> {ours[-1]['loss']:.3f} in {args.updates} updates on "
        f"{jax.device_count()} device(s). Picture: {picture}"
    )
    return found


if __name__ == "__main__":
    main()
