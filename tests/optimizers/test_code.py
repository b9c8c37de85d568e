"""The source of an optimizer, executed, beside the optimizer itself."""

import jax
import numpy as np
import pytest
import torch
from arguments import ARGUMENTS
from beside import live, random, trained
from hypothesis import Phase, given, settings, strategies as st
from test_driven import BY_INDEX, BY_NAME, CYCLES, SCHEDULERS, two_groups
from torch.optim import lr_scheduler

from jaxsched import optax_code, optimizer_from_torch


def executed(code):
    scope = {}
    exec(compile(code, "pasted", "exec"), scope)
    return scope


def same(one, other, name, values=None):
    params, grads = random(name, 0, 5)
    found = [trained(each, params, grads, dtype=np.float32, values=values) for each in (one, other)]
    for x, y in zip(jax.tree.leaves(found[0]), jax.tree.leaves(found[1]), strict=True):
        np.testing.assert_array_equal(x, y)
    assert jax.tree.structure(found[0][1]) == jax.tree.structure(found[1][1])


@pytest.mark.parametrize("name", sorted(ARGUMENTS))
@settings(max_examples=2, phases=(Phase.reuse, Phase.generate))
@given(data=st.data())
def test_of_any_arguments(name, data):
    params, _ = random(name, 0, 1)
    optimizer, _ = live(name, params, data.draw(ARGUMENTS[name]))
    code = optax_code(optimizer)
    assert max(map(len, code.splitlines())) <= 100
    same(executed(code)["optimizer"], optimizer_from_torch(optimizer), name)


@pytest.mark.parametrize(
    "driving",
    [
        SCHEDULERS["StepLR"],
        SCHEDULERS["SequentialLR"],
        CYCLES["OneCycleLR"],
        lambda o: lr_scheduler.SequentialLR(o, [lr_scheduler.ConstantLR(o), lr_scheduler.StepLR(o, 9)], [5]),
        lambda o: lr_scheduler.ReduceLROnPlateau(o, "max", patience=1),
    ],
)
def test_of_schedulers(driving):
    params, _ = random("NAdam", 0, 1)
    optimizer, _ = live("NAdam", params, {"lr": 0.1, "weight_decay": 0.1})
    scheduler = driving(optimizer)
    plateau = isinstance(scheduler, lr_scheduler.ReduceLROnPlateau)
    code = optax_code(optimizer, scheduler)
    values = np.zeros(5) if plateau else None
    same(executed(code)["optimizer"], optimizer_from_torch(optimizer, scheduler), "NAdam", values)


@pytest.mark.parametrize(("names", "labels"), [(True, BY_NAME), (False, BY_INDEX)])
def test_of_groups(names, labels):
    params, _ = random("AdamW", 0, 1)
    optimizer, _ = two_groups(params, names=names, eps=1e-3)
    scheduler = lr_scheduler.StepLR(optimizer, 2)
    code = optax_code(optimizer, scheduler)
    made = executed(code)["make_optimizer"](labels)
    same(made, optimizer_from_torch(optimizer, scheduler, labels=labels), "AdamW")


def test_reads_well():
    params, _ = random("SGD", 0, 1)
    optimizer, _ = live("SGD", params, {"lr": 0.5, "momentum": 0.9, "weight_decay": 0.01, "maximize": True})
    assert (
        optax_code(optimizer, lr_scheduler.StepLR(optimizer, 30))
        == """\
import optax
from jaxsched import StepLR
from jaxsched.optimizers import scheduled

optimizer = scheduled(
    lambda learning_rate: optax.chain(
        optax.scale(step_size=-1.0),
        optax.add_decayed_weights(weight_decay=0.01),
        optax.sgd(learning_rate, momentum=0.9, nesterov=False),
    ),
    learning_rate=StepLR(0.5, step_size=30),
)
"""
    )


def test_a_momentum_that_stays_is_no_schedule():
    """Stepped per epoch, too; it was written as a constant schedule, and an optimizer's state had it."""
    params, _ = random("AdamW", 0, 1)
    optimizer, _ = live("AdamW", params, {"lr": 0.5})
    scheduler = lr_scheduler.StepLR(optimizer, 30)
    code = optax_code(optimizer, scheduler, steps_per_epoch=10)
    assert "lambda learning_rate: optax.adamw(" in code
    assert "b1=0.9," in code
    made = optimizer_from_torch(optimizer, scheduler, steps_per_epoch=10)
    assert set(made.init(params).hyperparams) == {"learning_rate"}


def test_adafactor_knows_the_spacing_of_16_bits():
    params, _ = random("Adafactor", 0, 1)
    for dtype, spacing in [(torch.bfloat16, 2.0**-7), (torch.float16, 2.0**-10), (torch.float32, None)]:
        optimizer, _ = live("Adafactor", params, {}, dtype)
        assert f"eps=({spacing}, 0.001)" in optax_code(optimizer)


def test_a_function_has_no_source():
    params, _ = random("SGD", 0, 1)
    optimizer, _ = live("SGD", params, {"lr": 0.5})
    scheduler = SCHEDULERS["LambdaLR"](optimizer)
    with pytest.raises(
        ValueError, match="optax_code: scheduler must have a source that makes it again, got La"
    ):
        optax_code(optimizer, scheduler)
