"""Twins: one network trained by PyTorch and by Flax, from the same weights, on the same batches.

Both in float64 on the CPU, an update at a time. A schedule that is right on paper is of no use if it
is applied one update late, so what is compared is what the two optimizers did: the learning rate and
momentum of each update, its loss, its gradient, and the weights after it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import shlex
import time
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Self

import jax
import jax.flatten_util
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
import optax

import jaxsched

from . import ulp
from .cases import MEMBERS, BaseCase, Spec, chain, member, sequence
from .cases.case import How

FEATURES, WIDTH, CLASSES, EXAMPLES, BATCH = 16, 32, 3, 256, 32

RELATIVE = 1e-10
"""How far apart losses, gradients and weights may be. Both sum in an order of their own."""


@dataclasses.dataclass(frozen=True)
class Optimizer:
    """The same optimizer twice."""

    torch: str
    arguments: Mapping[str, Any]
    optax: Callable[..., optax.GradientTransformation]
    cycled: str | None = None
    """Optax's name of what OneCycleLR and CyclicLR drive besides the learning rate."""


OPTIMIZERS: Mapping[str, Optimizer] = {
    "SGD": Optimizer("SGD", {}, optax.sgd),
    "SGD with momentum": Optimizer(
        "SGD", {"momentum": 0.9}, functools.partial(optax.sgd, momentum=0.9), "momentum"
    ),
    "SGD with Nesterov": Optimizer(
        "SGD",
        {"momentum": 0.9, "nesterov": True},
        functools.partial(optax.sgd, momentum=0.9, nesterov=True),
        "momentum",
    ),
    "Adam": Optimizer("Adam", {}, optax.adam, "b1"),
    # The two have defaults of their own for the decay.
    "AdamW": Optimizer(
        "AdamW", {"weight_decay": 0.01}, functools.partial(optax.adamw, weight_decay=0.01), "b1"
    ),
}


@dataclasses.dataclass(frozen=True)
class TrainingCase(BaseCase):
    """A scheduler and an optimizer, for so many updates."""

    optimizer: str
    spec: Spec
    base_lrs: tuple[float, ...] = (0.1,)
    """Of the optimizer's parameter groups: all weights, or the hidden layer and the last one."""

    steps: int = 200

    @property
    def scheduler(self) -> str:
        return self.spec.scheduler

    @property
    def name(self) -> str:
        """The optimizer, and the schedule of each group as its call."""
        return f"{self.optimizer}: {' and '.join(map(self.spec.call, self.base_lrs))}"

    @property
    def arguments(self) -> Mapping[str, Any]:
        return self.spec.arguments

    def shortened(self, steps: int) -> Self:
        return dataclasses.replace(self, steps=min(self.steps, steps))

    @property
    def quantity(self) -> str:
        return "training"

    @property
    def quick(self) -> bool:
        return False

    @classmethod
    def run_all(cls, cases: Sequence[Self], how: How) -> Sequence[TrainingResult]:
        return [train(case, functools.partial(how.progress, case)) for case in cases]


def _cases() -> Iterator[TrainingCase]:
    sgd, momentum, nesterov, adam, adamw = OPTIMIZERS
    for optimizer, name in (
        (sgd, "constant"), (momentum, "linear"), (nesterov, "step"), (adam, "multi"), (adamw, "exponential"),
        (sgd, "polynomial"), (momentum, "cosine to"), (nesterov, "restarts"), (adam, "lambda"),
        (adamw, "cool"), (momentum, "swa"),
    ):  # fmt: skip
        yield TrainingCase(optimizer, MEMBERS[name], (0.01,) if optimizer in (adam, adamw) else (0.1,))
    warm_cosine = (
        member("LinearLR", start_factor=0.01, total_iters=20),
        member("CosineAnnealingLR", T_max=180),
    )
    yield TrainingCase(adamw, Spec("SequentialLR", {"schedulers": warm_cosine, "milestones": [20]}), (0.01,))
    yield TrainingCase(nesterov, sequence((9, 40, 90), "linear", "cosine to", "restarts", "swa linear"))
    yield TrainingCase(momentum, chain("linear", "step"))
    # They drive the momentum, or Adam's beta1, too.
    cyclic = member("CyclicLR", base_lr=0.01, max_lr=0.1, step_size_up=25)
    yield TrainingCase(momentum, cyclic)
    for optimizer in (momentum, nesterov):
        yield TrainingCase(optimizer, member("OneCycleLR", max_lr=0.2, total_steps=200))
    for optimizer in (adam, adamw):
        yield TrainingCase(optimizer, member("OneCycleLR", max_lr=0.01, total_steps=200, three_phase=True))
    # A loop that is closed: the losses decide about the learning rates that decide about the losses.
    plateau = member("ReduceLROnPlateau", factor=0.5, patience=5, threshold=0.02, cooldown=3)
    for optimizer, base_lrs in ((sgd, (0.1,)), (momentum, (0.1, 0.05)), (adam, (0.01,)), (adamw, (0.01,))):
        yield TrainingCase(optimizer, plateau, base_lrs)
    cosine = member("CosineAnnealingLR", T_max=150)
    for optimizer, base_lrs in ((momentum, (0.02, 0.2)), (adamw, (0.001, 0.01))):
        yield TrainingCase(optimizer, cosine, base_lrs)


TRAINING_CASES: tuple[TrainingCase, ...] = tuple(_cases())


# The twins


class Update(NamedTuple):
    """What one update was, in the order in which it came about."""

    loss: float
    gradient: float
    """Its norm."""

    lr: tuple[float, ...]
    momentum: float
    """NaN where nothing cycles it."""

    weights: dict[str, npt.NDArray[np.float64]]


class Data(NamedTuple):
    """Where both begin, and what they see."""

    weights: dict[str, npt.NDArray[np.float64]]
    """By PyTorch's names; the matrices as Flax has them, inputs first."""

    batches: list[tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]]


def data(updates: int) -> Data:
    """A task that can be learnt, though not without error."""
    rng = np.random.default_rng(0)
    weights = {
        f"{layer}.{kind}": rng.uniform(-1, 1, shape) / np.sqrt(fan_in)
        for layer, fan_in, fan_out in (("hidden", FEATURES, WIDTH), ("last", WIDTH, CLASSES))
        for kind, shape in (("weight", (fan_in, fan_out)), ("bias", (fan_out,)))
    }
    x = rng.normal(size=(EXAMPLES, FEATURES))
    y = np.argmax(x @ rng.normal(size=(FEATURES, CLASSES)) + rng.normal(size=(EXAMPLES, CLASSES)), axis=1)
    orders = (rng.permutation(EXAMPLES) for _ in range(-(-updates * BATCH // EXAMPLES)))
    chosen = np.concatenate(list(orders))[: updates * BATCH].reshape(updates, BATCH)
    return Data(weights, [(x[i], y[i]) for i in chosen])


def by_torch(case: TrainingCase, given: Data) -> Iterator[Update]:
    """PyTorch's twin, as anyone writes it."""
    import torch

    hidden, last = torch.nn.Linear(FEATURES, WIDTH), torch.nn.Linear(WIDTH, CLASSES)
    network = torch.nn.Sequential(hidden, torch.nn.ReLU(), last).double()
    parameters = {f"{n}.{p}": getattr(m, p) for n, m in (("hidden", hidden), ("last", last)) for p in _KINDS}
    for name, parameter in parameters.items():
        parameter.data.copy_(torch.from_numpy(given.weights[name].T))
    layers = [network.parameters()] if len(case.base_lrs) == 1 else [hidden.parameters(), last.parameters()]
    groups = [{"params": list(of), "lr": lr} for of, lr in zip(layers, case.base_lrs, strict=True)]
    chosen = OPTIMIZERS[case.optimizer]
    optimizer = getattr(torch.optim, chosen.torch)(groups, **chosen.arguments)
    scheduler = case.spec.torch(optimizer)
    for x, y in given.batches:
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(network(torch.from_numpy(x)), torch.from_numpy(y))
        loss.backward()  # type: ignore[no-untyped-call]
        gradient = torch.nn.utils.get_total_norm([p.grad for p in network.parameters() if p.grad is not None])
        lrs = tuple(float(group["lr"]) for group in optimizer.param_groups)
        momentum = _cycled_by_torch(case, optimizer.param_groups[0])
        optimizer.step()
        if case.scheduler == "ReduceLROnPlateau":
            scheduler.step(loss.item())
        else:
            scheduler.step()
        weights = {name: parameter.detach().numpy().T.copy() for name, parameter in parameters.items()}
        yield Update(loss.item(), gradient.item(), lrs, momentum, weights)


_KINDS = ("weight", "bias")


def _cycles(case: TrainingCase) -> bool:
    return case.scheduler in ("CyclicLR", "OneCycleLR") and OPTIMIZERS[case.optimizer].cycled is not None


def _cycled_by_torch(case: TrainingCase, group: Mapping[str, Any]) -> float:
    if not _cycles(case):
        return np.nan
    return float(group["momentum"] if "momentum" in group else group["betas"][0])


def by_flax(case: TrainingCase, given: Data) -> Iterator[Update]:
    """Flax's twin, as anyone writes it, driven by the schedules of jaxsched."""
    # Not at the top: to compare schedules, nobody needs Flax.
    from flax import nnx

    class Network(nnx.Module):
        def __init__(self) -> None:
            make = functools.partial(nnx.Linear, param_dtype=np.float64, rngs=nnx.Rngs(0))
            self.hidden, self.last = make(FEATURES, WIDTH), make(WIDTH, CLASSES)

        def __call__(self, x: jax.Array) -> jax.Array:
            logits: jax.Array = self.last(nnx.relu(self.hidden(x)))
            return logits

    def loss_of(network: Network, x: Any, y: Any) -> Any:
        return optax.softmax_cross_entropy_with_integer_labels(network(x), y).mean()

    @nnx.jit
    def update(network: Network, optimizer: Any, x: Any, y: Any) -> tuple[jax.Array, jax.Array]:
        loss, grads = nnx.value_and_grad(loss_of)(network, x, y)
        optimizer.update(network, grads, value=loss)
        return loss, jnp.linalg.norm(jax.flatten_util.ravel_pytree(grads)[0])

    with _as_torch_does():
        network = Network()
        parameters = {
            f"{name}.{kind}": getattr(layer, "kernel" if kind == "weight" else kind)
            for name, layer in (("hidden", network.hidden), ("last", network.last))
            for kind in _KINDS
        }
        for name, parameter in parameters.items():
            parameter[...] = jnp.asarray(given.weights[name])
        optimizer = nnx.Optimizer(network, transformation(case), wrt=nnx.Param)
    for x, y in given.batches:
        # Entered for each update: what is between two yields is somebody else's.
        with _as_torch_does():
            loss, gradient = update(network, optimizer, x, y)
            state = optimizer.opt_state
        weights = {name: np.array(parameter[...]) for name, parameter in parameters.items()}
        yield Update(float(loss), float(gradient), _lrs(state), _cycled_by_optax(case, state), weights)


@contextlib.contextmanager
def _as_torch_does() -> Iterator[None]:
    """In float64, on the CPU, and with the promotions that Optax itself relies on."""
    cpu = jax.devices("cpu")[0]
    with jax.enable_x64(True), jax.default_device(cpu), jax.numpy_dtype_promotion("standard"):
        yield


def transformation(case: TrainingCase) -> optax.GradientTransformationExtraArgs:
    """The Optax optimizer of a case; one group for each base learning rate."""
    labels = "all" if len(case.base_lrs) == 1 else _by_layer
    names = ("all",) if len(case.base_lrs) == 1 else ("hidden", "last")
    make, cycled = OPTIMIZERS[case.optimizer].optax, OPTIMIZERS[case.optimizer].cycled
    if case.scheduler == "ReduceLROnPlateau":
        arguments = case.spec.arguments
        plateaus = {n: jaxsched.ReduceLROnPlateau(lr, **arguments) for n, lr in _zip(names, case.base_lrs)}
        return optax.partition(
            {
                name: optax.chain(make(1.0), plateau.scale_by_learning_rate(flip_sign=False))
                for name, plateau in plateaus.items()
            },
            labels,
        )
    groups: dict[Hashable, Any] = {}
    for name, lr in _zip(names, case.base_lrs):
        schedule: Any = case.spec.schedule(lr)
        groups[name] = {"learning_rate": schedule}
        if _cycles(case):
            groups[name][cycled] = schedule.momentum
    return jaxsched.by_group(make, groups, labels)


_zip = functools.partial(zip, strict=True)


def _by_layer(parameters: Any) -> Any:
    return jax.tree_util.tree_map_with_path(lambda path, _: path[0].key, parameters)


def _lrs(state: Any) -> tuple[float, ...]:
    found = jaxsched.current_lr(state)
    rates = (found["hidden"], found["last"]) if isinstance(found, dict) else (found,)
    return tuple(map(float, rates))


def _cycled_by_optax(case: TrainingCase, state: Any) -> float:
    if not _cycles(case):
        return np.nan
    (value,) = jax.tree.leaves(
        optax.tree_utils.tree_get(state, "hyperparams")[OPTIMIZERS[case.optimizer].cycled]
    )
    return float(value)


# The comparison


class Quantity(NamedTuple):
    """One of the quantities that are compared at every update."""

    name: str
    unit: str
    """``"ULP"`` of float32, of which none is allowed; or ``"relative"``, for at most `RELATIVE`."""

    furthest: float
    """The greatest distance at any update; infinite where a value is not finite."""

    at: int
    """The update with it."""

    parts: int | None
    """The first update at which it is too far."""


class Curves(NamedTuple):
    """What there is to draw; float64, one row for each update."""

    lr: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]
    """Flax's, then PyTorch's; of the first group."""

    loss: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]
    weights: npt.NDArray[np.float64]
    """Their distance."""


@dataclasses.dataclass(frozen=True)
class TrainingResult:
    """What came of one pair of twins."""

    case: TrainingCase
    quantities: tuple[Quantity, ...]
    """In the order in which they come about within an update."""

    lr_float64: float
    """The greatest relative distance of the learning rates before they are rounded to float32."""

    reductions: tuple[tuple[int, ...], tuple[int, ...]]
    """Updates before which the plateau reduced the learning rate: Flax's, and PyTorch's."""

    curves: Curves
    seconds: float
    torch_seconds: float

    @property
    def again(self) -> str:
        """The command that does this case once more."""
        return f"parity train -k {shlex.quote(self.case.name)}"

    @property
    def first(self) -> Quantity | None:
        """What parts first; within an update, what comes about first."""
        parted = [quantity for quantity in self.quantities if quantity.parts is not None]
        return min(parted, key=lambda quantity: quantity.parts or 0, default=None)

    @property
    def problem(self) -> str | None:
        """Where and by what the twins part, in one sentence; None when they do not."""
        first = self.first
        if first is None:
            return None
        others = [q for q in self.quantities if q.parts is not None and q is not first]
        then = "; then " + ", ".join(f"{q.name} at {q.parts}" for q in others) if others else ""
        size = f"{first.furthest:.3g} {'ULP' if first.unit == 'ULP' else '(relative)'}"
        return f"the twins part at update {first.parts}, by the {first.name}, up to {size} apart{then}"

    @property
    def passed(self) -> bool:
        return self.problem is None

    def __getitem__(self, name: str) -> Quantity:
        """The quantity of a name."""
        return next(quantity for quantity in self.quantities if quantity.name == name)


def train(
    case: TrainingCase,
    progress: Callable[[int], None] = lambda updates: None,
    *,
    ours: Callable[[TrainingCase, Data], Iterator[Update]] = by_flax,
) -> TrainingResult:
    """Trains both twins, an update of each in turn, and compares them.

    Args:
      case: what to train.
      progress: is told how many more updates are done.
      ours: the twin beside PyTorch's.
    """
    start = time.perf_counter()
    with _one_thread():
        twins, torch_seconds = _in_turn(case, data(case.steps), ours, progress)
    lr, momentum, loss, gradient = (
        tuple(np.asarray([getattr(twin[i], name) for twin in twins], np.float64) for i in (0, 1))
        for name in ("lr", "momentum", "loss", "gradient")
    )
    weights = np.asarray([_apart(*twin) for twin in twins])
    quantities = [
        _quantity("loss", _relative(*loss)),
        _quantity("gradient norm", _relative(*gradient)),
        _quantity("learning rate", _ulps(*lr).max(axis=1), "ULP"),
        *([_quantity("momentum", _ulps(*momentum), "ULP")] if _cycles(case) else []),
        _quantity("weights", weights),
    ]
    return TrainingResult(
        case=case,
        quantities=tuple(quantities),
        lr_float64=float(_relative(*lr).max()),
        reductions=(_reductions(case, lr[0]), _reductions(case, lr[1])),
        curves=Curves((lr[0][:, 0], lr[1][:, 0]), (loss[0], loss[1]), weights),
        seconds=time.perf_counter() - start,
        torch_seconds=torch_seconds,
    )


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """PyTorch on one thread: for arrays as small as these, several wait for one another."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _in_turn(
    case: TrainingCase,
    given: Data,
    ours: Callable[[TrainingCase, Data], Iterator[Update]],
    progress: Callable[[int], None],
) -> tuple[list[tuple[Update, Update]], float]:
    """All updates of both, and the seconds that PyTorch took."""
    twins: list[tuple[Update, Update]] = []
    seconds = 0.0
    theirs, mine = by_torch(case, given), ours(case, given)
    for _ in range(case.steps):
        before = time.perf_counter()
        one = next(theirs)
        seconds += time.perf_counter() - before
        twins.append((next(mine), one))
        progress(1)
    return twins, seconds


def _apart(ours: Update, theirs: Update) -> float:
    """Of the worst layer: the norm of the difference by that of PyTorch's weights."""
    with np.errstate(all="ignore"):  # a network may be lost, and then its weights overflow
        return max(
            float(np.linalg.norm(ours.weights[name] - wanted) / np.linalg.norm(wanted))
            for name, wanted in theirs.weights.items()
        )


def _relative(ours: npt.NDArray[Any], theirs: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(ours == theirs, 0.0, np.abs(ours - theirs) / np.abs(theirs))


def _ulps(ours: npt.NDArray[Any], theirs: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """How far apart the two are once both are rounded to float32."""
    with np.errstate(over="ignore"):
        return ulp.rounded_distance(ours.astype(np.float32), theirs)


def _quantity(name: str, apart: npt.NDArray[np.float64], unit: str = "relative") -> Quantity:
    apart = np.where(np.isfinite(apart), apart, np.inf)
    beyond = np.flatnonzero(apart > (0 if unit == "ULP" else RELATIVE))
    worst = int(apart.argmax())
    return Quantity(name, unit, float(apart[worst]), worst, int(beyond[0]) if len(beyond) else None)


def _reductions(case: TrainingCase, lrs: npt.NDArray[np.float64]) -> tuple[int, ...]:
    if case.scheduler != "ReduceLROnPlateau":
        return ()
    return tuple((np.flatnonzero(np.diff(lrs[:, 0]) < 0) + 1).tolist())
