"""Twins made of real models: PyTorch's, NNX's, Linen's."""

import doctest
import re

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import torch
from flax import nnx

import jaxsched
import parity


@pytest.fixture(autouse=True)
def _as_users_have_it():
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


RNG = np.random.default_rng(1)
IMAGES = RNG.normal(size=(6, 8, 5, 5, 2)).astype(np.float32)  # updates, a batch, as JAX has images
LABELS = RNG.integers(0, 3, size=(6, 8))


class TorchNet(torch.nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.norm = torch.nn.Conv2d(2, 4, 3), torch.nn.LayerNorm(4)
        self.last = torch.nn.Linear(4, 3)

    def forward(self, x):
        return self.last(self.norm(torch.relu(self.conv(x)).mean(dim=(2, 3))))


class NNXNet(nnx.Module):
    def __init__(self):
        rngs = nnx.Rngs(0)
        self.conv = nnx.Conv(2, 4, (3, 3), padding="VALID", rngs=rngs)
        self.norm, self.last = nnx.LayerNorm(4, epsilon=1e-5, rngs=rngs), nnx.Linear(4, 3, rngs=rngs)

    def __call__(self, x):
        return self.last(self.norm(nnx.relu(self.conv(x)).mean(axis=(1, 2))))


class LinenNet(nn.Module):
    @nn.compact
    def __call__(self, x):
        x = nn.relu(nn.Conv(4, (3, 3), padding="VALID", name="conv")(x)).mean(axis=(1, 2))
        return nn.Dense(3, name="head")(nn.LayerNorm(epsilon=1e-5, name="norm")(x))


WEIGHTS = {name: value.detach().numpy() for name, value in TorchNet().named_parameters()}


def flax_params(last):
    """PyTorch's weights as Flax has them."""
    return {
        "conv": {"kernel": WEIGHTS["conv.weight"].transpose(2, 3, 1, 0), "bias": WEIGHTS["conv.bias"]},
        "norm": {"scale": WEIGHTS["norm.weight"], "bias": WEIGHTS["norm.bias"]},
        last: {"kernel": WEIGHTS["last.weight"].T, "bias": WEIGHTS["last.bias"]},
    }


def by_torch(scheduler=True, decay=0.0):
    model = TorchNet()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=decay)
    follows = torch.optim.lr_scheduler.StepLR(optimizer, 2, 0.5) if scheduler else None
    batches = [
        (torch.tensor(x.transpose(0, 3, 1, 2)), torch.tensor(y)) for x, y in zip(IMAGES, LABELS, strict=True)
    ]
    loss = torch.nn.functional.cross_entropy
    return parity.torch_twin(model, optimizer, follows, lambda model, b: loss(model(b[0]), b[1]), batches)


def cross_entropy(logits, labels):
    return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()


BATCHES = list(zip(IMAGES, LABELS, strict=True))
SCHEDULE = jaxsched.StepLR(0.01, 2, 0.5)


def by_nnx(**changes):
    model = NNXNet()
    nnx.update(model, jax.tree.map(np.asarray, flax_params("last")))
    transformation = jaxsched.optimizers.scheduled(
        lambda learning_rate, b1: optax.adamw(learning_rate, b1=b1, weight_decay=0.0),
        learning_rate=SCHEDULE,
        b1=0.9,
    )
    given = {
        "optimizer": nnx.Optimizer(model, transformation, wrt=nnx.Param),
        "loss_fn": lambda model, batch: cross_entropy(model(batch[0]), batch[1]),
        "batches": BATCHES,
    }
    return parity.nnx_twin(model, **{**given, **changes})


def by_linen(**changes):
    given = {
        "optimizer": optax.adamw(SCHEDULE, weight_decay=0.0),
        "loss_fn": lambda params, batch: cross_entropy(
            LinenNet().apply({"params": params}, batch[0]), batch[1]
        ),
        "batches": BATCHES,
        "modules": {"head": "last"},
        "learning_rate": SCHEDULE,
    }
    return parity.linen_twin(flax_params("head"), **{**given, **changes})


def test_nnx_beside_torch():
    found = parity.compare_training(by_torch(), by_nnx(), steps=6)
    assert found.passed, found
    assert (found.precision, found.notes) == ("float32", ())
    assert {quantity.name for quantity in found.quantities} == {
        "batch", "initial weights", "loss", "gradient norm", "learning rate", "momentum", "weights"
    }  # fmt: skip
    assert found["loss"].furthest > 0, "losses that are the same to the last bit were not computed twice"
    assert found.values["lr"][0].ravel().tolist() == pytest.approx([0.01, 0.01, 0.005, 0.005, 0.0025, 0.0025])


def test_linen_beside_torch():
    found = parity.compare_training(by_torch(), by_linen(), steps=6)
    assert found.passed, found
    assert found.notes == ("not compared: momentum, which only torch_twin tells",)
    again = by_linen()
    assert parity.compare_training(again, again, steps=6)["weights"].furthest == 0


def test_a_decay_that_only_one_has_is_found():
    found = parity.compare_training(by_torch(decay=0.1), by_nnx(), steps=6)
    assert (found.first.name, found.first.parts) == ("weights", 0)
    assert re.match("update 0 shrinks the weights by 0.001 .* less than PyTorch's, a decay of 0.1 at",
                    found.culprit.because)  # fmt: skip


def test_a_rate_that_is_late_is_found():
    late = parity.compare_training(
        by_torch(), by_linen(learning_rate=lambda k: SCHEDULE(max(k - 1, 0))), steps=6
    )
    assert (late.culprit.name, late.first.parts) == ("learning rate", 2)
    assert "1 count behind" in late.culprit.because


def test_other_batches_are_found():
    found = parity.compare_training(by_torch(), by_nnx(batches=[*BATCHES[1:], BATCHES[0]]), steps=6)
    assert found.culprit.name == "data order"


def test_without_a_scheduler_and_with_an_unknown_rate():
    constant = optax.adamw(0.01, weight_decay=0.0)
    found = parity.compare_training(
        by_torch(scheduler=False), by_linen(optimizer=constant, learning_rate=None), steps=6
    )
    assert found.passed, found
    assert "not compared: learning rate, which only torch_twin tells" in found.notes


def rough_torch(float64=False):
    """A deep network at a high rate, which magnifies what it is given."""
    torch.manual_seed(0)
    layers = [torch.nn.Linear(4, 16), torch.nn.Tanh(), torch.nn.Linear(16, 16), torch.nn.Linear(16, 3)]
    model = torch.nn.Sequential(*layers)
    model = model.double() if float64 else model
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5, momentum=0.9)
    kind = torch.float64 if float64 else torch.float32
    batches = [torch.tensor(x, dtype=kind) for x in NOISE]
    return parity.torch_twin(model, optimizer, None, lambda m, x: torch.sin(3 * m(x)).mean(), batches)()


NOISE = RNG.normal(size=(60, 8, 4)).astype(np.float32)


def rough_flax(float64=False, times=1.0):
    torch.manual_seed(0)
    layers = [torch.nn.Linear(4, 16), torch.nn.Linear(16, 16), torch.nn.Linear(16, 3)]
    kind = np.float64 if float64 else np.float32
    params = {
        name: {"kernel": layer.weight.detach().numpy().T.astype(kind), "bias": layer.bias.detach().numpy()}
        for name, layer in zip("023", layers, strict=True)
    }

    def loss_fn(params, x):
        x = x @ params["0"]["kernel"] + params["0"]["bias"]
        x = jnp.tanh(x) @ params["2"]["kernel"] + params["2"]["bias"]
        return times * jnp.sin(3 * (x @ params["3"]["kernel"] + params["3"]["bias"])).mean()

    with jax.enable_x64(float64):
        params = jax.tree.map(lambda p: jnp.asarray(p, kind), params)
        twin = parity.linen_twin(params, optax.sgd(0.5, momentum=0.9), loss_fn, NOISE.astype(kind))
        yield from twin()


def test_rounding_that_a_real_training_magnifies_is_called_so():
    found = parity.compare_training(rough_torch, rough_flax, steps=60)
    assert not found.passed
    assert found.precision == "float32"
    assert found.culprit.names == ("rounding",)
    assert found.growth.in_float64 < 1e-12
    assert found.growth.factor > 1.05
    assert not found.growth.sudden
    real = parity.compare_training(
        rough_torch, lambda float64=False: rough_flax(float64, times=1.0001), steps=60
    )
    assert real.growth.is_rounding is False
    assert real.culprit.name == "loss"


def plateau_by_torch(each):
    model = torch.nn.Linear(2, 1)
    torch.nn.init.ones_(model.weight)
    torch.nn.init.zeros_(model.bias)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=0, threshold=0.9)
    batches = [torch.ones(4, 2)] * 6
    return parity.torch_twin(
        model, optimizer, scheduler, lambda m, x: m(x).square().mean(), batches, steps_per_epoch=each
    )


def test_a_plateau_is_told_the_loss_and_epochs_have_their_updates():
    params = {"kernel": np.ones((2, 1), np.float32), "bias": np.zeros(1, np.float32)}
    tx = jaxsched.optimizers.scheduled(
        optax.sgd, learning_rate=jaxsched.ReduceLROnPlateau(0.1, patience=0, threshold=0.9)
    )
    ours = parity.linen_twin(
        params,
        tx,
        lambda p, x: ((x @ p["kernel"] + p["bias"]) ** 2).mean(),
        [np.ones((4, 2), np.float32)] * 6,
    )
    found = parity.compare_training(plateau_by_torch(1), ours, steps=6)
    assert found.passed, found
    rates = found.values["lr"][1].ravel()
    assert rates[-1] < rates[0]
    found = parity.compare_training(plateau_by_torch(2), ours, steps=6)
    assert found.culprit.name == "learning rate"


@pytest.mark.parametrize("make", [by_torch, by_nnx])
def test_a_model_is_trained_once(make):
    twin = make()
    with pytest.raises(ValueError, match="has been trained already: make its model anew"):
        parity.compare_training(twin, twin, steps=1)


@pytest.mark.parametrize("name", ["torch_twin", "nnx_twin", "linen_twin"])
def test_the_examples(name):
    run = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    for example in doctest.DocTestFinder().find(getattr(parity, name), name, module=False, globs={}):
        run.run(example)
    assert run.tries > 3
    assert run.failures == 0


class TorchNormed(torch.nn.Module):
    """A bias before a normalization, which takes it away again: its gradient is rounding."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.norm = torch.nn.Conv2d(2, 4, 3), torch.nn.BatchNorm2d(4)

    def forward(self, x):
        return torch.relu(self.norm(self.conv(x))).mean(dim=(2, 3))


class NNXNormed(nnx.Module):
    def __init__(self):
        self.conv = nnx.Conv(2, 4, (3, 3), padding="VALID", rngs=nnx.Rngs(0))
        self.norm = nnx.BatchNorm(4, momentum=0.9, epsilon=1e-5, rngs=nnx.Rngs(0))
        weights = TorchNormed().conv
        self.conv.kernel[...] = weights.weight.detach().numpy().transpose(2, 3, 1, 0)
        self.conv.bias[...] = weights.bias.detach().numpy()

    def __call__(self, x):
        return nnx.relu(self.norm(self.conv(x))).mean(axis=(1, 2))


def normed(decay=0.01, factor=1.0, gradient=True, b1=0.9, dropped=None, steps=1):
    """Both with AdamW; NNX's with these numbers, this share of the kernel's gradient, a batch dropped."""

    def theirs():
        model = TorchNormed()
        optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
        batches = [
            (torch.tensor(x).permute(0, 3, 1, 2), torch.tensor(y))
            for x, y in zip(IMAGES, LABELS, strict=True)
        ]

        def loss_fn(model, batch):
            return torch.nn.functional.cross_entropy(model(batch[0]), batch[1])

        return parity.torch_twin(model, optimizer, None, loss_fn, batches, gradient=gradient)()

    def ours():
        model = NNXNormed()
        optimizer = nnx.Optimizer(model, optax.adamw(0.01, b1=b1, weight_decay=decay), wrt=nnx.Param)

        def loss_fn(model, batch):
            kernel = model.conv.kernel[...]
            model.conv.kernel[...] = factor * kernel + (1 - factor) * jax.lax.stop_gradient(kernel)
            logits = model(batch[0])
            return optax.softmax_cross_entropy_with_integer_labels(logits, batch[1]).mean()

        batches = [batch for k, batch in enumerate(zip(IMAGES, LABELS, strict=True)) if k != dropped]
        return parity.nnx_twin(
            model, optimizer, loss_fn, batches, learning_rate=lambda k: 0.01, gradient=gradient
        )()

    return parity.compare_training(theirs, ours, steps=steps)


def test_a_gradient_that_is_rounding_is_no_fault_of_the_optimizer():
    found = normed()
    assert found.culprit.name == "rounding"
    assert "0 but for rounding (conv.bias)" in found.culprit.because
    assert normed(gradient=False).culprit.wanted == ("gradient",)


def test_a_gradient_that_is_rounding_hides_no_other_culprit():
    found = normed(decay=1e-4)
    assert found.culprit.name == "decay"
    assert "apart from conv.bias, whose gradient is 0 but for rounding" in found.culprit.because


def test_a_gradient_that_is_rounding_hides_no_later_culprit():
    assert normed(steps=3).culprit.name == "rounding"
    found = normed(b1=0.8, steps=3)
    assert (found.first.name, found.first.parts) == ("weights", 0)
    assert found.culprit.name in ("momentum", "optimizer")
    assert "update 1" in found.culprit.because
    assert "set aside is conv.bias" in found.culprit.because
    assert normed(dropped=2, steps=3).culprit.name == "data order"


def test_the_gradient_that_differs_is_named():
    found = normed(factor=0.5)
    assert (found.first.name, found.culprit.name) == ("gradient", "gradient")
    assert "in 1 of 4 arrays (conv.weight)" in found.culprit.because
