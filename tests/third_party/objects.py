"""Schedulers of other libraries: how each is made, and how its library steps it.

A module is loaded by its file, and the packages around it are entered as bare namespaces, so that a scheduler
can be tried without all that its library needs for something else.
"""

import dataclasses
import functools
import importlib
import importlib.machinery
import importlib.metadata
import importlib.util
import sys
import types
from collections.abc import Callable
from typing import Any

import torch

BARE = {"diffusers", "fairseq2", "open_clip_train", "timm", "torchtune"}
"""Packages that import much else when they are entered, or what is not installed: they are not entered."""


def module(name: str) -> Any:
    """A module of a library."""
    top, *_ = packages = name.split(".")[:-1]
    for i in range(1, len(packages) + 1):
        package = ".".join(packages[:i])
        if top in BARE and package not in sys.modules:
            found = importlib.metadata.distribution(DISTRIBUTIONS[top])
            bare = types.ModuleType(package)
            bare.__path__ = [str(found.locate_file("/".join(packages[:i])))]
            bare.__version__ = found.version
            bare.__spec__ = importlib.machinery.ModuleSpec(package, None, is_package=True)
            sys.modules[package] = bare
    return importlib.import_module(name)


DISTRIBUTIONS = {
    "accelerate": "accelerate",
    "deepspeed": "deepspeed",
    "diffusers": "diffusers",
    "fairseq2": "fairseq2",
    "ignite": "pytorch-ignite",
    "lightning": "lightning",
    "transformers": "transformers",
    "megatron": "megatron-core",
    "mmengine": "mmengine",
    "monai": "monai",
    "open_clip_train": "open-clip-torch",
    "fvcore": "fvcore",
    "pytorch_lightning": "pytorch-lightning",
    "pytorch_optimizer": "pytorch_optimizer",
    "pytorch_scheduler": "pytorch-scheduler",
    "pytorch_warmup": "pytorch-warmup",
    "timm": "timm",
    "torch_cosine_annealing": "torch-cosine-annealing",
    "torchtune": "torchtune",
    "warmup_scheduler": "warmup_scheduler",
}
"""Which distribution a package comes from."""


def sgd(lr: float = 0.1, **group: Any) -> Any:
    return torch.optim.SGD([{"params": [torch.nn.Parameter(torch.zeros(1))], **group}], lr=lr, momentum=0.9)


@dataclasses.dataclass(frozen=True)
class Theirs:
    """One object of another library."""

    package: str
    name: str
    make: Callable[[], Any]
    """The live object, with an optimizer of its own."""
    step: Callable[[Any, int], object] | None = None
    """Makes the step to a count, as its library does in training; ``scheduler.step()`` if it is None."""
    given: Callable[[Any], object] | None = None
    """``step=`` of `from_torch`, where the object does not tell how it is stepped."""
    quantity: str = "lr"
    before: bool = False
    """Whether it steps before the first update, too."""
    formula: bool = False
    """Whether the answer is a schedule of its own class, or of the function it has, and no recording."""

    @property
    def version(self) -> str:
        return importlib.metadata.version(DISTRIBUTIONS[self.package])

    @property
    def installed(self) -> bool:
        try:
            return bool(self.version)
        except importlib.metadata.PackageNotFoundError:
            return False


def maker(path: str, name: str, *args: Any, **kwargs: Any) -> Callable[[], Any]:
    """The object that a class or function makes of an optimizer and arguments."""
    lr = kwargs.pop("lr", 0.1)
    return lambda: getattr(module(path), name)(sgd(lr), *args, **kwargs)


def row(path: str, name: str, *args: Any, formula: bool = False, **kwargs: Any) -> Theirs:
    """An object with ``step()``."""
    make = maker(path, name, *args, **kwargs)
    return Theirs(path.partition(".")[0], f"{path}.{name}", make, formula=formula)


# timm -------------------------------------------------------------------------------------


def timm(file: str, name: str, **kwargs: Any) -> Theirs:
    by_epoch = kwargs.get("t_in_epochs", True)

    def step(scheduler: Any, count: int) -> None:
        (scheduler.step if by_epoch else scheduler.step_update)(count)

    shown = f"timm.scheduler.{name}({', '.join(f'{k}={v}' for k, v in kwargs.items())})"
    formula = name != "WSDLRScheduler" and "noise_range_t" not in kwargs
    return Theirs("timm", shown, maker(f"timm.scheduler.{file}", name, **kwargs), step, formula=formula)


TIMM = [
    timm("cosine_lr", "CosineLRScheduler", t_initial=50, lr_min=1e-4, warmup_t=5, warmup_lr_init=1e-3),
    timm("cosine_lr", "CosineLRScheduler", t_initial=20, cycle_mul=2.0, cycle_decay=0.5, cycle_limit=3),
    timm(
        "cosine_lr",
        "CosineLRScheduler",
        t_initial=60,
        k_decay=1.5,
        t_in_epochs=False,
        warmup_prefix=True,
        warmup_t=7,
    ),
    timm("cosine_lr", "CosineLRScheduler", t_initial=60, noise_range_t=(10, 40), noise_pct=0.3, noise_seed=7),
    timm("step_lr", "StepLRScheduler", decay_t=15, decay_rate=0.5, warmup_t=3),
    timm("multistep_lr", "MultiStepLRScheduler", decay_t=[10, 30], decay_rate=0.5),
    timm("poly_lr", "PolyLRScheduler", t_initial=60, power=0.9),
    timm("tanh_lr", "TanhLRScheduler", t_initial=60),
    timm("wsd_lr", "WSDLRScheduler", t_initial=60, warmup_t=5, decay_t=20),
]

# ignite: handlers of the event before an update ---------------------------------------------


class Engine:
    def __init__(self) -> None:
        self.state = types.SimpleNamespace(param_history={})


def ignite(name: str, *args: Any, **kwargs: Any) -> Theirs:
    make = maker("ignite.handlers.param_scheduler", name, *args, **kwargs)
    engine = Engine()
    return Theirs("ignite", f"ignite.handlers.{name}", make, lambda s, count: s(engine), before=True)


def concatenated() -> Any:
    handlers = module("ignite.handlers.param_scheduler")
    optimizer = sgd()
    up = handlers.LinearCyclicalScheduler(optimizer, "lr", 0.01, 0.1, 20)
    down = handlers.CosineAnnealingScheduler(optimizer, "lr", 0.1, 0.001, 80)
    return handlers.ConcatScheduler([up, down], [10])


IGNITE = [
    ignite("LinearCyclicalScheduler", "lr", 0.1, 0.01, 20),
    ignite("CosineAnnealingScheduler", "lr", 0.1, 0.001, 30),
    ignite("PiecewiseLinear", "lr", [(10, 0.5), (20, 0.45), (50, 0.0)]),
    Theirs(
        "ignite", "ignite.handlers.ConcatScheduler", concatenated, lambda s, count: s(Engine()), before=True
    ),
]

# mmengine -----------------------------------------------------------------------------------

MM = functools.partial(row, "mmengine.optim.scheduler.lr_scheduler")
MMENGINE = [
    MM("ConstantLR", factor=0.5, end=10),
    MM("CosineAnnealingLR", T_max=50, eta_min=0.001),
    MM("ExponentialLR", gamma=0.95),
    MM("LinearLR", start_factor=0.1, end=20),
    MM("MultiStepLR", milestones=[10, 30]),
    MM("StepLR", step_size=15),
    MM("PolyLR", power=0.9, end=60),
    MM("CosineRestartLR", periods=[10, 30, 200], restart_weights=[1, 0.5, 0.25], eta_min=0.0),
    Theirs(
        "mmengine",
        "mmengine.optim.scheduler.momentum_scheduler.LinearMomentum",
        maker("mmengine.optim.scheduler.momentum_scheduler", "LinearMomentum", start_factor=0.5, end=20),
        quantity="momentum",
    ),
]

# Those that dampen another: pytorch-warmup, GradualWarmupScheduler ----------------------------


def dampened(name: str, **kwargs: Any) -> Theirs:
    def make() -> Any:
        optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
        cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=80)
        warmup = getattr(
            module("pytorch_warmup.untuned" if name.startswith("Untuned") else "pytorch_warmup.base"), name
        )(optimizer, **kwargs)
        return types.SimpleNamespace(optimizer=optimizer, cosine=cosine, warmup=warmup)

    def step(both: Any, *_: Any) -> None:
        with both.warmup.dampening():
            both.cosine.step()

    return Theirs("pytorch_warmup", f"pytorch_warmup.{name} over a cosine", make, step, given=step)


def gradual() -> Any:
    optimizer = sgd()
    after = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.95)
    return module("warmup_scheduler.scheduler").GradualWarmupScheduler(optimizer, 1.0, 10, after)


DAMPENED = [
    dampened("LinearWarmup", warmup_period=20),
    dampened("ExponentialWarmup", warmup_period=20),
    dampened("UntunedLinearWarmup"),
    Theirs("warmup_scheduler", "warmup_scheduler.GradualWarmupScheduler over an exponential", gradual),
]

# Small ones ---------------------------------------------------------------------------------

WARM = {"cycle_period": 20, "cycle_mult": 2.0, "warmup_period": 5, "max_lr": 0.1, "min_lr": 0.001}
SMALL = [
    row(
        "pytorch_optimizer.lr_scheduler.cosine_anealing",
        "CosineAnnealingWarmupRestarts",
        40,
        2.0,
        0.1,
        1e-3,
        5,
    ),
    row("pytorch_optimizer.lr_scheduler.rex", "REXScheduler", 100, 0.1, 0.0),
    row("pytorch_optimizer.lr_scheduler.linear_warmup", "LinearScheduler", 60, 0.1, 0.0, 0.0, 6),
    row("pytorch_optimizer.lr_scheduler.linear_warmup", "CosineScheduler", 60, 0.1, 0.0, 0.0, 6),
    row("pytorch_optimizer.lr_scheduler.wsd", "get_wsd_schedule", 10, 30, 20, formula=True),
    row("monai.optimizers.lr_scheduler", "WarmupCosineSchedule", 10, 100),
    row("monai.optimizers.lr_scheduler", "LinearLR", 0.5, 100),
    row(
        "torch_cosine_annealing.cosine_annealing_with_warm_restarts",
        "CosineAnnealingWithWarmRestarts",
        **WARM,
    ),
    row("pytorch_scheduler.scheduler.rex", "RexScheduler", 100),
    row("pytorch_scheduler.scheduler.inverse_sqrt", "InverseSqrtScheduler", 10),
    row("pytorch_scheduler.scheduler.tanh_decay", "TanhDecayScheduler", 100),
    row("pytorch_scheduler.scheduler.slanted_triangular", "SlantedTriangularScheduler", 100),
    row("pytorch_scheduler.scheduler.hyperbolic", "HyperbolicLRScheduler", 100, 200),
    row("torchtune.training.lr_schedulers", "get_cosine_schedule_with_warmup", 10, 100, formula=True),
    row("fairseq2.optim.lr_schedulers.noam", "NoamLR", 20),
    row("fairseq2.optim.lr_schedulers.tri_stage", "TriStageLR", 100, stage_ratio=(0.1, 0.4, 0.5)),
]

# diffusers: LambdaLR of their own functions ---------------------------------------------------


def by_name(package: str, path: str, name: str, **kwargs: Any) -> Theirs:
    make = lambda: module(path).get_scheduler(name, sgd(), **kwargs)  # noqa: E731
    return Theirs(package, f"{package}.get_scheduler({name!r})", make, formula=True)


OF_DIFFUSERS = functools.partial(by_name, "diffusers", "diffusers.optimization")
STEPS = {"num_warmup_steps": 10, "num_training_steps": 100}
BY_NAME = [
    OF_DIFFUSERS("linear", **STEPS),
    OF_DIFFUSERS("cosine", **STEPS),
    OF_DIFFUSERS("polynomial", **STEPS),
    OF_DIFFUSERS("piecewise_constant", step_rules="1:10,0.1:20,0.01:30,0.005"),
    by_name("transformers", "transformers.optimization", "cosine", **STEPS),
    by_name("transformers", "transformers.optimization", "inverse_sqrt", num_warmup_steps=10),
]

# DeepSpeed, Megatron --------------------------------------------------------------------------

DS = functools.partial(row, "deepspeed.runtime.lr_schedules")


def megatron() -> Any:
    optimizer = sgd(max_lr=0.1, min_lr=0.001, wd_mult=1.0, lr_mult=1.0, weight_decay=0.01)
    return module("megatron.core.optimizer_param_scheduler").OptimizerParamScheduler(
        optimizer,
        init_lr=0.0,
        max_lr=0.1,
        min_lr=0.001,
        lr_warmup_steps=10,
        lr_decay_steps=80,
        lr_decay_style="cosine",
        start_wd=0.01,
        end_wd=0.1,
        wd_incr_steps=80,
        wd_incr_style="linear",
    )


def increment(scheduler: Any, *_: Any) -> None:
    scheduler.step(1)


LARGE = [
    DS("WarmupLR", 0.0, 0.1, 20),
    DS("WarmupDecayLR", 90, 0.0, 0.1, 20),
    DS("WarmupCosineLR", 90, 0.0, 20),
    DS("OneCycle", 0.01, 0.1, cycle_first_step_size=20, decay_lr_rate=0.1),
    DS("LRRangeTest", 0.001, 10),
    Theirs("megatron", "megatron.core.OptimizerParamScheduler", megatron, increment, given=increment),
    Theirs(
        "megatron",
        "megatron.core.OptimizerParamScheduler, weight decay",
        megatron,
        increment,
        given=increment,
        quantity="weight_decay",
    ),
]

# Functions that a loop calls before each update ------------------------------------------------


def in_a_loop(package: str, name: str, write: Callable[[Any, int], object]) -> Theirs:
    """A loop that has written what it writes before the first update."""

    def make() -> Any:
        loop = types.SimpleNamespace(optimizer=sgd(), count=0)
        write(loop.optimizer, 0)
        return loop

    def step(loop: Any, *_: Any) -> None:
        loop.count += 1
        write(loop.optimizer, loop.count)

    return Theirs(package, name, make, step, given=step)


def open_clip(name: str, *args: Any) -> Theirs:
    def write(optimizer: Any, count: int) -> None:
        getattr(module("open_clip_train.scheduler"), name)(optimizer, *args)(count)

    return in_a_loop("open_clip_train", f"open_clip_train.{name}", write)


def of_the_share(name: str, *args: Any) -> Theirs:
    """fvcore's are functions of the share of the training."""

    def write(optimizer: Any, count: int) -> None:
        function = getattr(module("fvcore.common.param_scheduler"), name)(*args)
        for group in optimizer.param_groups:
            group["lr"] = function(count / 200)

    return in_a_loop("fvcore", f"fvcore.{name}", write)


FUNCTIONS = [
    open_clip("cosine_lr", 0.1, 10, 150),
    open_clip("const_lr_cooldown", 0.1, 10, 150, 40),
    of_the_share("CosineParamScheduler", 0.1, 0.001),
    of_the_share("PolynomialDecayParamScheduler", 0.1, 0.9),
]

# Wrappers -------------------------------------------------------------------------------------


def accelerated() -> Any:
    optimizer = sgd()
    made = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 100)
    return module("accelerate.scheduler").AcceleratedScheduler(made, optimizer, step_with_optimizer=False)


def lightning(package: str, path: str) -> Theirs:
    def make() -> Any:
        made = torch.optim.lr_scheduler.StepLR(sgd(), 20)
        return module(f"{path}.utilities.types").LRSchedulerConfig(made, interval="step")

    return Theirs(
        package, f"{path}.LRSchedulerConfig", make, lambda c, count: c.scheduler.step(), formula=True
    )


WRAPPERS = [
    Theirs("accelerate", "accelerate.AcceleratedScheduler", accelerated, formula=True),
    lightning("pytorch_lightning", "pytorch_lightning"),
    lightning("lightning", "lightning.pytorch"),
]

OBJECTS = [*TIMM, *IGNITE, *MMENGINE, *DAMPENED, *SMALL, *BY_NAME, *LARGE, *FUNCTIONS, *WRAPPERS]
