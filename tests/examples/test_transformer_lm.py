"""The twins of the language model stay together; the one in JAX compiles for devices that are not here."""

import jax
import numpy as np
import optax
import pytest
import transformer_lm
from flax import nnx

from parity.devices.compiler import Compiler
from parity.devices.targets import BY_NAME, missing

SMALL = ["--updates", "12", "--width", "16"]


def apart(theirs, ours):
    return max(abs(a.loss - b.loss) / a.loss for a, b in zip(theirs, ours, strict=True))


def test_the_twins_stay_together(tmp_path, capsys):
    theirs, ours = transformer_lm.main([*SMALL, "--out", str(tmp_path)])
    assert [np.float32(u.lr) for u in theirs] == [np.float32(u.lr) for u in ours]
    rates = [u.lr for u in ours]
    assert rates[0] < max(rates) == np.float32(3e-3) > rates[-1]  # warmed up, and decayed
    assert apart(theirs, ours) < 3e-6
    assert ours[-1].loss < ours[0].loss
    assert (tmp_path / "transformer_lm.png").stat().st_size > 10_000
    said = capsys.readouterr().out.splitlines()[-1]
    assert "Learning rates unlike PyTorch's: 0. Losses nowhere further apart than 1e-5" in said


def test_all_of_the_recipe_matters(tmp_path, monkeypatch):
    """Each part left out on one side: the losses part, so that the test above can fail."""
    optimizer_from_torch = transformer_lm.jaxsched.optimizer_from_torch
    swapped = lambda path, leaf: int(leaf.ndim == 2)  # noqa: E731
    without = {
        "clipping": lambda o, s: optax.MultiSteps(
            optimizer_from_torch(o, s, labels=lambda path, leaf: int(leaf.ndim != 2)), 2
        ).gradient_transformation(),
        "the right groups": lambda o, s: optax.MultiSteps(
            optax.chain(optax.clip_by_global_norm(0.2), optimizer_from_torch(o, s, labels=swapped)), 2
        ).gradient_transformation(),
    }
    monkeypatch.setattr(transformer_lm, "CLIPPED", 0.2)  # a model so small has small gradients
    for part, made in without.items():
        monkeypatch.setattr(transformer_lm, "transformation", made)
        monkeypatch.setattr(transformer_lm.jaxsched, "current_lr", lambda state: [0.0])
        found = apart(*transformer_lm.main([*SMALL, "--lr", "0.05", "--out", str(tmp_path)]))
        assert found > 1e-4, part


@pytest.mark.parametrize("target", [BY_NAME["tpu:v5e"], BY_NAME["cuda:h100"]], ids=str)
def test_it_compiles_for_devices_that_are_not_here(target):
    if needed := missing([target]):
        pytest.skip(needed)
    twin = transformer_lm.TorchGPT(16)
    made = transformer_lm.transformation(*transformer_lm.recipe(twin, 3e-3, 100))
    model = transformer_lm.GPT(16, nnx.Rngs(0))
    structure, state = nnx.split((model, nnx.Optimizer(model, made, wrt=nnx.Param)))
    leaves, tree = jax.tree.flatten(state)

    def step(tokens, *leaves):
        model, optimizer = nnx.merge(structure, jax.tree.unflatten(tree, leaves))
        loss = transformer_lm.train_step(model, optimizer, tokens)
        return loss, *jax.tree.leaves(nnx.state((model, optimizer)))

    tokens = jax.ShapeDtypeStruct((16, 65), np.int32)
    shapes = [jax.ShapeDtypeStruct(x.shape, x.dtype) for x in leaves]
    with Compiler() as compiler:
        texts = compiler.texts(step, [tokens, *shapes], target)
    assert "HloModule" in texts["hlo"]
    assert len(texts["hlo"]) > 10_000


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--updates=3", "--updates: must be at least 10, got 3."),
        ("--width=10", "--width: must be a multiple of 4, got 10."),
    ],
)
def test_bad_options(option, message, capsys):
    with pytest.raises(SystemExit):
        transformer_lm.main([option])
    assert message in capsys.readouterr().err
