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


def test_the_twins_stay_together(tmp_path, capsys):
    found = transformer_lm.main([*SMALL, "--out", str(tmp_path)])
    assert found.passed, str(found)
    apart = {quantity.name: quantity.furthest for quantity in found.quantities}
    assert apart["learning rate"] == 0
    assert apart["loss"] < 3e-6
    assert (tmp_path / "transformer_lm.png").stat().st_size > 10_000
    said = capsys.readouterr().out
    assert "passed: the twins stay together for 12 updates" in said
    assert "Loss 4." in said or "Loss 5." in said


WITHOUT = {
    "clipping": ((), lambda path, leaf: int(leaf.ndim != 2)),
    "the right groups": ((optax.clip_by_global_norm(0.2),), lambda path, leaf: int(leaf.ndim == 2)),
}


@pytest.mark.parametrize("part", WITHOUT)
def test_all_of_the_recipe_matters(part, tmp_path, monkeypatch):
    """Each part left out on one side: the twins part, so that the test above can fail."""
    before, labels = WITHOUT[part]

    def transformation(optimizer, scheduler):
        made = transformer_lm.jaxsched.optimizer_from_torch(optimizer, scheduler, labels=labels)
        return optax.MultiSteps(optax.chain(*before, made), 2).gradient_transformation()

    monkeypatch.setattr(transformer_lm, "CLIPPED", 0.2)  # a model so small has small gradients
    monkeypatch.setattr(transformer_lm, "transformation", transformation)
    monkeypatch.setattr(transformer_lm.jaxsched, "current_lr", lambda state: [0.0])
    found = transformer_lm.main([*SMALL, "--lr", "0.05", "--out", str(tmp_path)])
    (weights,) = [quantity for quantity in found.quantities if quantity.name == "weights"]
    assert not found.passed
    assert weights.furthest > 1e-3


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
